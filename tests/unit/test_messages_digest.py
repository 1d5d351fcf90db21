from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from messages_samples import NAMES, FakeUniverse, broken_limits, forgeries, formatted_texts, killmail, notices

from notifier.killmail.model import Zkb
from notifier.messages import Digest, KillNotice, Named, Place, digest_payload, fold, kill_notice
from notifier.messages.digest import BIGGEST, MOST_SYSTEMS, SYSTEMS
from notifier.tracking import Side
from ops.simulators.discord.payload import refusal


def kill(number: int, value: float = 1e9, side: Side = "neutral", system: int | None = None) -> KillNotice:
    found = kill_notice(killmail(zkb=Zkb(total_value=value)), NAMES, FakeUniverse(), (), side=side)
    place = found.place if system is None else Place(Named(system, f"J{system}"), wormhole_class="C5")
    return msgspec.structs.replace(found, killmail_id=number, time=1_700_000_000 + number, place=place)


def embed(digest: Digest) -> dict[str, Any]:
    [found] = digest_payload(digest)["embeds"]  # type: ignore[misc]
    return found  # type: ignore[has-type,no-any-return]


def fields(digest: Digest) -> dict[str, str]:
    return {field["name"]: field["value"] for field in embed(digest)["fields"]}


def test_a_digest_tells_of_kills_and_losses_their_isk_the_systems_and_the_biggest() -> None:
    digest = fold(Digest(), [kill(1, 2e9, "kill", 100001), kill(2, 5e8, "loss", 100001), kill(3, 1e9, "kill", 100001)])
    shown = embed(digest)
    assert shown["title"] == "Battle in J100001 (C5)"
    assert shown["color"] == 0x2ECC71
    assert shown["url"] == "https://br.evetools.org/related/100001/202311142200"
    assert shown["description"] == (
        "**3 ships, 3.5b ISK**, from <t:1700000001:t> to <t:1700000003:t>, the last one <t:1700000003:R>"
    )
    assert fields(digest) == {
        "Kills": "2 · 3b ISK",
        "Losses": "1 · 500m ISK",
        "Systems": "J100001 (C5): 3 · [Battle report](https://br.evetools.org/related/100001/202311142200)",
        "Biggest": "\n".join(
            [
                "[Rifter](https://zkillboard.com/kill/1/) of Poor Pilot, 2b ISK",
                "[Rifter](https://zkillboard.com/kill/3/) of Poor Pilot, 1b ISK",
                "[Rifter](https://zkillboard.com/kill/2/) of Poor Pilot, 500m ISK",
            ]
        ),
    }


@pytest.mark.parametrize(
    ("sides", "colour"), [(["loss", "loss"], 0xE74C3C), (["neutral"], 0x3498DB), (["kill", "loss"], 0x3498DB)]
)
def test_its_colour_is_that_of_whoever_lost_less(sides: list[Side], colour: int) -> None:
    assert embed(fold(Digest(), [kill(n, side=side) for n, side in enumerate(sides)]))["color"] == colour


def test_of_many_systems_the_busiest_are_named_and_the_rest_counted() -> None:
    digest = fold(Digest(), [kill(n, system=100_000 + n % (SYSTEMS + 2)) for n in range(20)])
    lines = fields(digest)["Systems"].splitlines()
    assert len(lines) == SYSTEMS + 1
    assert lines[-1] == "5 more elsewhere"
    assert embed(digest)["title"] == "Battle in J100000 (C5) and 6 other systems"


def test_a_fight_through_countless_systems_stays_small() -> None:
    digest = fold(Digest(), [kill(n, system=100_000 + n) for n in range(MOST_SYSTEMS + 30)])
    assert (len(digest.scenes), digest.elsewhere, digest.count) == (MOST_SYSTEMS, 30, MOST_SYSTEMS + 30)
    assert embed(digest)["title"] == f"Battle in J100000 (C5) and over {MOST_SYSTEMS - 1} other systems"
    assert fields(digest)["Systems"].endswith(f"{MOST_SYSTEMS - SYSTEMS + 30} more elsewhere")


def test_kills_without_a_value_are_counted_and_say_nothing_of_isk() -> None:
    bare = msgspec.structs.replace(kill(1), total_value=None)
    assert embed(fold(Digest(), [bare]))["description"].startswith("**1 ship**, from ")
    assert fields(fold(Digest(), [bare, kill(2, 1e9, "kill")]))["Others"] == "1"


def test_where_nobody_takes_sides_nothing_is_said_twice() -> None:
    assert list(fields(fold(Digest(), [kill(1), kill(2)]))) == ["Systems", "Biggest"]


def test_redis_keeps_all_of_it() -> None:
    digest = fold(Digest(), [kill(1, side="kill"), kill(2, side="loss", system=100_001)])
    assert msgspec.json.decode(msgspec.json.encode(digest), type=Digest) == digest


def test_a_digest_of_nothing_is_no_message() -> None:
    with pytest.raises(ValueError, match="needs a kill"):
        digest_payload(Digest())


@settings(max_examples=60, deadline=None)
@given(st.lists(notices, min_size=1, max_size=12), st.integers(0, 12))
def test_whatever_the_kills_hold_it_stays_inside_the_limits_and_forges_nothing(
    kills: list[KillNotice], cut: int
) -> None:
    digest = fold(fold(Digest(), kills[:cut]), kills[cut:])
    assert digest.count == len(kills)
    assert len(digest.biggest) == min(len(kills), BIGGEST)
    payload = digest_payload(digest)
    assert [problem for problem in broken_limits(payload) if not problem.startswith("url ")] == []
    assert [problem for text in formatted_texts(embed(digest)) for problem in forgeries(text)] == []
    assert refusal(payload) is None


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 99), st.floats(0, 1e12), st.sampled_from(["kill", "loss", "neutral"])),
                min_size=1, max_size=20, unique_by=lambda one: one[0]), st.randoms(use_true_random=False))  # fmt: skip
def test_the_order_of_the_kills_does_not_matter(told: list[tuple[int, float, Side]], rng: Any) -> None:
    kills = [kill(n, value, side, 100_000 + n % 8) for n, value, side in told]
    shuffled = list(kills)
    rng.shuffle(shuffled)
    one, other = embed(fold(Digest(), kills)), embed(fold(Digest(), shuffled))
    # Only the last digit of a sum of floats may differ.
    assert {**one, "fields": None} == {**other, "fields": None}
    assert [field["name"] for field in one["fields"]] == [field["name"] for field in other["fields"]]
    assert one["fields"][-1] == other["fields"][-1]
