"""The names that a template may use, made from a notice; ops/templates/README.md lists them, and they stay as they are.

A `str` here is foreign text and is escaped wherever it is shown; `Safe` is text that we made ourselves. What is not
known is empty rather than missing, so that a template never fails for the kill of which less is known.
"""

import math
from dataclasses import dataclass
from typing import Final

from notifier.messages import links, parts
from notifier.messages.notice import Distance, Item, KillNotice, Named, Party, Place, Share
from notifier.tracking.side import Side

_SPACES: Final = frozenset({"abyssal", "pochven", "void", "wormhole"})
"""Kinds of space of which one wants to know the kind, not the security."""


class Safe(str):
    """Text that may stand in a message as it is. What is made of it (cut, joined, replaced) is a plain `str` again."""

    __slots__ = ()


NOTHING: Final = Safe()


@dataclass(frozen=True, slots=True)
class Thing:
    """Something with a name: an organisation, a ship, a region. False, and shown as "", where there is none.

    `name` says "Unknown corporation" and so on where nobody knew it; `link` is its page, "" where it has none.
    """

    name: str = ""
    id: int = 0
    link: Safe = NOTHING
    ticker: str = ""

    def __bool__(self) -> bool:
        return bool(self.name)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Who:
    """The victim, or an attacker, by the name that the built-in layouts would show."""

    name: str = ""
    link: Safe = NOTHING
    ticker: str = ""
    character: Thing = Thing()
    corporation: Thing = Thing()
    alliance: Thing = Thing()
    faction: Thing = Thing()
    ship: Thing = Thing()
    weapon: Thing = Thing()
    damage: int = 0

    def __bool__(self) -> bool:
        return bool(self.name)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class System:
    """Where it happened. `detail` is what stands in brackets behind a system's name: "0.9", "C5", "Pochven".

    `custom_name` is what the players' map calls it.
    """

    name: str
    id: int
    link: Safe
    security: Safe
    space: str
    wormhole_class: str
    detail: str
    constellation: str
    region: Thing
    custom_name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Kill:
    """The killmail itself; `time` in epoch seconds, `delay` in seconds."""

    id: int
    link: Safe
    time: int
    delay: int


@dataclass(frozen=True, slots=True)
class Links:
    """Pages about it on other sites, "" where there is none."""

    related: Safe = NOTHING
    battle_report: Safe = NOTHING
    dotlan: Safe = NOTHING
    anoikis: Safe = NOTHING
    eve_who: Safe = NOTHING


@dataclass(frozen=True, slots=True)
class Group:
    """An organisation or a ship group among the attackers, and how many of them."""

    name: str
    count: int

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Lost:
    """Notable items that the victim lost: `value` in ISK of all of them, 0.0 where nobody says."""

    name: str
    id: int
    link: Safe
    quantity: int
    dropped: bool
    value: float

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Way:
    """How far it was from a system; `jumps` and `light_years` are none where there is no way, or nobody measured it."""

    origin: str
    jumps: int | None
    light_years: float | None


VALUES: Final = (Thing, Who, System, Kill, Links, Group, Lost, Way)
"""Whose fields a template may read."""


@dataclass(frozen=True, slots=True)
class Names:
    """All of them. ISK as numbers, 0.0 where nobody says."""

    kill: Kill
    victim: Who
    final_blow: Who
    top_damage: Who
    system: System
    value: float
    dropped: float
    destroyed: float
    attackers: int
    organisations: tuple[Group, ...]
    ship_groups: tuple[Group, ...]
    subscriptions: tuple[str, ...]
    side: Side
    npc: bool
    solo: bool
    links: Links
    items: tuple[Lost, ...]
    distances: tuple[Way, ...]


