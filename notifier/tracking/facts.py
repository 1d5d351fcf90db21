"""What rules ask of one killmail, looked up once."""

from typing import Protocol, TypeAlias

from notifier.killmail import Attacker, Killmail, Victim

Party: TypeAlias = Victim | Attacker


class _System(Protocol):
    @property
    def constellation_id(self) -> int: ...
    @property
    def region_id(self) -> int: ...
    @property
    def space(self) -> str: ...


class Places(Protocol):
    """The part of the static data that matching needs; `notifier.universe.Universe` is one."""

    def system(self, system_id: int, /) -> _System | None:
        """Give the solar system."""

    def group_of(self, type_id: int, /) -> int | None:
        """Give the group of an item type."""


class Facts:
    """One killmail with its place. A system that the static data does not know has no constellation, region, space."""

    __slots__ = ("_groups", "_places", "constellation", "killmail", "npc", "region", "solo", "space", "value")

    def __init__(self, killmail: Killmail, places: Places) -> None:
        self.killmail, self._places = killmail, places
        self._groups: dict[int, int | None] = {}
        system = places.system(killmail.solar_system_id)
        self.constellation = None if system is None else system.constellation_id
        self.region = None if system is None else system.region_id
        self.space = None if system is None else system.space
        zkb = killmail.zkb
        self.value = None if zkb is None else zkb.total_value
        self.npc = zkb is not None and zkb.npc
        self.solo = zkb is not None and zkb.solo

    def group(self, ship_type: int | None) -> int | None:
        """Give the group of a ship's type."""
        if ship_type is None:
            return None
        if ship_type not in self._groups:
            self._groups[ship_type] = self._places.group_of(ship_type)
        return self._groups[ship_type]
