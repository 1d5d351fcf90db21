"""The dead letters: jobs in RQ's FailedJobRegistry, one truth for `rq info`, `rq requeue`, dashboard and CLI."""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

from rq.defaults import DEFAULT_FAILURE_TTL
from rq.job import JobStatus
from rq.queue import Queue
from rq.results import Result

from workers import keys
from workers.letter import Fate, Filter, Letter, fate
from workers.letter_file import Archive, Record
from workers.queues import DELIVERY, FUNCTIONS, QUEUES, KillmailJob, Queues
from workers.replies import text
from workers.scrub import scrub
from workers.serializer import JSON

PAGE = 200
LIFETIME = 30 * 86_400
"""Seconds that a letter stays in Redis. Far below the year after which RQ would drop it without a word."""
MOST_LETTERS = 10_000
"""Letters that a queue keeps in Redis; the longest dead leave for a file first."""
MOST_BYTES = 64 * 1024 * 1024
"""Bytes of arguments and meta that a queue's letters keep in Redis."""

_RESULTS: str = Result.get_key("")  # type: ignore[no-untyped-call]

Import: TypeAlias = Literal["buried", "exists", "delivered"]
"""What came of an import: among the letters now; its job was there already; the ledger says that it was delivered."""


class DeadLetters:
    """All dead letters of the three queues."""

    def __init__(self, queues: Queues, clock: Callable[[], float] = time.time) -> None:
        self._queues, self._clock = queues, clock

    def letters(self, queue: str | None = None) -> Iterator[Letter]:
        """Every letter, the longest dead first, also one that cannot be read; of one queue only if it is named."""
        for name in QUEUES if queue is None else (queue,):
            listed = self._queues.connection.zrange(self._registry(name), 0, -1, withscores=True)
            for page in _pages(listed):
                yield from self._read(name, [text(job_id) for job_id, _ in page], [score for _, score in page])

    def matching(self, which: Filter) -> Iterator[Letter]:
        """The letters that `which` admits now."""
        now = self._clock()
        return (letter for letter in self.letters(which.queue) if which.admits(letter, now))

    def find(self, job_id: str) -> Letter | None:
        """The letter with this id, None where there is none."""
        for name in QUEUES:
            score = self._queues.connection.zscore(self._registry(name), job_id)
            if score is not None:
                return self._read(name, [job_id], [score])[0]
        return None

    def count(self) -> dict[str, int]:
        """How many there are, by queue."""
        return {name: self._queues.connection.zcard(self._registry(name)) for name in QUEUES}

    def fates(self, letters: Sequence[Letter]) -> list[Fate]:
        """What a replay would do with each of `letters` now, by the ledger."""
        found: list[Fate] = []
        for page in _pages(letters):
            pipe = self._queues.connection.pipeline(transaction=False)
            for letter in page:
                pipe.hget(keys.delivery(letter.id), "state")
            states = [None if state is None else text(state) for state in pipe.execute()]
            found += map(fate, page, states)
        return found

    def replay(self, letter: Letter) -> bool:
        """Put it back on its queue with fresh attempts, its history kept; False when it is no letter any more."""
        queue = self._queues[letter.queue]
        script_keys = [self._registry(letter.queue), KillmailJob.key_for(letter.id), queue.key, Queue.redis_queues_keys]
        return bool(self._queues.scripts.revive(keys=script_keys, args=[letter.id, secrets.token_hex(8)]))

    def move_out(self, letters: Sequence[Letter], archive: Archive) -> Iterator[tuple[list[Letter], str]]:
        """Take `letters` out of Redis, page by page, each page into `archive` first; gives what went, and the file.

        Killed between the two, a letter stands in both: an import passes over it. One that was put back or died anew
        since it was read stays. Raises OSError while the file cannot be written: then nothing is taken out.
        """
        for page in _pages(letters):
            path = archive.append(page)
            yield self._drop(page), str(path)

    def bury(self, record: Record) -> Import:
        """Put an imported letter among the dead, not on its queue. Raises ValueError for one that no job can hold."""
        now = self._clock()
        fields = _raw_fields(record) if record.unreadable else self._job_fields(record, now)
        ledger = keys.delivery(record.id) if record.queue == DELIVERY else ""
        script_keys = [self._registry(record.queue), KillmailJob.key_for(record.id), keys.DEAD, ledger]
        died = record.meta.get("dead_at", record.dead_at)
        head: list[Any] = [
            record.id,
            int(now) + DEFAULT_FAILURE_TTL,
            now if died is None else died,
            DEFAULT_FAILURE_TTL,
        ]
        flat = [part for pair in fields.items() for part in pair]
        answer: Any = text(self._queues.scripts.bury(keys=script_keys, args=[*head, *flat]))
        became: Import = answer
        return became

    # -- for the janitor

    def excess(self, queue: str) -> list[Letter]:
        """Some letters of `queue` beyond the limits, the longest dead first; none when it keeps them."""
        expires = int(self._clock()) + DEFAULT_FAILURE_TTL - LIFETIME
        limits: list[Any] = [KillmailJob.redis_job_namespace_prefix, MOST_LETTERS, MOST_BYTES, expires, PAGE]
        ids = [text(job_id) for job_id in self._queues.scripts.excess(keys=[self._registry(queue)], args=limits)]
        return self._read(queue, ids, self._queues.connection.zmscore(self._registry(queue), ids)) if ids else []

    def lost(self) -> list[Letter]:
        """Jobs that died by their Outcome, are FAILED and stand in no registry. The others leave the index."""
        connection = self._queues.connection
        indexed = [text(job_id) for job_id in connection.zrange(keys.DEAD, 0, -1)]
        scores = [connection.zmscore(self._registry(name), indexed) for name in QUEUES if indexed]
        # A score may be 0: only None says that it is not there.
        missing = [
            job_id for job_id, *of_each in zip(indexed, *scores, strict=True) if all(score is None for score in of_each)
        ]
        lost: list[Letter] = []
        for page in _pages(missing):
            found = [letter for letter in self._read("", page, [None] * len(page)) if _is_failed(letter)]
            if alive := set(page) - {letter.id for letter in found}:
                connection.zrem(keys.DEAD, *alive)
            lost += found
        return lost

    def put_back_lost(self, letter: Letter) -> None:
        """Put a job that stands in no registry back among the letters, then on its queue: one way for both."""
        self._queues.connection.zadd(self._registry(letter.queue), {letter.id: "+inf"})
        if not letter.unreadable:
            self.replay(letter)

    def failed_by_rq(self) -> list[Letter]:
        """Letters that no Outcome made: RQ's cleaning did. One that cannot be read stays where it is."""
        found: list[Letter] = []
        for name in QUEUES:
            ids = [text(job_id) for job_id in self._queues.connection.zrange(self._registry(name), 0, -1)]
            for page in _pages(ids):
                scores = self._queues.connection.zmscore(keys.DEAD, page)
                strangers = [job_id for job_id, score in zip(page, scores, strict=True) if score is None]
                letters = self._read(name, strangers, [None] * len(strangers))
                found += [letter for letter in letters if _failed_without_outcome(letter)]
        return found

    # -- reading and writing jobs

    def _registry(self, queue: str) -> str:
        key: str = self._queues[queue].failed_job_registry.key
        return key

    def _read(self, queue: str, ids: Sequence[str], scores: Sequence[float | None]) -> list[Letter]:
        """The letters with these ids; `queue` "" for the one that each job names."""
        if not ids:
            return []
        pipe = self._queues.connection.pipeline(transaction=False)
        for job_id in ids:
            pipe.hgetall(KillmailJob.key_for(job_id))
        hashes = pipe.execute()
        return [self._letter(queue, *one) for one in zip(ids, hashes, scores, strict=True)]

    def _letter(self, queue: str, job_id: str, stored: Mapping[bytes, bytes], score: float | None) -> Letter:
        """RQ's own reading of a list of jobs fails at the first that is broken; a letter must be shown all the same."""
        raw = {name.decode("utf-8", "backslashreplace"): value for name, value in stored.items()}
        origin, description = (raw.get(name, b"").decode("utf-8", "replace") for name in ("origin", "description"))
        told: dict[str, Any] = {"id": job_id, "queue": queue or origin, "description": description, "raw": raw}
        told["buried_at"] = _buried_at(raw, score)
        try:
            return Letter(**told, **self._contents(job_id, stored))
        except Exception as error:  # noqa: BLE001 – whatever RQ raises at what stands there
            return Letter(**told, meta=_meta(raw), unreadable=_why(raw, error))

    def _contents(self, job_id: str, stored: Mapping[bytes, bytes]) -> dict[str, Any]:
        job = KillmailJob(job_id, connection=self._queues.connection, serializer=JSON)
        job.restore(stored)
        if "unserialized" in job.meta:  # RQ's word for it
            raise ValueError("its meta is no JSON")
        return {
            "function": job.func_name or "",
            "args": tuple(job.args),
            "kwargs": dict(job.kwargs),
            "meta": dict(job.meta),
            "timeout": job.timeout,
            "result_ttl": job.result_ttl,
            "created_at": job.created_at,
            "enqueued_at": job.enqueued_at,
        }

    def _job_fields(self, record: Record, now: float) -> dict[str, Any]:
        # Without a time of death the janitor would take it for one that RQ's cleaning failed, and put it back.
        meta = {"dead_at": round(now, 3), "reason": record.reason or "imported", **record.meta}
        job = self._queues[record.queue].create_job(
            record.function or FUNCTIONS[record.queue],
            args=tuple(record.args),
            kwargs=dict(record.kwargs),
            job_id=record.id,
            description=record.description,
            timeout=record.timeout or self._queues.job_timeout,
            result_ttl=record.result_ttl,
            meta=meta,
            status=JobStatus.FAILED,
        )
        job.created_at = _utc(record.created_at) or job.created_at
        job.enqueued_at = _utc(record.enqueued_at)
        return job.to_dict()

    def _drop(self, page: Sequence[Letter]) -> list[Letter]:
        stay: set[str] = set()
        for name in {letter.queue for letter in page}:
            arguments: list[str | bytes] = [KillmailJob.redis_job_namespace_prefix, _RESULTS]
            for letter in page:
                if letter.queue == name:
                    outbox = keys.outbox(letter.destination) if letter.destination else ""
                    arguments += [letter.id, letter.raw.get("meta", b""), outbox]
            answer = self._queues.scripts.drop(keys=[self._registry(name), keys.DEAD], args=arguments)
            stay |= {text(job_id) for job_id in answer}
        return [letter for letter in page if letter.id not in stay]


