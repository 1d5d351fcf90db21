"""How long to wait before the next try: exponential, capped, with full jitter so that failures do not march in step."""

import random


def full_jitter(attempt: int, *, base: float = 1.0, cap: float = 300.0, rng: random.Random | None = None) -> float:
    """Seconds before the attempt after `attempt` (1, 2, …): uniform in (0.1, 1) of min(cap, base · 2^(attempt - 1))."""
    longest: float = min(cap, base * 2.0 ** (min(attempt, 30) - 1))
    # The module's own generator is seeded anew in each forked child; an instance made before the fork would not be.
    uniform = random.uniform if rng is None else rng.uniform
    return longest * uniform(0.1, 1.0)
