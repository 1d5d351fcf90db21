"""The filter language: what each table means, and every mistake with its place and what was expected."""

import math
from datetime import date
from typing import Any

import pytest
import real_killmails as real
from hypothesis import example, given, settings
from hypothesis import strategies as st

from notifier.problem import Problem
from notifier.tracking import only_origin, parse_rule, read_origin
from notifier.tracking.isk import IskError, parse_isk
from notifier.tracking.near import KEYS as NEAR_KEYS
from notifier.tracking.parse import DEEPEST, KEYS
from notifier.tracking.rules import (
    All,
    Constellations,
    NotAny,
    Npc,
    Regions,
    Rule,
    Solo,
    Spaces,
    Systems,
    Value,
    Who,
)
from notifier.tracking.rules import (
    Any as AnyOf,
)

PARTY = "characters, corporations, alliances, factions, ship_types, ship_groups"
SPACE = "abyssal, highsec, lowsec, nullsec, pochven, void, wormhole"
NEAR = 'a table such as { system = "Jita", jumps = 5 } or'
JITA = {"system": "Jita", "jumps": 5}
AMOUNT = 'ISK: a number, or a text such as "50m", "1.5b", "2t"'


def ids(*numbers: int) -> frozenset[int]:
    return frozenset(numbers)


def mistakes(table: object, where: str = "where") -> list[str]:
    found, problems = parse_rule(table, where, real.universe())
    assert found is None
    assert problems
    return [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"systems": ["Jita", 30002187]}, Systems(ids(30000142, 30002187))),
        ({"systems": [" jITA ", "JITA", 30000142]}, Systems(ids(30000142))),
        ({"constellations": ["Kimotoro"]}, Constellations(ids(20000020))),
        ({"regions": ["the forge", 10000043]}, Regions(ids(10000002, 10000043))),
        ({"near": {"system": "Jita", "jumps": 0}}, Systems(ids(30000142))),
        ({"space": ["lowsec", "pochven"]}, Spaces(frozenset({"lowsec", "pochven"}))),
        ({"space": "wormhole"}, Spaces(frozenset({"wormhole"}))),
        ({"victim": {"characters": [90]}}, Who("victim", characters=ids(90))),
        ({"final_blow": {"corporations": [98, "CBD Corporation"]}}, Who("final_blow", corporations=ids(98, 1000002))),
        ({"attackers": {"alliances": [99]}}, Who("attackers", alliances=ids(99))),
        ({"involved": {"factions": ["caldari state"]}}, Who("involved", factions=ids(500001))),
        (
            {"victim": {"ship_types": ["Rifter", 670], "ship_groups": ["Frigate"]}},
            Who("victim", ship_types=ids(587, 670), ship_groups=ids(25)),
        ),
        ({"victim": {"ship_types": ["Infiltrator II"]}}, Who("victim", ship_types=ids(2175, 60376))),
        ({"value": {"min": "1.5b"}}, Value(1.5e9, None)),
        ({"value": {"max": 100}}, Value(None, 100.0)),
        ({"value": {"min": 5.5, "max": "5.5"}}, Value(5.5, 5.5)),
        ({"npc": True}, Npc(True)),
        ({"solo": False}, Solo(False)),
        ({"all": [{"npc": True}]}, All((Npc(True),))),
        ({"any": [{"npc": True}, {"solo": True}]}, AnyOf((Npc(True), Solo(True)))),
        ({"none": [{"npc": True, "solo": False}]}, NotAny((All((Npc(True), Solo(False))),))),
        ({"npc": True, "systems": [1], "value": {"min": 0}}, All((Npc(True), Systems(ids(1)), Value(0.0)))),
        ({}, All(())),
    ],
)
def test_a_table_means_a_rule(table: dict[str, Any], expected: Rule) -> None:
    assert parse_rule(table, "where", real.universe()) == (expected, [])


