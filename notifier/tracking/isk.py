"""Amounts of ISK as people write them."""

import math
import re
from typing import Final

_AMOUNT = re.compile(r"(?P<number>\d{1,18}(?:\.\d{1,9})?) ?(?P<unit>[kmbt]?)", re.ASCII | re.IGNORECASE)
_UNITS: Final = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}


class IskError(ValueError):
    """The value is no amount of ISK."""


def parse_isk(value: object) -> float:
    """Give the ISK of a number, or of a text such as "50m", "1.5b". Raises IskError."""
    if isinstance(value, str):
        found = _AMOUNT.fullmatch(value.strip())
        if found is None:
            raise IskError
        return float(found["number"]) * _UNITS[found["unit"].lower()]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise IskError
    return float(value)
