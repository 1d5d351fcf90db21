"""Killmails of past days: from zKillboard's history, each on the same way as one of the feed. One on all hosts.

What was seen does not come twice, for as long as its mark lives (SEEN_TTL): see `Guard`.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import TypeAlias, TypeVar

import msgspec
from loguru import logger
from msgspec.structs import replace

from notifier.feeds.history import History, HistoryError, NoFileError
from workers import backfill_requests, keys
from workers.ingest import Ingest
from workers.lease import Lease
from workers.persistence import Stopped, persist
from workers.process import StopSignal
from workers.queues import ENRICHMENT, KillmailJob, Queues
from workers.replies import text
from workers.telemetry import emit, flush

T = TypeVar("T")
NUMBERED_FROM = 10**12
"""A killmail of the history has no sequence; it goes by this and its id. So its notifications stand behind the feed's
in every outbox, and its package among the dead letters has a name that no package of the feed will ever have.
"""
BATCH = 200
"""Killmails that are looked up in the ledger at once."""
DRAIN = 0.1
"""Seconds between two looks at a long backlog; the feed looks more often, so it goes first."""
MARGIN = 60.0
"""Seconds by which the game's clock and ours may differ."""
BETWEEN = 1.0
"""Seconds between two requests to zKillboard."""
ATTEMPTS = 5
"""Requests for one file before its day is given up for now."""
STANDBY = 5.0
"""Seconds between two looks for requests, or whether another host still works."""
LOOK_AGAIN = 600.0
"""Seconds after which a day is tried again that is not there yet, or could not be had."""


class Progress(msgspec.Struct, frozen=True):
    """How far one day is: all killmails up to the id `last` are dealt with, of a file with `of` killmails.

    Of these `new` were handed over, `seen` are known to the ledger or still under way, and `old` were left out.
    """

    of: int
    last: int = 0
    new: int = 0
    seen: int = 0
    old: int = 0


@dataclass(frozen=True, slots=True)
class Guard:
    """Which killmails may be handed over without one coming twice. A mark lives 72 h from when a killmail was read.

    A killmail is never read before it happens, so one that happened within 72 hours has its mark if it was ever read.
    An older one may have lost it. Where the feed was away from `since` on, it was not read before the feed came back:
    so its mark, if it has one, lives until `until`. Both in epoch seconds. `forced` lets everything pass, and what was
    delivered may repeat.
    """

    since: float = 0.0
    until: float = 0.0
    forced: bool = False

    def admits(self, happened_at: float, now: float) -> bool:
        """Say whether a killmail of `happened_at` may be handed over at `now`, both in epoch seconds."""
        marked = now - happened_at < keys.SEEN_TTL - MARGIN
        away = happened_at > self.since + MARGIN and now < self.until
        return self.forced or marked or away

    def admits_day(self, day: date, now: float) -> bool:
        """Say whether it would admit each killmail of `day`."""
        return self.admits(begin_of(day), now)


class BusyError(Exception):
    """Another process does a backfill now."""


Report: TypeAlias = Callable[[date, Progress, int], None]
"""Told of a day how far it is, and how many jobs wait for enrichment."""
Body: TypeAlias = tuple[int, bytes | msgspec.Raw]


class _Moment(msgspec.Struct):
    killmail_time: datetime


_moments = msgspec.json.Decoder(_Moment)