@pytest.mark.parametrize("key", ["jumps", "light_years"])
def test_near_means_the_systems_around_and_the_origin_itself(key: str) -> None:
    universe = real.universe()
    near = {"jumps": universe.within_jumps(30000142, 2), "light_years": universe.within_light_years(30000142, 2)}
    assert parse_rule({"near": {"system": " jITA ", key: 2}}, "where", universe) == (Systems(near[key]), [])
    assert 30000142 in near[key]
    assert len(near[key]) > 5


def test_of_a_list_of_near_tables_any_may_be_true() -> None:
    found, _ = parse_rule(
        {"near": [{"system": 30000142, "jumps": 1}, {"system": "Amamake", "light_years": 0.1}]},
        "where",
        real.universe(),
    )
    assert found == Systems(real.universe().within_jumps(30000142, 1) | {30002537})


def test_in_pochven_jumps_and_light_years_are_counted_too() -> None:
    found, _ = parse_rule({"near": {"system": "Niarja", "jumps": 50}}, "where", real.universe())
    assert isinstance(found, Systems)
    assert len(found.ids) == 27


JITA_FAR = {"near": {"system": 30000142, "light_years": 6}}


@pytest.mark.parametrize(
    ("table", "origin"),
    [
        ({"near": JITA}, 30000142),
        ({"near": [JITA], "npc": False}, 30000142),
        ({"any": [{"near": JITA}, JITA_FAR, {"all": [{"near": JITA}]}]}, 30000142),
        ({"near": JITA, "none": [{"near": {"system": "Amamake", "jumps": 1}}]}, 30000142),
        ({"near": [JITA, {"system": "Amamake", "jumps": 1}]}, None),
        ({"none": [{"near": JITA}]}, None),
        ({"systems": ["Jita"]}, None),
        ({}, None),
    ],
)
def test_the_only_system_that_a_rule_measures_from_is_its_origin(table: dict[str, Any], origin: int | None) -> None:
    assert parse_rule(table, "where", real.universe())[1] == []
    assert only_origin(table, real.universe()) == origin


@pytest.mark.parametrize(
    ("entry", "origin", "found"),
    [
        ("jita", 30000142, []),
        (30000142, 30000142, []),
        ("Niarja", 30003504, []),
        ("Jitta", None, ["where: found 'Jitta', expected the name of a system, or its id; did you mean Jita?"]),
        (True, None, ["where: found true, expected a system by name or id"]),
        (1, None, ["where: found 1, expected a system of known space: from others no distance is measured"]),
        (
            "Thera",
            None,
            ["where: found 'Thera', expected a system of known space: from others no distance is measured"],
        ),
    ],
)
def test_an_origin_is_a_system_that_distances_are_measured_from(
    entry: object, origin: int | None, found: list[str]
) -> None:
    problems: list[str] = []
    assert read_origin(entry, "where", real.universe(), lambda *said: problems.append(str(Problem(*said)))) == origin
    assert problems == found


def test_an_id_that_the_static_data_do_not_know_is_no_mistake() -> None:
    table = {"systems": [39_999_999], "victim": {"ship_types": [2**63 - 1]}}
    assert parse_rule(table, "where", real.universe())[1] == []


def test_every_key_is_tried_above() -> None:
    [table_marks] = [mark for mark in test_a_table_means_a_rule.pytestmark if mark.name == "parametrize"]  # type: ignore[attr-defined]
    assert {key for table, _ in table_marks.args[1] for key in table} == set(KEYS)


