"""The rules: what must be true of a killmail. Frozen and already resolved: ids only, no names."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from notifier.killmail import Killmail
from notifier.tracking.facts import Facts, Party, Places

Role: TypeAlias = Literal["victim", "final_blow", "attackers", "involved"]
Ids: TypeAlias = frozenset[int]


@dataclass(frozen=True, slots=True)
class Systems:
    """In one of these solar systems."""

    ids: Ids

    def holds(self, facts: Facts) -> bool:
        """Whether it is true of the killmail."""
        return facts.killmail.solar_system_id in self.ids


@dataclass(frozen=True, slots=True)
class Constellations:
    """In one of these constellations."""

    ids: Ids

    def holds(self, facts: Facts) -> bool:
        """Whether it is true of the killmail."""
        return facts.constellation in self.ids


@dataclass(frozen=True, slots=True)
class Regions:
    """In one of these regions."""

    ids: Ids

    def holds(self, facts: Facts) -> bool:
        """Whether it is true of the killmail."""
        return facts.region in self.ids


@dataclass(frozen=True, slots=True)
class Spaces:
    """In one of these classes of space."""

    names: frozenset[str]

    def holds(self, facts: Facts) -> bool:
        """Whether it is true of the killmail."""
        return facts.space in self.names


@dataclass(frozen=True, slots=True)
class Who:
    """One party in this role of which every given set is true. None: not asked."""

    role: Role
    characters: Ids | None = None
    corporations: Ids | None = None
    alliances: Ids | None = None
    factions: Ids | None = None
    ship_types: Ids | None = None
    ship_groups: Ids | None = None

    def holds(self, facts: Facts) -> bool:
        """Whether it is true of the killmail."""
        return any(self._is(party, facts) for party in parties(self.role, facts.killmail))

    def _is(self, party: Party, facts: Facts) -> bool:
        return (
            (self.characters is None or party.character_id in self.characters)
            and (self.corporations is None or party.corporation_id in self.corporations)
            and (self.alliances is None or party.alliance_id in self.alliances)
            and (self.factions is None or party.faction_id in self.factions)
            and (self.ship_types is None or party.ship_type_id in self.ship_types)
            and (self.ship_groups is None or facts.group(party.ship_type_id) in self.ship_groups)
        )


@dataclass(frozen=True, slots=True)
class Value:
    """Total value by zKillboard, in ISK, both ends included. Never true of a mail without a value."""

    least: float | None = None
    most: float | None = None

    def holds(self, facts: Facts) -> bool:
        """Whether it is true of the killmail."""
        value = facts.value
        return (
            value is not None
            and (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
        )


@dataclass(frozen=True, slots=True)
class Npc:
    """ZKillboard's judgement that only NPCs attacked; a mail without zkb block counts as not."""

    wanted: bool

    def holds(self, facts: Facts) -> bool:
        """Whether it is true of the killmail."""
        return facts.npc == self.wanted


@dataclass(frozen=True, slots=True)
class Solo:
    """ZKillboard's judgement that one player killed alone; a mail without zkb block counts as not."""

    wanted: bool

    def holds(self, facts: Facts) -> bool:
        """Whether it is true of the killmail."""
        return facts.solo == self.wanted


@dataclass(frozen=True, slots=True)
class All:
    """Each of them; with none, always true."""

    rules: tuple["Rule", ...]

    def holds(self, facts: Facts) -> bool:
        """Whether it is true of the killmail."""
        return all(rule.holds(facts) for rule in self.rules)


@dataclass(frozen=True, slots=True)
class Any:
    """At least one of them."""

    rules: tuple["Rule", ...]

    def holds(self, facts: Facts) -> bool:
        """Whether it is true of the killmail."""
        return any(rule.holds(facts) for rule in self.rules)


@dataclass(frozen=True, slots=True)
class NotAny:
    """Not one of them."""

    rules: tuple["Rule", ...]

    def holds(self, facts: Facts) -> bool:
        """Whether it is true of the killmail."""
        return not any(rule.holds(facts) for rule in self.rules)


Rule: TypeAlias = Systems | Constellations | Regions | Spaces | Who | Value | Npc | Solo | All | Any | NotAny


def parties(role: Role, killmail: Killmail) -> Iterator[Party]:
    """Give those whom a role means; `involved` are the victim and all attackers."""
    if role in ("victim", "involved"):
        yield killmail.victim
    if role == "final_blow":
        yield from (attacker for attacker in killmail.attackers if attacker.final_blow)
    elif role != "victim":
        yield from killmail.attackers


def matches(rule: Rule, killmail: Killmail, universe: Places) -> bool:
    """Whether the rule is true of the killmail: the plain reading, without an index."""
    return rule.holds(Facts(killmail, universe))
