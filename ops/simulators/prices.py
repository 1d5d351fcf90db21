"""What things are worth: fixed prices, so that every run gives the same totals for killmails without a `zkb` block.

For those that have one the items' prices are such that they never come to more than it says.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec

HULLS = {
    670: 10_000.0,  # Capsule
    33328: 40_000.0,  # Capsule - Genolution
    587: 600_000.0,  # Rifter
    603: 600_000.0,  # Merlin
    621: 15_000_000.0,  # Caracal
    17738: 420_000_000.0,  # Machariel
    29990: 330_000_000.0,  # Loki
    11567: 90_000_000_000.0,  # Avatar
    671: 95_000_000_000.0,  # Erebus
    3764: 92_000_000_000.0,  # Leviathan
    23773: 93_000_000_000.0,  # Ragnarok
    19720: 3_500_000_000.0,  # Revelation
    23757: 2_000_000_000.0,  # Archon
    20185: 2_100_000_000.0,  # Charon
    35832: 900_000_000.0,  # Astrahus
    35834: 80_000_000_000.0,  # Keepstar
}
"""ISK by ship type, for types whose order of magnitude readers know."""


NOT_SOLD = frozenset(
    {
        47702,  # Abyssal Stasis Webifier
        47736,  # Abyssal Warp Disruptor
        47777,  # Large Abyssal Armor Repairer
        47789,  # Large Abyssal Shield Booster
        49726,  # Abyssal Heat Sink
        49738,  # Abyssal Ballistic Control System
        52227,  # Abyssal Damage Control
        56306,  # 50000MN Abyssal Microwarpdrive
    }
)
"""Mutated modules: no market sells them, so nobody knows a price."""


COPY = 2
"""The `singleton` of a blueprint copy."""


def price(type_id: int) -> float:
    """Give a price in ISK: the known hull's, else 1,000 ISK to 100 million, always the same for a type."""
    known = HULLS.get(type_id)
    if known is not None:
        return known
    mixed = (type_id * 2_654_435_761) % 2**32 / 2**32
    return float(round(10 ** (3 + 5 * mixed), 2))


def computed_zkb(killmail: Mapping[str, Any], killmail_hash: str) -> dict[str, object]:
    """Make the block that zKillboard would add: values in ISK, who was involved, labels.

    Raises TypeError, KeyError, ValueError or AttributeError for a killmail of another shape than ESI's.
    """
    attackers: Sequence[Mapping[str, Any]] = killmail["attackers"]
    victim: Mapping[str, Any] = killmail["victim"]
    hull = price(int(victim["ship_type_id"]))
    items = list(_flat(victim.get("items") or ()))
    dropped = sum(price(int(one["item_type_id"])) * int(one.get("quantity_dropped") or 0) for one in items)
    lost = sum(price(int(one["item_type_id"])) * int(one.get("quantity_destroyed") or 0) for one in items)
    players = [one for one in attackers if int(one.get("character_id") or 0) > 3_999_999]
    npc, solo = not players, len(players) == 1 and len(attackers) == 1
    return {
        "hash": killmail_hash,
        "fittedValue": round(hull + 0.8 * (dropped + lost), 2),
        "droppedValue": round(dropped, 2),
        "destroyedValue": round(hull + lost, 2),
        "totalValue": round(hull + lost + dropped, 2),
        "totalDroppableValue": round(lost + dropped, 2),
        "points": 1 if npc else 5,
        "npc": npc,
        "solo": solo,
        "awox": False,
        "labels": ["npc" if npc else "pvp", "cat:6", "solo" if solo else _crowd(len(attackers))],
        "attackerCount": len(attackers),
    }


MOST_MAILS = 1_000
"""Killmails that are looked at for prices."""


class Prices:
    """The market's prices in ISK by type, for the types in `mails`: pairs of ESI's body and the zkb block."""

    def __init__(self, mails: Sequence[tuple[bytes, Mapping[str, Any]]]) -> None:
        self._mails = mails[:MOST_MAILS]

    def all(self) -> Mapping[int, float]:
        """Give the prices of all types that have one."""
        return self._all

    def of(self, type_id: int) -> float:
        """Give the price of a type; 0 where nobody knows one."""
        return 0.0 if type_id in NOT_SOLD else self._all.get(type_id) or price(type_id)

    @cached_property
    def _all(self) -> Mapping[int, float]:
        """Made when it is first asked for: most runs of the simulators never are."""
        lots = [lot for body, zkb in self._mails for lot in _lots(body, zkb)]
        largest: Counter[int] = Counter()
        for stacks, _ in lots:
            largest |= stacks
        # What comes by the thousand is ammunition.
        rough = {type_id: price(type_id) / count for type_id, count in largest.items() if type_id not in NOT_SOLD}
        scale: dict[int, float] = {}
        for stacks, value in lots:
            whole = sum(rough.get(type_id, 0.0) * count for type_id, count in stacks.items())
            for type_id in stacks:
                scale[type_id] = min(scale.get(type_id, 1e9), value / whole if whole else 1.0)
        # The hull, which nobody lists as an item, is in what was destroyed: hence the price as a limit.
        return {one: round(min(found * scale[one], price(one)), 2) for one, found in sorted(rough.items())}


def _lots(body: bytes, zkb: Mapping[str, Any]) -> Iterator[tuple[Counter[int], float]]:
    """Give what dropped and what was destroyed, how many of each type, and what all of it was worth."""
    try:
        items = _flat(msgspec.json.decode(body)["victim"].get("items") or ())
        for count, value in (("quantity_dropped", "droppedValue"), ("quantity_destroyed", "destroyedValue")):
            stacks: Counter[int] = Counter()
            for one in items:
                if one.get("singleton") != COPY:
                    stacks[int(one["item_type_id"])] += int(one.get(count) or 0)
            yield +stacks, float(zkb[value])
    except (msgspec.DecodeError, KeyError, TypeError, ValueError, AttributeError):
        return  # a malformed killmail


def _flat(items: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Items and what lies in those that are containers; there is one such level."""
    return [one for item in items for one in (item, *(item.get("items") or ()))]


def _crowd(count: int) -> str:
    steps = (1000, 100, 50, 25, 10, 5, 2)
    return next((f"#:{step}+" for step in steps if count >= step), "#:1")
