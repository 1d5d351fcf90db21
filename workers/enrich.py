"""From one killmail to its notifications: names for what the message shows, then one delivery job a destination."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from notifier.killmail import Killmail, from_json
from notifier.messages import kill_notice, missing_from, names_wanted, notice_to_json, tickers_wanted
from notifier.messages.distances import with_distances
from notifier.outcome import Category, Done, Outcome, Snooze, Waits
from notifier.tracking import Side
from notifier.universe import Universe
from workers import keys
from workers.name_cache import NameCache, NamesMissing
from workers.price_cache import PriceCache
from workers.queues import DELIVERY, ENRICHMENT, HandOver, NewJob, Queues
from workers.ticker_cache import TickerCache

NAMES = "names"
"""The revision that brings the names for which a message did not wait."""
LATEST_NAMES = 6 * 3600.0
"""Seconds for which missing names are asked for, so that the message is edited when they come."""
BETWEEN_LATE, LONGEST_LATE = 15.0, 300.0
"""Seconds between two times that they are asked for, at least and at most: there may be thousands of such killmails."""
NO_SIDES: Mapping[str, Side] = MappingProxyType({})
NO_ORIGINS: Mapping[str, Sequence[int]] = MappingProxyType({})


class Enrich:
    """The second stage. After `patience` seconds without ESI a kill goes out without the names that are missing."""

    def __init__(
        self,
        queues: Queues,
        names: NameCache,
        universe: Universe,
        patience: float,
        clock: Callable[[], float] = time.time,
        tickers: TickerCache | None = None,
        prices: PriceCache | None = None,
    ) -> None:
        self._queues, self._names, self._universe, self._tickers = queues, names, universe, tickers
        self._prices = prices
        self._patience, self._clock = patience, clock

    def perform(
        self,
        job_id: str,  # noqa: ARG002 – every perform takes the job's id
        text: str,
        routes: list[tuple[str, list[str]]],
        sequence: int,
        received: float,
        sides: Mapping[str, Side] = NO_SIDES,
        origins: Mapping[str, Sequence[int]] = NO_ORIGINS,
        revision: str = "",
    ) -> Outcome:
        """Enrich the killmail in `text` and hand one delivery to each of `routes`; `received` in epoch seconds.

        `sides` says for which destinations it is a kill or a loss, `origins` from which systems they are told the
        distance; jobs of an older form do not have them. A `revision` brings something newer of what was handed over
        already: its messages are edited.
        """
        killmail = from_json(text)
        names, missing = self._named(killmail)
        if missing is not None and (end := self._without(missing, revision, received)) is not None:
            return end
        tickers = {} if self._tickers is None else self._tickers.tickers(tickers_wanted(killmail))
        items = () if self._prices is None else self._prices.notable(killmail)
        kill = kill_job(killmail)
        jobs: list[NewJob] = []
        for destination, subscriptions in routes:
            notice = kill_notice(
                killmail,
                names,
                self._universe,
                tuple(subscriptions),
                tickers=tickers,
                side=sides.get(destination, "neutral"),
                received=received,
                items=items,
                degraded=missing is not None,
            )
            shown = notice_to_json(with_distances(notice, origins.get(destination, ()), self._universe))
            jobs += _jobs(revision, kill, destination, shown, sequence, received)
        if missing is not None:
            arguments = (text, routes, sequence, received, dict(sides), dict(origins))
            jobs.append(_again(kill, arguments, revision))
        self._queues.hand_over(HandOver(jobs))
        return Done("with all names" if missing is None else f"without some names: {missing.reason}")

    def _without(self, missing: NamesMissing, revision: str, received: float) -> Outcome | None:
        """Wait for names that are missing, or give up those that come too late; None: go on without them."""
        late, age = brings_names(revision), self._clock() - received
        left = (LATEST_NAMES if late else self._patience) - age
        if left > 0:
            # ESI may ask for an hour; the kill goes out when our patience ends. Late names are in no hurry.
            pause = max(missing.seconds, BETWEEN_LATE, min(age / 10, LONGEST_LATE)) if late else missing.seconds
            return Snooze(min(pause, left), missing.reason, _waits(missing.category))
        return Done(f"goes without some names for good: {missing.reason}") if late else None

    def _named(self, killmail: Killmail) -> tuple[Mapping[int, str], NamesMissing | None]:
        """The names that the message shows, and what stands in the way of those that are missing."""
        try:
            return self._names.names(names_wanted(killmail) | missing_from(self._universe, killmail)), None
        except NamesMissing as missing:
            return missing.so_far, missing


def _waits(category: Category) -> Waits:
    return "throttled" if category == "throttled" else "dependency down"


def brings_names(revision: str) -> bool:
    """Whether a revision is not of the killmail, but of the names for it."""
    return revision == NAMES or revision.startswith(f"{NAMES}-")


def kill_job(killmail: Killmail) -> str:
    """What the ids of all jobs of a killmail hold; its first enrichment is called just that."""
    return f"kill-{killmail.killmail_id}"


def delivery_job(kill: str, destination: str, notice: str, sequence: int, received: float) -> NewJob:
    """The delivery of one kill to one destination: its id is the key of everything that is known of it."""
    job_id = f"{kill}-{destination}"
    return NewJob(
        DELIVERY,
        job_id,
        (notice, destination, sequence, received),
        f"{kill.replace('-', ' ')} → {destination}",
        ledger=keys.delivery(job_id),
        outbox=keys.outbox(destination),
        score=float(sequence),
    )


def _jobs(revision: str, kill: str, destination: str, notice: str, sequence: int, received: float) -> Iterator[NewJob]:
    """What brings a notice to a destination; a rewritten killmail also to one that did not have the first text."""
    if not brings_names(revision):
        yield delivery_job(kill, destination, notice, sequence, received)
    if revision:
        yield edit_job(revision, kill, destination, notice, sequence, received)


def edit_job(revision: str, kill: str, destination: str, notice: str, sequence: int, received: float) -> NewJob:
    """The edit that brings a revision of what was, or will be, delivered. The ledger keeps it from a second coming."""
    job_id = f"edit-{revision}-{kill}-{destination}"
    arguments = (notice, destination, sequence, received, revision)
    words = f"edit of {kill.replace('-', ' ')} → {destination}"
    ledger = keys.delivery(job_id)
    return NewJob(DELIVERY, job_id, arguments, words, ledger=ledger, outbox=keys.EDITS, score=received)


def _again(kill: str, arguments: Sequence[Any], revision: str) -> NewJob:
    """Another enrichment, for the names that are missing now: of a rewritten killmail beside those of the first."""
    again = f"{NAMES}-{revision}" if revision else NAMES
    job_id = f"{again}-{kill}"
    words = f"names of {kill.replace('-', ' ')}"
    return NewJob(ENRICHMENT, job_id, (*arguments, again), words, ledger=keys.delivery(job_id))
