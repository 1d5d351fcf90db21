"""The cursor: its text, its holes, and how they are joined, closed and bounded."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.feeds.cursor import (
    MERGE_SECONDS,
    MOST_HOLES,
    TOO_MANY,
    WINDOW,
    Cursor,
    Hole,
    hole_of,
    missed,
    numbers,
    opened,
    tidied,
    without,
)

NOW = 1_000_000.0


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "{}", '{"next":"9"}', '{"next":9.5}', '{"next":9,"holes":[[1,2]]}', '{"next":9,"holes":[[1]]}'],
)
def test_a_text_that_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        Cursor.from_json(text)


def test_a_text_of_an_older_version_lacks_what_it_did_not_know() -> None:
    assert Cursor.from_json(b'{"next":9}') == Cursor(9)
    assert Cursor.from_json('{"next":9,"holes":[[1,2,3]],"new":true}') == Cursor(9, (Hole(1, 2, 3),))


def test_a_number_is_found_in_its_hole() -> None:
    cursor = Cursor(99, (Hole(3, 5, 1), Hole(8, 8, 2, True)))
    assert [hole_of(cursor, number) for number in (3, 5, 8)] == [cursor.holes[0], cursor.holes[0], cursor.holes[1]]
    for number in (2, 6, 9, 99):
        with pytest.raises(LookupError):
            hole_of(cursor, number)


@pytest.mark.parametrize(
    ("hole", "holes"),
    [
        (Hole(5, 4, 0), (Hole(10, 20, 50),)),
        (Hole(21, 30, 70), (Hole(10, 30, 50),)),
        (Hole(1, 9, 40), (Hole(1, 20, 40),)),
        (Hole(22, 30, 50), (Hole(10, 20, 50), Hole(22, 30, 50))),
        (Hole(21, 21, 50, True), (Hole(10, 20, 50), Hole(21, 21, 50, True))),
        (Hole(2, 3, 9), (Hole(2, 3, 9), Hole(10, 20, 50))),
    ],
)
def test_a_new_hole_joins_a_neighbour_of_its_kind(hole: Hole, holes: tuple[Hole, ...]) -> None:
    assert opened(Cursor(99, (Hole(10, 20, 50),)), hole).holes == holes


@pytest.mark.parametrize(("later", "joined"), [(0, True), (MERGE_SECONDS, True), (MERGE_SECONDS + 1, False)])
def test_what_was_missed_at_other_times_is_given_up_at_other_times(later: int, joined: bool) -> None:
    after = missed(missed(Cursor(99), 5, NOW), 6, NOW + later)
    assert (len(after.holes) == 1) is joined
    assert hole_of(after, 6).since == int(NOW) + later
    assert hole_of(after, 5).since == (int(NOW) + later if joined else int(NOW))


@pytest.mark.parametrize(
    ("first", "last", "holes"),
    [
        (1, 9, (Hole(10, 20, 5),)),
        (21, 30, (Hole(10, 20, 5),)),
        (10, 20, ()),
        (1, 99, ()),
        (10, 10, (Hole(11, 20, 5),)),
        (20, 20, (Hole(10, 19, 5),)),
        (14, 16, (Hole(10, 13, 5), Hole(17, 20, 5))),
    ],
)
def test_what_is_taken_out_leaves_the_rest_of_its_hole(first: int, last: int, holes: tuple[Hole, ...]) -> None:
    assert without(Cursor(99, (Hole(10, 20, 5),)), first, last).holes == holes


def test_a_number_missed_in_a_downtime_is_asked_for_and_the_others_are_not() -> None:
    after = missed(Cursor(99, (Hole(10, 20, 5),)), 15, NOW)
    assert after.holes == (Hole(10, 14, 5), Hole(15, 15, int(NOW), True), Hole(16, 20, 5))


@pytest.mark.parametrize(
    ("hole", "skipped"),
    [
        (Hole(3, 5, int(NOW - WINDOW), True), ()),
        (Hole(3, 5, int(NOW - WINDOW - 1), True), (3, 4, 5)),
        (Hole(3, 5, int(NOW - WINDOW - 1)), ()),
        (Hole(3, 5, 0), ()),
    ],
)
def test_what_was_missed_a_day_ago_is_skipped_and_what_was_never_asked_for_is_not(
    hole: Hole, skipped: tuple[int, ...]
) -> None:
    after, closed = tidied(Cursor(99, (hole,)), NOW)
    assert numbers(closed) == skipped
    assert after.holes == (() if skipped else (hole,))


def test_holes_of_downtimes_are_joined_rather_than_given_up() -> None:
    holes = tuple(Hole(index * 10, index * 10 + (8 if index == 7 else 2), index) for index in range(MOST_HOLES + 1))
    after, skipped = tidied(Cursor(9999, holes), NOW)
    assert skipped == ()
    assert len(after.holes) == MOST_HOLES
    assert after.holes[7] == Hole(70, 82, 7)


def test_of_too_many_holes_the_one_that_was_missed_the_longest_is_given_up() -> None:
    holes = tuple(Hole(index * 2, index * 2, int(NOW) - index, True) for index in range(MOST_HOLES + 3))
    after, skipped = tidied(Cursor(9999, holes), NOW)
    assert numbers(skipped) == (400, 402, 404)
    assert {one.reason for one in skipped} == {TOO_MANY}
    assert len(after.holes) == MOST_HOLES


made = st.lists(st.tuples(st.integers(0, 900), st.integers(0, 9), st.integers(0, 2000), st.booleans()), max_size=300)


@given(made, st.floats(0, 3 * WINDOW))
def test_tidying_keeps_or_skips_every_number(holes: list[tuple[int, int, int, bool]], now: float) -> None:
    cursor = Cursor(9999)
    for first, length, since, asked in holes:
        cursor = opened(without(cursor, first, first + length), Hole(first, first + length, since, asked))
    after, skipped = tidied(cursor, now)
    left = numbers(after.holes)
    assert {*left, *numbers(skipped)} >= set(numbers(cursor.holes))
    assert set(left).isdisjoint(numbers(skipped))
    assert len(set(left)) == len(left)
    assert len(after.holes) <= MOST_HOLES
    assert tidied(after, now) == (after, ())
    assert Cursor.from_json(after.to_json()) == after
