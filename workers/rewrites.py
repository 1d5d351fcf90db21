"""Files that zKillboard has rewritten, read again: one at a time, while reading the feed rests at its head.

`ingest` remembers in Redis which ones; a sequence stays there until its file was handed on or is given up.
"""

import time
from collections.abc import Callable
from typing import Any, Protocol

from loguru import logger

from notifier.feeds.plan import Body, Failure, Missing
from workers import keys
from workers.ingest import Ingest
from workers.persistence import persist
from workers.process import StopSignal
from workers.queues import Queues

SETTLED = 5.0
"""Seconds after its notice before a file is read again: an edge of Cloudflare may hold the old one for a moment."""
LATEST = 20 * 3600.0
"""Seconds after its notice for which a file is worth reading: zKillboard keeps it a day, we keep messages as long."""
ROOM = 1.0
"""Seconds that a request must have within a pause; it gets no more than the pause has room for."""
BACK_OFF, LONGEST_BACK_OFF = 30.0, 3600.0
"""Seconds until the next attempt after the first failure, doubled with each; and at most."""


class Source(Protocol):
    """A feed whose files can be read again: see `R2Z2.reread`."""

    def reread(self, number: int, failures: int, now: float, patience: float) -> Body | Missing | Failure | None:
        """Ask for one file; None if nothing is to be asked for now."""


class Rewrites:
    """Reads rewritten files of `source` again, at least `min_interval` seconds from any other request."""

    def __init__(
        self,
        source: Source,
        ingest: Ingest,
        queues: Queues,
        *,
        min_interval: float,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source, self._ingest, self._queues = source, ingest, queues
        self._min_interval, self._wall, self._monotonic = min_interval, wall, monotonic
        # Of files that failed: how often, and not before when to ask again. A new process asks at once.
        self._failed: dict[int, tuple[int, float]] = {}
        self._quiet_until = 0.0

    def read(self, pause: float, stop: StopSignal) -> bool:
        """Read one within a `pause` of the feed, in seconds, which has just begun; gives whether one was asked for.

        It ends, as far as the timeouts of a request hold, `min_interval` before the pause does. Raises Stopped.
        """
        patience = pause - 2 * self._min_interval
        if patience < ROOM or self._monotonic() < self._quiet_until:
            return False
        number = persist(self._due, stop, "the rewritten files")
        if number is None or stop.wait(self._min_interval):
            return False
        failures, _ = self._failed.get(number, (0, 0.0))
        reply = self._source.reread(number, failures, self._wall(), patience)
        match reply:
            case None:
                return False
            case Body(content=content):
                persist(lambda: self._ingest.revise(content, number), stop, "a rewritten file's hand-over", 2.0)
                self._forget(number, stop)
            case Missing():
                self._forget(number, stop)
            case Failure():
                self._put_off(number, failures, reply)
        return True

    def _due(self) -> int | None:
        """One whose time has come, of those that never failed the oldest first; what is too old is forgotten."""
        now, awake = self._wall(), self._monotonic()
        pipe = self._queues.connection.pipeline(transaction=False)
        pipe.zremrangebyscore(keys.REWRITTEN, "-inf", now - LATEST)
        # One more than may be put off: if any other is there, it is among them.
        pipe.zrangebyscore(keys.REWRITTEN, "-inf", now - SETTLED, start=0, num=len(self._failed) + 1)
        answers: list[Any] = pipe.execute()
        found = [int(member) for member in answers[1]]
        self._failed = {number: self._failed[number] for number in found if number in self._failed}
        dues = {number: self._failed.get(number, (0, 0.0))[1] for number in found}
        return min((number for number in found if dues[number] <= awake), key=dues.__getitem__, default=None)

    def _forget(self, number: int, stop: StopSignal) -> None:
        self._failed.pop(number, None)
        persist(lambda: self._queues.connection.zrem(keys.REWRITTEN, number), stop, "the rewritten files", 2.0)

    def _put_off(self, number: int, failures: int, failure: Failure) -> None:
        """Try again later. The cause may be all requests, too; how long live reading pauses it finds out by itself."""
        wait = max(failure.wait, min(BACK_OFF * float(2 ** min(failures, 12)), LONGEST_BACK_OFF))
        self._failed[number] = (failures + 1, self._monotonic() + wait)
        if not failure.of_file:
            self._quiet_until = self._monotonic() + wait
        logger.debug("rewritten package {}: {}; again in {:.0f} s", number, failure.reason, wait)
