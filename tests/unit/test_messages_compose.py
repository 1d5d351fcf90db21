import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from messages_samples import (
    ABYSS,
    ALLIANCE,
    CAPSULE,
    COALITION,
    CORPORATION,
    FINAL,
    FORTIZAR,
    HUNTER,
    HUNTERS,
    NAMES,
    NPC_CORPORATION,
    PILOT,
    POCHVEN,
    RIFTER,
    TOP,
    WORMHOLE,
    FakeUniverse,
    broken_limits,
    forgeries,
    formatted_texts,
    killmail,
    notices,
    units,
)

from notifier.killmail.model import Attacker, Killmail, Victim, Zkb
from notifier.messages import Item, KillNotice, Layout, Named, Party, Place, Share, compose, kill_notice
from notifier.messages.compact import MOST
from notifier.messages.links import dotlan
from notifier.tracking import Side

LAYOUTS: tuple[Layout, ...] = ("full", "compact", "line")
LONGEST = "W" * 37 + "_" * 60


def notice(found: Killmail | None = None, names: dict[int, str] = NAMES) -> KillNotice:
    return kill_notice(found or killmail(), names, FakeUniverse(), ("home", "corp-losses"))


def numbered(count: int, base: KillNotice | None = None) -> list[KillNotice]:
    return [msgspec.structs.replace(base or notice(), killmail_id=index) for index in range(count)]


def full(found: Killmail, names: dict[int, str] = NAMES) -> dict[str, Any]:
    return _embeds(compose([notice(found, names)], 1).payload)[0]


def compact(found: Killmail, names: dict[int, str] = NAMES) -> dict[str, Any]:
    return _embeds(compose([notice(found, names)], 11).payload)[0]


def _embeds(payload: dict[str, object]) -> list[dict[str, Any]]:
    embeds = payload["embeds"]
    assert isinstance(embeds, list)
    return embeds


def size(embed: dict[str, Any]) -> int:
    return units(embed["title"]) + units(embed["description"]) + units(embed.get("footer", {}).get("text", ""))


def fields(embed: dict[str, Any]) -> dict[str, str]:
    return {field["name"]: field["value"] for field in embed["fields"]}


def test_the_full_layout_tells_everything_about_a_kill() -> None:
    assert full(killmail()) == {
        "title": "Poor Pilot lost a Rifter",
        "url": "https://zkillboard.com/kill/130678514/",
        "color": 0x3498DB,
        "timestamp": "2026-11-23T18:20:11+00:00",
        "thumbnail": {"url": "https://images.evetech.net/types/587/render?size=128"},
        "author": {
            "name": "Miners Inc. · Rock Union",
            "url": "https://zkillboard.com/alliance/99000001/",
            "icon_url": "https://images.evetech.net/alliances/99000001/logo?size=64",
        },
        "description": (
            "[Poor Pilot](https://zkillboard.com/character/90000001/) in "
            "[Jita](https://zkillboard.com/system/30000142/) (0.9), Kimotoro, "
            "[The Forge](https://zkillboard.com/region/10000002/), <t:1795458011:R>\n"
            "**1.25b ISK** (300m dropped, 950m destroyed)"
        ),
        "fields": [
            {
                "name": "Final blow",
                "value": (
                    "[Bad Hunter](https://zkillboard.com/character/90000002/)\nWolf Pack\nPack of Packs\n"
                    "Sabre with 125mm Gatling AutoCannon I\n300 damage"
                ),
                "inline": True,
            },
            {"name": "Top damage", "value": "Rifter\nGuristas\n700 damage", "inline": True},
            {
                "name": "2 attackers",
                "value": "Pack of Packs\xa0×1, Guristas\xa0×1\nInterdictor\xa0×1, Frigate\xa0×1",
                "inline": False,
            },
            {
                "name": "Links",
                "value": (
                    "[Related kills](https://zkillboard.com/related/30000142/202611231800/) · "
                    "[Battle report](https://br.evetools.org/related/30000142/202611231800) · "
                    "[DOTLAN](https://evemaps.dotlan.net/system/Jita) · "
                    "[EVE Who](https://evewho.com/character/90000001)"
                ),
                "inline": False,
            },
        ],
        "footer": {"text": "home, corp-losses"},
    }


