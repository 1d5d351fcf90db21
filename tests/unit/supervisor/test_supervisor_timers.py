"""Timers by name."""

from hypothesis import given
from hypothesis import strategies as st

from supervisor.timers import Timers


def test_timers_run_down_in_order_of_their_deadlines_and_once():
    timers: Timers[str] = Timers()
    timers.arm("late", 3.0)
    timers.arm("soon", 1.0)
    assert timers.next() == 1.0
    assert timers.due(0.5) == []
    assert timers.due(3.0) == ["soon", "late"]
    assert timers.due(9.0) == []
    assert timers.next() is None
    assert len(timers) == 0


def test_a_timer_that_is_armed_anew_has_only_its_new_deadline():
    timers: Timers[str] = Timers()
    timers.arm("a", 1.0)
    timers.arm("a", 5.0)
    assert timers.due(2.0) == []
    timers.arm("a", 3.0)
    assert timers.due(3.0) == ["a"]
    assert timers.due(9.0) == []


def test_a_timer_that_was_cancelled_and_armed_for_the_same_moment_runs_down_once():
    timers: Timers[str] = Timers()
    timers.arm("a", 1.0)
    timers.cancel("a")
    timers.arm("a", 1.0)
    assert timers.due(1.0) == ["a"]
    assert timers.next() is None


def test_a_thousand_heartbeats_leave_no_heap_behind():
    timers: Timers[str] = Timers()
    for beat in range(100_000):
        timers.arm("alive", float(beat))
    assert len(timers) == 1
    assert len(timers._heap) <= 65


@given(st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.integers(0, 9), st.integers(0, 2))))
def test_it_is_a_table_of_deadlines(steps: list[tuple[str, int | None, int]]):
    timers: Timers[str] = Timers()
    table: dict[str, float] = {}
    now = 0.0
    for key, deadline, passes in steps:
        if deadline is None:
            timers.cancel(key)
            table.pop(key, None)
        else:
            timers.arm(key, now + deadline)
            table[key] = now + deadline
        now += passes
        due = {one for one, at in table.items() if at <= now}
        found = timers.due(now)
        assert sorted(found) == sorted(due)
        deadlines = [table.pop(one) for one in found]
        assert deadlines == sorted(deadlines)
        assert len(timers) == len(table)
        assert timers.next() == min(table.values(), default=None)
