"""By a webhook or as a bot: what is read of the file, and which mistakes are told."""

from pathlib import Path
from typing import Any

import pytest

from notifier.config import place

TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GaBcDe." + "tOkEn-_" * 4
BOT = {"bot": {"env": "INTEL_BOT"}, "channel": 123456789012345678}


def read(entry: dict[str, Any]) -> tuple[place.Place | None, list[str]]:
    told: list[str] = []

    def add(where: str, found: str, expected: str) -> None:
        told.append(f"{where}: found {found}, expected {expected}")

    return place.read(entry, "d", Path("/etc/notifier"), add), told


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"webhook": {"env": "INTEL"}}, place.Place("INTEL", None)),
        ({"webhook": {"file": "a/b"}}, place.Place(None, Path("/etc/notifier/a/b"))),
        (BOT, place.Place("INTEL_BOT", None, 123456789012345678)),
        (BOT | {"channel": "42"}, place.Place("INTEL_BOT", None, 42)),
        (BOT | {"bot": {"file": "/run/secrets/bot"}}, place.Place(None, Path("/run/secrets/bot"), 123456789012345678)),
    ],
)
def test_a_place_is_a_webhook_or_a_bot_and_its_channel(entry: dict[str, Any], expected: place.Place) -> None:
    assert read(entry) == (expected, [])


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({}, "d: found no webhook, expected the key webhook (or bot and channel)"),
        (BOT | {"webhook": {"env": "A"}}, "d: found webhook and bot, expected one of the two"),
        ({"bot": {"env": "A"}}, "d: found a bot without a channel, expected the key channel: the id of a channel"),
        ({"webhook": {"env": "A"}, "channel": 5}, "d.channel: found a channel without a bot, expected bot = "),
        (BOT | {"thread": 5}, "d.thread: found a thread of a bot, expected channel = <the thread's id>"),
        (BOT | {"post_name": "x"}, "d.post_name: found posts of a forum by a bot, expected a webhook"),
        (BOT | {"channel": "general"}, "d.channel: found 'general', expected the id of a channel or thread"),
        (BOT | {"channel": True}, "d.channel: found true, expected the id of a channel or thread"),
        (BOT | {"bot": TOKEN}, "d.bot: found a plain text, perhaps the token itself, expected a place where"),
        (BOT | {"bot": {}}, 'bot = { env = "INTEL_BOT" }'),
        (BOT | {"bot": {"env": "A", "file": "b"}}, "d.bot: found a table"),
        (
            BOT | {"bot": {"env": "NOTIFIER_BOT"}},
            "d.bot.env: found 'NOTIFIER_BOT', expected a name that does",
        ),
        (BOT | {"bot": {"env": TOKEN}}, "d.bot.env: found a text that is not repeated here"),
        (BOT | {"bot": {"file": TOKEN}}, "d.bot.file: found a text that is not repeated here"),
        (BOT | {"bot": {"file": ""}}, "d.bot.file: found '', expected the path of a file, not the token itself"),
    ],
)
def test_a_mistake_is_told_once_with_its_place_and_no_token(entry: dict[str, Any], said: str) -> None:
    found, told = read(entry)
    assert [one for one in told if said in one], told
    assert len(told) == 1
    assert TOKEN not in told[0]
    assert found is None or "bot" not in entry