def test_the_compact_layout_tells_the_same_in_two_lines() -> None:
    embed = compact(killmail())
    assert embed["title"] == "Poor Pilot lost a Rifter"
    assert embed["url"] == "https://zkillboard.com/kill/130678514/"
    assert embed["description"] == (
        "**1.25b ISK** in Jita (0.9), The Forge, <t:1795458011:R>\n"
        "Miners Inc. · Final blow Bad Hunter, Wolf Pack · 2 attackers"
    )
    assert embed["footer"] == {"text": "home, corp-losses"}
    assert "fields" not in embed


def test_the_line_layout_tells_what_it_was_worth_and_where() -> None:
    [embed] = _embeds(compose([notice()], 1, "line").payload)
    assert embed == {
        "title": "Poor Pilot lost a Rifter",
        "url": "https://zkillboard.com/kill/130678514/",
        "color": 0x3498DB,
        "description": "**1.25b ISK** in Jita (0.9), The Forge",
    }


@pytest.mark.parametrize(("side", "colour"), [("kill", 0x2ECC71), ("loss", 0xE74C3C), ("neutral", 0x3498DB)])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_kill_is_green_a_loss_red_and_what_is_neither_blue(side: Side, colour: int, layout: Layout) -> None:
    found = msgspec.structs.replace(notice(), side=side)
    assert _embeds(compose([found], 1, layout).payload)[0]["color"] == colour


def test_tickers_stand_behind_the_names_of_corporations_and_alliances() -> None:
    tickers = {CORPORATION: "MINE", ALLIANCE: "ROCK", HUNTERS: "W-O.F", COALITION: "_"}
    found = kill_notice(killmail(), NAMES, FakeUniverse(), ("home",), tickers=tickers)
    [embed] = _embeds(compose([found], 1).payload)
    assert embed["author"]["name"] == "Miners Inc. [MINE] · Rock Union [ROCK]"
    assert fields(embed)["Final blow"].splitlines()[1:3] == ["Wolf Pack [W-O.F]", "Pack of Packs [\\_]"]
    [embed] = _embeds(compose([found], 1, "compact").payload)
    assert embed["description"].endswith("Miners Inc. [MINE] · Final blow Bad Hunter, Wolf Pack [W-O.F] · 2 attackers")
    [embed] = _embeds(compose([found], 1, "line").payload)
    assert embed["title"] == "Poor Pilot [MINE] lost a Rifter"


@pytest.mark.parametrize(
    ("delay", "told"),
    [
        (3599, ""),
        (3600, ", reported 1 h later"),
        (86_400, ", reported 24 h later"),
        (259_200, ", reported 3 days later"),
    ],
)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_kill_that_became_known_late_says_how_late(delay: int, told: str, layout: Layout) -> None:
    found = kill_notice(killmail(), NAMES, FakeUniverse(), (), received=1795458011.9 + delay)
    text = _embeds(compose([found], 1, layout).payload)[0]["description"]
    assert text.splitlines()[0].endswith(told or (":R>", "The Forge"))
    assert ("reported" in text) == bool(told)


def test_a_wormhole_links_to_what_is_known_of_it() -> None:
    links = fields(full(killmail(system_id=WORMHOLE)))["Links"]
    assert "[Anoikis](https://anoik.is/systems/J100005)" in links


def test_the_abyss_is_on_no_map() -> None:
    assert "dotlan" not in fields(full(killmail(system_id=ABYSS)))["Links"]


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("New Caldari", "New_Caldari"),
        ("Tash-Murkon Prime", "Tash-Murkon_Prime"),
        ("O'Neil", "O%27Neil"),
        ("](https://evil.example", "5"),
        ("Ｊita", "5"),
        (None, "5"),
    ],
)
def test_a_system_is_on_the_map_by_its_name_unless_that_could_forge_something(name: str | None, page: str) -> None:
    assert dotlan(5, name) == f"https://evemaps.dotlan.net/system/{page}"


