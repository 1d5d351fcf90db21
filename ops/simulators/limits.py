"""Counting windows, as the services limit rates; pure, time comes in as epoch seconds."""

from collections import defaultdict, deque


class FixedWindow:
    """`limit` uses in `seconds` that begin with the first use, for each key (Discord's buckets, ESI's errors)."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit, self.seconds = limit, seconds
        self._windows: dict[str, tuple[float, int]] = {}

    def use(self, key: str, now: float, amount: int = 1) -> bool:
        """Count a use; gives False, and counts nothing, when the window is used up."""
        ends, used = self._window(key, now)
        if used >= self.limit:
            return False
        self._windows[key] = (ends, used + amount)
        return True

    def left(self, key: str, now: float) -> int:
        """How many uses the present window still has."""
        return max(0, self.limit - self._window(key, now)[1])

    def ends(self, key: str, now: float) -> float:
        """When the present window ends."""
        return self._window(key, now)[0]

    def _window(self, key: str, now: float) -> tuple[float, int]:
        window = self._windows.get(key)
        return (now + self.seconds, 0) if window is None or window[0] <= now else window


class SlidingWindow:
    """`limit` uses in any `seconds`, for each key."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit, self.seconds = limit, seconds
        self._uses: defaultdict[str, deque[float]] = defaultdict(deque)

    def use(self, key: str, now: float) -> float:
        """Count a use and give 0.0; when there is none left give the seconds until there is, and count nothing."""
        uses = self._recent(key, now)
        if len(uses) >= self.limit:
            return max(uses[0] + self.seconds - now, 0.001)
        uses.append(now)
        return 0.0

    def used(self, key: str, now: float) -> int:
        """How many uses there were in the window that ends now."""
        return len(self._recent(key, now))

    def wait(self, key: str, now: float) -> float:
        """Give the seconds until the next use is allowed, without counting one."""
        uses = self._recent(key, now)
        return max(uses[0] + self.seconds - now, 0.001) if len(uses) >= self.limit else 0.0

    def _recent(self, key: str, now: float) -> deque[float]:
        uses = self._uses[key]
        while uses and uses[0] <= now - self.seconds:
            uses.popleft()
        return uses