@pytest.mark.parametrize("kind", ["systems", "constellations", "regions"])
@pytest.mark.parametrize("entry", [True, False, 0, -1, 2**63, 1.0, None, [1], {"id": 1}, math.nan, date(2026, 1, 1)])
def test_what_is_neither_name_nor_id_is_a_mistake(kind: str, entry: object) -> None:
    [problem] = mistakes({kind: [1, entry]})
    assert problem.startswith(f"where.{kind}[2]: found ")
    assert problem.endswith(f", expected a {kind.removesuffix('s')} by name or id")


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({"systems": ["Jitta"]}, "where.systems[1]: found 'Jitta', expected the name of a system, or its id"),
        ({"systems": [""]}, "where.systems[1]: found '', expected the name of a system, or its id"),
        ({"victim": {"ship_groups": ["qqqqq"]}}, "where.victim.ship_groups[1]: found 'qqqqq', expected the name of a"),
        (
            {"victim": {"ship_types": ["Rifter Blueprint"]}},
            "where.victim.ship_types[1]: found 'Rifter Blueprint', expected the name of a ship type, or its id",
        ),
        (
            {"attackers": {"characters": ["Someone"]}},
            "where.attackers.characters[1]: found 'Someone', expected the id of a character, a number: their names",
        ),
        (
            {"attackers": {"alliances": [True]}},
            "where.attackers.alliances[1]: found true, expected the id of an alliance, a number",
        ),
        (
            {"involved": {"corporations": ["Some Corp."]}},
            "where.involved.corporations[1]: found 'Some Corp.', expected the name of an NPC corporation, or an id:",
        ),
        ({"systems": []}, "where.systems: found an empty list, expected a list of names or ids"),
        ({"systems": {}}, "where.systems: found a table, expected a list of names or ids"),
        ({"systems": "Jita"}, "where.systems: found 'Jita', expected a list of names or ids"),
        ({"systems": 30000142}, "where.systems: found 30000142, expected a list of names or ids"),
        ({"victim": {"characters": []}}, "where.victim.characters: found an empty list, expected a list of ids"),
        ({"victim": {}}, f"where.victim: found an empty table, expected a table with some of the keys {PARTY}"),
        ({"victim": [90]}, f"where.victim: found a list of 1, expected a table with some of the keys {PARTY}"),
        ({"victim": {"ships": [1]}}, f"where.victim: found the unknown key 'ships', expected one of {PARTY}"),
        ({"space": []}, f"where.space: found an empty list, expected a list of {SPACE}"),
        ({"space": ["low"]}, f"where.space[1]: found 'low', expected one of {SPACE}"),
        ({"space": [0.0]}, f"where.space[1]: found 0.0, expected one of {SPACE}"),
        ({"space": [["lowsec"]]}, f"where.space[1]: found a list of 1, expected one of {SPACE}"),
        ({"space": True}, f"where.space: found true, expected a list of {SPACE}"),
        ({"value": {}}, 'where.value: found an empty table, expected a table such as { min = "50m", max = "1.5b" }'),
        ({"value": "50m"}, "where.value: found '50m', expected a table such as"),
        ({"value": {"min": "lots"}}, f"where.value.min: found 'lots', expected {AMOUNT}"),
        ({"value": {"max": True}}, f"where.value.max: found true, expected {AMOUNT}"),
        ({"value": {"least": 1}}, "where.value: found the unknown key 'least', expected one of min, max"),
        (
            {"value": {"min": "2b", "max": "1b"}},
            "where.value: found a min of 2,000,000,000 above the max of 1,000,000,000, expected a min that is at most",
        ),
        ({"near": {}}, f"where.near: found an empty table, expected {NEAR}"),
        ({"near": []}, f"where.near: found an empty list, expected {NEAR}"),
        ({"near": "Jita"}, f"where.near: found 'Jita', expected {NEAR}"),
        ({"near": [JITA, 5]}, f"where.near[2]: found 5, expected {NEAR}"),
        ({"near": [{**JITA, "system": 0}]}, "where.near[1].system: found 0, expected a system by name or id"),
        (
            {"near": {**JITA, "system": ["Jita"]}},
            "where.near.system: found a list of 1, expected a system by name or id",
        ),
        ({"near": {"jumps": 5}}, "where.near: found no system, expected the key system"),
        ({"near": {"system": "Jita"}}, "where.near: found neither of jumps and light_years, expected one of the two"),
        (
            {"near": {**JITA, "light_years": 5}},
            "where.near: found both of jumps and light_years, expected one of the two",
        ),
        *(
            (
                {"near": {**JITA, "jumps": jumps}},
                f"where.near.jumps: found {found}, expected a whole number from 0 to 50",
            )
            for jumps, found in ((-1, "-1"), (51, "51"), (5.0, "5.0"), (True, "true"), ("5", "'5'"), (None, "None"))
        ),
        *(
            (
                {"near": {"system": "Jita", "light_years": far}},
                f"where.near.light_years: found {found}, expected a number above 0, at most 50",
            )
            for far, found in ((0, "0"), (50.1, "50.1"), (math.nan, "nan"), (True, "true"), ("5", "'5'"), (-1, "-1"))
        ),
        *(
            (
                {"near": {"system": system, "jumps": 5}},
                f"where.near.system: found {system!r}, expected a system with st",
            )
            for system in ("J100744", "Thera", 39_999_999, 2**63 - 1)
        ),
        *(
            (
                {"near": {"system": system, "light_years": 5}},
                f"where.near.system: found {system!r}, expected a system of known space: from others no distance is",
            )
            for system in ("J100744", "Thera", 39_999_999, 2**63 - 1)
        ),
        ({"npc": 1}, "where.npc: found 1, expected true or false"),
        ({"solo": "true"}, "where.solo: found 'true', expected true or false"),
        ({"any": []}, "where.any: found an empty list, expected a list of tables, such as [ { npc = true } ]"),
        ({"any": {"npc": True}}, "where.any: found a table, expected a list of tables"),
        ({"none": [{}]}, "where.none[1]: found an empty table, expected at least one key"),
        ({"all": [{"npc": True}, 5]}, "where.all[2]: found 5, expected a table with some of the keys systems, "),
        ({"any": [{"all": [{"npc": 0}]}]}, "where.any[1].all[1].npc: found 0, expected true or false"),
        ({"system": ["Jita"]}, "where: found the unknown key 'system', expected one of systems, constellations, "),
        ([], "where: found a list of 0, expected a table with some of the keys systems, "),
        (None, "where: found None, expected a table with some of the keys systems, "),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_was_expected(table: object, problem: str) -> None:
    [found] = mistakes(table)
    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("table", "hint"),
    [
        ({"systems": ["Jitta"]}, "Jita"),
        ({"regions": ["the forg"]}, "The Forge"),
        ({"constellations": ["kimotor"]}, "Kimotoro"),
        ({"victim": {"ship_types": ["rifterr"]}}, "Rifter"),
        ({"victim": {"ship_groups": ["Frigat"]}}, "Frigate"),
        ({"victim": {"factions": ["Caldari Stat"]}}, "Caldari State"),
        ({"victim": {"corporations": ["CBD Corporatio"]}}, "CBD Corporation"),
        ({"near": {"system": "Jitta", "jumps": 5}}, "Jita"),
        ({"near": {"system": "Jita", "jumps": 5, "sytem": 1}}, "system"),
        ({"space": ["lowsek"]}, "lowsec"),
        ({"victim": {"ship_type": [1]}}, "ship_types"),
        ({"value": {"mim": 1}}, "min"),
        ({"finalblow": {"characters": [1]}}, "final_blow"),
    ],
)
def test_what_is_nearly_right_is_suggested(table: object, hint: str) -> None:
    [found] = mistakes(table)
    assert found.endswith(f"; did you mean {hint}?")


