"""How far a kill was from the systems that its readers measure from."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Protocol

import msgspec

from notifier.messages.notice import Distance, KillNotice

MOST_ORIGINS = 3
"""Of these distances one notice tells; where subscriptions name more origins, the first that say something."""


class _Named(Protocol):
    @property
    def name(self) -> str: ...


class Map(Protocol):
    """The part of the static data that distances need; `notifier.universe.Universe` is one."""

    def system(self, system_id: int, /) -> _Named | None:
        """Give the solar system."""

    def jumps(self, origin: int, target: int, /) -> int | None:
        """Give the fewest jumps; None where no stargates lead there."""

    def light_years(self, a: int, b: int, /) -> float | None:
        """Give the distance; None where none is measured."""


def with_distances(notice: KillNotice, origins: Iterable[int], universe: Map) -> KillNotice:
    """Add to the notice how far it was from each of `origins`, ids of systems; a kill there itself is told anyway."""
    found = tuple(islice(_distances(notice.place.system.id, origins, universe), MOST_ORIGINS))
    return msgspec.structs.replace(notice, distances=found) if found else notice


def _distances(system_id: int, origins: Iterable[int], universe: Map) -> Iterator[Distance]:
    for origin in origins:
        system = universe.system(origin)
        if system is None or origin == system_id:
            continue
        jumps, light_years = universe.jumps(origin, system_id), universe.light_years(origin, system_id)
        if jumps is not None or light_years is not None:
            yield Distance(system.name, jumps, light_years)