class Backfill:
    """Reads days of `history`. `backlog` is the most jobs that may wait for enrichment before it waits, too."""

    def __init__(
        self,
        history: History,
        ingest: Ingest,
        queues: Queues,
        host: str,
        *,
        backlog: int,
        wall: Callable[[], float] = time.time,
        report: Report | None = None,
    ) -> None:
        self._history, self._ingest, self._queues = history, ingest, queues
        self.lease = Lease(queues, "backfill", host)
        self._most, self._wall, self._report = backlog, wall, report

    def totals(self, stop: StopSignal) -> dict[str, int]:
        """How many killmails each day has. Raises HistoryError when it cannot be had, Stopped."""
        return self._patiently(lambda _: self._history.totals(), stop)

    def day(self, day: date, expected: int, guard: Guard, stop: StopSignal) -> Progress:
        """Hand over the killmails of `day` that were not seen, of which totals.json names `expected`; emits at the end.

        A run that was broken off goes on where it was. Raises HistoryError (NoFileError where there are no bodies),
        BusyError, and Stopped, after which all that was done stands in Redis.
        """
        bodies = self._patiently(lambda beat: self._history.bodies(day, beat), stop)
        if len(bodies) < expected:
            logger.warning("history of {}: {} killmails, expected {}", day, len(bodies), expected)
        key = keys.cursor(f"backfill-{day:%Y%m%d}")
        progress = persist(lambda: self._stored(key, len(bodies)), stop, "the backfill")
        left = (one for one in bodies if one[0] > progress.last)
        while batch := list(islice(left, BATCH)):
            progress = self._batch(batch, key, progress, _Day(day, guard), stop)
        persist(lambda: self._queues.connection.delete(key), stop, "the backfill", 2.0)
        if progress.old:
            logger.warning("history of {}: {} killmails left out, which might have come twice", day, progress.old)
        emit("backfill_done", day=f"{day}", killmails=progress.of, new=progress.new)
        return progress

    def unseen(self, ids: Sequence[int]) -> set[int]:
        """Which of these killmails have no mark in the ledger, and no job. Raises what redis-py raises."""
        found: set[int] = set()
        for start in range(0, len(ids), BATCH):
            found |= self._unseen(ids[start : start + BATCH])
        return found

    def _unseen(self, ids: Sequence[int]) -> set[int]:
        pipe = self._queues.connection.pipeline(transaction=False)
        for killmail in ids:
            # The job of one whose mark is gone may still wait, dead or late: it must not be made anew under its feet.
            jobs = (f"kill-{killmail}", package := f"package-{NUMBERED_FROM + killmail}")
            pipe.exists(keys.seen(killmail), keys.seen(package), *map(KillmailJob.key_for, jobs))
        return {killmail for killmail, known in zip(ids, pipe.execute(), strict=True) if not known}

    def _stored(self, key: str, of: int) -> Progress:
        """How far a run was that was broken off; a file that was rebuilt since is read from its beginning."""
        stored = self._queues.connection.get(key)
        progress = msgspec.json.decode(text(stored), type=Progress) if stored else Progress(of)
        return progress if progress.of == of else Progress(of)

    def _batch(self, batch: Sequence[Body], key: str, progress: Progress, day: "_Day", stop: StopSignal) -> Progress:
        unseen = persist(lambda: self._unseen([killmail for killmail, _ in batch]), stop, "the backfill")
        for killmail, body in batch:
            self._require_lease(stop)
            if killmail not in unseen:
                progress = replace(progress, last=killmail, seen=progress.seen + 1)
            elif not day.admits(body, self._wall()):
                progress = replace(progress, last=killmail, old=progress.old + 1)
            else:
                progress = replace(progress, last=killmail, new=progress.new + 1)
                self._hand_over(killmail, body, key, progress, day, stop)
        persist(lambda: self._keep(key, progress), stop, "the backfill", 2.0)
        self._tell(day, progress, 0)
        return progress

    def _keep(self, key: str, progress: Progress) -> None:
        self._queues.connection.set(key, msgspec.json.encode(progress), ex=keys.SEEN_TTL)

    def _hand_over(
        self, killmail: int, body: bytes | msgspec.Raw, key: str, progress: Progress, day: "_Day", stop: StopSignal
    ) -> None:
        number, after = NUMBERED_FROM + killmail, msgspec.json.encode(progress).decode()
        package = b'{"killmail_id":%d,"esi":%s,"sequence_id":%d}' % (killmail, bytes(body), number)
        backlog = persist(lambda: self._ingest.offer(package, number, key, after), stop, "a killmail's hand-over", 2.0)
        while backlog > self._most:
            self._tell(day, progress, backlog)
            self._pause(DRAIN, stop)
            backlog = persist(lambda: self._queues[ENRICHMENT].count, stop, "the backfill")

    def _tell(self, day: "_Day", progress: Progress, waiting: int) -> None:
        if self._report is not None:
            self._report(day.day, progress, waiting)

    def _patiently(self, ask: Callable[[Callable[[], None]], T], stop: StopSignal) -> T:
        """Ask zKillboard, again after a failure, unless the file is not there."""
        for attempt in range(1, ATTEMPTS + 1):
            self._pause(BETWEEN, stop)
            try:
                return ask(lambda: self._require_lease(stop))
            except NoFileError:
                raise
            except HistoryError as error:
                if attempt == ATTEMPTS:
                    raise
                logger.warning("backfill: {}; again in {:.0f} s", error, error.wait)
                self._pause(error.wait, stop)
        raise AssertionError("the last attempt returns or raises")

    def _pause(self, seconds: float, stop: StopSignal) -> None:
        until = time.monotonic() + seconds
        self._require_lease(stop)
        while (left := until - time.monotonic()) > 0:
            stop.wait(min(left, STANDBY))
            self._require_lease(stop)

    def _require_lease(self, stop: StopSignal) -> None:
        if stop.requested:
            raise Stopped("the backfill")
        if not persist(self.lease.held, stop, "the backfill"):
            raise BusyError("another host does a backfill now")


