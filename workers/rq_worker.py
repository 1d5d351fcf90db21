"""Our RQ worker: one queue, in-process, no exit when Redis is away, a job ends by its Outcome in one transaction.

The loop is our own (RQ's gives up on a lost connection and loses the id that a signal interrupts); what it writes into
Redis is RQ's, so that `rq info` and `rq requeue` tell the truth.
"""

import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from loguru import logger
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.defaults import DEFAULT_FAILURE_TTL
from rq.exceptions import NoSuchJobError
from rq.executions import Execution
from rq.job import JobStatus
from rq.suspension import WORKERS_SUSPENDED
from rq.utils import now as rq_now
from rq.utils import utcformat
from rq.worker.base import WorkerStatus
from rq.worker_registration import register

from workers import attempts, keys
from workers.attempts import Bury, Finish, Meta, Move, Schedule
from workers.persistence import Stopped, persist
from workers.process import StopSignal
from workers.queues import RESULT_TTL, KillmailJob, KillmailQueue, Queues, intermediate_key
from workers.recovery import Recovery
from workers.replies import text
from workers.scripts import commands
from workers.serializer import JSON
from workers.telemetry import emit, flush

BLOCK = 10
"""Seconds that a dequeue waits for a job; also the longest pause between two heartbeats of an idle worker."""
HEARTBEAT = 1.0
"""Seconds between two heartbeats of a busy worker, and between two looks at `rq suspend`."""

Run = Callable[[KillmailJob, Meta], tuple[Move, Meta]]
"""What the executor gives: from a job and the meta of its attempt to what becomes of it."""


class _Interrupted(Exception):  # noqa: N818 – a signal, not an error
    """The stop signal came while the worker was blocked in its dequeue."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A worker's place in the tree: `host` (its random id) and `name`, e.g. delivery-2, of which it has one process."""

    host: str
    name: str

    def __str__(self) -> str:
        return f"{self.host}-{self.name}"


