"""Look-ups in the static data. What is not known gives None: the data may be older than the game."""

import difflib
from array import array
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from notifier.universe.distance import Chart

SPACES: Final = frozenset({"highsec", "lowsec", "nullsec", "wormhole", "pochven", "abyssal", "void"})
"""The classes of space that rules know; the Jove regions count as nullsec."""
SPACE_CODES: Final = tuple(sorted(SPACES))
"""A space's place in this tuple stands for it in the data file."""

WORMHOLE_CLASSES: Final = {
    **{number: f"C{number}" for number in range(1, 7)},
    12: "Thera",
    13: "C13",
    **dict.fromkeys(range(14, 19), "Drifter"),
}
"""The data's numbers of wormhole classes; C13 are the small shattered systems."""

FLOWN: Final = frozenset({2, 6, 11, 18, 22, 23, 40, 46, 65, 87})
"""Categories of what can be lost or can attack: ships, structures, NPCs, drones, fighters, deployables, …"""


@dataclass(frozen=True, slots=True)
class System:
    """A solar system; `security` is exact (see `display_security`), `wormhole_class` e.g. "C5" or "Thera"."""

    id: int
    name: str
    constellation_id: int
    region_id: int
    security: float
    space: str
    wormhole_class: str | None


@dataclass(frozen=True, slots=True)
class Constellation:
    """A constellation."""

    id: int
    name: str
    region_id: int


