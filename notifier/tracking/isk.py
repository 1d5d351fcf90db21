"""Amounts of ISK as people write them."""

import re
from decimal import Decimal
from typing import Final

_AMOUNT = re.compile(r"(?P<number>\d{1,18}(?:\.\d{1,9})?) ?(?P<unit>[kmbt]?)", re.ASCII | re.IGNORECASE)
_UNITS: Final = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9, "t": 10**12}
LARGEST: Final = 1e30
"""As much as a text can say; no number above it is read, as a whole one may be too large for a float."""


EXPECTED: Final = 'ISK: a number, or a text such as "50m", "1.5b", "2t"'


class IskError(ValueError):
    """The value is no amount of ISK."""


def parse_isk(value: object) -> float:
    """Give the ISK of a number, or of a text such as "50m", "1.5b". Raises IskError."""
    if isinstance(value, str):
        found = _AMOUNT.fullmatch(value.strip())
        if found is None:
            raise IskError
        # As a float 2.01 times 1e9 is less than 2,010,000,000.
        return float(Decimal(found["number"]) * _UNITS[found["unit"].lower()])
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LARGEST:
        raise IskError
    return float(value)
