"""Figures, targets and what is missed."""

import pytest

from ops.bench.figures import Figure, Target
from tests.unit.bench.bench_samples import CODE, FAST, PLAIN, measured, outcome


@pytest.mark.parametrize(
    ("target", "value", "met"),
    [
        (Target("at_most", 25), 25, True),
        (Target("at_most", 25), 25.01, False),
        (Target("at_most", 0), 0, True),
        (Target("at_most", 25), "exit 70", False),
        (Target("equals", 4), 4, True),
        (Target("equals", 4), 4.0, True),
        (Target("equals", 4), 3, False),
        (Target("equals", "exit 70"), "exit 70", True),
        (Target("equals", "exit 70"), "up", False),
    ],
)
def test_a_target_is_met_or_not(target, value, met):
    assert target.met(value) is met


def test_a_figure_of_many_is_their_median_with_the_extremes():
    assert Figure.of([3.0, 100.0, 1.0]) == Figure(3.0, 1.0, 100.0, 3)


def test_what_was_not_measured_does_not_reach_its_target():
    assert measured(FAST, None, 3.0).met is False


def test_a_row_without_a_target_is_not_judged():
    assert measured(PLAIN, 10.0).met is None


def test_only_ours_is_judged():
    assert measured(FAST, 8.0, 1022.0).met is True


def test_the_missed_rows_are_named():
    found = outcome(measured(FAST, 26.0), measured(CODE, "exit 70"), measured(PLAIN, None))
    assert [row.key for row in found.missed] == ["fast"]
