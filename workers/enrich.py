"""From one killmail to its notifications: names for what the message shows, then one delivery job a destination."""

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

from notifier.killmail import from_json
from notifier.messages import kill_notice, missing_from, names_wanted, notice_to_json, tickers_wanted
from notifier.outcome import Category, Done, Outcome, Snooze, Waits
from notifier.tracking import Side
from notifier.universe import Universe
from workers import keys
from workers.name_cache import NameCache, NamesMissing
from workers.queues import DELIVERY, HandOver, NewJob, Queues
from workers.ticker_cache import TickerCache

NO_SIDES: Mapping[str, Side] = MappingProxyType({})


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
    ) -> None:
        self._queues, self._names, self._universe, self._tickers = queues, names, universe, tickers
        self._patience, self._clock = patience, clock

    def perform(
        self,
        job_id: str,
        text: str,
        routes: list[tuple[str, list[str]]],
        sequence: int,
        received: float,
        sides: Mapping[str, Side] = NO_SIDES,
    ) -> Outcome:
        """Enrich the killmail in `text` and hand one delivery to each of `routes`; `received` in epoch seconds.

        `sides` says for which destinations it is a kill or a loss; jobs of an older form do not have it.
        """
        killmail = from_json(text)
        note = "with all names"
        try:
            names = self._names.names(names_wanted(killmail) | missing_from(self._universe, killmail))
        except NamesMissing as missing:
            left = self._patience - (self._clock() - received)
            if left > 0:
                # ESI may ask for an hour; the kill goes out when our patience ends.
                return Snooze(min(missing.seconds, left), missing.reason, _waits(missing.category))
            names, note = missing.so_far, f"without some names: {missing.reason}"
        tickers = {} if self._tickers is None else self._tickers.tickers(tickers_wanted(killmail))
        jobs = []
        for destination, subscriptions in routes:
            notice = kill_notice(
                killmail,
                names,
                self._universe,
                tuple(subscriptions),
                tickers=tickers,
                side=sides.get(destination, "neutral"),
                received=received,
            )
            jobs.append(delivery_job(job_id, destination, notice_to_json(notice), sequence, received))
        self._queues.hand_over(HandOver(jobs))
        return Done(note)


def _waits(category: Category) -> Waits:
    return "throttled" if category == "throttled" else "dependency down"


def delivery_job(kill_job: str, destination: str, notice: str, sequence: int, received: float) -> NewJob:
    """The delivery of one kill to one destination: its id is the key of everything that is known of it."""
    job_id = f"{kill_job}-{destination}"
    return NewJob(
        DELIVERY,
        job_id,
        (notice, destination, sequence, received),
        f"{kill_job.replace('-', ' ')} → {destination}",
        ledger=keys.delivery(job_id),
        outbox=keys.outbox(destination),
        score=float(sequence),
    )
