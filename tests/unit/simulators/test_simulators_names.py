"""Invented names look like the game's, and are the same for an id whoever asks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.simulators import names

ids = st.integers(1, 2**63 - 1)


@given(ids)
def test_a_name_is_no_longer_than_the_game_lets_it_be(one: int) -> None:
    assert len(names.name(one, "character")) <= 37
    assert all(len(names.name(one, kind)) <= 50 for kind in ("corporation", "alliance"))


@given(ids, st.sampled_from(["corporation", "alliance"]))
def test_a_ticker_has_three_or_four_letters_and_begins_as_the_name_does(one: int, kind: str) -> None:
    ticker, name = names.ticker(one, kind), names.name(one, kind)
    assert 3 <= len(ticker) <= 4
    assert ticker.isalnum()
    assert ticker[0] == name.removeprefix("The ")[0].upper()


@pytest.mark.parametrize("kind", ["character", "corporation", "alliance"])
def test_neighbouring_ids_have_different_names(kind: str) -> None:
    assert len({names.name(98_000_000 + one, kind) for one in range(100)}) > 90


def test_the_same_id_always_has_the_same_name() -> None:
    assert [names.name(98_000_009, "corporation"), names.ticker(98_000_009, "corporation")] == [
        "Rogue Pilgrims Industries",
        "RPI",
    ]
