"""A table of the configuration → a rule, names resolved to ids; every mistake is a Problem with its place."""

from collections.abc import Callable, Mapping
from typing import Any as Anything
from typing import Final

from notifier.problem import Problem, did_you_mean, shown
from notifier.tracking.entries import ids_of, words
from notifier.tracking.isk import IskError, parse_isk
from notifier.tracking.near import Map, read_near
from notifier.tracking.rules import (
    All,
    Any,
    Constellations,
    NotAny,
    Npc,
    Regions,
    Role,
    Rule,
    Solo,
    Spaces,
    Systems,
    Value,
    Who,
)
from notifier.universe import SPACES

DEEPEST: Final = 16
"""Tables within tables; a person writes three."""

_LISTS: Final[Mapping[str, Callable[[tuple[Rule, ...]], Rule]]] = {"all": All, "any": Any, "none": NotAny}
_PLACES: Final[Mapping[str, tuple[str, Callable[[frozenset[int]], Rule]]]] = {
    "systems": ("system", Systems),
    "constellations": ("constellation", Constellations),
    "regions": ("region", Regions),
}
_ROLES: Final[Mapping[str, Role]] = {
    "victim": "victim",
    "final_blow": "final_blow",
    "attackers": "attackers",
    "involved": "involved",
}
_FLAGS: Final[Mapping[str, Callable[[bool], Rule]]] = {"npc": Npc, "solo": Solo}
_PARTY: Final[Mapping[str, str]] = {
    "characters": "character",
    "corporations": "corporation",
    "alliances": "alliance",
    "factions": "faction",
    "ship_types": "ship_type",
    "ship_groups": "ship_group",
}
KEYS: Final = (*_PLACES, "near", "space", *_ROLES, "value", *_FLAGS, *_LISTS)


def parse_rule(table: object, where: str, universe: Map) -> tuple[Rule | None, list[Problem]]:
    """Read the table at `where` (its place, for the report); gives the rule, or None with every mistake in it.

    An empty table is true of every killmail.
    """
    reading = _Reading(universe)
    rule = reading.table(table, where, 1)
    return (None, reading.problems) if reading.problems else (rule, [])


class _Reading:
    def __init__(self, universe: Map) -> None:
        self._universe = universe
        self.problems: list[Problem] = []

    def table(self, table: object, where: str, depth: int) -> Rule:
        if not isinstance(table, dict):
            self._add(where, shown(table), f"a table with some of the keys {', '.join(KEYS)}")
            return All(())
        if depth > DEEPEST:
            self._add(where, "tables nested too deep", f"at most {DEEPEST} of them")
            return All(())
        found = [rule for key, value in table.items() if (rule := self._key(key, value, where, depth)) is not None]
        return found[0] if len(found) == 1 else All(tuple(found))

    def _key(self, key: str, value: object, where: str, depth: int) -> Rule | None:
        place = f"{where}.{key}"
        if key in _PLACES:
            kind, place_rule = _PLACES[key]
            return place_rule(self._ids(value, place, kind))
        if key in _ROLES:
            return self._who(_ROLES[key], value, place)
        if key in _FLAGS:
            return self._flag(_FLAGS[key], value, place)
        if key in _LISTS:
            return self._list(_LISTS[key], value, place, depth)
        if key == "near":
            return Systems(read_near(value, place, self._universe, self._add))
        if key == "space":
            return self._space(value, place)
        if key == "value":
            return self._value(value, place)
        self._unknown(key, where, KEYS)
        return None

    def _list(self, make: Callable[[tuple[Rule, ...]], Rule], value: object, where: str, depth: int) -> Rule:
        entries = self._entries(value, where, "a list of tables, such as [ { npc = true } ]")
        for number, entry in enumerate(entries, 1):
            if entry == {}:
                self._add(f"{where}[{number}]", "an empty table", "at least one key")
        return make(
            tuple(self.table(entry, f"{where}[{number}]", depth + 1) for number, entry in enumerate(entries, 1))
        )

    def _entries(self, value: object, where: str, expected: str) -> list[Anything]:
        if isinstance(value, list) and value:
            return value
        self._add(where, "an empty list" if value == [] else shown(value), expected)
        return []

    def _who(self, role: Role, value: object, where: str) -> Rule:
        if not isinstance(value, dict) or not value:
            found = "an empty table" if value == {} else shown(value)
            self._add(where, found, f"a table with some of the keys {', '.join(_PARTY)}")
            return All(())
        sets: dict[str, frozenset[int]] = {}
        for key, entries in value.items():
            if key in _PARTY:
                sets[key] = self._ids(entries, f"{where}.{key}", _PARTY[key])
            else:
                self._unknown(key, where, tuple(_PARTY))
        return Who(role, **sets)

    def _ids(self, value: object, where: str, kind: str) -> frozenset[int]:
        entries = self._entries(value, where, f"a list of {words(kind)}")
        each = (
            ids_of(entry, f"{where}[{number}]", kind, self._universe, self._add)
            for number, entry in enumerate(entries, 1)
        )
        return frozenset[int]().union(*each)

    def _space(self, value: object, where: str) -> Rule:
        known = ", ".join(sorted(SPACES))
        entries = self._entries([value] if isinstance(value, str) else value, where, f"a list of {known}")
        for number, entry in enumerate(entries, 1):
            if not isinstance(entry, str) or entry not in SPACES:
                hint = did_you_mean(entry, SPACES) if isinstance(entry, str) else ""
                self._add(f"{where}[{number}]", shown(entry), f"one of {known}{hint}")
        return Spaces(frozenset(entry for entry in entries if isinstance(entry, str)))

    def _value(self, value: object, where: str) -> Rule:
        if not isinstance(value, dict) or not value:
            self._add(
                where,
                "an empty table" if value == {} else shown(value),
                'a table such as { min = "50m", max = "1.5b" }',
            )
            return All(())
        for key in value:
            if key not in ("min", "max"):
                self._unknown(key, where, ("min", "max"))
        least, most = (self._amount(value[key], f"{where}.{key}") if key in value else None for key in ("min", "max"))
        if least is not None and most is not None and least > most:
            self._add(where, f"a min of {least:,.0f} above the max of {most:,.0f}", "a min that is at most the max")
        return Value(least, most)

    def _amount(self, value: object, where: str) -> float | None:
        try:
            return parse_isk(value)
        except IskError:
            self._add(where, shown(value), 'ISK: a number, or a text such as "50m", "1.5b", "2t"')
            return None

    def _flag(self, make: Callable[[bool], Rule], value: object, where: str) -> Rule:
        if not isinstance(value, bool):
            self._add(where, shown(value), "true or false")
        return make(bool(value))

    def _unknown(self, key: str, where: str, known: tuple[str, ...]) -> None:
        self._add(where, f"the unknown key {shown(key)}", f"one of {', '.join(known)}{did_you_mean(key, known)}")

    def _add(self, where: str, found: str, expected: str) -> None:
        self.problems.append(Problem(where, found, expected))
