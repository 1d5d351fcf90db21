"""The dead letters: jobs in RQ's FailedJobRegistry, one truth for `rq info`, `rq requeue`, dashboard and CLI."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rq.job import JobStatus
from rq.queue import Queue

from workers import keys
from workers.queues import QUEUES, KillmailJob, Queues
from workers.replies import text

PAGE = 200


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter; times in epoch seconds, `meta` as `attempts` describes it."""

    id: str
    queue: str
    description: str
    args: Sequence[Any] = ()
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """Why it died."""
        return str(self.meta.get("reason", "failed by RQ's own cleaning"))

    @property
    def category(self) -> str:
        """What kind of death it was."""
        return str(self.meta.get("category", "unknown"))

    @property
    def dead_at(self) -> float | None:
        """When it died."""
        return self.meta.get("dead_at")

    def as_dict(self) -> dict[str, Any]:
        """The letter as JSON shows it."""
        shown: dict[str, Any] = {"id": self.id, "queue": self.queue, "description": self.description}
        shown |= {"category": self.category, "reason": self.reason, "dead_at": self.dead_at}
        told = ("attempts", "errors", "history", "first_at", "last_at")
        rest = {key: self.meta[key] for key in told if key in self.meta}
        return {**shown, **rest, "args": list(self.args)}


class DeadLetters:
    """All dead letters of the three queues."""

    def __init__(self, queues: Queues) -> None:
        self._queues = queues

    def letters(self, queue: str | None = None) -> Iterator[Letter]:
        """Every letter, the longest dead first; of one queue only if it is named."""
        for name in QUEUES if queue is None else (queue,):
            registry = self._queues[name].failed_job_registry
            ids = registry.get_job_ids(cleanup=False)
            for start in range(0, len(ids), PAGE):
                yield from (_letter(job) for job in self._queues.fetch(ids[start : start + PAGE]) if job is not None)

    def find(self, job_id: str) -> Letter | None:
        """The letter with this id, None where there is none."""
        job = self._queues.fetch([job_id])[0]
        return _letter(job) if job is not None and job.origin in QUEUES and self.is_letter(job) else None

    def count(self) -> dict[str, int]:
        """How many there are, by queue."""
        connection = self._queues.connection
        return {name: connection.zcard(self._queues[name].failed_job_registry.key) for name in QUEUES}

    def replay(self, letter: Letter) -> bool:
        """Put it back on its queue with fresh attempts, its history kept; False when it is no letter any more."""
        queue = self._queues[letter.queue]
        job_key = KillmailJob.key_for(letter.id)
        script_keys = [queue.failed_job_registry.key, job_key, queue.key, Queue.redis_queues_keys]
        return bool(self._queues.scripts.revive(keys=script_keys, args=[letter.id]))

    # -- for the janitor

    def lost(self) -> list[KillmailJob]:
        """Jobs that died by their Outcome, are FAILED and stand in no registry. The others leave the index."""
        connection = self._queues.connection
        indexed = [text(job_id) for job_id in connection.zrange(keys.DEAD, 0, -1)]
        scores = [connection.zmscore(self._queues[name].failed_job_registry.key, indexed) for name in QUEUES if indexed]
        missing = [job_id for job_id, *of_each in zip(indexed, *scores, strict=True) if not any(of_each)]
        lost: list[KillmailJob] = []
        for start in range(0, len(missing), PAGE):
            page = missing[start : start + PAGE]
            found = [job for job in self._queues.fetch(page) if job is not None and _is_failed(job)]
            if alive := set(page) - {job.id for job in found}:
                connection.zrem(keys.DEAD, *alive)
            lost += found
        return lost

    def is_letter(self, job: KillmailJob) -> bool:
        """Whether the job stands in its queue's FailedJobRegistry."""
        return self._queues.connection.zscore(self._queues[job.origin].failed_job_registry.key, job.id) is not None

    def put_back_lost(self, job: KillmailJob) -> None:
        """Put a job that stands in no registry back among the letters, then on its queue: one way for both."""
        self._queues.connection.zadd(self._queues[job.origin].failed_job_registry.key, {job.id: "+inf"})
        self.replay(_letter(job))

    def failed_by_rq(self) -> list[Letter]:
        """Letters that no Outcome made: RQ's cleaning did."""
        found: list[Letter] = []
        for name in QUEUES:
            ids = self._queues[name].failed_job_registry.get_job_ids(cleanup=False)
            scores = self._queues.connection.zmscore(keys.DEAD, ids) if ids else []
            strangers = [job_id for job_id, score in zip(ids, scores, strict=True) if score is None]
            jobs = self._queues.fetch(strangers) if strangers else []
            found += [_letter(job) for job in jobs if job is not None and _failed_without_outcome(job)]
        return found


def _failed_without_outcome(job: KillmailJob) -> bool:
    return "dead_at" not in job.meta and _is_failed(job)


def _is_failed(job: KillmailJob) -> bool:
    return job.get_status(refresh=False) == JobStatus.FAILED


def _letter(job: KillmailJob) -> Letter:
    try:
        args: Sequence[Any] = job.args
    except Exception as error:  # noqa: BLE001 – a letter that cannot be read must still be listed; this says what is wrong
        args = (f"unreadable: {type(error).__name__}",)
    return Letter(job.id, job.origin, job.description or "", args, dict(job.meta))
