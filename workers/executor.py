"""The only try/except around a job: run its perform, turn what happens into an Outcome, decide what becomes of it."""

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from loguru import logger
from redis.exceptions import RedisError
from rq.exceptions import DeserializationError
from rq.job import Job
from rq.timeouts import JobTimeoutException

from notifier.outcome import Dead, Outcome, Retry, Snooze
from workers import attempts
from workers.attempts import Bury, Finish, Meta, Move, Schedule
from workers.job_timeout import limited
from workers.persistence import AWAY, Stopped
from workers.queues import FUNCTIONS, KillmailJob
from workers.scrub import scrub
from workers.telemetry import emit

Perform: TypeAlias = Callable[..., Outcome]
"""A job's work: takes the job's id and its arguments."""


class Executor:
    """Runs the jobs of one worker. `performs` maps queue names to performs; a job of any other name is refused."""

    def __init__(
        self, performs: Mapping[str, Perform], max_attempts: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._performs = {FUNCTIONS[queue]: perform for queue, perform in performs.items()}
        self._most, self._clock = max_attempts, clock

    def __call__(self, job: KillmailJob, meta: Meta) -> tuple[Move, Meta]:
        """Run one attempt whose beginning stands in `meta`; gives what becomes of the job, and its meta after."""
        refused = attempts.exhausted(meta, self._most)
        outcome = _scrubbed(self._attempt(job)) if refused is None else Dead(refused.reason, refused.category)
        move, after = attempts.decide(outcome, meta, self._clock(), self._most)
        _tell(job, move, after)
        return move, after

    def _attempt(self, job: KillmailJob) -> object:
        try:
            perform = self._performs.get(job.func_name or "")
            if perform is None:
                return Dead(f"calls {job.func_name!r}, which is not a function of this queue", "permanent")
            with limited(int(job.timeout or 0)):
                return perform(job.id, *job.args, **job.kwargs)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
            if isinstance(error, JobTimeoutException):
                # It may have struck between a command and its reply, which the next command would take for its own.
                job.connection.connection_pool.disconnect()
            return classify(error, job)


def _scrubbed(outcome: object) -> object:
    """What a service answered may stand in a reason, and what we sent may stand in an answer."""
    if isinstance(outcome, Snooze | Retry | Dead):
        return replace(outcome, reason=scrub(outcome.reason))
    return outcome


def classify(error: BaseException, job: Job) -> Outcome:
    """The Outcome of an exception that left a perform."""
    match error:
        case JobTimeoutException():
            return Retry(f"took longer than {job.timeout} s", "bug", ambiguous=True)
        case DeserializationError():
            return Dead("its arguments cannot be read", "permanent")
        case Stopped():
            return Snooze(0.0, "the process stops while Redis is away")
        case _ if isinstance(error, AWAY):
            return Snooze(0.5, "Redis is away")
        case RedisError():
            return Retry(f"Redis refused: {scrub(str(error))[:200]}", "dependency down")
        case _:
            text = scrub("".join(traceback.format_exception(error)))
            logger.error("{} failed with a bug:\n{}", job.id, text)
            return Retry(text[-2000:].strip(), "bug")


def _tell(job: KillmailJob, move: Move, meta: dict[str, Any]) -> None:
    match move:
        case Finish(note=note):
            emit("job_done", job=job.id, note=note)
        case Schedule(seconds=seconds, reason=reason, charged=""):
            emit("job_snoozed", job=job.id, seconds=seconds, reason=reason)
        case Schedule(seconds=seconds, reason=reason, charged=category):
            emit("job_retried", job=job.id, category=category, attempt=meta["attempts"], seconds=seconds, reason=reason)
        case Bury(reason=reason, category=category):
            emit("job_dead", job=job.id, category=category, attempt=meta.get("attempts", 0), reason=reason)
