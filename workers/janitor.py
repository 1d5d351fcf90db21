"""Puts right what nobody else will: jobs of workers that do not come back, of RQ's own cleaning, of a half requeue.

Its local part (the host's status) runs on every host, the rest on the holder of the lease among those with upkeep.
"""

import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from workers import keys
from workers.dead_letters import DeadLetters
from workers.lease import Lease
from workers.letter_file import Archive
from workers.persistence import Stopped, persist
from workers.process import StopSignal
from workers.queues import QUEUES, Queues
from workers.recovery import Recovery
from workers.replies import text
from workers.status_notice import StatusNotices
from workers.telemetry import emit, flush

UPKEEP_MISSING = 45.0
"""Seconds without a scheduler on any host before it is told; a lease lives 15."""
INTERVAL = 5.0
"""Seconds between two looks. What is mended looks the same in both: a live process may be in the middle of it."""
FORGET_HOST = 3600.0
"""Seconds after which a host that is not heard of is no longer listed."""


class Janitor:
    """One host's janitor; `status` gives the host's process tree (any JSON), or raises OSError or ValueError.

    `state` is the state directory: dead letters beyond their limits leave for a file there; without one they stay.
    """

    def __init__(
        self,
        queues: Queues,
        host: str,
        status: Callable[[], object],
        *,
        upkeep: bool = True,
        state: Path | None = None,
    ) -> None:
        self._queues, self._host, self._status, self._upkeep = queues, host, status, upkeep
        self._lease = Lease(queues, "janitor", host)
        self._recovery, self._letters = Recovery(queues), DeadLetters(queues)
        self._statuses = StatusNotices(queues)
        self._seen_dead: set[str] = set()
        self._seen_lost: set[str] = set()
        self._archive = None if state is None else Archive(state)
        self._cannot_export = False
        self._upkeep_at, self._missing_told = time.monotonic(), False

    def run(self, stop: StopSignal) -> None:
        """Look every INTERVAL seconds, until the stop signal."""
        try:
            while not stop.requested:
                persist(self.look, stop, "the janitor")
                stop.wait(INTERVAL)
        except Stopped:
            return
        self._lease.resign()

    def look(self) -> None:
        """One look. Raises what redis-py raises."""
        self._mirror_status()
        self._watch_upkeep()
        flush(self._queues.connection)
        if not (self._upkeep and self._lease.held()):
            self._seen_dead.clear()
            self._seen_lost.clear()
            return
        self._recover_slots()
        self._mend_lost()
        self._take_back_from_rq()
        self._keep_limits()
        for name in QUEUES:
            self._queues[name].finished_job_registry.cleanup()
        self._statuses.look()

    def _watch_upkeep(self) -> None:
        """Every host looks, as the one that should do the work is perhaps not there."""
        now = time.monotonic()
        if self._queues.connection.exists(keys.lease("scheduler")):
            self._upkeep_at, self._missing_told = now, False
        elif now - self._upkeep_at > UPKEEP_MISSING and not self._missing_told:
            self._missing_told = True
            emit("upkeep_missing", seconds=now - self._upkeep_at)

    def _mirror_status(self) -> None:
        try:
            status = self._status()
        except (OSError, ValueError) as error:
            status = {"error": f"the supervisor does not answer ({type(error).__name__})"}
        now = time.time()
        with self._queues.connection.pipeline() as pipe:
            pipe.set(keys.host(self._host), msgspec.json.encode(status), ex=keys.HOST_TTL)
            pipe.zadd(keys.HOSTS, {self._host: now})
            pipe.zremrangebyscore(keys.HOSTS, "-inf", now - FORGET_HOST)
            pipe.execute()

    def _recover_slots(self) -> None:
        """Slots without a living worker in two looks: their jobs go back. A worker that comes back does it itself."""
        slots = {text(k): text(v) for k, v in self._queues.connection.hgetall(keys.SLOTS).items()}
        dead = {slot for slot in slots if not self._recovery.is_alive(slot)}
        for slot in dead & self._seen_dead:
            taken_back = self._recovery.take_back(slots[slot], slot, living="", given_up=True)
            if taken_back:
                emit("jobs_recovered", slot=slot, jobs=len(taken_back))
        self._seen_dead = dead - self._seen_dead

    def _mend_lost(self) -> None:
        """Dead letters that stand in no registry: `rq requeue` was cut off in its middle. Its user's wish is done."""
        lost = {job.id: job for job in self._letters.lost()}
        for job_id in lost.keys() & self._seen_lost:
            emit("job_mended", job=job_id, reason="it stood in no registry")
            self._letters.put_back_lost(lost[job_id])
        self._seen_lost = set(lost)

    def _take_back_from_rq(self) -> None:
        """RQ's cleaning (any `rq info`) fails jobs whose worker it takes for dead. The attempt is counted already."""
        for letter in self._letters.failed_by_rq():
            emit("job_mended", job=letter.id, reason="RQ's own cleaning had failed it")
            self._letters.replay(letter)

    def _keep_limits(self) -> None:
        """Letters beyond their lifetime or number leave for a file, long before RQ would drop them without a word."""
        if self._archive is None:
            return
        try:
            for name in QUEUES:
                self._export(name, self._archive)
        except OSError as error:
            # They wait in Redis until the disk has room again; said once, not at every look.
            if not self._cannot_export:
                emit("letters_not_exported", reason=f"{type(error).__name__}: {error.strerror}")
            self._cannot_export = True
        else:
            self._cannot_export = False
        self._upkeep_at, self._missing_told = time.monotonic(), False

    def _export(self, queue: str, archive: Archive) -> None:
        while self._lease.held() and (letters := self._letters.excess(queue)):
            for gone, path in self._letters.move_out(letters, archive):
                emit("letters_exported", jobs=len(gone), file=path)
                if not gone:  # all were put back in this moment: the next look sees what is left
                    return