@dataclass(frozen=True, slots=True)
class Region:
    """A region."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Type:
    """An item type: a ship, a structure, a weapon, …"""

    id: int
    name: str
    group_id: int


class Names:
    """Ids with their names, both in one order."""

    def __init__(self, ids: "array[int]", names: list[str]) -> None:
        self.names = names
        self._place = dict(zip(ids, range(len(ids)), strict=True))

    def place(self, entity: int) -> int | None:
        """Where in the columns the id stands."""
        return self._place.get(entity)

    def get(self, entity: int) -> str | None:
        """Give the name of an id."""
        place = self._place.get(entity)
        return None if place is None else self.names[place]

    def by_name(self, only: Collection[int] | None = None) -> dict[str, tuple[int, ...]]:
        """Give the ids of each name, in lower case; of `only` those where given."""
        found: dict[str, tuple[int, ...]] = {}
        for entity, name in zip(self._place, self.names, strict=True):
            if only is None or entity in only:
                key = name.casefold()
                found[key] = (*found.get(key, ()), entity)
        return found

    def __iter__(self) -> Iterator[int]:
        return iter(self._place)


@dataclass(frozen=True, slots=True)
class Systems:
    """The columns of the solar systems."""

    names: Names
    security: "array[float]"
    constellation: "array[int]"
    space: "array[int]"
    wormhole: "array[int]"


@dataclass(frozen=True, slots=True)
class Types:
    """The columns of the item types."""

    names: Names
    group: "array[int]"


class Universe:
    """All of the static data; `load` makes it. Objects are made when they are asked for."""

    def __init__(
        self,
        systems: Systems,
        chart: Chart,
        constellations: Names,
        constellation_regions: "array[int]",
        regions: Names,
        types: Types,
        groups: Names,
        group_categories: "array[int]",
        factions: Names,
        corporations: Names,
    ) -> None:
        self._systems, self._chart, self._types = systems, chart, types
        self._constellations, self._constellation_regions = constellations, constellation_regions
        self._regions, self._groups, self._group_categories = regions, groups, group_categories
        self._factions, self._corporations = factions, corporations

    def system(self, system_id: int) -> System | None:
        """Give the solar system."""
        at = self._systems.names.place(system_id)
        if at is None:
            return None
        found = self._systems
        constellation = self.constellation(found.constellation[at])
        return System(
            system_id,
            found.names.names[at],
            found.constellation[at],
            0 if constellation is None else constellation.region_id,
            found.security[at],
            SPACE_CODES[found.space[at]],
            WORMHOLE_CLASSES.get(found.wormhole[at]),
        )

    def jumps(self, origin: int, target: int) -> int | None:
        """Give the fewest jumps between two systems; None where no stargates lead there, such as into wormholes."""
        start, end = self._systems.names.place(origin), self._systems.names.place(target)
        return None if start is None or end is None else self._chart.jumps(start, end)

    def light_years(self, a: int, b: int) -> float | None:
        """Give the distance of two systems; None where it means nothing: from wormholes, the abyss and the void."""
        start, end = self._systems.names.place(a), self._systems.names.place(b)
        return None if start is None or end is None else self._chart.light_years(start, end)

    def within_jumps(self, origin: int, most: int) -> frozenset[int]:
        """Give the systems at most so many jumps away, the origin among them; none around one that is not known."""
        start = self._systems.names.place(origin)
        return frozenset() if start is None else self._ids_of(self._chart.within_jumps(start, most))

    def within_light_years(self, origin: int, most: float) -> frozenset[int]:
        """Give the systems at most so many light years away, the origin among them; none where no distance is known."""
        start = self._systems.names.place(origin)
        return frozenset() if start is None else self._ids_of(self._chart.within_light_years(start, most))

    def _ids_of(self, places: Iterable[int]) -> frozenset[int]:
        return frozenset(self._system_ids[place] for place in places)

    def constellation(self, constellation_id: int) -> Constellation | None:
        """Give the constellation."""
        at = self._constellations.place(constellation_id)
        if at is None:
            return None
        return Constellation(constellation_id, self._constellations.names[at], self._constellation_regions[at])

    def region(self, region_id: int) -> Region | None:
        """Give the region."""
        name = self._regions.get(region_id)
        return None if name is None else Region(region_id, name)

    def type(self, type_id: int) -> Type | None:
        """Give the item type."""
        at = self._types.names.place(type_id)
        return None if at is None else Type(type_id, self._types.names.names[at], self._types.group[at])

    def group_of(self, type_id: int) -> int | None:
        """Give the group of an item type, without making the type."""
        at = self._types.names.place(type_id)
        return None if at is None else self._types.group[at]

    def group_name(self, group_id: int) -> str | None:
        """Give the name of a group of item types, such as Frigate."""
        return self._groups.get(group_id)

    def faction_name(self, faction_id: int) -> str | None:
        """Give the name of a faction."""
        return self._factions.get(faction_id)

    def npc_corporation_name(self, corporation_id: int) -> str | None:
        """Give the name of an NPC corporation; those of players are ESI's to tell."""
        return self._corporations.get(corporation_id)

    def find(self, kind: str, name: str) -> tuple[int, ...]:
        """Give the ids that bear this name, whatever its letter case; several NPC types may share one.

        `kind` is one of system, constellation, region, ship_type, ship_group, faction, corporation (NPC ones only).
        """
        return self._by_name[kind].get(name.strip().casefold(), ())

    def suggest(self, kind: str, name: str) -> str | None:
        """Give the closest name of this kind; None where none is close."""
        close = difflib.get_close_matches(name.strip().casefold(), self._by_name[kind], n=1, cutoff=0.7)
        return self._names[kind].get(self._by_name[kind][close[0]][0]) if close else None

    @cached_property
    def _system_ids(self) -> tuple[int, ...]:
        """The ids by their places; workers that read no configuration never need it."""
        return tuple(self._systems.names)

    @cached_property
    def _names(self) -> dict[str, Names]:
        return {
            "system": self._systems.names,
            "constellation": self._constellations,
            "region": self._regions,
            "ship_type": self._types.names,
            "ship_group": self._groups,
            "faction": self._factions,
            "corporation": self._corporations,
        }

    @cached_property
    def _by_name(self) -> dict[str, dict[str, tuple[int, ...]]]:
        """Made when a name is first looked up: workers that read no configuration never need it."""
        groups = frozenset(
            group for group, category in zip(self._groups, self._group_categories, strict=True) if category in FLOWN
        )
        types = frozenset(t for t, group in zip(self._types.names, self._types.group, strict=True) if group in groups)
        only = {"ship_type": types, "ship_group": groups}
        return {kind: names.by_name(only.get(kind)) for kind, names in self._names.items()}
