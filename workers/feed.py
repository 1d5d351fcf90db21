"""The ingestion process: reads zKillboard's feed in order and offers each package to `ingest`. One on all hosts.

Backlog waits in the feed (it keeps a day), not in Redis: reading pauses while many jobs wait for enrichment.
"""

import time
from collections.abc import Iterator
from typing import Protocol

from loguru import logger

from notifier.feeds.r2z2 import Cursor, Fetched, Idle
from workers import keys
from workers.ingest import Ingest
from workers.lease import Lease
from workers.persistence import Stopped, persist
from workers.process import StopSignal
from workers.queues import ENRICHMENT, Queues
from workers.replies import text
from workers.telemetry import emit, flush

CURSOR = keys.cursor("r2z2")
DRAIN = 0.02
"""Seconds between two looks at a long backlog."""
STANDBY = 1.0
FLUSH = 1.0
"""Seconds between two additions of what was counted."""


class Source(Protocol):
    """A feed that is asked, one request a time."""

    def poll(self, cursor: Cursor | None, now: float) -> Fetched | Idle:
        """Ask for the next package after `cursor`."""


class Feed:
    """Reads `source`, a request each `min_interval` seconds, while at most `backlog` jobs wait for enrichment."""

    def __init__(
        self, source: Source, ingest: Ingest, queues: Queues, host: str, *, min_interval: float, backlog: int
    ) -> None:
        self._source, self._ingest, self._queues = source, ingest, queues
        self._lease = Lease(queues, "feed", host)
        self._min_interval, self._most = min_interval, backlog
        self._next_flush = 0.0

    def run(self, stop: StopSignal) -> None:
        """Read until the stop signal, from where the last one stopped."""
        cursor: Cursor | None = None
        leading = False
        try:
            while not stop.requested:
                if not persist(self._lease.held, stop, "the feed"):
                    leading = False
                    stop.wait(STANDBY)
                    continue
                if not leading:
                    cursor, leading = persist(self._stored, stop, "the feed"), True
                cursor = self._step(cursor, stop)
        except Stopped:
            logger.debug("the feed stops while Redis is away; its cursor stands in Redis")
            return
        self._lease.resign()

    def _stored(self) -> Cursor | None:
        stored = self._queues.connection.get(CURSOR)
        return Cursor.from_json(text(stored)) if stored else None

    def _step(self, cursor: Cursor | None, stop: StopSignal) -> Cursor | None:
        asked_at = time.monotonic()
        if asked_at >= self._next_flush:
            self._next_flush = asked_at + FLUSH
            flush(self._queues.connection)
        answer = self._source.poll(cursor, time.time())
        if isinstance(answer, Idle):
            self._rest(answer, cursor, stop)
        else:
            self._take(answer, stop)
            stop.wait(max(0.0, asked_at + self._min_interval - time.monotonic()))
        return answer.after

    def _take(self, fetched: Fetched, stop: StopSignal) -> None:
        after = fetched.after.to_json()
        backlog = persist(
            lambda: self._ingest.offer(fetched.body, fetched.sequence, CURSOR, after),
            stop,
            "a killmail's hand-over",
            2.0,
        )
        _report_skipped(fetched.skipped)
        while backlog > self._most and not stop.requested and persist(self._lease.held, stop, "the feed"):
            stop.wait(DRAIN)
            backlog = persist(lambda: self._queues[ENRICHMENT].count, stop, "the feed")

    def _rest(self, idle: Idle, cursor: Cursor | None, stop: StopSignal) -> None:
        after = idle.after
        if after is not None and after != cursor:
            persist(lambda: self._queues.connection.set(CURSOR, after.to_json()), stop, "the feed's cursor")
        _report_skipped(idle.skipped)
        if idle.reason:
            logger.debug("feed: {}", idle.reason)
        stop.wait(idle.wait)


def _report_skipped(sequences: tuple[int, ...]) -> None:
    for first, last in _ranges(sequences):
        emit("packages_skipped", first=first, last=last, count=last - first + 1, reason="they never came")


def _ranges(numbers: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Give the runs of consecutive numbers among ascending ones."""
    first = last = None
    for number in numbers:
        if first is None or last is None or number != last + 1:
            if first is not None and last is not None:
                yield first, last
            first = number
        last = number
    if first is not None and last is not None:
        yield first, last
