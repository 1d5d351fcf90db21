"""zKillboard's live feed over HTTP: numbered files, at most one request a poll. What to ask for is `plan`'s part."""

from dataclasses import dataclass

import httpx
import msgspec
from msgspec.structs import replace

from notifier.feeds.cursor import Cursor, Hole, Skipped
from notifier.feeds.plan import Ask, Body, Failure, Head, Memory, Missing, Pace, Reply, decide, learn, moved_back
from notifier.services.http import seconds

__all__ = ["R2Z2", "Cursor", "Fetched", "Hole", "Idle", "Skipped"]

LONGEST_WAIT = 3600.0
"""zKillboard bans for up to an hour."""
_BACK_OFF = {429: (10.0, 60.0), 403: (60.0, LONGEST_WAIT)}
"""Seconds after the first failure and at most; 403 is a block."""
_USUAL_BACK_OFF = (1.0, 60.0)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file of the feed, raw; with `after` stored, reading goes on behind it. `skipped` was given up meanwhile."""

    body: bytes
    sequence: int
    after: Cursor
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing this time; ask again after `wait` seconds. `skipped` was given up."""

    after: Cursor | None
    wait: float
    reason: str = ""
    skipped: tuple[Skipped, ...] = ()


class _Sequence(msgspec.Struct):
    sequence: int


class _Stamp(msgspec.Struct):
    uploaded_at: float | None = None


class R2Z2:
    """The feed at `base_url`; `min_interval` and `idle` are seconds between requests and after a 404."""

    def __init__(self, client: httpx.Client, base_url: str, min_interval: float, idle: float) -> None:
        self._client, self._base = client, base_url.rstrip("/")
        self._pace = Pace(min_interval, idle)
        self._memory = Memory()
        self._after: Cursor | None = None

    def poll(self, cursor: Cursor | None, now: float) -> Fetched | Idle:
        """Ask for one file, or for sequence.json, or nothing if it is not time; never raises.

        `cursor` None begins at sequence.json's sequence. `now` is the wall clock in epoch seconds. After Fetched the
        caller waits `min_interval`.
        """
        memory = self._remembered(cursor, now)
        ask = decide(cursor, memory, self._pace, now)
        if not isinstance(ask, Ask):
            self._memory = replace(memory, now=now)
            return Idle(cursor, ask)
        step = learn(cursor, memory, self._pace, ask, self._reply(ask, memory.failures), now)
        self._memory, self._after = step.memory, step.after
        if step.body is not None and step.after is not None and ask.number is not None:
            return Fetched(step.body, ask.number, step.after, step.skipped)
        following = decide(step.after, step.memory, self._pace, now)
        wait = self._pace.min_interval if isinstance(following, Ask) else max(following, self._pace.min_interval)
        return Idle(step.after, wait, step.reason, step.skipped)

    def reread(self, number: int, failures: int, now: float, patience: float) -> Body | Missing | Failure | None:
        """Ask once more for `number`'s file, which was rewritten; reading remembers nothing of it. Never raises.

        None, without a request, while nothing is to be asked for: after a failure, or a 404 in a hole. `failures` came
        before, of this file; `patience` is in seconds. Only a 404 is Missing here: what is cut off was there, and will
        be. The caller keeps `min_interval` before and after.
        """
        if self._memory.failures or now < self._memory.quiet_until:
            return None
        response = self._get(f"{number}", failures, patience)
        if isinstance(response, Failure):
            return response
        if response.status_code == httpx.codes.NOT_FOUND:
            return Missing()
        read = _file(response.content) if response.status_code == httpx.codes.OK else None
        return read if isinstance(read, Body) else self._failure(f"{number}", response, failures)

    def _remembered(self, cursor: Cursor | None, now: float) -> Memory:
        """Give what is remembered; of another cursor's reading only the pause, and of a clock set back no pause."""
        memory = (
            self._memory
            if cursor == self._after
            else Memory(now=self._memory.now, quiet_until=self._memory.quiet_until, failures=self._memory.failures)
        )
        return memory if now >= memory.now else moved_back(memory, memory.now - now)

    def _reply(self, ask: Ask, failures: int) -> Reply:
        name = "sequence" if ask.number is None else str(ask.number)
        response = self._get(name, failures)
        if isinstance(response, Failure):
            return response
        if response.status_code == httpx.codes.OK:
            read = _head(response.content) if ask.number is None else _file(response.content)
        else:
            read = Missing() if response.status_code == httpx.codes.NOT_FOUND and ask.number is not None else None
        return self._failure(name, response, failures) if read is None else read

    def _get(self, name: str, failures: int, patience: float | None = None) -> httpx.Response | Failure:
        """Ask for a file; `patience` in seconds, None as the client has it."""
        timeout = self._client.timeout if patience is None else httpx.Timeout(patience)
        try:
            # An edge of Cloudflare may hold an old 404 or body for a while.
            return self._client.get(
                f"{self._base}/ephemeral/{name}.json", headers={"Cache-Control": "no-cache"}, timeout=timeout
            )
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            reached = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            return Failure(f"no answer: {type(error).__name__}", _wait(None, None, failures), of_file=reached)

    def _failure(self, name: str, response: httpx.Response, failures: int) -> Failure:
        status = response.status_code
        wait = _wait(status, seconds(response.headers.get("retry-after")), failures)
        if status == httpx.codes.NOT_FOUND:
            wait = max(wait, self._pace.idle)
        reason = f"{name}.json answered by {status}, which does not help"
        return Failure(reason, wait, of_file=status not in _BACK_OFF)


def _wait(status: int | None, asked: float | None, failures: int) -> float:
    """Give the pause after the failure that follows `failures` others: what is asked for, else doubling up to a cap."""
    first, most = _BACK_OFF.get(status or 0, _USUAL_BACK_OFF)
    if asked:  # after a block never less than its minute
        return min(max(asked, first if status == httpx.codes.FORBIDDEN else 0.0), LONGEST_WAIT)
    return min(first * float(2 ** min(failures, 12)), most)


def _head(content: bytes) -> Head | None:
    try:
        found = msgspec.json.decode(content, type=_Sequence).sequence
    except msgspec.DecodeError:
        return None
    return Head(found) if found > 0 else None


def _file(content: bytes) -> Body | Missing:
    """Give the file; what is no JSON (cut off, an error page) counts as missing, any other shape is passed on."""
    try:
        return Body(content, msgspec.json.decode(content, type=_Stamp).uploaded_at)
    except (msgspec.ValidationError, RecursionError):
        return Body(content)
    except msgspec.DecodeError:
        return Missing()
