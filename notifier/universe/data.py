"""The data file: zlib over msgpack, one value a column, so that loading makes few objects.

`ops/universe_data.py` writes it.
"""

import zlib
from array import array
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from notifier.universe.distance import Chart
from notifier.universe.universe import Names, Systems, Types, Universe

FILE: Final = Path(__file__).parent / "universe.bin"


class DataError(Exception):
    """The data file is missing or damaged; says which, and what to do."""


class Table(msgspec.Struct):
    """`ids` and `columns` are little-endian arrays of 32-bit integers or of doubles, `names` has one a line."""

    ids: bytes
    names: str
    columns: dict[str, bytes] = {}


class Stars(msgspec.Struct):
    """What a `Chart` needs of the systems, in their order: positions as 32-bit floats in light years, and stargates."""

    x: bytes
    y: bytes
    z: bytes
    ends: bytes
    gates: bytes


class Content(msgspec.Struct):
    """The whole file."""

    systems: Table
    stars: Stars
    constellations: Table
    regions: Table
    types: Table
    groups: Table
    factions: Table
    corporations: Table


def load(path: Path = FILE) -> Universe:
    """Read the static data. Raises DataError."""
    try:
        content = msgspec.msgpack.decode(zlib.decompress(path.read_bytes()), type=Content)
    except (OSError, zlib.error, msgspec.MsgspecError) as error:
        raise DataError(
            f"{path}: found no readable static data ({type(error).__name__}), "
            "expected what `ops/universe_data.py` writes; install the notifier anew"
        ) from None
    return Universe(
        systems=_systems(content.systems),
        chart=_chart(content.stars),
        constellations=_names(content.constellations),
        constellation_regions=_integers(content.constellations.columns["region"]),
        regions=_names(content.regions),
        types=Types(_names(content.types), _integers(content.types.columns["group"])),
        groups=_names(content.groups),
        group_categories=_integers(content.groups.columns["category"]),
        factions=_names(content.factions),
        corporations=_names(content.corporations),
    )


@cache
def shared() -> Universe:
    """Give the static data of this process, read once; what a zygote has read, its forks share."""
    return load()


def encode(content: Content) -> bytes:
    """Give the bytes of the data file; equal content gives equal bytes."""
    return zlib.compress(msgspec.msgpack.encode(content), 9)


def integers(values: list[int]) -> bytes:
    """Give a column of integers below 2**32."""
    return array("I", values).tobytes()


def floats(values: list[float]) -> bytes:
    """Give a column of floats."""
    return array("d", values).tobytes()


def small_floats(values: list[float]) -> bytes:
    """Give a column of floats with seven digits."""
    return array("f", values).tobytes()


def _integers(column: bytes) -> "array[int]":
    found = array("I")
    found.frombytes(column)
    return found


def _names(table: Table) -> Names:
    return Names(_integers(table.ids), table.names.split("\n"))


def _systems(table: Table) -> Systems:
    security = array("d")
    security.frombytes(table.columns["security"])
    constellation, space, wormhole = (_integers(table.columns[name]) for name in ("constellation", "space", "wormhole"))
    return Systems(_names(table), security, constellation, space, wormhole)


def _chart(stars: Stars) -> Chart:
    x, y, z = (_small_floats(column) for column in (stars.x, stars.y, stars.z))
    return Chart(x, y, z, _integers(stars.ends), _integers(stars.gates))


def _small_floats(column: bytes) -> "array[float]":
    found = array("f")
    found.frombytes(column)
    return found