def test_what_is_far_from_right_is_not_suggested() -> None:
    assert all("did you mean" not in mistake for mistake in mistakes({"systems": ["qqqqqqqqq"], "zzz": 1}))


def test_all_mistakes_of_a_table_are_told_at_once_in_its_order() -> None:
    table = {
        "systems": ["Jita", "Jitta", 0],
        "victim": {"characters": ["Me"], "ships": [1]},
        "any": [{"npc": 1}, {"value": {"min": "x", "max": "y", "mid": "z"}}, {}],
        "colour": "red",
    }
    assert [mistake.split(": found")[0] for mistake in mistakes(table, "subscriptions.intel.where")] == [
        f"subscriptions.intel.where{place}"
        for place in (
            ".systems[2]",
            ".systems[3]",
            ".victim.characters[1]",
            ".victim",
            ".any[3]",
            ".any[1].npc",
            ".any[2].value",
            ".any[2].value.min",
            ".any[2].value.max",
            "",
        )
    ]


def test_what_may_be_an_address_is_not_repeated() -> None:
    address = "https://discord.com/api/webhooks/1/secret"
    for table in ({"systems": [address]}, {address: 1}, {"value": {"min": address}}, {"space": address}, address):
        assert all("secret" not in mistake for mistake in mistakes(table))


