"""How far a kill was from somebody's system, from the notice to the message."""

import math
from typing import Any

import msgspec
import pytest
import real_killmails as real
from messages_samples import AMAMAKE, JITA, NAMES, POCHVEN, WORMHOLE, FakeUniverse, forgeries, killmail, units

from notifier.messages import KillNotice, Layout, compose, kill_notice, notice_from_json, notice_to_json
from notifier.messages.compact import MOST
from notifier.messages.distances import with_distances
from notifier.messages.notice import Distance

AMARR, PERIMETER, DODIXIE, JOVE = 30002187, 30000144, 30002659, 30000326
FROM_JITA = Distance("Jita", 12, 5.34)


def notice(*distances: Distance, system: int = AMAMAKE) -> KillNotice:
    made = kill_notice(killmail(system_id=system), NAMES, FakeUniverse(), ("home",))
    return msgspec.structs.replace(made, distances=distances)


def described(found: KillNotice, layout: Layout = "full") -> str:
    embeds: Any = compose([found], 1, layout).payload["embeds"]
    text = embeds[0]["description"]
    assert isinstance(text, str)
    return text


def distances(origins: list[int], system: int = AMAMAKE) -> list[tuple[str, int | None]]:
    found = with_distances(notice(system=system), origins, real.universe()).distances
    return [(one.origin, one.jumps) for one in found]


def test_a_notice_tells_jumps_and_light_years_from_each_origin() -> None:
    [found] = with_distances(notice(), [JITA], real.universe()).distances
    assert found == Distance("Jita", 15, real.universe().light_years(JITA, AMAMAKE))


def test_a_kill_in_the_origin_itself_tells_nothing_of_it() -> None:
    assert distances([JITA, AMAMAKE, AMARR]) == [("Jita", 15), ("Amarr", real.universe().jumps(AMARR, AMAMAKE))]


def test_without_stargates_between_only_light_years_are_told() -> None:
    assert distances([JITA], POCHVEN) == [("Jita", None)]
    assert distances([JOVE]) == [("WF-1LM", None)]


def test_where_nothing_is_measured_or_nothing_is_asked_for_nothing_is_told() -> None:
    assert distances([JITA, AMARR], WORMHOLE) == distances([]) == distances([1, 2]) == []


def test_a_notice_tells_of_three_origins_at_most() -> None:
    assert [name for name, _ in distances([1, PERIMETER, AMAMAKE, AMARR, JITA, DODIXIE])] == [
        "Perimeter",
        "Amarr",
        "Jita",
    ]


def test_distances_go_through_the_job_and_a_job_of_an_older_form_has_none() -> None:
    found = notice(FROM_JITA)
    assert notice_from_json(notice_to_json(found)) == found
    older = msgspec.json.decode(notice_to_json(found))
    del older["distances"]
    assert notice_from_json(msgspec.json.encode(older).decode()) == notice()


@pytest.mark.parametrize(
    ("distance", "told"),
    [
        (FROM_JITA, "12 jumps, 5.3 ly from Jita"),
        (Distance("Jita", 1, 0.29), "1 jump, 0.3 ly from Jita"),
        (Distance("Jita", None, 31.0), "31.0 ly from Jita"),
        (Distance("Jita", 3), "3 jumps from Jita"),
        (Distance("[J*ta](x)", 3), "3 jumps from ［J\\*ta］(x)"),
    ],
)
def test_the_full_and_the_compact_layout_say_how_far_it_was(distance: Distance, told: str) -> None:
    assert described(notice(distance)).splitlines()[2:] == [told]
    first, far, last = described(notice(distance), "compact").splitlines()
    assert far == told
    assert [first, last] == described(notice(), "compact").splitlines()


def test_several_origins_are_told_in_one_line() -> None:
    found, told = notice(FROM_JITA, Distance("Amarr", None, 9.0)), "12 jumps, 5.3 ly from Jita · 9.0 ly from Amarr"
    assert described(found).splitlines()[2] == told
    assert described(found, "compact").splitlines()[1] == told


def test_the_line_layout_does_not_tell_it() -> None:
    assert described(notice(FROM_JITA), "line") == described(notice(), "line")


@pytest.mark.parametrize(
    "distance",
    [
        Distance("Jita"),
        Distance("", 3, 5.0),
        Distance("\u200b", 3, 5.0),
        Distance("Jita", -1, -0.5),
        Distance("Jita", 2**63, 1e308),
        Distance("Jita", None, math.nan),
        Distance("Jita", None, math.inf),
    ],
)
@pytest.mark.parametrize("layout", ["full", "compact"])
def test_what_makes_no_sense_is_not_told(distance: Distance, layout: Layout) -> None:
    assert described(notice(distance), layout) == described(notice(), layout)


def test_the_compact_layout_tells_it_only_where_there_is_room() -> None:
    long = "_" * 100
    wide = notice(*[Distance(long, 999, 999.0)] * 3)
    assert "999 jumps" in described(wide, "compact")
    named = msgspec.structs.replace(wide.victim.character, name=long)
    who = msgspec.structs.replace(
        wide.victim,
        character=named,
        corporation=named,
        alliance=named,
        ship=named,
    )
    full = msgspec.structs.replace(wide, victim=who, final_blow=who, top_damage=who)
    embeds: Any = compose([full], 11, "compact").payload["embeds"]
    assert "999 jumps" not in embeds[0]["description"]
    shown = (embeds[0]["title"], embeds[0]["description"], embeds[0]["footer"]["text"])
    assert sum(map(units, shown)) <= MOST
    assert not forgeries(embeds[0]["description"])
