"""How the game shows a system's security."""

import math


def display_security(raw: float) -> float:
    """Round as the game does: half up to one decimal, but what is above 0.0 never shows as 0.0.

    So 0.45 shows as 0.5 and is highsec, and 0.03 shows as 0.1 and is lowsec.
    """
    if 0.0 < raw < 0.05:
        return 0.1
    return math.floor(raw * 10 + 0.5) / 10 + 0.0  # + 0.0: no minus zero
