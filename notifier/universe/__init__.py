"""EVE's static data: names, places, security, wormhole classes, item types and their groups. Shipped, never fetched."""

from notifier.universe.data import DataError, load, shared
from notifier.universe.security import display_security
from notifier.universe.universe import SPACES, Constellation, Region, System, Type, Universe

__all__ = [
    "SPACES",
    "Constellation",
    "DataError",
    "Region",
    "System",
    "Type",
    "Universe",
    "display_security",
    "load",
    "shared",
]
