"""Distances between systems: jumps through stargates, light years through space."""

from collections import deque

import pytest
import real_killmails as real
from hypothesis import given, settings
from hypothesis import strategies as st

JITA, PERIMETER, AMARR, DODIXIE, AMAMAKE = 30000142, 30000144, 30002187, 30002659, 30002537
NIARJA, KUHARAH, THERA, ABYSS, JOVE, UNKNOWN = 30003504, 30000021, 31000005, 32000081, 30000326, 39999999
UNIVERSE = real.universe()
SYSTEMS = tuple(UNIVERSE._systems.names)
MEASURED = tuple(system for system in SYSTEMS if UNIVERSE.light_years(system, system) is not None)
measured = st.sampled_from(MEASURED)


def neighbours(system: int) -> frozenset[int]:
    return UNIVERSE.within_jumps(system, 1) - {system}


def reference(origin: int) -> dict[int, int]:
    """Search once more, over plain dictionaries of ids."""
    found, left = {origin: 0}, deque([origin])
    while left:
        system = left.popleft()
        for other in neighbours(system) - found.keys():
            found[other] = found[system] + 1
            left.append(other)
    return found


def test_the_stargates_are_those_of_the_game() -> None:
    names = {system.name for one in neighbours(JITA) if (system := UNIVERSE.system(one)) is not None}
    assert names == {"Perimeter", "Muvolailen", "Sobaseki", "Maurasi", "New Caldari", "Niyabainen", "Ikuchi"}
    gates = {system: neighbours(system) for system in SYSTEMS}
    assert sum(len(others) for others in gates.values()) == 2 * 6888
    assert all(system in gates[other] for system, others in gates.items() for other in others)


@pytest.mark.parametrize(
    ("origin", "target", "jumps"),
    [
        (JITA, JITA, 0),
        (JITA, PERIMETER, 1),
        (JITA, AMARR, 11),  # through lowsec, since Niarja is in Pochven
        (JITA, AMAMAKE, 15),
        (NIARJA, KUHARAH, 3),
        (THERA, THERA, 0),
        (JITA, NIARJA, None),
        (JITA, THERA, None),
        (JITA, ABYSS, None),
        (JITA, JOVE, None),
        (JITA, UNKNOWN, None),
        (UNKNOWN, UNKNOWN, None),
    ],
)
def test_jumps_are_counted_along_the_fewest_stargates(origin: int, target: int, jumps: int | None) -> None:
    assert UNIVERSE.jumps(origin, target) == UNIVERSE.jumps(target, origin) == jumps


@pytest.mark.parametrize("origin", [JITA, AMAMAKE, NIARJA, JOVE, THERA])
def test_every_count_of_jumps_is_that_of_a_second_search(origin: int) -> None:
    counted = reference(origin)
    assert {system: UNIVERSE.jumps(origin, system) for system in SYSTEMS} == {
        system: counted.get(system) for system in SYSTEMS
    }
    for most in (0, 1, 5, 50):
        assert UNIVERSE.within_jumps(origin, most) == {system for system, count in counted.items() if count <= most}


@pytest.mark.parametrize(
    ("a", "b", "light_years"),
    [
        (JITA, JITA, 0.0),
        (JITA, PERIMETER, 2.10),
        (JITA, AMARR, 20.28),
        (JITA, AMAMAKE, 11.91),
        (JITA, KUHARAH, 23.94),
        (JITA, THERA, None),
        (THERA, THERA, None),
        (ABYSS, JITA, None),
        (JITA, UNKNOWN, None),
    ],
)
def test_light_years_are_measured_in_known_space_only(a: int, b: int, light_years: float | None) -> None:
    assert UNIVERSE.light_years(a, b) == UNIVERSE.light_years(b, a)
    expected = None if light_years is None else pytest.approx(light_years, abs=0.01)
    assert UNIVERSE.light_years(a, b) == expected


def test_where_no_distance_is_measured_nothing_is_near() -> None:
    spaces = {space.space for system in MEASURED if (space := UNIVERSE.system(system)) is not None}
    assert spaces == {"highsec", "lowsec", "nullsec", "pochven"}
    assert UNIVERSE.within_light_years(THERA, 50) == UNIVERSE.within_light_years(UNKNOWN, 50) == frozenset()
    assert UNIVERSE.within_jumps(UNKNOWN, 50) == frozenset()
    assert UNIVERSE.within_jumps(THERA, 50) == {THERA}


def test_what_is_within_some_light_years_is_what_is_not_further() -> None:
    near = {system for system in MEASURED if (UNIVERSE.light_years(AMAMAKE, system) or 0.0) <= 6.5}
    assert UNIVERSE.within_light_years(AMAMAKE, 6.5) == near
    assert len(near) > 100


@settings(max_examples=60, deadline=None)
@given(measured, measured, measured)
def test_no_way_round_is_shorter(a: int, b: int, c: int) -> None:
    straight, first, second = UNIVERSE.light_years(a, c), UNIVERSE.light_years(a, b), UNIVERSE.light_years(b, c)
    assert straight is not None
    assert first is not None
    assert second is not None
    assert straight <= first + second + 1e-6
    assert straight == UNIVERSE.light_years(c, a)


@settings(max_examples=60, deadline=None)
@given(*[st.sampled_from([JITA, AMARR, DODIXIE, AMAMAKE, NIARJA, JOVE])] * 2, measured)
def test_no_way_round_takes_fewer_jumps(a: int, b: int, c: int) -> None:
    straight, first, second = UNIVERSE.jumps(a, c), UNIVERSE.jumps(a, b), UNIVERSE.jumps(b, c)
    assert straight == UNIVERSE.jumps(c, a)
    if first is not None and second is not None:
        assert straight is not None
        assert straight <= first + second
