"""From one package of the feed to the enrichment queue: decode, match, hand over. Called by the feed, and by the worker
that replays malformed packages from the dead letters.
"""

import base64
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from notifier.killmail import Killmail, Malformed, Package, decode_package, to_json
from notifier.outcome import Dead, Done, Outcome
from notifier.tracking import Index, Subscription
from workers import keys
from workers.queues import ENRICHMENT, INGESTION, HandOver, NewJob, Queues
from workers.telemetry import emit

Route: TypeAlias = tuple[str, list[str]]
"""A destination's id, and the ids of the subscriptions that lead there."""


def routes(subscriptions: Sequence[Subscription]) -> list[Route]:
    """Where a killmail goes: each destination once, in the order of the configuration."""
    found: dict[str, list[str]] = {}
    for subscription in subscriptions:
        for destination in subscription.to:
            found.setdefault(destination, []).append(subscription.id)
    return list(found.items())


class Ingest:
    """The first stage. `index` knows whom a killmail concerns."""

    def __init__(self, index: Index, queues: Queues, clock: Callable[[], float] = time.time) -> None:
        self._index, self._queues, self._clock = index, queues, clock

    def offer(self, body: bytes, sequence: int, cursor_key: str, cursor: str) -> int:
        """Take one package of the feed, and the cursor after it, in one step; gives how many jobs wait for enrichment.

        A malformed package becomes a job on `ingestion`, which dies there: its body waits in the dead letters.
        """
        try:
            what = self._evaluated(decode_package(body), sequence)
        except Malformed as malformed:
            emit("package_malformed", sequence=sequence, reason=str(malformed))
            what = _put_aside(body, sequence)
        except Exception as error:  # noqa: BLE001 – a bug of ours; its job meets it again, and the feed does not stop at it
            emit("package_malformed", sequence=sequence, reason=f"a bug: {type(error).__name__}")
            what = _put_aside(body, sequence)
        _, backlog = self._queues.hand_over(replace(what, cursor_key=cursor_key, cursor=cursor))
        return backlog

    def perform(self, job_id: str, body: str, sequence: int) -> Outcome:  # noqa: ARG002 – every perform takes the job's id
        """Decode a package anew that was malformed (`body` in base64): Dead if it still is, else on its way."""
        try:
            package = decode_package(base64.b64decode(body))
        except Malformed as malformed:
            return Dead(f"package {sequence}: {malformed}", "malformed")
        self._queues.hand_over(self._evaluated(package, sequence))
        return Done("decoded")

    def _evaluated(self, package: Package, sequence: int) -> HandOver:
        killmail = package.killmail
        to = routes(self._index.match(killmail))
        counters = {"evaluated": 1, "matched": len(to)} if to else {"evaluated": 1}
        jobs = [self._enrichment(killmail, to, sequence)] if to else []
        return HandOver(jobs, counters, keys.seen(killmail.killmail_id), mark=str(sequence))

    def _enrichment(self, killmail: Killmail, to: list[Route], sequence: int) -> NewJob:
        return NewJob(
            ENRICHMENT,
            f"kill-{killmail.killmail_id}",
            (to_json(killmail), to, sequence, self._clock()),
            f"kill {killmail.killmail_id}",
        )


def _put_aside(body: bytes, sequence: int) -> HandOver:
    job_id = f"package-{sequence}"
    job = NewJob(INGESTION, job_id, (base64.b64encode(body).decode(), sequence), f"package {sequence}")
    return HandOver([job], {"malformed": 1}, keys.seen(job_id), mark=str(sequence))