def nested(depth: int) -> dict[str, Any]:
    return {"npc": True} if depth == 1 else {"any": [nested(depth - 1)]}


def test_tables_nest_sixteen_deep_and_no_deeper() -> None:
    assert parse_rule(nested(DEEPEST), "where", real.universe())[1] == []
    [found] = mistakes(nested(DEEPEST + 1))
    assert found.endswith(".any[1]: found tables nested too deep, expected at most 16 of them")
    assert len(mistakes(nested(400))) == 1


@pytest.mark.parametrize(
    ("written", "isk"),
    [
        ("0", 0.0),
        ("50m", 50e6),
        ("50 M", 50e6),
        (" 1.5b ", 1.5e9),
        ("1.5B", 1.5e9),
        ("2t", 2e12),
        ("10k", 10e3),
        ("2.01b", 2_010_000_000.0),
        ("8.2b", 8_200_000_000.0),
        ("1.005b", 1_005_000_000.0),
        ("16.1m", 16_100_000.0),
        ("999999999999999999t", 1e30),
        (0, 0.0),
        (0.5, 0.5),
        (10**30, 1e30),
    ],
)
def test_an_amount_of_isk(written: object, isk: float) -> None:
    assert parse_isk(written) == isk


@pytest.mark.parametrize(
    "written",
    [
        *("", "m", "-1", "+1", "1e9", "1,5b", "1_000", "1.b", ".5b", "50mm", "50 million", "50m ISK", "٣m", "1" * 19),
        *("1\n2", "0x10", "inf", "nan", "5  m", "1.0000000001b", -1, -0.01, math.inf, -math.inf, math.nan),
        *(True, False, None, [], {}, b"50m", date(2026, 1, 1)),
        pytest.param(10**400, id="more than a float holds"),
    ],
)
def test_what_is_no_amount_of_isk(written: object) -> None:
    with pytest.raises(IskError):
        parse_isk(written)


class Nowhere:
    """A gazetteer that knows one name, so that arbitrary tables are read fast."""

    def find(self, kind: str, name: str, /) -> tuple[int, ...]:
        return (1,) if name == "one" else ()

    def suggest(self, kind: str, name: str, /) -> str | None:
        return "one" if kind == "system" else None

    def within_jumps(self, origin: int, most: int, /) -> frozenset[int]:
        return frozenset({origin, 2}) if origin == 1 else frozenset()

    def within_light_years(self, origin: int, most: float, /) -> frozenset[int]:
        return frozenset({origin}) if origin == 1 else frozenset()


plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.dates(),
    st.sampled_from(["one", "lowsec", "50m", 1, 10**400]),
)
keys = st.sampled_from([*KEYS, *PARTY.split(", "), *NEAR_KEYS, "min", "max"]) | st.text(max_size=6)
anything = st.recursive(
    plain,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(anything | st.dictionaries(keys, anything, max_size=4))
@example({"value": {"min": 10**400}})
def test_any_input_gives_a_rule_or_its_mistakes(table: object) -> None:
    found, problems = parse_rule(table, "where", Nowhere())
    assert (found is None) is bool(problems)
    if found is not None:
        assert only_origin(table, Nowhere()) in (None, 1)
    for problem in problems:
        assert isinstance(problem, Problem)
        assert problem.where.startswith("where")
        assert problem.found
        assert problem.expected
        assert str(problem).isprintable()


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(["systems", "regions"]), st.lists(st.text(max_size=30) | st.integers(), min_size=1, max_size=3))
def test_any_name_is_known_or_a_mistake(kind: str, names: list[Any]) -> None:
    found, problems = parse_rule({kind: names}, "where", real.universe())
    assert (found is None) is bool(problems)
