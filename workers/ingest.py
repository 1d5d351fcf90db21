"""From one package of the feed to the enrichment queue: decode, match, hand over. Called by the feed, and by the worker
that replays malformed packages from the dead letters.
"""

import base64
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from loguru import logger

from notifier.killmail import Killmail, Malformed, Package, decode_package, to_json
from notifier.outcome import Dead, Done, Outcome
from notifier.tracking import Index, Side, Subscription, heaviest, side
from workers import keys, malformed_file
from workers.queues import ENRICHMENT, INGESTION, HandOver, NewJob, Queues
from workers.telemetry import emit

LATE = 10**9
"""Above every number of the feed, and below those of history: late killmails stand behind live ones."""
Route: TypeAlias = tuple[str, list[str]]
"""A destination's id, and the ids of the subscriptions that lead there."""
CERTAIN = keys.SEEN_TTL - 60.0
"""Seconds since it happened for which a killmail without a mark was surely never handed over; clocks may differ."""
MOST_IN_REDIS = 1024 * 1024
"""Bytes of a malformed package that its job holds; of a bigger one the whole lies in a file, and the job names it."""


def routes(subscriptions: Sequence[Subscription]) -> list[Route]:
    """Where a killmail goes: each destination once, in the order of the configuration."""
    found: dict[str, list[str]] = {}
    for subscription in subscriptions:
        for destination in subscription.to:
            found.setdefault(destination, []).append(subscription.id)
    return list(found.items())


def sides(subscriptions: Sequence[Subscription], killmail: Killmail) -> dict[str, Side]:
    """On whose side the killmail is for each destination that has one: where two disagree, it is a loss."""
    found: dict[str, Side] = {}
    for subscription in subscriptions:
        if (of_one := side(subscription.where, killmail)) != "neutral":
            found |= {to: heaviest((of_one, found.get(to, "neutral"))) for to in subscription.to}
    return found


def origins(subscriptions: Sequence[Subscription]) -> dict[str, list[int]]:
    """From which systems each destination is told the distance, by id, each once: of those that have any."""
    found: dict[str, dict[int, None]] = {}
    for subscription in subscriptions:
        if subscription.origin is not None:
            for destination in subscription.to:
                found.setdefault(destination, {})[subscription.origin] = None
    return {destination: list(systems) for destination, systems in found.items()}


