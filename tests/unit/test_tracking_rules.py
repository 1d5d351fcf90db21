"""What each kind of rule is true of, on killmails made for the purpose."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
import real_killmails as real

from notifier.killmail import Attacker, Killmail, Victim, Zkb
from notifier.tracking import Facts, Rule, matches, parse_rule
from notifier.tracking.rules import Systems, Value, Who, parties

JITA, KIMOTORO, THE_FORGE = 30000142, 20000020, 10000002
RIFTER, CATALYST, CAPSULE, FRIGATE, DESTROYER = 587, 16240, 670, 25, 420
INFILTRATORS = (2175, 60376)
"""Two NPC types, both named Infiltrator II."""

VICTIM = Victim(RIFTER, character_id=90, corporation_id=98, alliance_id=99)
GANKER = Attacker(character_id=10, corporation_id=20, alliance_id=30, ship_type_id=CATALYST, final_blow=True)
SCOUT = Attacker(character_id=11, corporation_id=21, alliance_id=31, ship_type_id=RIFTER)
RAT = Attacker(corporation_id=1000125, faction_id=500010, ship_type_id=INFILTRATORS[1])
NOBODY = Attacker()
LOSS = Killmail(
    1, datetime(2026, 11, 23, tzinfo=UTC), JITA, VICTIM, (SCOUT, GANKER, RAT, NOBODY), zkb=Zkb(total_value=1e9)
)


def changed(**changes: Any) -> Killmail:
    return msgspec.structs.replace(LOSS, **changes)


def rule(**table: Any) -> Rule:
    found, problems = parse_rule(table, "where", real.universe())
    assert not problems
    assert found is not None
    return found


def holds(killmail: Killmail = LOSS, /, **table: Any) -> bool:
    return matches(rule(**table), killmail, real.universe())


@pytest.mark.parametrize(
    ("key", "values", "expected"),
    [
        ("systems", [JITA], True),
        ("systems", ["Amarr", "jita"], True),
        ("systems", ["Amarr"], False),
        ("constellations", ["Kimotoro"], True),
        ("constellations", [KIMOTORO + 1], False),
        ("regions", [THE_FORGE], True),
        ("regions", ["Domain"], False),
        ("space", ["highsec"], True),
        ("space", "highsec", True),
        ("space", ["lowsec", "nullsec"], False),
        ("space", ["lowsec", "highsec"], True),
    ],
)
def test_a_place_is_one_of_those_listed(key: str, values: Any, expected: bool) -> None:
    assert holds(**{key: values}) is expected


@pytest.mark.parametrize(
    ("key", "values", "roles"),
    [
        ("characters", [90], {"victim", "involved"}),
        ("characters", [10], {"attackers", "final_blow", "involved"}),
        ("characters", [11], {"attackers", "involved"}),
        ("characters", [12], set()),
        ("corporations", [98, 1], {"victim", "involved"}),
        ("corporations", [20], {"attackers", "final_blow", "involved"}),
        ("alliances", [30], {"attackers", "final_blow", "involved"}),
        ("factions", ["Guristas Pirates"], {"attackers", "involved"}),
        ("ship_types", ["Rifter"], {"victim", "attackers", "involved"}),
        ("ship_types", ["Catalyst", CAPSULE], {"attackers", "final_blow", "involved"}),
        ("ship_groups", ["Frigate"], {"victim", "attackers", "involved"}),
        ("ship_groups", [DESTROYER], {"attackers", "final_blow", "involved"}),
    ],
)
def test_a_role_says_which_parties_are_meant(key: str, values: list[Any], roles: set[str]) -> None:
    asked = ("victim", "final_blow", "attackers", "involved")
    assert {role for role in asked if holds(**{role: {key: values}})} == roles


def test_all_keys_of_a_role_must_be_true_of_one_and_the_same_party() -> None:
    assert holds(involved={"characters": [10], "ship_types": [CATALYST]})
    assert holds(attackers={"corporations": [21], "ship_groups": [FRIGATE]})
    # Character 10 is there, and so is a Rifter: but another one flies it.
    assert not holds(involved={"characters": [10], "ship_types": [RIFTER]})
    assert not holds(involved={"characters": [90], "corporations": [20]})
    assert not holds(attackers={"alliances": [30], "ship_groups": [FRIGATE]})


def test_two_roles_may_be_true_of_two_parties() -> None:
    assert holds(victim={"characters": [90]}, final_blow={"ship_types": [CATALYST]})
    assert holds(all=[{"involved": {"characters": [10]}}, {"involved": {"ship_types": [RIFTER]}}])


def test_a_name_that_several_types_bear_means_each_of_them() -> None:
    for ship_type in INFILTRATORS:
        attacked = changed(attackers=(Attacker(ship_type_id=ship_type),))
        assert holds(attacked, attackers={"ship_types": ["infiltrator II"]})
        assert holds(attacked, attackers={"ship_types": [ship_type]})
    assert not holds(changed(attackers=(SCOUT,)), attackers={"ship_types": ["Infiltrator II"]})


def test_without_a_final_blow_no_one_struck_it() -> None:
    unfinished = changed(attackers=(SCOUT, msgspec.structs.replace(GANKER, final_blow=False)))
    assert not holds(unfinished, final_blow={"characters": [10, 11]})
    assert holds(unfinished, none=[{"final_blow": {"characters": [10, 11]}}])
    assert not holds(changed(attackers=()), attackers={"characters": [10]})


@pytest.mark.parametrize("key", ["characters", "corporations", "alliances", "factions", "ship_types", "ship_groups"])
def test_a_party_without_an_id_fits_no_list_of_ids(key: str) -> None:
    bare = changed(attackers=(NOBODY,), victim=Victim(999_999_999))
    assert not holds(bare, involved={key: [1]})
    assert holds(bare, none=[{"involved": {key: [1]}}])


def test_a_ship_type_that_the_static_data_do_not_know_has_an_id_and_no_group() -> None:
    new = changed(victim=Victim(999_999_999), attackers=(NOBODY,))
    assert holds(new, victim={"ship_types": [999_999_999]})
    assert not holds(new, involved={"ship_groups": [FRIGATE, DESTROYER]})


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"min": "1b"}, True),
        ({"min": 1_000_000_001}, False),
        ({"max": "1b"}, True),
        ({"max": "999m"}, False),
        ({"min": "1b", "max": "1b"}, True),
        ({"min": 0}, True),
        ({"min": "2b", "max": "3b"}, False),
    ],
)
def test_a_value_lies_between_its_ends_which_are_included(table: dict[str, Any], expected: bool) -> None:
    assert holds(value=table) is expected
    assert holds(none=[{"value": table}]) is not expected


@pytest.mark.parametrize("table", [{"min": 0}, {"max": "1t"}, {"min": 0, "max": "1t"}])
def test_a_killmail_without_zkb_block_has_no_value(table: dict[str, Any]) -> None:
    bare = changed(zkb=None)
    assert not holds(bare, value=table)
    assert holds(bare, none=[{"value": table}])


@pytest.mark.parametrize("key", ["npc", "solo"])
def test_what_zkillboard_judges_may_be_asked_for_either_way(key: str) -> None:
    judged = changed(zkb=Zkb(npc=True, solo=True))
    assert (holds(judged, **{key: True}), holds(judged, **{key: False})) == (True, False)
    for not_judged in (LOSS, changed(zkb=None)):
        assert (holds(not_judged, **{key: True}), holds(not_judged, **{key: False})) == (False, True)


def test_keys_beside_each_other_must_all_be_true() -> None:
    assert holds(systems=["Jita"], victim={"ship_types": ["Rifter"]}, value={"min": "500m"}, npc=False)
    assert not holds(systems=["Jita"], victim={"ship_types": ["Rifter"]}, value={"min": "2b"}, npc=False)


YES, NO = {"systems": ["Jita"]}, {"systems": ["Amarr"]}


@pytest.mark.parametrize(
    ("tables", "all_", "any_", "none"),
    [
        ([YES], True, True, False),
        ([NO], False, False, True),
        ([YES, NO], False, True, False),
        ([NO, NO], False, False, True),
        ([{"any": [NO, YES]}, {"none": [NO]}], True, True, False),
        ([{"all": [YES, NO]}, {"none": [YES]}], False, False, True),
    ],
)
def test_lists_of_tables_nest(tables: list[Any], all_: bool, any_: bool, none: bool) -> None:
    assert (holds(all=tables), holds(any=tables), holds(none=tables)) == (all_, any_, none)


def test_an_empty_table_is_true_of_every_killmail() -> None:
    assert holds()
    assert holds(changed(zkb=None, solar_system_id=1, attackers=()))


def test_a_system_that_the_static_data_do_not_know_lies_nowhere() -> None:
    unknown = changed(solar_system_id=39_999_999)
    facts = Facts(unknown, real.universe())
    assert (facts.constellation, facts.region, facts.space) == (None, None, None)
    assert holds(unknown, systems=[39_999_999])
    assert holds(unknown, none=[{"space": ["highsec", "lowsec", "nullsec", "wormhole"]}])
    assert not holds(unknown, regions=[THE_FORGE])
    assert not holds(unknown, constellations=[KIMOTORO])


def test_the_parties_of_a_role_are_given_victim_first() -> None:
    assert list(parties("involved", LOSS)) == [VICTIM, SCOUT, GANKER, RAT, NOBODY]
    assert list(parties("attackers", LOSS)) == [SCOUT, GANKER, RAT, NOBODY]
    assert (list(parties("victim", LOSS)), list(parties("final_blow", LOSS))) == ([VICTIM], [GANKER])


def test_rules_are_values_that_compare_and_hash() -> None:
    assert Systems(frozenset({1, 2})) == Systems(frozenset({2, 1}))
    assert len({Value(1.0), Value(1.0), Who("victim"), Who("attackers")}) == 3