def _pages(things: Sequence[Any]) -> Iterator[list[Any]]:
    return (list(things[start : start + PAGE]) for start in range(0, len(things), PAGE))


def _utc(at: datetime | None) -> datetime | None:
    return at and at.astimezone(UTC)


def _raw_fields(record: Record) -> dict[str, bytes]:
    """Give a job that nobody can read as it was, but dead, whatever status it had."""
    return {**record.raw, "status": JobStatus.FAILED.value.encode()}


def _failed_without_outcome(letter: Letter) -> bool:
    return not letter.unreadable and "dead_at" not in letter.meta and _is_failed(letter)


def _is_failed(letter: Letter) -> bool:
    return letter.raw.get("status") == JobStatus.FAILED.value.encode() and letter.queue in QUEUES


def _buried_at(raw: Mapping[str, bytes], score: float | None) -> float | None:
    """When a job came into the registry, by when RQ would expire it there."""
    if score is None or not 0 < score < float("inf"):
        return None
    own = raw.get("failure_ttl", b"")
    return score - (int(own) if own.isdigit() else DEFAULT_FAILURE_TTL)


def _meta(raw: Mapping[str, bytes]) -> dict[str, Any]:
    """What can be read of the meta of a job that cannot be read."""
    try:
        meta = JSON.loads(raw.get("meta", b""))
    except Exception:  # noqa: BLE001 – then nothing
        return {}
    return meta if isinstance(meta, dict) else {}


def _why(raw: Mapping[str, bytes], error: Exception) -> str:
    if not raw:
        return "its job is gone from Redis, only its id is left"
    cause = error.__cause__ or error
    return scrub(f"its job cannot be read ({type(cause).__name__}: {cause})")[:300]
