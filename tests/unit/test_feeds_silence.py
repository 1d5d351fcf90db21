"""When a silent feed is an alarm: around midnight, the edges of the downtime, and clocks that jump."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.feeds.silence import DAY, DOWNTIME, THRESHOLD, alarming, unexpected

LONG = DOWNTIME[1] - DOWNTIME[0]
moments = st.floats(1.7e9, 1.9e9)
silences = st.floats(0.0, 3 * DAY)


def at(clock: str, day: str = "2026-11-23") -> float:
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("since", "now", "alarm"),
    [
        ("09:00:00", "09:10:00", False),
        ("09:00:00", "09:10:01", True),
        ("10:47:59", "10:58:00", True),
        ("10:48:01", "10:58:01", False),
        ("10:50:00", "11:30:00", False),
        ("10:58:00", "11:30:00", False),
        ("10:58:00", "11:40:00", False),
        ("10:58:00", "11:40:01", True),
        ("10:50:00", "11:32:00", False),
        ("10:50:00", "11:32:01", True),
        ("11:10:00", "11:40:00", False),
        ("11:10:00", "11:40:01", True),
        ("11:30:00", "11:40:01", True),
    ],
)
def test_only_silence_outside_of_the_downtime_counts(since: str, now: str, alarm: bool) -> None:
    assert alarming(at(now) - at(since), at(now)) is alarm


def test_midnight_is_no_edge() -> None:
    now = at("00:05:00", "2026-11-24")
    assert not alarming(now - at("23:55:00"), now)
    assert alarming(now - at("23:54:59"), now)


def test_of_a_silence_of_days_each_downtime_is_left_out() -> None:
    now = at("12:00:00", "2026-11-25")
    assert unexpected(2 * DAY, now) == pytest.approx(2 * (DAY - LONG))


@given(silences, moments)
def test_what_counts_is_never_more_than_the_silence_and_lacks_at_most_its_downtimes(quiet: float, now: float) -> None:
    counted = unexpected(quiet, now)
    assert 0.0 <= counted <= quiet
    assert counted >= quiet - LONG * (quiet // DAY + 1) - 1e-3


@given(silences, moments, st.floats(0.0, DAY))
def test_silence_that_goes_on_never_counts_less(quiet: float, now: float, more: float) -> None:
    assert unexpected(quiet + more, now + more) >= unexpected(quiet, now) - 1e-3


@given(silences, moments, st.integers(-400, 400))
def test_a_wall_clock_that_is_set_anew_by_whole_days_changes_nothing(quiet: float, now: float, days: int) -> None:
    assert unexpected(quiet, now + days * DAY) == pytest.approx(unexpected(quiet, now), abs=1e-3)


@given(silences, moments, st.floats(-1e9, 1e9))
def test_no_jump_of_the_wall_clock_makes_an_alarm_of_ten_minutes(quiet: float, now: float, jump: float) -> None:
    assert not alarming(min(quiet, THRESHOLD), now + jump)


@given(silences, moments, st.floats(-1e9, 1e9))
def test_no_jump_of_the_wall_clock_hides_a_silence_for_longer_than_the_downtimes(
    quiet: float, now: float, jump: float
) -> None:
    assert alarming(quiet + THRESHOLD + LONG * (quiet // DAY + 2) + 1.0, now + jump)


@given(moments)
def test_a_negative_silence_is_none(now: float) -> None:
    assert unexpected(-5.0, now) == 0.0
