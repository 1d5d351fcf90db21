"""Which items of a killmail a message shows: those that were worth much, and modules that somebody mutated. Pure.

Blueprint copies have no price of their own and are left out; the hull is not an item.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Protocol

from notifier.killmail.model import Item as Stack
from notifier.killmail.model import Killmail
from notifier.messages.escape import plain
from notifier.messages.kill import LONGEST_NAME
from notifier.messages.notice import Item, Named

MOST = 5
"""Items that a message lists."""
CANDIDATES = 8
"""Types at most whose price is looked up closely."""

_COPY = 2
"""The `singleton` of a blueprint copy."""


class _Type(Protocol):
    @property
    def name(self) -> str: ...


class Types(Protocol):
    """The static data that names items; `notifier.universe.Universe` is one."""

    def type(self, type_id: int, /) -> _Type | None:
        """Give the item type."""


def prices_wanted(killmail: Killmail, threshold: float, types: Types) -> tuple[int, ...]:
    """Give the types of the victim's items whose price decides, also of those in containers, each once, in order.

    Where the whole killmail was worth less than half of the threshold no stack can reach it: then only those that
    might be mutated modules.
    """
    found = {type_id for type_id, _ in _stacks(killmail)}
    worth = 0.0 if killmail.zkb is None else killmail.zkb.total_value
    if 0 < worth < threshold / 2:  # zero is what nobody says
        found = {type_id for type_id in found if _mutated(_named(type_id, types))}
    return tuple(sorted(found))


def candidates(killmail: Killmail, averages: Mapping[int, float], threshold: float) -> tuple[int, ...]:
    """Give the types (at most CANDIDATES, the dearest first) that may reach `threshold` ISK by a better price.

    `averages` are rough prices in ISK a unit: what comes to half of the threshold by them is looked at closely.
    """
    worth: dict[int, float] = {}
    for (type_id, _), count in _stacks(killmail).items():
        worth[type_id] = max(worth.get(type_id, 0.0), averages.get(type_id, 0.0) * count)
    dear = [type_id for type_id, value in worth.items() if value >= threshold / 2]
    return tuple(sorted(dear, key=lambda type_id: (-worth[type_id], type_id))[:CANDIDATES])


def notable(killmail: Killmail, prices: Mapping[int, float], threshold: float, types: Types) -> tuple[Item, ...]:
    """Give at most MOST items, the dearest first: stacks worth `threshold` ISK, then mutated modules without a value.

    `prices` are in ISK a unit. Equal stacks are one item; what dropped and what was destroyed are two.
    """
    found = (
        item
        for (type_id, dropped), count in _stacks(killmail).items()
        if (item := _item(type_id, dropped, count, prices.get(type_id, 0.0), threshold, types)) is not None
    )
    return tuple(sorted(found, key=_rank)[:MOST])


def _item(type_id: int, dropped: bool, count: int, price: float, threshold: float, types: Types) -> Item | None:
    if price > 0:
        if price * count < threshold:
            return None
        return Item(_named(type_id, types), count, dropped, price * count)
    # No market sells what was mutated; what else has "Abyssal" in its name (crystals, crates) has a price.
    named = _named(type_id, types)
    return Item(named, count, dropped) if _mutated(named) else None


def _mutated(named: Named) -> bool:
    return "abyssal" in (named.name or "").lower()


def _named(type_id: int, types: Types) -> Named:
    found = types.type(type_id)
    return Named(type_id, None if found is None else plain(found.name, LONGEST_NAME) or None)


def _rank(item: Item) -> tuple[float, int, bool]:
    return -(item.value or 0.0), item.named.id, not item.dropped


def _stacks(killmail: Killmail) -> Counter[tuple[int, bool]]:
    """Add up how many of a type dropped (True) and how many were destroyed (False)."""
    found: Counter[tuple[int, bool]] = Counter()
    for one in _flat(killmail.victim.items):
        if one.singleton == _COPY:
            continue
        for count, dropped in ((one.quantity_dropped, True), (one.quantity_destroyed, False)):
            if count > 0:
                found[one.item_type_id, dropped] += count
    return found


def _flat(items: tuple[Stack, ...]) -> Iterator[Stack]:
    waiting = list(items)
    while waiting:
        one = waiting.pop()
        yield one
        waiting.extend(one.items)
