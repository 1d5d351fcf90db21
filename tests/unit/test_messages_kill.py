import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from messages_samples import (
    ALLIANCE,
    AMAMAKE,
    AUTOCANNON,
    COALITION,
    CORPORATION,
    FACTION,
    FINAL,
    FORTIZAR,
    HUNTERS,
    JITA,
    NAMES,
    NPC_CORPORATION,
    PILOT,
    RIFTER,
    SABRE,
    TOP,
    WORMHOLE,
    FakeUniverse,
    any_int,
    killmail,
    nasty_names,
)

from notifier.killmail.model import Attacker, Killmail, Victim, Zkb
from notifier.messages import (
    KillNotice,
    Named,
    Place,
    Share,
    kill_notice,
    missing_from,
    names_wanted,
    notice_from_json,
    notice_to_json,
    tickers_wanted,
)

UNIVERSE = FakeUniverse()


def notice(found: Killmail, names: dict[int, str] = NAMES, subscriptions: tuple[str, ...] = ("home",)) -> KillNotice:
    return kill_notice(found, names, UNIVERSE, subscriptions)


def test_a_notice_holds_what_the_message_shows_with_names() -> None:
    found = notice(killmail())
    assert found.killmail_id == 130678514
    assert found.time == 1795458011
    assert found.victim.character == Named(PILOT, "Poor Pilot")
    assert found.victim.ship == Named(RIFTER, "Rifter")
    assert found.place == Place(Named(JITA, "Jita"), "Kimotoro", Named(10000002, "The Forge"), 0.9, "highsec", None)
    assert found.final_blow is not None
    assert found.final_blow.weapon == Named(AUTOCANNON, "125mm Gatling AutoCannon I")
    assert found.top_damage is not None
    assert found.top_damage.corporation == Named(NPC_CORPORATION, "Guristas")
    assert found.top_damage.faction == Named(FACTION, "Guristas Pirates")
    assert (found.total_value, found.dropped_value, found.destroyed_value) == (1.25e9, 3e8, 9.5e8)
    assert found.organisations == (Share("Pack of Packs", 1), Share("Guristas", 1))
    assert found.ship_groups == (Share("Interdictor", 1), Share("Frigate", 1))
    assert found.subscriptions == ("home",)


def test_the_names_wanted_are_those_of_players_that_are_shown() -> None:
    assert names_wanted(killmail()) == NAMES.keys()


def test_the_tickers_wanted_are_those_of_players_organisations_the_victims_first() -> None:
    wanted = tickers_wanted(killmail())
    assert list(wanted.items()) == [
        (CORPORATION, "corporation"),
        (ALLIANCE, "alliance"),
        (HUNTERS, "corporation"),
        (COALITION, "alliance"),
    ]


def test_a_notice_holds_tickers_side_and_delay() -> None:
    found = kill_notice(
        killmail(), NAMES, UNIVERSE, (), tickers={CORPORATION: "MINE", PILOT: "NO"}, side="kill", received=1795458071.5
    )
    assert found.victim.corporation == Named(CORPORATION, "Miners Inc.", "MINE")
    assert found.victim.character == Named(PILOT, "Poor Pilot")
    assert (found.side, found.delay) == ("kill", 60)


def test_a_notice_of_an_older_form_is_neutral_and_not_late() -> None:
    fields = msgspec.json.decode(notice_to_json(notice(killmail())))
    del fields["side"], fields["delay"], fields["items"]
    old = notice_from_json(json.dumps(fields))
    assert isinstance(old, KillNotice)
    assert (old.side, old.delay, old.items) == ("neutral", 0, ())


def test_names_of_the_largest_organisations_are_wanted_even_without_the_final_blow() -> None:
    others = tuple(Attacker(corporation_id=98000100 + index) for index in range(9) for _ in range(index + 1))
    wanted = names_wanted(killmail(attackers=(FINAL, TOP, *others)))
    assert wanted - NAMES.keys() == set(range(98000104, 98000109))
    assert len(wanted) <= 14


def test_names_that_nobody_knows_stay_unknown_and_are_never_guessed() -> None:
    found = notice(killmail(victim=Victim(99999, character_id=PILOT), system_id=39999999), {})
    assert found.victim.character == Named(PILOT, None)
    assert found.victim.ship == Named(99999, None)
    assert found.place == Place(Named(39999999, None))
    assert found.organisations[0] == Share("alliance 99000002", 1)