def test_other_layouts_are_as_chosen_however_many_wait() -> None:
    for waiting in (1, 10, 500):
        embeds = _embeds(compose(numbered(10), waiting, "line").payload)
        assert [embed.keys() for embed in embeds] == [{"title", "url", "color", "description"}] * 10
        assert "fields" not in _embeds(compose(numbered(1), waiting, "compact").payload)[0]


def test_when_the_links_leave_no_room_for_all_they_go_first() -> None:
    embeds = _embeds(compose(numbered(8), 8).payload)
    assert all("Links" not in fields(embed) and "Final blow" in fields(embed) for embed in embeds)
    assert all("Links" in fields(embed) for embed in _embeds(compose(numbered(5), 8).payload))


ESTAMEL = Item(Named(7, "Estamel's Modified Heavy Missile Launcher"), 2, dropped=True, value=1.2e9)
WEB = Item(Named(8, "Abyssal Stasis Webifier"), 1, dropped=False)


def test_notable_items_stand_in_the_full_layout_alone() -> None:
    found = msgspec.structs.replace(notice(), items=(ESTAMEL, WEB, Item(Named(9), 1_000, value=6e7)))
    [embed] = _embeds(compose([found], 1).payload)
    assert list(fields(embed))[-2:] == ["Notable items", "Links"]
    assert fields(embed)["Notable items"].splitlines() == [
        "2 × Estamel's Modified Heavy Missile Launcher · 1.2b ISK (dropped)",
        "Abyssal Stasis Webifier (destroyed)",
        "1,000 × Unknown item · 60m ISK (destroyed)",
    ]
    for layout in ("compact", "line"):
        assert "Abyssal" not in json.dumps(compose([found], 1, layout).payload)


def test_when_they_leave_no_room_for_all_notable_items_go_after_the_links() -> None:
    found = msgspec.structs.replace(notice(), items=(ESTAMEL,) * 5)
    for count, shown in ((4, {"Notable items", "Links"}), (6, {"Notable items"}), (9, set())):
        embeds = _embeds(compose(numbered(count, found), count).payload)
        assert all({"Notable items", "Links"} & fields(embed).keys() == shown for embed in embeds)


def test_nobody_is_mentioned() -> None:
    for waiting in (1, 11):
        assert compose([notice()], waiting).payload["allowed_mentions"] == {"parse": []}


def test_a_structure_is_lost_by_its_owner() -> None:
    embed = full(killmail(victim=Victim(FORTIZAR, corporation_id=CORPORATION)))
    assert embed["title"] == "Miners Inc. lost a Fortizar"
    assert embed["description"].startswith("[Miners Inc.](https://zkillboard.com/corporation/98000001/) in ")
    assert embed["author"]["icon_url"] == "https://images.evetech.net/corporations/98000001/logo?size=64"


def test_an_unknown_pilot_is_called_so_and_linked_by_id() -> None:
    embed = full(killmail(), {})
    assert embed["title"] == "Unknown pilot lost a Rifter"
    assert "[Unknown pilot](https://zkillboard.com/character/90000001/)" in embed["description"]
    assert fields(embed)["Final blow"].startswith("[Unknown pilot](https://zkillboard.com/character/90000002/)")
    assert "None" not in json.dumps(embed)
    assert "None" not in json.dumps(compact(killmail(), {}))


def test_a_kill_of_which_nothing_is_known_is_still_a_message() -> None:
    bare = KillNotice(5, 0, Party(), Place(Named(1)), 0)
    for waiting in (1, 11):
        message = compose([bare], waiting)
        assert broken_limits(message.payload) == []
        assert _embeds(message.payload)[0]["title"] == "Unknown owner lost a ship"
        assert "thumbnail" not in _embeds(message.payload)[0]
        assert "author" not in _embeds(message.payload)[0]


