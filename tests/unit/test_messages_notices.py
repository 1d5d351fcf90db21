"""Notices that are no kills: systems, pilots and rally points of a map, and how the service fares."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from messages_samples import (
    any_int,
    broken_limits,
    forgeries,
    formatted_texts,
    maybe,
    named,
    nasty_names,
    notices,
    places,
    units,
)

from notifier.messages import (
    LAYOUTS,
    AdminNotice,
    CharacterNotice,
    KillNotice,
    Layout,
    Named,
    Notice,
    Party,
    Place,
    RallyNotice,
    RecentKill,
    Static,
    StatusNotice,
    SystemNotice,
    Waiting,
    compose,
    notice_from_json,
    notice_to_json,
)
from notifier.messages.compose import text_size
from notifier.messages.room import MOST
from ops.simulators.discord.payload import refusal

HOME = Place(
    Named(31000376, "J160941"), None, Named(11000004, "B-R00004"), -1.0, "wormhole", "C2", custom_name="Home *1*"
)
JITA = Place(Named(30000142, "Jita"), "Kimotoro", Named(10000002, "The Forge"), 0.9, "highsec")
PILOT = Named(90000001, "Poor_Pilot")
CORPORATION, ALLIANCE = Named(98000001, "Miners Inc.", "MINE"), Named(99000001, "Rock Union", "ROCK")
TIME = 1_795_458_011
SYSTEM = SystemNotice(
    HOME,
    TIME,
    map="Chain",
    effect="Wolf-Rayet",
    statics=(Static("C247", "C3"), Static("H296", "C5")),
    shattered=True,
    kills=(RecentKill(131, TIME - 60, "Sabre", 8.5e7), RecentKill(130, TIME - 90)),
)
STATUS = StatusNotice(
    time=TIME,
    version="0.1.0",
    running_since=TIME - 500_000,
    since=TIME - 86_400,
    evaluated=15_120,
    matched=48,
    delivered=47,
    waiting=(Waiting("ingestion", 0), Waiting("delivery", 1)),
    processes=14,
    processes_up=14,
    hosts=2,
    feed_delay=4,
)

any_time = st.integers(0, 2**33) | st.integers(-(2**63), 2**63 - 1)
any_count = st.integers(-5, 10**6) | st.integers(-(2**63), 2**63 - 1)
systems = st.builds(
    SystemNotice,
    places,
    any_time,
    nasty_names,
    st.none() | nasty_names,
    st.lists(st.builds(Static, nasty_names, st.none() | nasty_names), max_size=6).map(tuple),
    st.booleans(),
    st.lists(
        st.builds(RecentKill, any_int, any_time, st.none() | nasty_names, st.none() | st.floats()), max_size=5
    ).map(tuple),
)
characters = st.builds(CharacterNotice, named, any_time, nasty_names, maybe, maybe)
rallies = st.builds(RallyNotice, places, any_time, nasty_names, maybe, maybe, nasty_names)
several = st.lists(nasty_names, max_size=5).map(tuple)
statuses = st.builds(
    StatusNotice,
    time=any_time,
    version=nasty_names,
    running_since=any_time,
    since=any_time,
    evaluated=any_count,
    matched=any_count,
    delivered=any_count,
    waiting=st.lists(st.builds(Waiting, nasty_names, any_count), max_size=5).map(tuple),
    dead_letters=any_count,
    disabled=several,
    open_circuits=several,
    processes=any_count,
    processes_up=any_count,
    hosts=any_count,
    upkeep=st.booleans(),
    feed_delay=st.none() | any_count,
    feed_silent=st.booleans(),
)
others = systems | characters | rallies | statuses


def shown(notice: Notice) -> dict[str, Any]:
    [embed] = compose([notice], 1).payload["embeds"]  # type: ignore[misc, attr-defined]
    found: dict[str, Any] = embed
    return found


def fields(embed: dict[str, Any]) -> dict[str, str]:
    return {field["name"]: field["value"] for field in embed["fields"]}


def test_a_system_is_told_of_with_all_that_the_map_knows() -> None:
    assert shown(SYSTEM) == {
        "title": r"New on the map: Home \*1\* (J160941, C2)",
        "url": "https://zkillboard.com/system/31000376/",
        "color": 0x9D4EDD,
        "description": "Wolf-Rayet · shattered · B-R00004\nStatics: C247 → C3, H296 → C5\n"
        f"Recent kills:\n[Sabre](https://zkillboard.com/kill/131/), 85m ISK, <t:{TIME - 60}:R>\n"
        f"[A ship](https://zkillboard.com/kill/130/), <t:{TIME - 90}:R>\n"
        "[DOTLAN](https://evemaps.dotlan.net/system/J160941) · [Anoikis](https://anoik.is/systems/J160941)",
        "thumbnail": {"url": "https://images.evetech.net/types/45041/icon?size=64"},
        "footer": {"text": "Chain"},
        "timestamp": "2026-11-23T18:20:11+00:00",
    }


def test_a_system_without_a_map_or_a_name_of_its_own_is_told_of_too() -> None:
    embed = shown(SystemNotice(JITA, TIME))
    assert embed["title"] == "New on the map: Jita (0.9)"
    assert embed["description"] == "The Forge\n[DOTLAN](https://evemaps.dotlan.net/system/Jita)"
    assert "footer" not in embed


def test_a_pilot_is_told_of_with_whom_they_fly_for() -> None:
    assert shown(CharacterNotice(PILOT, TIME, "Chain", CORPORATION, ALLIANCE)) == {
        "title": r"Now tracked: Poor\_Pilot",
        "url": "https://zkillboard.com/character/90000001/",
        "color": 0x00BCD4,
        "description": "[Miners Inc.](https://zkillboard.com/corporation/98000001/) [MINE]\n"
        "[Rock Union](https://zkillboard.com/alliance/99000001/) [ROCK]\n[EVE Who](https://evewho.com/character/90000001)",
        "thumbnail": {"url": "https://images.evetech.net/characters/90000001/portrait?size=128"},
        "footer": {"text": "Chain"},
        "timestamp": "2026-11-23T18:20:11+00:00",
    }


def test_a_rally_point_tells_where_by_whom_and_what_they_said() -> None:
    embed = shown(RallyNotice(HOME, TIME, "Chain", PILOT, CORPORATION, "bring <@&1> dps\nnow"))
    assert embed["title"] == r"Rally point: Home \*1\* (J160941, C2)"
    assert embed["color"] == 0xFF6B00
    text, by, links = embed["description"].splitlines()
    assert text == "bring \\<@\u200b&1\\> dps now"
    assert by == r"by Poor\_Pilot, Miners Inc. [MINE]"
    assert links.startswith("[zKillboard](https://zkillboard.com/system/31000376/) · [DOTLAN](")


def test_a_rally_point_of_nobody_known_without_a_word_is_told_of_too() -> None:
    assert shown(RallyNotice(JITA, TIME))["description"].startswith("by an unknown pilot\n")


def test_a_status_in_which_all_is_well_is_green() -> None:
    embed = shown(STATUS)
    assert (embed["title"], embed["color"]) == ("Service status: all is well", 0x2ECC71)
    assert embed["description"] == f"Started <t:{TIME - 500_000}:R>. Figures of the last 24 h."
    assert embed["footer"] == {"text": "version 0.1.0"}
    assert fields(embed) == {
        "Evaluated": "15,120",
        "Matched": "48",
        "Delivered": "47",
        "On their way": "delivery 1",
        "Processes": "14 of 14 on 2 hosts",
        "Feed": "read 4 s ago",
    }


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"dead_letters": 1}, "1 dead letter"),
        ({"disabled": ("intel", "home")}, "Disabled: intel, home"),
        (
            {"disabled": tuple(f"channel-{n:03}" for n in range(9))},
            "Disabled: channel-000, channel-001, channel-002, channel-003 +5",
        ),
        ({"open_circuits": ("discord",)}, "Open circuits: discord"),
        ({"processes_up": 13}, "1 process down"),
        ({"processes_up": 12}, "2 processes down"),
        ({"upkeep": False}, "No host schedules and recovers"),
        ({"feed_silent": True, "feed_delay": 7_300}, "Nothing read from the feed for 2 h"),
    ],
)
def test_a_status_with_something_that_needs_a_person_is_orange_and_says_what(change: dict[str, Any], told: str) -> None:
    found = {name: getattr(STATUS, name) for name in STATUS.__struct_fields__}
    embed = shown(StatusNotice(**{**found, **change}))
    assert (embed["title"], embed["color"]) == ("Service status: somebody should look", 0xF39C12)
    assert embed["description"].splitlines()[0] == told


@pytest.mark.parametrize(
    ("delay", "told"),
    [(None, "never read"), (119, "read 119 s ago"), (9_000, "read 2 h ago"), (10**6, "read 11 days ago")],
)
def test_the_delay_of_the_feed_is_told_in_a_fitting_unit(delay: int | None, told: str) -> None:
    assert fields(shown(StatusNotice(TIME, "1", feed_delay=delay)))["Feed"] == told


def test_the_first_status_is_of_all_time() -> None:
    assert shown(StatusNotice(TIME, "1"))["description"] == "Figures of all time."


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(others)
def test_no_notice_forges_anything_and_none_is_too_large_for_ten_in_a_message(notice: Notice) -> None:
    embed = shown(notice)
    assert text_size([embed]) <= MOST
    assert broken_limits({"embeds": [embed]}) == []
    assert refusal({"embeds": [embed]}) is None, "the simulated Discord takes it"
    assert [found for text in formatted_texts(embed) for found in forgeries(text)] == []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(others | notices, min_size=1, max_size=10), st.integers(1, 20), st.sampled_from(LAYOUTS))
def test_notices_of_all_kinds_together_keep_every_limit(found: list[Notice], waiting: int, layout: Layout) -> None:
    message = compose(found, waiting, layout)
    assert broken_limits(message.payload) == []
    assert refusal(message.payload) is None


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(others.filter(lambda notice: r"\ud800" not in repr(notice)))
def test_every_notice_survives_its_way_through_a_job(notice: Notice) -> None:
    text = notice_to_json(notice)  # half a surrogate pair is in no text that came as JSON
    assert notice_to_json(notice_from_json(text)) == text


LONGEST = "_" * 500
FAR = 2**63 - 1
WIDE = Named(FAR, LONGEST, LONGEST)


@pytest.mark.parametrize(
    "notice",
    [
        SystemNotice(
            Place(Named(FAR, "'" * 40), LONGEST, WIDE, None, "wormhole", LONGEST, LONGEST),
            TIME,
            LONGEST,
            LONGEST,
            (Static(LONGEST, LONGEST),) * 99,
            True,
            (RecentKill(FAR, TIME, LONGEST, 9.99e11),) * 3,
        ),
        CharacterNotice(WIDE, TIME, LONGEST, WIDE, WIDE),
        RallyNotice(Place(WIDE, custom_name=LONGEST, wormhole_class=LONGEST), TIME, LONGEST, WIDE, WIDE, LONGEST),
        StatusNotice(
            1 << 39,
            LONGEST,
            (1 << 40) - 1,
            1,
            FAR,
            FAR,
            FAR,
            (Waiting(LONGEST, FAR),) * 9,
            FAR,
            (LONGEST,) * 999,
            (LONGEST,) * 999,
            FAR,
            0,
            FAR,
            False,
            FAR,
            True,
        ),
    ],
    ids=lambda notice: type(notice).__name__,
)
def test_the_largest_notices_fit_ten_times_into_a_message(notice: Notice) -> None:
    assert text_size([shown(notice)]) <= MOST


def test_a_message_ends_before_a_second_embed_about_the_same_system_or_pilot() -> None:
    pilot = CharacterNotice(PILOT, TIME)
    assert compose([SYSTEM, pilot, SYSTEM], 3).taken == 2
    assert compose([pilot, SYSTEM, pilot], 3).taken == 2
    assert compose([RallyNotice(HOME, TIME)] * 3, 3).taken == 3


@pytest.mark.parametrize("layout", LAYOUTS)
def test_they_look_the_same_in_every_layout_and_keep_their_place_among_kills(layout: Layout) -> None:
    kill = KillNotice(1, TIME, Party(ship=Named(587, "Rifter")), JITA, 1)
    told: list[Notice] = [SYSTEM, kill, STATUS, AdminNotice("circuit_opened", "esi")]
    embeds: Any = compose(told, 4, layout).payload["embeds"]
    assert [embeds[0], embeds[2]] == [shown(SYSTEM), shown(STATUS)]


def kill_at(place: Place, layout: Layout) -> dict[str, Any]:
    embeds: Any = compose([KillNotice(1, TIME, Party(), place, 1)], 1, layout).payload["embeds"]
    found: dict[str, Any] = embeds[0]
    return found


def test_a_kill_names_the_system_as_the_map_does_and_by_its_own_name() -> None:
    assert (
        r"[Home \*1\*](https://zkillboard.com/system/31000376/) (J160941, C2)" in kill_at(HOME, "full")["description"]
    )
    assert r"Home \*1\* (J160941, C2), B-R00004" in kill_at(HOME, "compact")["description"]
    assert r"Home \*1\* (J160941, C2), B-R00004" in kill_at(HOME, "line")["description"]


@pytest.mark.parametrize(("layout", "most"), [("full", 4_500), ("compact", 590), ("line", 200)])
def test_a_kill_in_a_system_of_two_long_names_keeps_the_room_of_its_layout(layout: Layout, most: int) -> None:
    who = Party(*[WIDE] * 6, 10**12)
    place = Place(WIDE, LONGEST, WIDE, -1.0, "wormhole", "Drifter", LONGEST)
    kill = KillNotice(FAR, TIME, who, place, 10**12, who, who, total_value=9.99e11, delay=10**7)
    embeds: Any = compose([kill], 1, layout).payload["embeds"]
    assert text_size(embeds) <= most
    assert units(embeds[0]["description"]) > 100
