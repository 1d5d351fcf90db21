"""What must be present in every killmail that a rule is true of: by this the index finds its candidates.

Anchors are necessary, not sufficient: a rule is evaluated only on killmails that hold one of its anchors.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from notifier.tracking.rules import All, Any, Constellations, Npc, Regions, Rule, Solo, Spaces, Systems, Value, Who

Key: TypeAlias = tuple[str, int | str | bool]
"""A kind, such as "system" or "character", and the value that a killmail must have of it."""

ALWAYS: Final = -math.inf
NEVER: Final = math.inf

COST: Final = {
    "character": 1, "system": 3, "corporation": 5, "alliance": 20, "constellation": 20, "ship_type": 30, "region": 150,
    "faction": 300, "ship_group": 300, "npc": 2_000, "solo": 2_000, "space": 3_000,
}  # fmt: skip
"""About how many of 10,000 killmails hold one key of the kind; only their order matters."""
EVERYTHING: Final = 10_000.0

_PARTY: Final = {
    "characters": "character",
    "corporations": "corporation",
    "alliances": "alliance",
    "factions": "faction",
    "ship_types": "ship_type",
    "ship_groups": "ship_group",
}


@dataclass(frozen=True, slots=True)
class Anchors:
    """One of `keys`, or a value of at least `value` ISK (ALWAYS: any killmail, also one without a value)."""

    keys: frozenset[Key] = frozenset()
    value: float = NEVER

    @property
    def cost(self) -> float:
        """About how many of 10,000 killmails hold one of them."""
        by_value = 0.0 if self.value == NEVER else EVERYTHING if self.value == ALWAYS else _above(self.value)
        return by_value + sum(COST[kind] for kind, _ in self.keys)


def anchors(rule: Rule) -> Anchors:  # noqa: C901 – one case a kind of rule
    """Give the anchors of a rule."""
    match rule:
        case Systems(ids=ids):
            return _keys("system", ids)
        case Constellations(ids=ids):
            return _keys("constellation", ids)
        case Regions(ids=ids):
            return _keys("region", ids)
        case Spaces(names=names):
            return _keys("space", names)
        case Who():
            return _rarest(
                _keys(kind, ids) for name, kind in _PARTY.items() if (ids := getattr(rule, name)) is not None
            )
        case Value(least=least):
            return Anchors(value=ALWAYS if least is None else least)
        case Npc(wanted=wanted):
            return _keys("npc", [wanted])
        case Solo(wanted=wanted):
            return _keys("solo", [wanted])
        case All(rules=rules):
            return _rarest(anchors(one) for one in rules)
        case Any(rules=rules):
            found = [anchors(one) for one in rules]
            return Anchors(
                frozenset().union(*(one.keys for one in found)), min((one.value for one in found), default=NEVER)
            )
        case _:  # what must not be says nothing of what must be
            return Anchors(value=ALWAYS)


def _keys(kind: str, values: Iterable[int | str | bool]) -> Anchors:
    return Anchors(frozenset((kind, value) for value in values))


def _rarest(found: Iterable[Anchors]) -> Anchors:
    return min(found, key=lambda one: one.cost, default=Anchors(value=ALWAYS))


def _above(value: float) -> float:
    """About how many of 10,000 killmails are worth that much."""
    return EVERYTHING / (1 + max(value, 0.0) / 2e7)
