"""The queues, the jobs that may stand in them, and the only door into them. Relies on two private names of RQ (pinned):
`Queue._prepare_for_queue` and `rq.scripts._build_hset_args`; a test holds both against what RQ itself writes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from redis import Redis
from rq import Queue
from rq.exceptions import DeserializationError
from rq.intermediate_queue import IntermediateQueue
from rq.job import Job
from rq.scripts import _build_hset_args

from workers import keys
from workers.scripts import Scripts
from workers.serializer import JSON

INGESTION, ENRICHMENT, DELIVERY = "ingestion", "enrichment", "delivery"
QUEUES = (INGESTION, ENRICHMENT, DELIVERY)
FUNCTIONS = {
    INGESTION: "workers.ingest.perform",
    ENRICHMENT: "workers.enrich.perform",
    DELIVERY: "workers.deliver.perform",
}
RESULT_TTL = 60
DESCRIPTION_LENGTH = 64
"""Redis keeps a hash with a longer field in three times the memory."""


class UnknownFunctionError(Exception):
    """A job names a function that is none of ours. It is never imported, let alone called."""


class KillmailJob(Job):
    """A job that can only run what its queue is for: RQ would import any dotted name that it finds in Redis."""

    @property
    def func(self) -> Any:
        """Never: our worker calls its own perform with the job's arguments."""
        raise UnknownFunctionError(f"{self.func_name!r} is not called by name")

    @property
    def destination(self) -> str | None:
        """Where a delivery goes; None for another job, or one whose arguments cannot be read (a foreign one)."""
        if self.origin != DELIVERY:
            return None
        try:
            destination = self.args[1]
        except (DeserializationError, LookupError, TypeError):
            return None
        return destination if isinstance(destination, str) else None


class KillmailQueue(Queue):
    """A queue of ours: JSON, closed list of functions."""

    job_class = KillmailJob

    def __init__(self, name: str, connection: Redis, **options: Any) -> None:
        options.setdefault("serializer", JSON)
        super().__init__(name, connection=connection, **options)


def intermediate_key(queue: str, slot: str) -> str:
    """Where a slot keeps the id that it has taken and not yet begun: a key of its own, so that each id has an owner."""
    return f"{IntermediateQueue.get_intermediate_queue_key(f'rq:queue:{queue}')}:{slot}"


_hset_arguments: Any = _build_hset_args
"""RQ's own writing of a job; private and untyped."""


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be put on `queue`. `ledger` and `outbox` are keys (deliveries only), `score` its order in the outbox."""

    queue: str
    id: str
    args: Sequence[Any]
    description: str
    ledger: str = ""
    outbox: str = ""
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class HandOver:
    """What one stage leaves to the next, done in Redis at once: see `lua/hand_over.lua`.

    `once` is a key: a second hand-over with it only moves the cursor, and is counted as repeated if its `mark` is
    another (the same one is the same call, sent again). `rewritten` is the sequence of a file that zKillboard has
    rewritten, noticed at `noticed_at` (epoch seconds).
    """

    jobs: Sequence[NewJob] = ()
    counters: Mapping[str, int] = field(default_factory=dict)
    once: str = ""
    cursor_key: str = ""
    cursor: str = ""
    mark: str = "1"
    rewritten: int | None = None
    noticed_at: float = 0.0


class Queues:
    """The three queues on one connection; `job_timeout` in seconds."""

    def __init__(self, connection: Redis, job_timeout: int) -> None:
        self.connection = connection
        self.scripts = Scripts(connection)
        self.job_timeout = job_timeout
        self._queues = {name: KillmailQueue(name, connection, default_timeout=job_timeout) for name in QUEUES}

    def __getitem__(self, name: str) -> KillmailQueue:
        return self._queues[name]

    def hand_over(self, what: HandOver) -> tuple[bool, int]:
        """Do it; gives whether it was new, and how many jobs wait for enrichment. Safe to repeat."""
        arguments: list[Any] = [what.cursor_key, what.cursor, what.once, what.mark, keys.SEEN_TTL]
        arguments += [self._queues[ENRICHMENT].key, keys.COUNTERS]
        arguments += [keys.REWRITTEN, "" if what.rewritten is None else what.rewritten, repr(what.noticed_at)]
        arguments.append(len(what.counters))
        for counter, increment in what.counters.items():
            arguments += [counter, increment]
        arguments.append(len(what.jobs))
        for new in what.jobs:
            arguments += self._job_arguments(new)
        new, _, backlog = self.scripts.hand_over(args=arguments)
        return bool(new), int(backlog)

    def _job_arguments(self, new: NewJob) -> list[Any]:
        queue = self._queues[new.queue]
        job = queue.create_job(
            FUNCTIONS[new.queue],
            args=tuple(new.args),
            job_id=new.id,
            description=new.description[:DESCRIPTION_LENGTH],
            result_ttl=RESULT_TTL,
            timeout=self.job_timeout,
        )
        queue._prepare_for_queue(job)
        fields = _hset_arguments(job)
        where = [new.id, job.key, queue.key, Queue.redis_queues_keys]
        return [*where, new.ledger, keys.LEDGER_TTL, new.outbox, repr(new.score), len(fields), *fields]

    def fetch(self, ids: Sequence[str]) -> list[KillmailJob | None]:
        """The jobs with these ids, None where there is none (any more)."""
        jobs: list[Any] = KillmailJob.fetch_many(ids, self.connection, serializer=JSON)
        return jobs

    def lengths(self) -> dict[str, int]:
        """How many jobs wait on each queue."""
        pipe = self.connection.pipeline(transaction=False)
        for name in QUEUES:
            pipe.llen(self._queues[name].key)
        return dict(zip(QUEUES, pipe.execute(), strict=True))
