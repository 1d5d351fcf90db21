"""What a preview knows of killmails beyond themselves: names, tickers and prices, made up or asked from ESI."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from notifier.config import Settings
from notifier.killmail import Killmail
from notifier.messages import (
    Item,
    KillNotice,
    Organisation,
    kill_notice,
    missing_from,
    names_wanted,
    tickers_wanted,
)
from notifier.messages.items import notable
from notifier.services.esi import Esi
from notifier.services.http import make_client
from notifier.tracking import Side
from notifier.universe import Universe
from ops.simulators import names as made_up_names
from ops.simulators.feed import read_mails
from ops.simulators.prices import Prices

SHIPPED = Path(__file__).parent / "data" / "killmails.jsonl.gz"
"""The demo's killmails."""
TIMEOUT = 10.0
"""Seconds for each question to ESI."""


@dataclass(frozen=True, slots=True)
class Known:
    """Names and tickers by id; prices in ISK by type; `notable_items` is the ISK from which on an item is shown.

    Without prices, or with None for the threshold, no item is.
    """

    names: Mapping[int, str] = field(default_factory=dict)
    tickers: Mapping[int, str] = field(default_factory=dict)
    prices: Mapping[int, float] = field(default_factory=dict)
    notable_items: float | None = None

    def notice(self, killmail: Killmail, universe: Universe, side: Side) -> KillNotice:
        """Make the notice of a killmail."""
        items = self._items(killmail, universe)
        return kill_notice(killmail, self.names, universe, ("preview",), tickers=self.tickers, side=side, items=items)

    def _items(self, killmail: Killmail, universe: Universe) -> tuple[Item, ...]:
        if self.notable_items is None or not self.prices:
            return ()
        return notable(killmail, self.prices, self.notable_items, universe)


def made_up(killmails: Sequence[Killmail]) -> Known:
    """Invent names and tickers, always the same for an id; prices are the demo's, of the types that it knows."""
    kinds, wanted = _kinds(killmails), _names(killmails)
    return Known(
        names={one: made_up_names.name(one, kind) for one, kind in kinds.items() if one in wanted},
        tickers={one: made_up_names.ticker(one, kind) for one, kind in _tickers(killmails).items()},
        prices=Prices([(mail.esi, mail.zkb) for mail in read_mails(SHIPPED)]).all(),
        notable_items=Settings.read(os.environ).notable_items,
    )


def from_esi(killmails: Sequence[Killmail], universe: Universe) -> Known:
    """Ask ESI for names and tickers, and for its average prices. Raises EsiDown."""
    settings = Settings.read(os.environ)
    esi = Esi(make_client(contact=settings.contact, timeout=TIMEOUT), settings.esi_url)
    names = esi.names(_names(killmails).union(*(missing_from(universe, one) for one in killmails))).found
    tickers = {one: esi.ticker(kind, one, TIMEOUT) for one, kind in _tickers(killmails).items()}
    prices = {} if settings.notable_items is None else esi.prices()
    return Known(names, {one: ticker for one, ticker in tickers.items() if ticker}, prices, settings.notable_items)


def _names(killmails: Sequence[Killmail]) -> frozenset[int]:
    return frozenset[int]().union(*(names_wanted(one) for one in killmails))


def _tickers(killmails: Sequence[Killmail]) -> dict[int, Organisation]:
    return {one: kind for killmail in killmails for one, kind in tickers_wanted(killmail).items()}


def _kinds(killmails: Sequence[Killmail]) -> dict[int, str]:
    """Say of each id in the killmails whether it is a pilot's, a corporation's or an alliance's."""
    return dict(pair for killmail in killmails for pair in _identities(killmail))


def _identities(killmail: Killmail) -> Iterator[tuple[int, str]]:
    for party in (killmail.victim, *killmail.attackers):
        for kind in ("character", "corporation", "alliance"):
            if (found := getattr(party, f"{kind}_id")) is not None:
                yield found, kind
