"""The ingestion process: reads zKillboard's feed in order and offers each package to `ingest`. One on all hosts.

Backlog waits in the feed (it keeps a day), not in Redis: reading pauses while many jobs wait for enrichment.
"""

import math
import time
from collections.abc import Callable
from typing import Protocol

from loguru import logger

from notifier.feeds.cursor import Skipped
from notifier.feeds.history import days_lost
from notifier.feeds.r2z2 import Cursor, Fetched, Idle
from notifier.feeds.silence import alarming
from workers import backfill_requests, keys, skipped
from workers.ingest import Ingest
from workers.lease import Lease
from workers.persistence import Stopped, persist
from workers.pressure import crowded
from workers.process import StopSignal
from workers.queues import ENRICHMENT, Queues
from workers.replies import text
from workers.rewrites import Rewrites
from workers.telemetry import emit, flush

CURSOR = keys.cursor("r2z2")
LONG_PAUSE = 10.0
"""Seconds of waiting for a backlog before it is told."""
DRAIN = 0.02
"""Seconds between two looks at a long backlog."""
STANDBY = 1.0
FLUSH = 1.0
"""Seconds between two additions of what was counted."""
LONGEST_ASK = 60.0
"""Seconds of one request that count as silence at most: a process that was stopped meanwhile did not listen."""
LONGEST_REST = 5.0
"""Seconds without a look around, at most: zKillboard may want an hour's pause, and meanwhile the lease must be renewed,
the supervisor must see a sign of life, and the silence be told. The source knows how long its pause still is.
"""


class Source(Protocol):
    """A feed that is asked, one request a time."""

    def poll(self, cursor: Cursor | None, now: float) -> Fetched | Idle:
        """Ask for the next package after `cursor`."""