class Ingest:
    """The first stage. `index` knows whom a killmail concerns; `state` is the state directory (big malformed ones).

    With `rewrites` somebody wants to know of rewritten files: those that packages name are remembered.
    """

    def __init__(
        self,
        index: Index,
        queues: Queues,
        clock: Callable[[], float] = time.time,
        *,
        state: Path | None = None,
        rewrites: bool = False,
    ) -> None:
        self._index, self._queues, self._clock, self._state = index, queues, clock, state
        self.rewrites = rewrites

    def offer(self, body: bytes, sequence: int, cursor_key: str, cursor: str, *, late: bool = False) -> int:
        """Take one package of the feed, and the cursor after it, in one step; gives how many jobs wait for enrichment.

        A `late` one was published before what is live now: in each outbox it stands behind that.
        A malformed package becomes a job on `ingestion`, which dies there: its body waits in the dead letters.
        """
        try:
            what = self._evaluated(decode_package(body), sequence + LATE if late else sequence)
        except Malformed as malformed:
            emit("package_malformed", sequence=sequence, reason=str(malformed))
            what = self._put_aside(body, sequence)
        except Exception as error:  # noqa: BLE001 – a bug of ours; its job meets it again, and the feed does not stop at it
            emit("package_malformed", sequence=sequence, reason=f"a bug: {type(error).__name__}")
            what = self._put_aside(body, sequence)
        _, backlog = self._queues.hand_over(replace(what, cursor_key=cursor_key, cursor=cursor))
        return backlog

    def revise(self, body: bytes, sequence: int) -> None:
        """Take a file that zKillboard has rewritten: the messages that tell of its killmail are to be edited.

        The same contents of a file are taken once. One whose killmail was never handed over is an ordinary package.
        Raises what redis-py raises; may be repeated.
        """
        # No dead letter: the file could be read once, and what was told of it stands.
        try:
            package = decode_package(body)
            first, newer = self._evaluated(package, sequence + LATE), self._revised(package.killmail, body, sequence)
        except Malformed as malformed:
            logger.warning("package {} was rewritten, and is left as it was: {}", sequence, malformed)
            return
        except Exception as error:  # noqa: BLE001 – a bug of ours; the feed does not stop at it
            logger.error("package {} was rewritten, and is left as it was: a bug: {}", sequence, type(error).__name__)
            return
        if self._queues.connection.exists(keys.seen(package.killmail.killmail_id)):
            self._queues.hand_over(newer)
        elif self._clock() - package.killmail.killmail_time.timestamp() < CERTAIN:
            self._queues.hand_over(first)

    def perform(self, job_id: str, body: str, sequence: int, file: str = "", size: int = 0) -> Outcome:  # noqa: ARG002 – every perform takes the job's id
        """Decode a package anew that was malformed: Dead if it still is, else on its way.

        `body` is in base64; of a big one it is only the beginning, and all `size` bytes lie in `file`.
        """
        try:
            package = decode_package(self._whole(body, sequence, file, size))
        except Malformed as malformed:
            return Dead(f"package {sequence}: {malformed}", "malformed")
        except _BodyMissingError as missing:
            return Dead(f"package {sequence}: {missing}", "permanent")
        self._queues.hand_over(self._evaluated(package, sequence))
        return Done("decoded")

    def _whole(self, body: str, sequence: int, file: str, size: int) -> bytes:
        if not file:
            return base64.b64decode(body)
        # The name is ours to say: whoever can write to Redis must not make us read any other file.
        if file != malformed_file.name(sequence) or self._state is None:
            raise _BodyMissingError(f"its body lies in {file!r}, expected {malformed_file.name(sequence)!r}")
        try:
            whole = malformed_file.read(self._state, sequence)
        except OSError as error:
            where = "in the state directory here; only the host that read it from the feed has it"
            raise _BodyMissingError(f"its body of {size} bytes, {file}, is not {where} ({error.strerror})") from None
        if len(whole) != size:
            raise _BodyMissingError(f"its body {file} has {len(whole)} bytes, expected {size}")
        return whole

    def _evaluated(self, package: Package, sequence: int) -> HandOver:
        killmail = package.killmail
        matched = self._index.match(killmail)
        to = routes(matched)
        counters = {"evaluated": 1, "matched": len(to)} if to else {"evaluated": 1}
        jobs = [self._enrichment(killmail, matched, sequence)] if to else []
        rewritten = package.sequence_updated if self.rewrites else None
        return HandOver(
            jobs,
            counters,
            keys.seen(killmail.killmail_id),
            mark=str(sequence),
            rewritten=rewritten,
            noticed_at=self._clock(),
        )

    def _revised(self, killmail: Killmail, body: bytes, sequence: int) -> HandOver:
        """What a rewritten file leaves; by its contents, as the same file may be rewritten again."""
        revision = f"{sequence}-{hashlib.sha256(body).hexdigest()[:12]}"
        matched = self._index.match(killmail)
        first = self._enrichment(killmail, matched, sequence + LATE)
        job = replace(first, id=f"rewrite-{revision}-{first.id}", args=(*first.args, revision))
        jobs = [replace(job, description=f"rewritten {first.description}")] if matched else []
        return HandOver(jobs, {"rewritten": 1}, keys.seen(f"rewrite-{revision}"))

    def _enrichment(self, killmail: Killmail, matched: Sequence[Subscription], sequence: int) -> NewJob:
        return NewJob(
            ENRICHMENT,
            f"kill-{killmail.killmail_id}",
            (to_json(killmail), routes(matched), sequence, self._clock(), sides(matched, killmail), origins(matched)),
            f"kill {killmail.killmail_id}",
        )

    def _put_aside(self, body: bytes, sequence: int) -> HandOver:
        job_id = f"package-{sequence}"
        job = NewJob(INGESTION, job_id, self._arguments(body, sequence), f"package {sequence}")
        return HandOver([job], {"malformed": 1}, keys.seen(job_id), mark=str(sequence))

    def _arguments(self, body: bytes, sequence: int) -> tuple[Any, ...]:
        """What `perform` takes after the job's id. A big body is on the disk before any job names its file."""
        if len(body) > MOST_IN_REDIS and self._state is not None:
            try:
                malformed_file.write(self._state, sequence, body)
            except OSError as error:
                logger.error("package {}: its body stays in Redis whole ({})", sequence, error.strerror)
            else:
                head = base64.b64encode(body[:MOST_IN_REDIS]).decode()
                return head, sequence, malformed_file.name(sequence), len(body)
        return base64.b64encode(body).decode(), sequence


class _BodyMissingError(Exception):
    """The file of a big body is not there, or not the one that was written."""
