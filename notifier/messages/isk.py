"""ISK as players write it."""

import math

_UNITS = ((1e12, "t"), (1e9, "b"), (1e6, "m"), (1e3, "k"))


def short(value: float) -> str:
    """Give an amount of ISK with three digits and its unit: 1.25b, 12.5m, 999k, 7; "0" for none."""
    if not math.isfinite(value) or value <= 0:
        return "0"
    if value >= 1e15:
        return "over 999t"
    for size, unit in _UNITS:
        # 999.6 of a unit would round to 1000 of it: that is 1 of the next.
        if value >= size * 0.9995:
            return _three_digits(value / size) + unit
    return _three_digits(value)


def _three_digits(number: float) -> str:
    if number >= 99.95:
        return f"{number:,.0f}"
    text = f"{number:.1f}" if number >= 9.995 else f"{number:.2f}"
    return text.rstrip("0").rstrip(".")
