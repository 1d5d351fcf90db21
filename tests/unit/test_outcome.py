"""The table of strategies: each category's row, and that it is the one that everything goes by."""

from random import Random
from typing import get_args

import pytest

from notifier.outcome import STRATEGIES, Backoff, Category, Dead, Done, Retry, Snooze, failed, is_outcome
from workers.attempts import Bury, Schedule, decide
from workers.backoff import full_jitter

ROWS = {
    # category: (Outcome, charged, cap of the back-off in s, attempts at most, a circuit counts it, who is told)
    "malformed": (Dead, True, None, None, False, "log"),
    "bug": (Retry, True, 300.0, 3, False, "admin"),
    "dependency down": (Snooze, False, 60.0, None, True, "admin"),
    "throttled": (Snooze, False, 60.0, None, False, "admin"),
    "transient": (Retry, True, 300.0, None, False, "admin"),
    "ambiguous": (Retry, True, 300.0, None, True, "admin"),
    "permanent": (Dead, True, None, None, False, "admin"),
    "misconfigured": (Dead, True, None, None, False, "admin"),
}


def test_the_table_has_a_row_for_each_category_and_no_other() -> None:
    assert set(STRATEGIES) == set(get_args(Category)) == set(ROWS)


@pytest.mark.parametrize("category", STRATEGIES)
def test_a_failure_ends_as_its_row_says(category: Category) -> None:
    outcome, charged, cap, most, counts, told = ROWS[category]
    strategy, end = STRATEGIES[category], failed(category, "why", 7.0)
    assert type(end) is outcome
    assert (end.reason, end.category) == ("why", category)
    assert is_outcome(end)
    assert strategy.charged is charged
    assert (strategy.backoff and strategy.backoff.cap) == cap
    assert (strategy.most, strategy.counts, strategy.told) == (most, counts, told)


@pytest.mark.parametrize("category", STRATEGIES)
def test_an_attempt_is_charged_and_waited_for_as_the_row_says(category: Category) -> None:
    outcome, charged, _, most, *_ = ROWS[category]
    move, meta = decide(failed(category, "why"), {"attempts": 2}, 9.0, 8, Random(7))
    assert meta["attempts"] == (2 if charged else 1)
    assert isinstance(move, Bury if outcome is Dead else Schedule)
    if isinstance(move, Schedule):
        assert 0.0 < move.seconds <= 2.0
        assert move.charged == (category if charged else "")
    if most is not None:
        assert isinstance(decide(failed(category, "why"), {"attempts": most}, 9.0, 8)[0], Bury)


@pytest.mark.parametrize("category", [name for name, strategy in STRATEGIES.items() if strategy.backoff])
def test_the_backoff_grows_exponentially_up_to_its_cap_with_full_jitter(category: Category) -> None:
    backoff = STRATEGIES[category].backoff
    assert backoff is not None
    for attempt in range(1, 40):
        longest = min(backoff.cap, 2.0 ** (attempt - 1))
        pauses = [full_jitter(attempt, backoff, Random(seed)) for seed in range(50)]
        assert 0.1 * longest <= min(pauses) < max(pauses) <= longest
    assert full_jitter(3, backoff, Random(1)) == full_jitter(3, backoff, Random(1)), "seeded, it is the same"


def test_without_a_failure_the_pause_is_the_first_one() -> None:
    assert full_jitter(0, Backoff(2.0, 9.0), Random(1)) <= 2.0


@pytest.mark.parametrize("value", [None, True, "done", Done, object(), {"category": "bug"}])
def test_nothing_else_is_an_outcome(value: object) -> None:
    assert not is_outcome(value)
