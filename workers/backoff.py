"""How long to wait before the next try: exponential, capped, with full jitter so that failures do not march in step."""

import random

from notifier.outcome import Backoff


def jitter(rng: random.Random | None = None) -> float:
    """The share of the longest pause that is waited for: uniform in (0.1, 1)."""
    # The module's own generator is seeded anew in each forked child; an instance made before the fork would not be.
    return (random.uniform if rng is None else rng.uniform)(0.1, 1.0)


def full_jitter(attempt: int, backoff: Backoff, rng: random.Random | None = None) -> float:
    """Seconds before the try after the failed one `attempt` (1, 2, …): a share of min(cap, base · 2^(attempt - 1))."""
    longest = min(backoff.cap, backoff.base * 2.0 ** (min(max(attempt, 1), 30) - 1))
    return longest * jitter(rng)