@dataclass(frozen=True, slots=True)
class _Day:
    day: date
    guard: Guard

    def admits(self, body: bytes | msgspec.Raw, now: float) -> bool:
        """What does not say when it happened counts as of the day's first moment."""
        try:
            happened = _moments.decode(body).killmail_time
            at = happened.replace(tzinfo=happened.tzinfo or UTC).timestamp()
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError, ValueError):
            at = begin_of(self.day)
        return self.guard.admits(at, now)


class Requested:
    """Works off what the feed asks for, one day a time, the oldest first; `again` in seconds after one that failed."""

    def __init__(self, backfill: Backfill, queues: Queues, state: Path, wall: Callable[[], float] = time.time) -> None:
        self._backfill, self._queues, self._state, self._wall = backfill, queues, state, wall
        self._not_before: dict[date, float] = {}

    def run(self, stop: StopSignal) -> None:
        """Work until the stop signal."""
        try:
            while not stop.requested:
                flush(self._queues.connection)
                if not self._step(stop):
                    stop.wait(STANDBY)
        except Stopped:
            logger.debug("the backfill stops; what it has done stands in Redis")

    def _step(self, stop: StopSignal) -> bool:
        """Do one day that is due; gives whether there was one."""
        for request in persist(lambda: backfill_requests.pending(self._queues.connection), stop, "the backfill"):
            now = self._wall()
            if now - request.asked_at > keys.SEEN_TTL:
                self._settle(request, stop)
                emit("backfill_given_up", day=f"{request.day}", reason="zKillboard had no history of it for 72 hours")
            elif now >= self._not_before.get(request.day, 0.0):
                self._not_before[request.day] = now + LOOK_AGAIN
                self._attempt(request, stop)
                return True
        return False

    def _attempt(self, request: backfill_requests.Request, stop: StopSignal) -> None:
        try:
            with alone(self._state):
                totals = self._backfill.totals(stop)
                expected = totals.get(f"{request.day:%Y%m%d}")
                if expected is None:
                    return
                guard = Guard(request.since, request.asked_at + keys.SEEN_TTL)
                self._backfill.day(request.day, expected, guard, stop)
                self._settle(request, stop)
        except (HistoryError, BusyError) as error:
            logger.info("backfill of {}: {}; again later", request.day, error)
        finally:
            self._backfill.lease.resign()

    def _settle(self, request: backfill_requests.Request, stop: StopSignal) -> None:
        persist(lambda: backfill_requests.settle(self._queues.connection, request), stop, "the backfill", 2.0)


@contextmanager
def alone(state: Path) -> Iterator[None]:
    """Be the only backfill of this state directory; the lease keeps other hosts away. Raises BusyError, OSError."""
    descriptor = os.open(state / "backfill.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError("another process here does a backfill now") from None
        yield
    finally:
        os.close(descriptor)


def begin_of(day: date) -> float:
    """The day's first moment in epoch seconds."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