class Feed:
    """Reads `source`, a request each `min_interval` seconds, while at most `backlog` jobs wait for enrichment.

    It also pauses while more than `most_deliveries` wait, or Redis' memory is nearly full.

    While it rests at the head, `rewrites` may read rewritten files again (None: nobody wants them).
    After more than a day without a file the last `backfill_days` days of what was lost are asked for from the history
    (0: none). `wall` gives epoch seconds, `monotonic` seconds that no one sets.
    """

    def __init__(
        self,
        source: Source,
        ingest: Ingest,
        queues: Queues,
        host: str,
        *,
        min_interval: float,
        backlog: int,
        most_deliveries: int = 20_000,
        backfill_days: int = 0,
        rewrites: Rewrites | None = None,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source, self._ingest, self._queues = source, ingest, queues
        self._lease = Lease(queues, "feed", host)
        self._min_interval, self._most, self._backfill_days = min_interval, backlog, backfill_days
        self._wall, self._monotonic = wall, monotonic
        self._most_deliveries, self._rewrites = most_deliveries, rewrites
        self._next_flush = 0.0
        self._quiet, self._silent = 0.0, False

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
                    self._quiet, self._silent = 0.0, False
                cursor = self._step(cursor, stop)
        except Stopped:
            logger.debug("the feed stops while Redis is away; its cursor stands in Redis")
            return
        self._lease.resign()

    def _stored(self) -> Cursor | None:
        stored = self._queues.connection.get(CURSOR)
        return Cursor.from_json(text(stored)) if stored else None

    def _step(self, cursor: Cursor | None, stop: StopSignal) -> Cursor | None:
        asked_at = self._monotonic()
        if asked_at >= self._next_flush:
            self._next_flush = asked_at + FLUSH
            flush(self._queues.connection)
            self._wait_for_room(stop)
        answer = self._source.poll(cursor, self._wall())
        asked_for = min(self._monotonic() - asked_at, LONGEST_ASK)
        self._ask_for_history(cursor, answer.after, stop)
        if isinstance(answer, Idle):
            self._listen(asked_for + self._rest(answer, cursor, stop))
        else:
            self._take(answer, stop)
            if answer.sequence == answer.after.next - 1:
                self._hear()
            else:
                self._listen(max(asked_for, self._min_interval))
            stop.wait(max(0.0, asked_at + self._min_interval - self._monotonic()))
        return answer.after

    def _take(self, fetched: Fetched, stop: StopSignal) -> None:
        after, late = fetched.after.to_json(), fetched.sequence != fetched.after.next - 1
        if fetched.skipped:
            # Before the cursor moves: a crash in between records a range twice, and never loses sight of one.
            persist(lambda: self._record(fetched.skipped), stop, "what was skipped")
        backlog = persist(
            lambda: self._ingest.offer(fetched.body, fetched.sequence, CURSOR, after, late=late),
            stop,
            "a killmail's hand-over",
            2.0,
        )
        _report_skipped(fetched.skipped)
        if backlog > self._most:
            self._wait_for(backlog, stop)

    def _wait_for(self, backlog: int, stop: StopSignal) -> None:
        """Read no further while too many jobs wait; zKillboard keeps what comes meanwhile."""
        told_at = self._monotonic() + LONG_PAUSE
        while backlog > self._most and not stop.requested and persist(self._lease.held, stop, "the feed"):
            if self._monotonic() > told_at:
                told_at = math.inf
                emit("feed_paused", backlog=backlog, reason="too many jobs wait for enrichment")
            stop.wait(DRAIN)
            backlog = persist(lambda: self._queues[ENRICHMENT].count, stop, "the feed")

    def _wait_for_room(self, stop: StopSignal) -> None:
        """Discord may be down for hours: what comes meanwhile waits at zKillboard, before Redis is full."""
        told = False
        while not stop.requested:
            waiting, reason = persist(lambda: crowded(self._queues, self._most_deliveries), stop, "the feed")
            if not reason:
                return
            if not told:
                emit("feed_paused", backlog=waiting, reason=reason)
            told = True
            stop.wait(STANDBY)
            if not persist(self._lease.held, stop, "the feed"):
                return

    def _rest(self, idle: Idle, cursor: Cursor | None, stop: StopSignal) -> float:
        """Keep what is new, and wait; gives how many seconds."""
        after, pause = idle.after, min(idle.wait, LONGEST_REST)
        if after is not None and after != cursor:
            persist(lambda: self._record(idle.skipped, after), stop, "the feed's cursor")
        _report_skipped(idle.skipped)
        if idle.reason:
            logger.debug("feed: {}", idle.reason)
        self._wait_out(pause, stop)
        return pause

    def _wait_out(self, pause: float, stop: StopSignal) -> None:
        """Wait so long, not less. A rewritten file is read at the beginning, so that live reading goes on in time."""
        over_at = self._monotonic() + pause
        asked = self._rewrites is not None and self._rewrites.read(pause, stop)
        stop.wait(max(over_at - self._monotonic(), self._min_interval if asked else 0.0))

    def _record(self, given_up: tuple[Skipped, ...], after: Cursor | None = None) -> None:
        """Store what was skipped, and the cursor, in one step."""
        with self._queues.connection.pipeline(transaction=True) as pipe:
            skipped.write(pipe, given_up, self._wall())
            if after is not None:
                pipe.set(CURSOR, after.to_json())
            pipe.execute()

    def _ask_for_history(self, before: Cursor | None, after: Cursor | None, stop: StopSignal) -> None:
        """Ask for the days that are lost to the feed, before the cursor forgets since when it has read nothing."""
        if before is None or after is None or not self._backfill_days:
            return
        days = days_lost(before.read_at, after.read_at)[-self._backfill_days :]
        if days:
            now = self._wall()
            persist(
                lambda: backfill_requests.add(self._queues.connection, days, before.read_at, now), stop, "the backfill"
            )

    def _listen(self, seconds: float) -> None:
        """The feed was asked, and gave no new file for so long. Waiting for a backlog or for Redis does not count."""
        self._quiet += seconds
        if not self._silent and alarming(self._quiet, self._wall()):
            self._silent = True
            emit("feed_silent", seconds=self._quiet)

    def _hear(self) -> None:
        if self._silent:
            emit("feed_heard", seconds=self._quiet)
        self._quiet, self._silent = 0.0, False


def _report_skipped(given_up: tuple[Skipped, ...]) -> None:
    for one in given_up:
        emit("packages_skipped", first=one.first, last=one.last, count=one.last - one.first + 1, reason=one.reason)