def test_an_npc_attacker_is_shown_by_its_ship() -> None:
    npc = Attacker(damage_done=5, final_blow=True, corporation_id=NPC_CORPORATION, ship_type_id=RIFTER)
    embed = full(killmail(attackers=(npc,)))
    shown = fields(embed)
    assert shown.pop("Links").count("](") == 3  # no battle report of an accident
    assert shown == {"Final blow and top damage": "Rifter\nGuristas\n5 damage", "Attackers": "1 NPC"}


def test_an_attacker_of_whom_nothing_is_known_is_unknown() -> None:
    assert fields(full(killmail(attackers=(Attacker(final_blow=True), TOP))))["Final blow"] == "Unknown"


def test_one_attacker_who_did_it_all_is_named_once() -> None:
    embed = full(killmail(attackers=(FINAL,), zkb=Zkb(solo=True)))
    assert fields(embed).keys() == {"Final blow and top damage", "Attackers", "Links"}
    assert fields(embed)["Attackers"] == "Solo"


@pytest.mark.parametrize(
    ("system_id", "shown"),
    [
        (WORMHOLE, "[J100005](https://zkillboard.com/system/31000005/) (C5), "),
        (POCHVEN, "[Kuharah](https://zkillboard.com/system/30000021/) (Pochven), "),
        (ABYSS, "[AD081](https://zkillboard.com/system/32000081/) (Abyssal), <t:"),
        (39999999, "[Unknown system](https://zkillboard.com/system/39999999/), <t:"),
    ],
)
def test_each_kind_of_space_says_what_a_player_wants_to_know(system_id: int, shown: str) -> None:
    assert shown in full(killmail(system_id=system_id))["description"]


@pytest.mark.parametrize("zkb", [None, Zkb(), Zkb(total_value=float("nan")), Zkb(total_value=-1)])
def test_without_a_value_there_is_no_line_for_it(zkb: Zkb | None) -> None:
    assert "ISK" not in full(killmail(zkb=zkb))["description"]
    assert "ISK" not in compact(killmail(zkb=zkb))["description"]


def test_a_capsule_is_shown_by_its_icon_since_there_is_no_render_of_it() -> None:
    embed = full(killmail(victim=Victim(CAPSULE, character_id=PILOT)))
    assert embed["thumbnail"]["url"] == "https://images.evetech.net/types/670/icon?size=128"


def test_a_vowel_gets_its_article() -> None:
    found = msgspec.structs.replace(notice(), victim=Party(character=Named(1, "A"), ship=Named(2, "Astrahus")))
    assert _embeds(compose([found], 1).payload)[0]["title"] == "A lost an Astrahus"


def test_attackers_beyond_the_list_are_counted() -> None:
    crowd = tuple(Attacker(corporation_id=98000100 + index, ship_type_id=1) for index in range(2_000))
    embed = full(killmail(attackers=(FINAL, TOP, *crowd)))
    value = fields(embed)["2,002 attackers"]
    assert value.splitlines()[0].endswith("1,997 others")
    assert value.splitlines()[1] == "Interdictor\xa0×1, Frigate\xa0×1, 2,000 others"


def test_up_to_ten_waiting_get_the_full_layout() -> None:
    message = compose(numbered(5), 10)
    assert message.taken == 5
    assert all("fields" in embed for embed in _embeds(message.payload))


def test_more_than_ten_waiting_get_the_compact_layout_ten_at_a_time() -> None:
    message = compose(numbered(25), 25)
    assert message.taken == 10
    assert not any("fields" in embed for embed in _embeds(message.payload))


def test_ten_that_do_not_fit_in_full_are_all_sent_compactly() -> None:
    large = notice(names=dict.fromkeys(NAMES, LONGEST))
    message = compose(numbered(10, large), 10)
    assert message.taken == 10
    assert not any("fields" in embed for embed in _embeds(message.payload))
    assert broken_limits(message.payload) == []


