"""Whether, and when, a destination's kills become one message that is edited as the fight goes on: its digest. Pure."""

from dataclasses import dataclass
from typing import Any, Final

from notifier.config import duration
from notifier.problem import Add, check_keys, shown
from notifier.tracking import isk

ABOVE: Final = 20
"""How many kills must wait before they become a digest, where the destination says nothing else."""
LEAST_ABOVE, MOST_ABOVE = 5, 10_000
ENDS_AFTER: Final = 900.0
"""Seconds without a kill after which a battle is over, where the destination says nothing else."""

_EXPECTED = 'a table: digest = { above = 20, alone = "1b", ends_after = "15m" }, of which each key may be left out'
_ABOVE = f"how many kills must wait, a whole number from {LEAST_ABOVE} to {MOST_ABOVE}"


@dataclass(frozen=True, slots=True)
class Battle:
    """A digest begins when more than `above` kills wait, and takes all kills until there was none for `ends_after`
    seconds; one that is worth `alone` ISK or more still has a message of its own (None: none has).
    """

    above: int = ABOVE
    alone: float | None = None
    ends_after: float = ENDS_AFTER


def read(found: Any, where: str, add: Add) -> Battle | None:
    """Read the table `digest` at `where`; every mistake goes to `add`, and what has one is left out."""
    if not isinstance(found, dict):
        add(where, shown(found), _EXPECTED)
        return None
    check_keys(found, where, ("above", "alone", "ends_after"), add)
    ends_after = duration.read(found, "ends_after", where, add, ENDS_AFTER)
    return Battle(_above(found, where, add), _alone(found, where, add), ends_after)


def _above(found: dict[str, Any], where: str, add: Add) -> int:
    above = found.get("above", ABOVE)
    if isinstance(above, int) and not isinstance(above, bool) and LEAST_ABOVE <= above <= MOST_ABOVE:
        return above
    add(f"{where}.above", shown(above), _ABOVE)
    return ABOVE


def _alone(found: dict[str, Any], where: str, add: Add) -> float | None:
    if "alone" not in found:
        return None
    try:
        return isk.parse_isk(found["alone"])
    except isk.IskError:
        add(f"{where}.alone", shown(found["alone"]), isk.EXPECTED)
        return None