def test_types_and_systems_that_are_newer_than_the_static_data_are_named_by_esi() -> None:
    found = killmail(victim=Victim(99999), system_id=39999999)
    assert missing_from(UNIVERSE, found) == {99999, 39999999}
    named = notice(found, {99999: "New Ship", 39999999: "New System"})
    assert named.victim.ship == Named(99999, "New Ship")
    assert named.place.system == Named(39999999, "New System")
    assert missing_from(UNIVERSE, killmail()) == frozenset()


@pytest.mark.parametrize(("system_id", "security"), [(JITA, 0.9), (AMAMAKE, 0.1), (WORMHOLE, -1.0)])
def test_security_is_rounded_as_the_game_shows_it(system_id: int, security: float) -> None:
    assert notice(killmail(system_id=system_id)).place.security == security


def test_a_mail_without_zkb_has_no_values() -> None:
    found = notice(killmail(zkb=None))
    assert (found.total_value, found.dropped_value, found.destroyed_value) == (None, None, None)


def test_a_structure_is_lost_by_its_corporation() -> None:
    found = notice(killmail(victim=Victim(FORTIZAR, corporation_id=CORPORATION)))
    assert found.victim.character is None
    assert found.victim.corporation == Named(CORPORATION, "Miners Inc.")


def test_a_mail_without_attackers_or_damage_has_no_final_blow_and_no_top_damage() -> None:
    empty = notice(killmail(attackers=()))
    assert (empty.final_blow, empty.top_damage, empty.npc) == (None, None, False)
    assert notice(killmail(attackers=(Attacker(),))).top_damage is None


@pytest.mark.parametrize(
    ("attackers", "npc"),
    [
        ((TOP,), True),
        ((TOP, FINAL), False),
        ((Attacker(ship_type_id=SABRE),), True),
        ((Attacker(character_id=3_500_000),), True),
        ((Attacker(corporation_id=HUNTERS, ship_type_id=FORTIZAR),), False),
    ],
)
def test_only_attackers_tell_whether_npcs_did_it(attackers: tuple[Attacker, ...], npc: bool) -> None:
    # zkb.npc is true, too, for an NPC structure that players destroyed.
    assert notice(killmail(attackers=attackers, zkb=Zkb(npc=not npc))).npc is npc


def test_hundreds_of_subscriptions_keep_the_notice_small() -> None:
    found = notice(killmail(), subscriptions=tuple(f"subscription-{index}" for index in range(500)))
    assert len(found.subscriptions) == 21
    assert found.subscriptions[-1] == "480 more"


attackers = st.builds(
    Attacker,
    damage_done=any_int,
    final_blow=st.booleans(),
    character_id=st.none() | any_int,
    corporation_id=st.none() | any_int,
    alliance_id=st.none() | any_int,
    faction_id=st.none() | any_int,
    ship_type_id=st.none() | st.sampled_from([RIFTER, SABRE, 1]),
    weapon_type_id=st.none() | any_int,
)


@settings(max_examples=50)
@given(st.lists(attackers, max_size=30), st.integers(1, 150), nasty_names, any_int)
def test_a_notice_is_small_for_any_killmail_and_any_name(
    some: list[Attacker], times: int, name: str, system_id: int
) -> None:
    found = msgspec.structs.replace(killmail(attackers=tuple(some * times)), solar_system_id=system_id)
    made = notice(found, dict.fromkeys(names_wanted(found), name * 50), (name * 50,) * 50)
    text = notice_to_json(made)
    assert len(text.encode()) < 20_000
    assert notice_from_json(text) == made


def test_a_notice_of_a_real_size_takes_two_kilobytes() -> None:
    assert len(notice_to_json(notice(killmail(attackers=(FINAL, TOP) * 2_000)))) < 2_000


def test_a_notice_survives_the_way_through_a_job() -> None:
    for found in (notice(killmail()), notice(killmail(zkb=None), {}), notice(killmail(attackers=()))):
        assert notice_from_json(notice_to_json(found)) == found


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"type":"other"}', "[" * 100_000, '{"type":"kill","killmail_id":"x"}']
)
def test_what_is_no_notice_is_refused_with_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="not a notice"):
        notice_from_json(text)