def test_a_kill_that_comes_twice_waits_for_the_next_message() -> None:
    # Discord shows only the first of two embeds with the same url.
    first, second = numbered(2)
    assert compose([first, second, first], 3).taken == 2
    assert compose([first, first], 2).taken == 1


def test_a_message_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a notice"):
        compose([], 0)


def test_footers_end_in_a_count_where_ids_find_no_room() -> None:
    many = msgspec.structs.replace(notice(), subscriptions=tuple(f"subscription-{index:03}" for index in range(20)))
    text = _embeds(compose([many], 1).payload)[0]["footer"]["text"]
    assert text.startswith("subscription-000, subscription-001, ")
    assert text.endswith(" +9")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(notices, min_size=1, max_size=4), st.integers(1, 12), st.integers(0, 40), st.sampled_from(LAYOUTS))
def test_every_message_is_inside_every_limit_and_forges_nothing(
    some: list[KillNotice], times: int, waiting: int, layout: Layout
) -> None:
    queue = [msgspec.structs.replace(one, killmail_id=index) for index, one in enumerate(some * times)]
    message = compose(queue, waiting, layout)
    assert message.taken == min(len(queue), 10)
    assert broken_limits(message.payload) == []
    for embed in _embeds(message.payload):
        for text in formatted_texts(embed):
            assert forgeries(text) == [], text
    assert msgspec.json.encode(message.payload)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(notices)
def test_a_compact_embed_leaves_room_for_nine_more(one: KillNotice) -> None:
    embed = _embeds(compose([one], 11).payload)[0]
    assert size(embed) <= MOST
    assert size(_embeds(compose([one], 11, "line").payload)[0]) <= 200


@pytest.mark.parametrize("char", ["_", "@", "𒐫", "W", "<", "[", "1.", "- "])
def test_the_longest_names_of_any_letter_fit_ten_times(char: str) -> None:
    long = Named(2**63 - 1, char * 200, char * 200)
    party = Party(long, long, long, long, long, long, 2**63 - 1)
    share = (Share(char * 200, 2**63 - 1),) * 8
    worst = KillNotice(
        killmail_id=1,
        time=2**33,
        victim=party,
        place=Place(long, char * 200, long, -1.0, "nullsec", char * 200),
        attacker_count=2**63 - 1,
        final_blow=party,
        top_damage=msgspec.structs.replace(party, damage=1),
        organisations=share,
        ship_groups=share,
        total_value=1e300,
        dropped_value=1e300,
        destroyed_value=1e300,
        subscriptions=(char * 200,) * 20,
        delay=2**32 - 1,
        items=(Item(long, 2**63 - 1, dropped=False, value=1e300),) * 5,
    )
    for waiting in (10, 11):
        assert broken_limits(compose(numbered(10, worst), waiting).payload) == []
        assert broken_limits(compose(numbered(1, worst), waiting).payload) == []
    assert size(_embeds(compose([worst], 11).payload)[0]) <= MOST
    assert size(_embeds(compose([worst], 1, "line").payload)[0]) <= 200


def test_the_check_of_the_limits_can_fail() -> None:
    payload = compose(numbered(1), 1).payload
    embed = _embeds(payload)[0]
    for change in (
        {"title": "x" * 257},
        {"title": " "},
        {"description": "x" * 4097},
        {"fields": [{"name": "x", "value": ""}]},
        {"fields": [{"name": "x", "value": "x"}] * 26},
        {"fields": [{"name": "x", "value": "x" * 1024}] * 6},
        {"url": "https://evil.example"},
    ):
        assert broken_limits({"embeds": [{**embed, **change}]}), change
    assert broken_limits({"embeds": [embed, embed]})
    assert broken_limits({"embeds": []})


def test_pilots_are_linked_by_their_own_ids() -> None:
    assert f"/character/{HUNTER}/" in fields(full(killmail()))["Final blow"]
