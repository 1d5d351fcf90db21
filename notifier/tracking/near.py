"""What is near a system: tables of the key `near` → ids of systems.

Also from which system a subscription's distances are measured.
"""

from collections.abc import Iterator
from typing import Any, Final, Protocol

from notifier.problem import Add, check_keys, shown
from notifier.tracking.entries import Gazetteer, ids_of

MOST_JUMPS: Final = 50
MOST_LIGHT_YEARS: Final = 50
KEYS: Final = ("system", "jumps", "light_years")

_TABLE: Final = 'a table such as { system = "Jita", jumps = 5 } or { system = "Amamake", light_years = 6.5 }'
_NOT_MEASURED: Final = "a system of known space: from others no distance is measured"


class Map(Gazetteer, Protocol):
    """The part of the static data that distances need; `notifier.universe.Universe` is one."""

    def within_jumps(self, origin: int, most: int, /) -> frozenset[int]:
        """Give the systems at most so many jumps away, the origin among them; none around one that is not known."""

    def within_light_years(self, origin: int, most: float, /) -> frozenset[int]:
        """Give the systems at most so far away, the origin among them; none where no distance is measured."""


def read_near(value: object, where: str, universe: Map, add: Add) -> frozenset[int]:
    """Read a table, or a list of them: give the systems that are near by any of them."""
    if not isinstance(value, list):
        return _table(value, where, universe, add)
    if not value:
        add(where, "an empty list", _TABLE)
    each = (_table(entry, f"{where}[{number}]", universe, add) for number, entry in enumerate(value, 1))
    return frozenset[int]().union(*each)


def read_origin(entry: object, where: str, universe: Map, add: Add) -> int | None:
    """Read the system, by name or id, that distances are measured from; None for a mistake."""
    for origin in ids_of(entry, where, "system", universe, add):
        if universe.within_light_years(origin, 0):
            return origin
        add(where, shown(entry), _NOT_MEASURED)
    return None


def only_origin(rule: object, universe: Gazetteer) -> int | None:
    """Give the system that the `near` tables of a rule measure from; None where there is none, or more than one.

    `rule` is a table without mistakes. What must not be near (`none`) does not count.
    """
    found = {entry if isinstance(entry, int) else universe.find("system", entry)[0] for entry in _systems(rule)}
    return found.pop() if len(found) == 1 else None


def _systems(rule: object) -> Iterator[int | str]:
    if not isinstance(rule, dict):
        return
    for key, value in rule.items():
        entries = value if isinstance(value, list) else [value]
        if key == "near":
            yield from (entry["system"] for entry in entries)
        elif key in ("all", "any"):
            for entry in entries:
                yield from _systems(entry)


def _table(table: object, where: str, universe: Map, add: Add) -> frozenset[int]:
    if not isinstance(table, dict) or not table:
        add(where, "an empty table" if table == {} else shown(table), _TABLE)
        return frozenset()
    check_keys(table, where, KEYS, add)
    if ("jumps" in table) is ("light_years" in table):
        add(where, f"{'both' if 'jumps' in table else 'neither'} of jumps and light_years", "one of the two")
    origin = _origin(table, where, universe, add)
    jumps, light_years = _jumps(table, f"{where}.jumps", add), _light_years(table, f"{where}.light_years", add)
    if origin is not None and jumps is not None:
        return universe.within_jumps(origin, jumps)
    if origin is not None and light_years is not None:
        return universe.within_light_years(origin, light_years)
    return frozenset()


def _origin(table: dict[str, Any], where: str, universe: Map, add: Add) -> int | None:
    if "system" not in table:
        add(where, "no system", "the key system")
        return None
    entry, place = table["system"], f"{where}.system"
    if "jumps" not in table:
        return read_origin(entry, place, universe, add)
    for origin in ids_of(entry, place, "system", universe, add):
        if len(universe.within_jumps(origin, 1)) > 1:
            return origin
        add(place, shown(entry), "a system with stargates")
    return None


def _jumps(table: dict[str, Any], where: str, add: Add) -> int | None:
    jumps = table.get("jumps")
    if isinstance(jumps, int) and not isinstance(jumps, bool) and 0 <= jumps <= MOST_JUMPS:
        return jumps
    if "jumps" in table:
        add(where, shown(jumps), f"a whole number from 0 to {MOST_JUMPS}")
    return None


def _light_years(table: dict[str, Any], where: str, add: Add) -> float | None:
    far = table.get("light_years")
    if isinstance(far, int | float) and not isinstance(far, bool) and 0 < far <= MOST_LIGHT_YEARS:
        return far
    if "light_years" in table:
        add(where, shown(far), f"a number above 0, at most {MOST_LIGHT_YEARS}")
    return None
