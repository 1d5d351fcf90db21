"""The only try/except around a job: run its perform, turn what happens into an Outcome, decide what becomes of it."""

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

import httpx
from loguru import logger
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    ClusterError,
    ExecAbortError,
    InvalidResponse,
    LockError,
    NoPermissionError,
    NoScriptError,
    TryAgainError,
    WatchError,
)
from rq.exceptions import (
    AbandonedJobError,
    DeserializationError,
    DuplicateJobError,
    NoSuchJobError,
    ShutDownImminentException,
    StopRequested,
)
from rq.job import Job
from rq.timeouts import JobTimeoutException

from notifier.outcome import Category, Dead, Outcome, Retry, Snooze, failed
from notifier.services import http
from workers import attempts
from workers.attempts import Bury, Finish, Meta, Move, Schedule
from workers.job_timeout import limited
from workers.persistence import AWAY, Stopped
from workers.queues import FUNCTIONS, KillmailJob, UnknownFunctionError
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


_ROWS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], Category | None, float | None, str], ...] = (
    (JobTimeoutException, "ambiguous", None, "took longer than {timeout} s"),
    (DeserializationError, "malformed", None, "its arguments cannot be read"),
    (UnknownFunctionError, "permanent", None, "calls a function that is none of ours"),
    # Whoever stops does not wait: the next worker goes on at once.
    (Stopped, "dependency down", 0.0, "the process stops while Redis is away"),
    ((AuthenticationError, AuthorizationError), "dependency down", None, "Redis does not let us in"),
    (AWAY, "dependency down", 0.5, "Redis is away"),
    ((ClusterError, TryAgainError, ExecAbortError), "dependency down", None, "Redis is not ready"),
    (InvalidResponse, "dependency down", None, "Redis' reply was garbled"),
    (NoPermissionError, "misconfigured", None, "Redis' ACL does not allow it"),
    ((WatchError, LockError, NoScriptError), "transient", None, "somebody else was at it in Redis"),
    ((NoSuchJobError, DuplicateJobError), "transient", None, "another job was gone, or there already"),
    ((AbandonedJobError, StopRequested, ShutDownImminentException), "transient", None, "RQ broke it off"),
    (httpx.HTTPError, None, None, "a service gave no reply"),
    (OSError, "transient", None, "the operating system refused"),
)
"""What an exception that leaves a perform means, the first row that fits: its category (None: httpx's own table says),
the pause in seconds (None: the usual back-off), and words. Whatever is not here is a bug, other RedisErrors too: Redis
answered, and did not like what we asked.
"""


def classify(error: BaseException, job: Job) -> Outcome:
    """The Outcome of an exception that left a perform."""
    for kinds, category, seconds, words in _ROWS:
        if isinstance(error, kinds):
            found = category or (http.category(error) if isinstance(error, httpx.HTTPError) else "bug")
            return failed(found, f"{words.format(timeout=job.timeout)} ({type(error).__name__})", seconds)
    text = scrub("".join(traceback.format_exception(error)))
    logger.error("{} failed with a bug:\n{}", job.id, text)
    return failed("bug", text[-2000:].strip())


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
