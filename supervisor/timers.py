"""Timers by name, on the monotonic clock."""

import heapq
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Timers(Generic[K]):
    """Deadlines by key; arming one anew replaces it."""

    def __init__(self) -> None:
        self._deadlines: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._count = 0

    def arm(self, key: K, deadline: float) -> None:
        """Let `key` run down at `deadline`."""
        self._deadlines[key] = deadline
        self._count += 1
        heapq.heappush(self._heap, (deadline, self._count, key))
        if len(self._heap) > 64 and len(self._heap) > 4 * len(self._deadlines):
            self._heap = [entry for entry in self._heap if self._deadlines.get(entry[2]) == entry[0]]
            heapq.heapify(self._heap)

    def cancel(self, key: K) -> None:
        """Forget `key`."""
        self._deadlines.pop(key, None)

    def next(self) -> float | None:
        """Give the nearest deadline."""
        while self._heap and self._deadlines.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def due(self, now: float) -> list[K]:
        """Take out and give what has run down, in order."""
        found = []
        while (deadline := self.next()) is not None and deadline <= now:
            key = heapq.heappop(self._heap)[2]
            del self._deadlines[key]
            found.append(key)
        return found

    def __len__(self) -> int:
        return len(self._deadlines)
