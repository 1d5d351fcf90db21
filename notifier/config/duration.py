"""Spans of time as an operator writes them: "90s", "30m", "6h", "2d"."""

import re
from collections.abc import Mapping
from typing import Any

from notifier.problem import Add, shown

EXPECTED = 'a number and one of s, m, h, d, from "1m" to "7d"'
SHORTEST, LONGEST = 60, 7 * 86_400
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_SPAN = re.compile(r"([0-9]{1,7})([smhd])")


def seconds(text: object) -> int | None:
    """Read a span of time in seconds; None for what is none, or is not from a minute to a week."""
    found = _SPAN.fullmatch(text.strip().lower()) if isinstance(text, str) else None
    if found is None:
        return None
    span = int(found[1]) * _UNITS[found[2]]
    return span if SHORTEST <= span <= LONGEST else None


def read(table: Mapping[str, Any], key: str, where: str, add: Add, usual: float) -> float:
    """Read the span at `key` of the table at `where`, in seconds; `usual` where it is unsaid, or has a mistake."""
    if key not in table:
        return usual
    found = seconds(table[key])
    if found is None:
        add(f"{where}.{key}", shown(table[key]), EXPECTED)
    return usual if found is None else float(found)


def words(span: float) -> str:
    """Give a span in seconds in the largest unit that it is a whole number of: 21600 → "6h"."""
    unit = next(unit for unit in "dhms" if span % _UNITS[unit] == 0 or unit == "s")
    return f"{span / _UNITS[unit]:g}{unit}"
