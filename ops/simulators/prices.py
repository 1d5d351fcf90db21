"""Values for killmails that come without a `zkb` block: fixed prices, so that every run gives the same totals."""

from collections.abc import Mapping, Sequence
from typing import Any

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


def _flat(items: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Items and what lies in those that are containers; there is one such level."""
    return [one for item in items for one in (item, *(item.get("items") or ()))]


def _crowd(count: int) -> str:
    steps = (1000, 100, 50, 25, 10, 5, 2)
    return next((f"#:{step}+" for step in steps if count >= step), "#:1")
