"""Killmails: their shape, and how they are read from what the sources send."""

from notifier.killmail.decode import decode_archived, decode_killmail, decode_package, from_json, to_json
from notifier.killmail.malformed import Malformed
from notifier.killmail.model import Attacker, Item, Killmail, Package, Position, Victim, Zkb

__all__ = [
    "Attacker",
    "Item",
    "Killmail",
    "Malformed",
    "Package",
    "Position",
    "Victim",
    "Zkb",
    "decode_archived",
    "decode_killmail",
    "decode_package",
    "from_json",
    "to_json",
]
