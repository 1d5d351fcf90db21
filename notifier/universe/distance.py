"""How far systems are from each other: in jumps through stargates, and in light years through space.

A system is meant here by its place in the columns; `Universe` turns ids into places.
"""

import math
from array import array
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Final

NO_WAY: Final = 0xFFFF
"""Stands for the jumps to a system that no stargate leads to."""
ORIGINS_KEPT: Final = 128
"""Origins whose jumps to everywhere are remembered, 17 KB each."""


class Chart:
    """Where the systems stand, and the stargates between them.

    `x`, `y`, `z` are in light years, not a number for systems from which no distance is measured. `gates` are the
    neighbours of all systems, one system after the other, and `ends` where those of each system end.
    """

    def __init__(
        self, x: "array[float]", y: "array[float]", z: "array[float]", ends: "array[int]", gates: "array[int]"
    ) -> None:
        self._x, self._y, self._z, self._ends, self._gates = x, y, z, ends, gates
        self._jumps_from = lru_cache(ORIGINS_KEPT)(self._all_jumps)

    def jumps(self, origin: int, target: int) -> int | None:
        """Give the fewest jumps from one system to another; None where no stargates lead there."""
        found = self._jumps_from(origin)[target]
        return None if found == NO_WAY else found

    def within_jumps(self, origin: int, most: int) -> Iterator[int]:
        """Give the systems that are at most so many jumps away, the origin first."""
        for ring in islice(self._rings(origin), most + 1):
            yield from ring

    def light_years(self, a: int, b: int) -> float | None:
        """Give the distance; None where none is measured."""
        found = math.dist(self._position(a), self._position(b))
        return None if math.isnan(found) else found

    def within_light_years(self, origin: int, most: float) -> Iterator[int]:
        """Give the systems that are at most so far away, the origin too; none where no distance is measured."""
        centre = self._position(origin)
        for place, position in enumerate(zip(self._x, self._y, self._z, strict=True)):
            if math.dist(centre, position) <= most:  # never true of what is not a number
                yield place

    def _position(self, place: int) -> tuple[float, float, float]:
        return self._x[place], self._y[place], self._z[place]

    def _neighbours(self, place: int) -> "array[int]":
        return self._gates[self._ends[place - 1] if place else 0 : self._ends[place]]

    def _rings(self, origin: int) -> Iterator[list[int]]:
        """Breadth first: the systems 0 jumps away, 1 jump away, … as far as the stargates lead."""
        seen, ring = {origin}, [origin]
        while ring:
            yield ring
            further: list[int] = []
            for place in ring:
                for neighbour in self._neighbours(place):
                    if neighbour not in seen:
                        seen.add(neighbour)
                        further.append(neighbour)
            ring = further

    def _all_jumps(self, origin: int) -> "array[int]":
        jumps = array("H", [NO_WAY]) * len(self._ends)
        for count, ring in enumerate(self._rings(origin)):
            for place in ring:
                jumps[place] = count
        return jumps
