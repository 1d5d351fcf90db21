"""Which items of a killmail are notable, whatever it holds."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from messages_samples import VICTIM, FakeType, FakeUniverse, killmail

from notifier.killmail.model import Item as Stack
from notifier.killmail.model import Killmail, Zkb
from notifier.messages import Item, Named
from notifier.messages.items import CANDIDATES, MOST, candidates, notable, prices_wanted

M = 1_000_000.0
SHIELD, AMMO, WEB, CRYSTAL, CONTAINER = 101, 102, 103, 104, 105


class Universe(FakeUniverse):
    types: Mapping[int, FakeType] = {
        SHIELD: FakeType("Gist X-Type Shield Booster", 1),
        AMMO: FakeType("Ammo", 1),
        WEB: FakeType("Abyssal Stasis Webifier", 1),
        CRYSTAL: FakeType("Abyssal Asteroid Mining Crystal Type A I", 1),
        CONTAINER: FakeType("Container", 1),
    }


UNIVERSE = Universe()


def lost(*items: Stack, worth: float | None = None) -> Killmail:
    victim = type(VICTIM)(587, items=items)
    return killmail(victim, zkb=None if worth is None else Zkb(total_value=worth))


def dropped(type_id: int, count: int = 1, singleton: int = 0) -> Stack:
    return Stack(type_id, 5, singleton, quantity_dropped=count)


def destroyed(type_id: int, count: int = 1) -> Stack:
    return Stack(type_id, 5, quantity_destroyed=count)


def chosen(found: Killmail, prices: dict[int, float]) -> tuple[Item, ...]:
    return notable(found, prices, 50 * M, UNIVERSE)


def test_a_stack_that_reaches_the_threshold_is_shown_with_its_worth() -> None:
    found = chosen(lost(dropped(SHIELD, 2), destroyed(AMMO, 10)), {SHIELD: 25 * M, AMMO: 4.9 * M})
    assert found == (Item(Named(SHIELD, "Gist X-Type Shield Booster"), 2, dropped=True, value=50 * M),)


def test_equal_stacks_are_one_and_what_dropped_is_apart_from_what_was_destroyed() -> None:
    found = chosen(lost(dropped(SHIELD), dropped(SHIELD), destroyed(SHIELD)), {SHIELD: 60 * M})
    assert [(one.quantity, one.dropped, one.value) for one in found] == [(2, True, 120 * M), (1, False, 60 * M)]


def test_what_lies_in_a_container_counts() -> None:
    inside = Stack(CONTAINER, 5, quantity_destroyed=1, items=(dropped(SHIELD),))
    assert [one.named.id for one in chosen(lost(inside), {SHIELD: 60 * M, CONTAINER: 1.0})] == [SHIELD]


def test_a_blueprint_copy_is_worth_nothing() -> None:
    copies = lost(dropped(SHIELD, singleton=2))
    assert chosen(copies, {SHIELD: 900 * M}) == ()
    assert prices_wanted(copies, 50 * M, UNIVERSE) == candidates(copies, {SHIELD: 900 * M}, 50 * M) == ()


def test_a_mutated_module_is_shown_last_and_without_a_value() -> None:
    found = chosen(lost(destroyed(WEB), dropped(SHIELD)), {SHIELD: 60 * M})
    assert [(one.named.name, one.value) for one in found] == [
        ("Gist X-Type Shield Booster", 60 * M),
        ("Abyssal Stasis Webifier", None),
    ]


def test_what_only_sounds_mutated_has_a_market_price_and_must_be_worth_it() -> None:
    assert chosen(lost(dropped(CRYSTAL)), {CRYSTAL: 1 * M}) == ()


@pytest.mark.parametrize(
    ("worth", "wanted"), [(None, (SHIELD, WEB)), (0.0, (SHIELD, WEB)), (25 * M, (SHIELD, WEB)), (24 * M, (WEB,))]
)
def test_a_cheap_killmail_needs_no_prices(worth: float | None, wanted: tuple[int, ...]) -> None:
    assert prices_wanted(lost(dropped(SHIELD), destroyed(WEB), worth=worth), 50 * M, UNIVERSE) == wanted


def test_half_of_the_threshold_by_a_rough_price_is_enough_to_be_looked_at_closely() -> None:
    averages = {SHIELD: 25 * M, AMMO: 24 * M, WEB: 90 * M}
    assert candidates(lost(dropped(SHIELD), dropped(AMMO), destroyed(WEB)), averages, 50 * M) == (WEB, SHIELD)


type_ids = st.integers(1, 12) | st.sampled_from([SHIELD, AMMO, WEB, CRYSTAL])
counts = st.integers(0, 3) | st.integers(0, 2**63 - 1)
stacks = st.builds(
    Stack, type_ids, st.just(5), st.sampled_from([0, 1, 2]), counts, counts,
    items=st.lists(st.builds(Stack, type_ids, st.just(5), st.just(0), counts, counts), max_size=2).map(tuple),
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(st.lists(stacks, max_size=30), st.dictionaries(type_ids, st.floats(), max_size=12), st.floats(1.0, 1e12))
def test_of_any_items_at_any_prices_the_dearest_few_are_shown(
    items: list[Stack], prices: dict[int, float], threshold: float
) -> None:
    mail = lost(*items)
    found = notable(mail, prices, threshold, UNIVERSE)
    assert len(found) <= MOST
    values = [one.value or 0.0 for one in found]
    assert values == sorted(values, reverse=True)
    assert all(one.value is None or one.value >= threshold for one in found)
    assert all("Abyssal" in (one.named.name or "") for one in found if one.value is None)
    assert len({(one.named.id, one.dropped) for one in found}) == len(found)
    assert all(one.quantity > 0 for one in found)
    looked_at = candidates(mail, prices, threshold)
    assert len(looked_at) <= CANDIDATES
    assert set(looked_at) <= set(prices_wanted(mail, threshold, UNIVERSE))
