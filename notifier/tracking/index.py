"""The index over all subscriptions: a killmail touches only those that hold one of its anchors."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from notifier.killmail import Attacker, Killmail, Victim
from notifier.tracking.anchors import ALWAYS, NEVER, anchors
from notifier.tracking.facts import Facts, Places
from notifier.tracking.rules import Rule

_PARTY_KINDS: Final = (
    ("character", "character_id"),
    ("corporation", "corporation_id"),
    ("alliance", "alliance_id"),
    ("faction", "faction_id"),
    ("ship_type", "ship_type_id"),
)


@dataclass(frozen=True, slots=True)
class Subscription:
    """A rule and the ids of the destinations that hear of the killmails that it is true of.

    `origin` is the system that they are told the distance from, None for none.
    """

    id: str
    to: tuple[str, ...]
    where: Rule
    origin: int | None = None


class Index:
    """Subscriptions by system, constellation, region, space, character, organisation, ship, and least value."""

    def __init__(self, subscriptions: Sequence[Subscription], universe: Places) -> None:
        self._subscriptions, self._universe = tuple(subscriptions), universe
        self._by: dict[str, dict[int | str | bool, list[int]]] = {}
        self._always: list[int] = []
        by_value: list[tuple[float, int]] = []
        for number, subscription in enumerate(self._subscriptions):
            found = anchors(subscription.where)
            for kind, value in found.keys:
                self._by.setdefault(kind, {}).setdefault(value, []).append(number)
            if found.value == ALWAYS:
                self._always.append(number)
            elif found.value != NEVER:
                by_value.append((found.value, number))
        by_value.sort()
        self._values = [value for value, _ in by_value]
        self._by_value = [number for _, number in by_value]
        self._parties = [(self._by[kind], name) for kind, name in _PARTY_KINDS if kind in self._by]

    def match(self, killmail: Killmail) -> tuple[Subscription, ...]:
        """Give the subscriptions that the killmail concerns, in the order of the configuration."""
        facts = Facts(killmail, self._universe)
        candidates = self._candidates(facts)
        return tuple(
            subscription
            for number in sorted(candidates)
            if (subscription := self._subscriptions[number]).where.holds(facts)
        )

    def _candidates(self, facts: Facts) -> set[int]:
        found = set(self._always)
        self._by_place(facts, found)
        if facts.value is not None and self._values:
            found.update(self._by_value[: bisect_right(self._values, facts.value)])
        killmail = facts.killmail
        self._by_party(killmail.victim, facts, found)
        for attacker in killmail.attackers:
            self._by_party(attacker, facts, found)
        return found

    def _by_place(self, facts: Facts, found: set[int]) -> None:
        held: dict[str, int | str | bool | None] = {
            "system": facts.killmail.solar_system_id,
            "constellation": facts.constellation,
            "region": facts.region,
            "space": facts.space,
            "npc": facts.npc,
            "solo": facts.solo,
        }
        for kind, value in held.items():
            if kind in self._by and value is not None:
                found.update(self._by[kind].get(value, ()))

    def _by_party(self, party: Victim | Attacker, facts: Facts, found: set[int]) -> None:
        for known, name in self._parties:
            value = getattr(party, name)
            if value in known:
                found.update(known[value])
        if "ship_group" in self._by:
            group = facts.group(party.ship_type_id)
            if group is not None:
                found.update(self._by["ship_group"].get(group, ()))
