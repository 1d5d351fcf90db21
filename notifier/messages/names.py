"""Which attackers a kill message shows, and so which names it needs: decided before any name is known."""

from collections import Counter
from collections.abc import Iterator
from typing import Literal, Protocol, TypeAlias

from notifier.killmail.model import Attacker, Killmail, Victim

TOP = 5
"""How many organisations and ship groups a message lists; the rest becomes a count."""

Organisation: TypeAlias = Literal["corporation", "alliance"]
"""What has a ticker."""

_NPC_CORPORATIONS = range(1_000_000, 2_000_000)
_LAST_NPC_CHARACTER = 3_999_999


class Statics(Protocol):
    """The static data that tells whether an id needs ESI at all; `notifier.universe.Universe` is one."""

    def system(self, system_id: int, /) -> object | None:
        """Give the solar system, or None."""

    def type(self, type_id: int, /) -> object | None:
        """Give the item type, or None."""


def final_blow(killmail: Killmail) -> Attacker | None:
    """Give the attacker who dealt the final blow."""
    return next((attacker for attacker in killmail.attackers if attacker.final_blow), None)


def top_damage(killmail: Killmail) -> Attacker | None:
    """Give the attacker who did the most damage, the first of equals; None when no one did any."""
    top = max(killmail.attackers, key=lambda attacker: attacker.damage_done, default=None)
    return top if top is not None and top.damage_done > 0 else None


def only_npcs(killmail: Killmail) -> bool:
    """Tell whether no attacker belongs to a player. zkb's own `npc` is true for an NPC that players killed, too."""
    return bool(killmail.attackers) and not any(
        _above(one.character_id, _LAST_NPC_CHARACTER) or _above(one.corporation_id, _NPC_CORPORATIONS[-1])
        for one in killmail.attackers
    )


def organisations(killmail: Killmail) -> list[tuple[tuple[str, int], int]]:
    """Give the organisations with the most attackers as ((kind, id), count), at most TOP.

    An attacker counts for the alliance, without one for the corporation, without one for the faction.
    """
    found = (organisation(attacker) for attacker in killmail.attackers)
    return Counter(one for one in found if one is not None).most_common(TOP)


def organisation(attacker: Attacker) -> tuple[str, int] | None:
    """Give the kind and id of the largest organisation that an attacker flies for."""
    if attacker.alliance_id is not None:
        return "alliance", attacker.alliance_id
    if attacker.corporation_id is not None:
        return "corporation", attacker.corporation_id
    if attacker.faction_id is not None:
        return "faction", attacker.faction_id
    return None


def names_wanted(killmail: Killmail) -> frozenset[int]:
    """Give the ids of characters, corporations and alliances whose names the message shows, at most 14.

    NPC corporations and factions are left out: static data names them.
    """
    return frozenset(_ids(killmail))


def tickers_wanted(killmail: Killmail) -> dict[int, Organisation]:
    """Give the corporations and alliances of players whose tickers the message shows, at most 6, the victim's first."""
    found: dict[int, Organisation] = {}
    for party in _parties(killmail):
        if party.corporation_id is not None and party.corporation_id not in _NPC_CORPORATIONS:
            found[party.corporation_id] = "corporation"
        if party.alliance_id is not None:
            found[party.alliance_id] = "alliance"
    return found


def missing_from(statics: Statics, killmail: Killmail) -> frozenset[int]:
    """Give the ids of the system, ships and weapon that the message shows and static data does not know (too new).

    ESI's bulk names know types and systems too; `kill_notice` takes them from the same mapping.
    """
    shown = [one for one in (final_blow(killmail), top_damage(killmail)) if one is not None]
    types = {killmail.victim.ship_type_id}
    types |= {type_id for one in shown for type_id in (one.ship_type_id, one.weapon_type_id) if type_id is not None}
    missing = {type_id for type_id in types if statics.type(type_id) is None}
    if statics.system(killmail.solar_system_id) is None:
        missing.add(killmail.solar_system_id)
    return frozenset(missing)


def _above(found: int | None, last: int) -> bool:
    return found is not None and found > last


def _parties(killmail: Killmail) -> Iterator[Victim | Attacker]:
    """Give those whom the message names: the victim, the final blow, the top damage."""
    yield killmail.victim
    yield from (one for one in (final_blow(killmail), top_damage(killmail)) if one is not None)


def _ids(killmail: Killmail) -> Iterator[int]:
    for party in _parties(killmail):
        for found in (party.character_id, party.corporation_id, party.alliance_id):
            if found is not None and found not in _NPC_CORPORATIONS:
                yield found
    for (kind, found), _ in organisations(killmail):
        if kind != "faction" and found not in _NPC_CORPORATIONS:
            yield found
