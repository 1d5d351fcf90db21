"""Writes notifier/universe/universe.bin from a folder of CSV files: `python -m ops.universe_data FOLDER`.

The folder holds systems, positions, jumps, constellations, regions, types, factions and npc_corporations (.csv), with
the columns that are read below: an extract of CCP's static data export. Positions are in metres, and each row of jumps
stands for a stargate and the one that leads back.
"""

import csv
import itertools
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from notifier.universe.data import FILE, Content, Stars, Table, encode, floats, integers, small_floats
from notifier.universe.universe import SPACE_CODES

Row = dict[str, str]

LIGHT_YEAR: Final = 9.4607304725808e15
"""In metres."""
NOWHERE: Final = frozenset({"wormhole", "abyssal", "void"})
"""Spaces of which the data have positions as well, but the game measures no distances from there."""


def build(folder: Path) -> Content:
    """Read the folder. Raises OSError, KeyError, ValueError for files of another shape."""
    systems = _rows(folder, "systems", "system_id")
    constellations = _rows(folder, "constellations", "constellation_id")
    types = _rows(folder, "types", "type_id")
    groups = sorted({int(row["group_id"]): row for row in types}.items())
    return Content(
        systems=_table(
            systems,
            "system_id",
            security=floats([float(row["security"]) for row in systems]),
            constellation=_column(systems, "constellation_id"),
            space=integers([SPACE_CODES.index(row["space"]) for row in systems]),
            wormhole=_column(systems, "wormhole_class_id"),
        ),
        stars=_stars(folder, systems),
        constellations=_table(constellations, "constellation_id", region=_column(constellations, "region_id")),
        regions=_table(_rows(folder, "regions", "region_id"), "region_id"),
        types=_table(types, "type_id", group=_column(types, "group_id")),
        groups=Table(
            integers([group for group, _ in groups]),
            "\n".join(row["group_name"] for _, row in groups),
            {"category": integers([int(row["category_id"]) for _, row in groups])},
        ),
        factions=_table(_rows(folder, "factions", "faction_id"), "faction_id"),
        corporations=_table(_rows(folder, "npc_corporations", "corporation_id"), "corporation_id"),
    )


def _stars(folder: Path, systems: list[Row]) -> Stars:
    positions = {row["system_id"]: row for row in _rows(folder, "positions", "system_id")}
    measured = [None if row["space"] in NOWHERE else positions[row["system_id"]] for row in systems]
    x, y, z = (
        small_floats([math.nan if row is None else float(row[axis]) / LIGHT_YEAR for row in measured])
        for axis in ("x_m", "y_m", "z_m")
    )
    gates = _gates(folder, [row["system_id"] for row in systems])
    ends = itertools.accumulate(len(neighbours) for neighbours in gates)
    return Stars(x, y, z, integers(list(ends)), integers([place for neighbours in gates for place in neighbours]))


def _gates(folder: Path, ids: list[str]) -> list[list[int]]:
    """Give the neighbours of each system, both by their places in `ids`."""
    places = {system_id: place for place, system_id in enumerate(ids)}
    gates: list[set[int]] = [set() for _ in ids]
    for row in _rows(folder, "jumps", "from_system_id"):
        one, other = places[row["from_system_id"]], places[row["to_system_id"]]
        gates[one].add(other)
        gates[other].add(one)
    return [sorted(neighbours) for neighbours in gates]


def _rows(folder: Path, name: str, key: str) -> list[Row]:
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        by_id: Callable[[Row], int] = lambda row: int(row[key])  # noqa: E731 – typed for sorted
        return sorted(csv.DictReader(file), key=by_id)


def _column(rows: list[Row], name: str) -> bytes:
    return integers([int(row[name] or 0) for row in rows])


def _table(rows: list[Row], key: str, **columns: bytes) -> Table:
    names = [row["name"] for row in rows]
    if any("\n" in name for name in names):
        raise ValueError("found a name of two lines, expected none")
    return Table(_column(rows, key), "\n".join(names), columns)


if __name__ == "__main__":
    FILE.write_bytes(encode(build(Path(sys.argv[1]))))