def names_of(notice: KillNotice) -> Names:
    """Give what a template may say of this kill."""
    return Names(
        kill=Kill(notice.killmail_id, Safe(links.kill(notice.killmail_id)), notice.time, max(notice.delay, 0)),
        victim=_who(notice.victim, "Unknown owner"),
        final_blow=Who() if notice.final_blow is None else _who(notice.final_blow, "Unknown", ship_first=True),
        top_damage=Who() if notice.top_damage is None else _who(notice.top_damage, "Unknown", ship_first=True),
        system=_system(notice.place),
        value=_amount(notice.total_value),
        dropped=_amount(notice.dropped_value),
        destroyed=_amount(notice.destroyed_value),
        attackers=max(notice.attacker_count, 0),
        organisations=_groups(notice.organisations),
        ship_groups=_groups(notice.ship_groups),
        subscriptions=notice.subscriptions,
        side=notice.side,
        npc=notice.npc,
        solo=notice.solo,
        links=_links(notice),
        items=tuple(_lost(one) for one in notice.items),
        distances=tuple(_way(one) for one in notice.distances),
    )


def _amount(isk: float | None) -> float:
    return isk if isk is not None and math.isfinite(isk) and isk > 0 else 0.0


def _thing(found: Named | None, kind: str, unknown: str) -> Thing:
    if found is None:
        return Thing()
    return Thing(found.name or unknown, found.id, Safe(links.page(kind, found.id)), found.ticker or "")


def _who(party: Party, unknown: str, *, ship_first: bool = False) -> Who:
    """Name a party as the built-in layouts do: an attacker without a pilot is its ship, a victim its owner."""
    character = _thing(party.character, "character", "Unknown pilot")
    corporation = _thing(party.corporation, "corporation", "Unknown corporation")
    alliance = _thing(party.alliance, "alliance", "Unknown alliance")
    faction = _thing(party.faction, "faction", "Unknown faction")
    ship = _thing(party.ship, "ship", "")
    owners = (corporation, alliance, faction)
    order = (character, ship, *owners) if ship_first else (character, *owners)
    shown = next((one for one in order if one), Thing(unknown))
    return Who(
        name=shown.name,
        link=shown.link,
        ticker=corporation.ticker or alliance.ticker,
        character=character,
        corporation=corporation,
        alliance=alliance,
        faction=faction,
        ship=ship,
        weapon=_thing(party.weapon, "item", ""),
        damage=max(party.damage, 0),
    )


def _system(place: Place) -> System:
    security = Safe("" if place.security is None else f"{place.security:.1f}")
    space, wormhole_class = place.space or "", place.wormhole_class or ""
    system = _thing(place.system, "system", "Unknown system")
    return System(
        name=system.name,
        id=system.id,
        link=system.link,
        security=security,
        space=space,
        wormhole_class=wormhole_class,
        detail=wormhole_class or (space.capitalize() if space in _SPACES else security),
        constellation=place.constellation or "",
        region=_thing(place.region, "region", ""),
        custom_name=place.custom_name or "",
    )


def _groups(shares: tuple[Share, ...]) -> tuple[Group, ...]:
    return tuple(Group(one.name, max(one.count, 0)) for one in shares)


def _lost(item: Item) -> Lost:
    thing = _thing(item.named, "item", "Unknown item")
    return Lost(thing.name, thing.id, thing.link, max(item.quantity, 0), item.dropped, _amount(item.value))


def _way(distance: Distance) -> Way:
    return Way(distance.origin, distance.jumps, distance.light_years)


def _links(notice: KillNotice) -> Links:
    system, at, pilot = notice.place.system, parts.moment(notice), notice.victim.character
    on_a_map = notice.place.space not in ("abyssal", "void")
    crowd = notice.attacker_count > 1 and not notice.npc
    return Links(
        related=Safe("" if at is None else links.related(system.id, at)),
        battle_report=Safe(links.battle_report(system.id, at) if at is not None and crowd else ""),
        dotlan=Safe(links.dotlan(system.id, system.name) if on_a_map else ""),
        anoikis=Safe(links.anoikis(system.name or "") or ""),
        eve_who=Safe("" if pilot is None else links.eve_who(pilot.id)),
    )
