"""Moves scheduled jobs to their queues when they are due: never early, a few milliseconds late.

One Lua script promotes what is due and tells when the next one will be; a wake message tells of a nearer one.
"""

from typing import Any

from redis import Redis
from rq.job import Job

from workers import keys
from workers.lease import Lease
from workers.persistence import AWAY, Stopped, persist
from workers.process import StopSignal
from workers.queues import QUEUES, Queues
from workers.telemetry import emit, flush

IDLE = 2.0
"""Longest sleep in seconds: the lease is renewed, and a lost wake message costs no more than this."""
AT_ONCE = 500
"""Jobs that one call moves at most on each queue, so that Redis is never held up for long."""


class Scheduler:
    """The scheduler of one host; works only while it holds the lease."""

    def __init__(self, queues: Queues, listening: Redis, host: str) -> None:
        self._queues, self._listening = queues, listening
        self._lease = Lease(queues, "scheduler", host)
        self._keys = [self._lease.key]
        for name in QUEUES:
            self._keys += [queues[name].scheduled_job_registry.key, queues[name].key]

    def run(self, stop: StopSignal) -> None:
        """Promote until the stop signal."""
        while not stop.requested:
            try:
                with self._subscribed() as wake:
                    wake.subscribe(keys.WAKE)
                    while not stop.requested:
                        flush(self._queues.connection)
                        self._sleep(wake, persist(self.promote, stop, "the scheduler"), stop)
            except AWAY as error:
                emit("redis_away", what="the scheduler", reason=type(error).__name__)
                stop.wait(0.2)
            except (_Woken, Stopped):
                continue
        self._lease.resign()

    def _subscribed(self) -> Any:
        listening: Any = self._listening
        return listening.pubsub(ignore_subscribe_messages=True)

    def promote(self) -> float:
        """Move what is due; gives seconds until it should be called again."""
        if not self._lease.held():
            return IDLE
        arguments: list[str | int] = [self._lease.holder, Job.redis_job_namespace_prefix, AT_ONCE]
        moved, wait = self._queues.scripts.promote(keys=self._keys, args=arguments)
        if moved < 0:
            return 0.1
        return min(float(wait), IDLE) if wait else IDLE

    @staticmethod
    def _sleep(wake: Any, seconds: float, stop: StopSignal) -> None:
        with stop.interrupting(_Woken):
            wake.get_message(timeout=max(seconds, 0.001))


class _Woken(Exception):  # noqa: N818 – a signal, not an error
    """The stop signal came while the scheduler slept."""
