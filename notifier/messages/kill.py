"""From a killmail, names and static data to the notice that a delivery job carries: small for any killmail."""

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from notifier.killmail.model import Attacker, Killmail, Victim
from notifier.messages import names as shown
from notifier.messages.escape import plain
from notifier.messages.notice import Item, KillNotice, Named, Party, Place, Share
from notifier.tracking.side import Side
from notifier.universe import display_security

LONGEST_TICKER = 5
"""As long as EVE's own are."""
LONGEST_NAME = 100
"""EVE's own names are shorter (characters 37, corporations and alliances 50 characters)."""

MOST_SUBSCRIPTIONS = 20


class _System(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def constellation_id(self) -> int: ...
    @property
    def region_id(self) -> int: ...
    @property
    def security(self) -> float: ...
    @property
    def space(self) -> str: ...
    @property
    def wormhole_class(self) -> str | None: ...


class _Named(Protocol):
    @property
    def name(self) -> str: ...


class _Type(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def group_id(self) -> int: ...


class Universe(Protocol):
    """The part of the static data that a message needs; `notifier.universe.Universe` is one."""

    def system(self, system_id: int, /) -> _System | None:
        """Give the solar system."""

    def constellation(self, constellation_id: int, /) -> _Named | None:
        """Give the constellation."""

    def region(self, region_id: int, /) -> _Named | None:
        """Give the region."""

    def type(self, type_id: int, /) -> _Type | None:
        """Give the item type."""

    def group_name(self, group_id: int, /) -> str | None:
        """Give the name of a group of item types."""

    def faction_name(self, faction_id: int, /) -> str | None:
        """Give the name of a faction."""

    def npc_corporation_name(self, corporation_id: int, /) -> str | None:
        """Give the name of an NPC corporation."""


def kill_notice(
    killmail: Killmail,
    names: Mapping[int, str],
    universe: Universe,
    subscriptions: tuple[str, ...],
    *,
    tickers: Mapping[int, str] = MappingProxyType({}),
    side: Side = "neutral",
    received: float | None = None,
    items: tuple[Item, ...] = (),
    degraded: bool = False,
) -> KillNotice:
    """Make the notice of one killmail for one destination.

    `names` are ESI's for `names_wanted`, `tickers` for `tickers_wanted`, and any of them may be missing.
    `subscriptions` are the ids of those that led there, for the footer; `received` is when the kill became known here,
    in epoch seconds; `items` are those that `items.notable` chose; `degraded` says that names are missing for now.
    """
    book = _Book(names, tickers, universe)
    final, top, zkb = shown.final_blow(killmail), shown.top_damage(killmail), killmail.zkb
    time = int(killmail.killmail_time.timestamp())
    return KillNotice(
        killmail_id=killmail.killmail_id,
        time=time,
        victim=book.party(killmail.victim),
        place=book.place(killmail.solar_system_id),
        attacker_count=len(killmail.attackers),
        final_blow=None if final is None else book.party(final),
        top_damage=None if top is None else book.party(top),
        organisations=book.organisations(killmail),
        ship_groups=book.ship_groups(killmail),
        total_value=None if zkb is None else zkb.total_value,
        dropped_value=None if zkb is None else zkb.dropped_value,
        destroyed_value=None if zkb is None else zkb.destroyed_value,
        npc=shown.only_npcs(killmail),
        solo=zkb is not None and zkb.solo,
        subscriptions=_few(subscriptions),
        side=side,
        delay=0 if received is None else max(int(received) - time, 0),
        items=items,
        degraded=degraded,
    )


class _Book:
    """Looks names up: static data first (it needs no one), then ESI's."""

    def __init__(self, names: Mapping[int, str], tickers: Mapping[int, str], universe: Universe) -> None:
        self._names, self._tickers, self._universe = names, tickers, universe

    def party(self, side: Victim | Attacker) -> Party:
        attacker = side if isinstance(side, Attacker) else None
        return Party(
            character=self._named("character", side.character_id),
            corporation=self._named("corporation", side.corporation_id),
            alliance=self._named("alliance", side.alliance_id),
            faction=self._named("faction", side.faction_id),
            ship=self._named("type", side.ship_type_id),
            weapon=None if attacker is None else self._named("type", attacker.weapon_type_id),
            damage=side.damage_done if isinstance(side, Attacker) else side.damage_taken,
        )

    def place(self, system_id: int) -> Place:
        system = self._universe.system(system_id)
        if system is None:
            return Place(Named(system_id, _name(self._names.get(system_id))))
        constellation = self._universe.constellation(system.constellation_id)
        region = self._universe.region(system.region_id)
        return Place(
            system=Named(system_id, _name(system.name)),
            constellation=None if constellation is None else _name(constellation.name),
            region=None if region is None else Named(system.region_id, _name(region.name)),
            security=display_security(system.security),
            space=system.space,
            wormhole_class=system.wormhole_class,
        )

    def organisations(self, killmail: Killmail) -> tuple[Share, ...]:
        return tuple(
            Share(self._name(kind, found) or f"{kind} {found}", count)
            for (kind, found), count in shown.organisations(killmail)
        )

    def ship_groups(self, killmail: Killmail) -> tuple[Share, ...]:
        ships = Counter(one.ship_type_id for one in killmail.attackers if one.ship_type_id is not None)
        groups: Counter[str] = Counter()
        for type_id, count in ships.items():
            found = self._universe.type(type_id)
            name = None if found is None else _name(self._universe.group_name(found.group_id))
            if name is not None:
                groups[name] += count
        return tuple(Share(name, count) for name, count in groups.most_common(shown.TOP))

    def _named(self, kind: str, found: int | None) -> Named | None:
        return None if found is None else Named(found, self._name(kind, found), self._ticker(kind, found))

    def _ticker(self, kind: str, found: int) -> str | None:
        text = self._tickers.get(found) if kind in ("corporation", "alliance") else None
        return (plain(text, LONGEST_TICKER) or None) if text else None

    def _name(self, kind: str, found: int) -> str | None:
        return _name(self._static(kind, found) or self._names.get(found))

    def _static(self, kind: str, found: int) -> str | None:
        if kind == "type":
            known = self._universe.type(found)
            return None if known is None else known.name
        if kind == "corporation":
            return self._universe.npc_corporation_name(found)
        return self._universe.faction_name(found) if kind == "faction" else None


def _name(text: str | None) -> str | None:
    """Cut a name to what a notice may carry; None for none, or one that nobody could see."""
    return (plain(text, LONGEST_NAME) or None) if text else None


def _few(subscriptions: tuple[str, ...]) -> tuple[str, ...]:
    """Keep the notice small where hundreds of subscriptions point to one channel."""
    kept = tuple(plain(one, LONGEST_NAME) for one in subscriptions[:MOST_SUBSCRIPTIONS])
    rest = len(subscriptions) - len(kept)
    return (*kept, f"{rest} more") if rest else kept