class KillmailWorker(SimpleWorker):
    """The worker of one slot. `blocking` is a connection of its own, without retries, for the dequeue."""

    queue_class: Any = KillmailQueue
    job_class: Any = KillmailJob

    def __init__(self, queue: str, slot: Slot, queues: Queues, blocking: Redis, run: Run, stop: StopSignal) -> None:
        self.slot, self._queues, self._blocking, self._run, self._stop = slot, queues, blocking, run, stop
        self._blocking_id: int | None = None
        self._next_heartbeat = 0.0
        self._suspended = False
        self._recovery = Recovery(queues)
        super().__init__(
            [queues[queue]],
            name=f"{slot}-0",
            connection=queues.connection,
            worker_ttl=max(queues.job_timeout, 2 * BLOCK) + 5,
            serializer=JSON,
            prepare_for_work=False,
        )
        self.hostname, self.pid, self.ip_address = socket.gethostname(), os.getpid(), "unknown"
        self._queue = queues[queue]
        self._intermediate = intermediate_key(queue, str(slot))

    def run(self) -> None:
        """Work until the stop signal; takes back first what dead incarnations of this slot left."""
        try:
            persist(self._be_born, self._stop, "its registration")
            while not self._stop.requested:
                self._step()
            persist(self._leave, self._stop, "its farewell", patience=2.0)
        except Stopped:
            logger.debug("{}: stopped while Redis is away", self.name)

    def _step(self) -> None:
        try:
            self._keep_alive()
            job_id = None if self._suspended else self._take()
        except _Interrupted:
            self._unblock()
        except RedisError as error:
            emit("redis_away", what=f"{self.name}'s dequeue", reason=type(error).__name__)
            self._forget_connection()
            persist(self._come_back, self._stop, "its return")
        else:
            if self._suspended:
                self._stop.wait(HEARTBEAT)
            elif job_id is not None:
                self._work_on(job_id)

    # -- Birth and death: the name carries the incarnation, so nothing is ever taken for another process's.

    def _be_born(self) -> None:
        count = self.connection.incr(keys.incarnation(str(self.slot)))
        self.name = f"{self.slot}-{count}"
        self._register()
        taken_back = self._recovery.take_back(self._queue.name, str(self.slot), living=self.name)
        if taken_back:
            emit("jobs_recovered", slot=str(self.slot), jobs=len(taken_back))

    def _come_back(self) -> None:
        """After an outage: what the server moved for a connection that was gone goes back, and we are registered."""
        self._recovery.take_back(self._queue.name, str(self.slot), living=self.name)
        self._register()
        self._next_heartbeat = 0.0

    def _register(self) -> None:
        """RQ's `register_birth`, without its look for an active namesake: no two processes ever have one name."""
        self.birth_date = self.last_heartbeat = rq_now()
        with self.connection.pipeline() as pipe:
            # Each time: the janitor forgets a slot that was away, and must know of it again.
            pipe.hset(keys.SLOTS, str(self.slot), self._queue.name)
            pipe.delete(self.key)
            pipe.hset(self.key, mapping={**self.serialize(), "state": str(WorkerStatus.IDLE.value)})
            register(self, pipe)
            pipe.sadd(Queue.redis_queues_keys, self._queue.key)  # so that `rq info` shows an empty queue and us too
            pipe.expire(self.key, self.worker_ttl)
            pipe.execute()

    def _leave(self) -> None:
        self._recovery.take_back(self._queue.name, str(self.slot), living="")
        leave: Any = self.register_death
        leave()

    def _keep_alive(self) -> None:
        if time.monotonic() < self._next_heartbeat:
            return
        self._next_heartbeat = time.monotonic() + HEARTBEAT
        flush(self.connection)
        with self.connection.pipeline() as pipe:
            self.heartbeat(self.worker_ttl, pipeline=pipe)
            # Not by RQ's is_suspended: its own heartbeat would hide that our key had run out.
            pipe.exists(WORKERS_SUSPENDED)
            key_was_missing, *_, suspended = pipe.execute()
        self._suspended = bool(suspended)
        if key_was_missing:
            self._register()

    # -- Taking a job

    def _take(self) -> str | None:
        if self._blocking_id is None:
            self._blocking_id = self._blocking.client_id()
        if self._stop.requested:
            return None
        with self._stop.interrupting(_Interrupted):
            taken = self._blocking.blmove(self._queue.key, self._intermediate, BLOCK)
        if taken is None:
            self._take_back_stranded()
            return None
        return text(taken)

    def _take_back_stranded(self) -> None:
        """Nothing may stand in our own list now, unless the server moved it for a connection that was gone."""
        if self.connection.llen(self._intermediate):
            self._recovery.take_back(self._queue.name, str(self.slot), living=self.name)

    def _unblock(self) -> None:
        """End the dequeue on the server's side too: then it moves nothing more; `_leave` puts back what it moved."""
        blocked = self._blocking_id
        if blocked is not None:
            persist(lambda: self.connection.client_unblock(blocked), self._stop, "its unblocking", patience=2.0)
        self._forget_connection()

    def _forget_connection(self) -> None:
        self._blocking_id = None
        self._blocking.connection_pool.disconnect()

    # -- Running it

    def _work_on(self, job_id: str) -> None:
        try:
            job = persist(lambda: self._fetch(job_id), self._stop, "the job")
            if job is None:
                return
            meta = attempts.begin(job.meta, time.time())
            execution = self._begin(job, meta)
        except Stopped:
            return
        if execution is None:
            logger.warning("{}: {} was taken back before it began", self.name, job_id)
            return
        move, after = self._run(job, meta)
        try:
            self._settle(job, execution, move, after)
        except Stopped:
            logger.warning("{}: stopped before {} could be settled; its replacement runs it again", self.name, job_id)

    def _fetch(self, job_id: str) -> KillmailJob | None:
        try:
            job: Any = KillmailJob.fetch(job_id, connection=self.connection, serializer=JSON)
        except RedisError:
            raise
        except NoSuchJobError:
            logger.warning("{}: job {} is gone; its id is dropped", self.name, job_id)
            self.connection.lrem(self._intermediate, 1, job_id)
        except Exception as error:  # noqa: BLE001 – none of ours, whatever it is: a dead letter, for somebody's look
            self._bury_unreadable(job_id, error)
        else:
            found: KillmailJob = job
            return found
        return None

    def _bury_unreadable(self, job_id: str, error: Exception) -> None:
        with self.connection.pipeline() as pipe:
            pipe.hset(KillmailJob.key_for(job_id), "status", str(JobStatus.FAILED.value))
            pipe.persist(KillmailJob.key_for(job_id))
            pipe.zadd(self._queue.failed_job_registry.key, {job_id: time.time() + DEFAULT_FAILURE_TTL})
            pipe.lrem(self._intermediate, 1, job_id)
            pipe.execute()
        emit("job_dead", job=job_id, category="permanent", attempt=0, reason=f"unreadable: {type(error).__name__}")

    def _begin(self, job: KillmailJob, meta: Meta) -> Execution | None:
        """The execution, STARTED, the owner and the charged attempt in one step: a kill finds all or nothing.

        None when somebody took the job back before: this process was away, and the janitor took it for dead.
        """
        job.started_at = rq_now()
        pipe = self.connection.pipeline()
        execution = Execution.create(job, self.worker_ttl, pipeline=pipe, worker_name=self.name)
        job.set_status(JobStatus.STARTED, pipeline=pipe)
        fields: dict[Any, Any] = {"worker_name": self.name, "meta": JSON.dumps(meta)}
        fields["started_at"] = fields["last_heartbeat"] = utcformat(job.started_at)
        pipe.hset(job.key, mapping=fields)
        pipe.persist(job.key)
        self.set_state(WorkerStatus.BUSY, pipeline=pipe)
        self.heartbeat(self.worker_ttl, pipeline=pipe)
        step = partial(
            self._queues.scripts.start,
            keys=[job.started_job_registry.key, self._intermediate],
            args=[execution.composite_key, job.id, *commands(pipe)],
        )
        begun, stranded = persist(step, self._stop, "the job's beginning")
        self._next_heartbeat = time.monotonic() + HEARTBEAT
        if stranded:
            persist(self._take_back_stranded, self._stop, "the job's beginning")
        return execution if begun else None

    def _settle(self, job: KillmailJob, execution: Execution, move: Move, meta: Meta) -> None:
        """End the execution and make the move, in one step; nothing if the job was taken back meanwhile."""
        job.ended_at = rq_now()
        job.meta = meta
        pipe = self.connection.pipeline()
        execution.delete(job=job, pipeline=pipe)
        self.set_state(WorkerStatus.IDLE, pipeline=pipe)
        self._move(job, execution, move, pipe)
        again = repr(move.seconds) if isinstance(move, Schedule) else ""
        step = partial(
            self._queues.scripts.settle,
            keys=[
                job.started_job_registry.key,
                self._queue.scheduled_job_registry.key,
                keys.lock(job.destination) if job.destination else "",
                keys.delivery(job.id) if job.destination and isinstance(move, Bury) else "",
            ],
            args=[execution.composite_key, job.id, again, keys.WAKE, *commands(pipe)],
        )
        persist(step, self._stop, "the job's end", patience=8.0)

    def _move(self, job: KillmailJob, execution: Execution, move: Move, pipe: Any) -> None:
        ended = utcformat(job.ended_at or rq_now())
        fields = {"ended_at": ended, "meta": JSON.dumps(job.meta)}
        match move:
            case Finish():
                kept = job.result_ttl or RESULT_TTL
                pipe.hset(job.key, mapping={"status": "finished", "ended_at": ended})
                job.finished_job_registry.add(job, kept, pipeline=pipe)
                pipe.expire(job.key, kept)
                self.increment_successful_job_count(pipeline=pipe)
            case Schedule():
                pipe.hset(job.key, mapping={"status": "scheduled", **fields})
            case Bury(reason=reason):
                job.set_status(JobStatus.FAILED, pipeline=pipe)
                pipe.hset(job.key, mapping=fields)
                job._handle_failure(
                    reason,
                    pipe,
                    worker_name=self.name,
                    execution_id=execution.id,
                    execution_started_at=execution.created_at,
                    execution_ended_at=job.ended_at,
                )
                pipe.zadd(keys.DEAD, {job.id: job.meta["dead_at"]})
                # A dead delivery waits in the dead letters, and its neighbours go on without it.
                if job.destination:
                    pipe.zrem(keys.outbox(job.destination), job.id)
                self.increment_failed_job_count(pipe)
