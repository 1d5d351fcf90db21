"""Threads, forum posts, mentions and quiet hours: what is read of the file, and what it makes of a message."""

from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.config import AddressProblem, ConfigError, Destination, Manners, Mentions, Quiet, load, load_config

URL = "https://discord.com/api/webhooks/123456789/" + "tOkEn-_" * 8
FILE = """
[[destinations]]
id = "intel"
webhook = {{ env = "INTEL_WEBHOOK" }}
{}
[[subscriptions]]
id = "all"
to = ["intel"]
where = {{}}
"""
PAYLOAD = {"embeds": [{"title": "@everyone <@&7>"}], "allowed_mentions": {"parse": []}}
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Gives a destination with these lines, read from a file, its address URL or another one."""
    monkeypatch.setattr(load, "parse_rule", lambda table, _where, _universe: (table, []))

    def reading(lines: str, url: str = URL) -> Destination:
        file = tmp_path / "notifier.toml"
        file.write_text(FILE.format(lines), "utf-8")
        universe: Any = None
        return load_config(file, {"INTEL_WEBHOOK": url}, universe, ("discord.com",)).destinations["intel"]

    return reading


def epoch(text: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()


# -- Threads and forums


@pytest.mark.parametrize("thread", ["123456789012345678", '"123456789012345678"'])
def test_a_thread_is_a_part_of_the_address_and_makes_it_another_one(read, thread) -> None:
    address = read(f"thread = {thread}").address()
    assert address.url() == f"{URL}?thread_id=123456789012345678"
    assert address.fingerprint != read("").address().fingerprint
    assert address.webhook == read("").address().webhook == read("").address().fingerprint
    assert read(f"thread = {thread}", f"{URL}?").address() == address


@pytest.mark.parametrize(("line", "key"), [("thread = 5", "thread"), ('post_name = "Kills"', "post_name")])
def test_a_thread_in_the_address_too_is_a_mistake(read, line, key) -> None:
    with pytest.raises(AddressProblem) as caught:
        read(line, f"{URL}?thread_id=6").address()
    assert str(caught.value) == (
        f"destinations.intel.{key}: found a thread in the webhook's address as well, "
        "expected the thread in one place only"
    )


def test_a_post_of_a_forum_is_named_with_its_date() -> None:
    dressed = Manners(post_name="Killmails of {date}").dressed(PAYLOAD, epoch("2026-11-24 00:30", ZoneInfo("UTC")))
    assert dressed == {**PAYLOAD, "thread_name": "Killmails of 2026-11-24"}


# -- Mentions


def test_whom_a_message_mentions_is_its_only_content_and_nobody_else_is_allowed(read) -> None:
    line = 'mentions = { roles = [41, "42", 41], users = [7], here = true, at_most_every = "30m" }'
    mentions = read(line).manners.mentioned(0.0)
    assert mentions == Mentions((41, 42), (7,), True, 1800.0)
    assert mentions.added_to(PAYLOAD) == {
        "embeds": PAYLOAD["embeds"],
        "content": "@here <@&41> <@&42> <@7>",
        "allowed_mentions": {"parse": ["everyone"], "roles": ["41", "42"], "users": ["7"]},
    }
    assert Mentions(users=(7,)).added_to(PAYLOAD)["allowed_mentions"] == {"parse": [], "users": ["7"]}


# -- Quiet hours


@pytest.mark.parametrize(
    ("moment", "quiet"),
    [
        ("2026-11-24 22:59:59", False),
        ("2026-11-24 23:00", True),
        ("2026-11-25 00:00", True),
        ("2026-11-25 06:59:59.999", True),
        ("2026-11-25 07:00", False),
    ],
)
def test_quiet_hours_over_midnight_begin_and_end_by_the_clock_of_the_zone(moment, quiet) -> None:
    manners = Manners(mentions=Mentions(here=True), quiet=Quiet(time(23), time(7), BERLIN))
    now = epoch(moment)
    assert manners.dressed(PAYLOAD, now) == (PAYLOAD | {"flags": 4096} if quiet else PAYLOAD)
    assert manners.mentioned(now) == (None if quiet else Mentions(here=True))


def test_an_hour_that_comes_twice_is_quiet_twice_and_one_that_is_left_out_makes_no_other_quiet() -> None:
    quiet = Quiet(time(2), time(3), BERLIN)
    assert [quiet.holds(epoch("2026-10-25 02:30", fold=fold)) for fold in (0, 1)] == [True, True]
    assert epoch("2026-10-25 02:30", fold=1) - epoch("2026-10-25 02:30") == 3600
    spring = epoch("2026-03-29 01:00")
    assert not any(quiet.holds(spring + minutes * 60) for minutes in range(180)), "02:xx does not exist on that day"


TIMES = st.times(timezones=st.none()).map(lambda t: t.replace(second=0, microsecond=0))
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)).map(datetime.timestamp)  # noqa: DTZ001
ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"]
).map(ZoneInfo)


@given(TIMES, TIMES, ZONES, MOMENTS)
def test_of_two_spans_that_make_up_a_day_just_one_is_quiet(begin, end, zone, now) -> None:
    if begin != end:
        assert Quiet(begin, end, zone).holds(now) != Quiet(end, begin, zone).holds(now)


@given(TIMES, TIMES, ZONES, MOMENTS)
def test_it_is_quiet_when_the_minutes_since_the_beginning_are_fewer_than_those_to_the_end(
    begin, end, zone, now
) -> None:
    if begin == end:
        return
    offset = datetime.fromtimestamp(now, zone).utcoffset()
    assert offset is not None
    minute = int((now + offset.total_seconds()) // 60)
    first, last = begin.hour * 60 + begin.minute, end.hour * 60 + end.minute
    assert Quiet(begin, end, zone).holds(now) == ((minute - first) % 1440 < (last - first) % 1440)


# -- Mistakes


def test_the_hours_are_eve_time_where_no_zone_is_named(read) -> None:
    assert read('quiet = { from = "23:00", to = "07:00" }').manners.quiet == Quiet(time(23), time(7), ZoneInfo("UTC"))


@pytest.mark.parametrize(
    ("line", "mistake"),
    [
        ("thread = 0", "thread: found 0, expected the id of a thread, a number of up to 19 digits"),
        ("thread = true", "thread: found true, expected the id of a thread, a number of up to 19 digits"),
        ('thread = 5\npost_name = "x"', "thread: found post_name as well, expected one of the two: a post of its own"),
        ('post_name = "{system}"', "post_name: found '{system}', expected a text of 1 to 100 characters"),
        ('post_name = " "', "post_name: found ' ', expected a text of 1 to 100 characters"),
        ("mentions = 5", "mentions: found 5, expected a table: mentions = {"),
        ("mentions = {}", "mentions: found nobody, expected roles, users, or here = true"),
        ("mentions = { roles = [-1] }", "mentions.roles: found a list of 1, expected a list of at most 20 ids"),
        ("mentions = { users = 7 }", "mentions.users: found 7, expected a list of at most 20 ids"),
        ("mentions = { here = 1 }", "mentions.here: found 1, expected true or false"),
        ("mentions = { everyone = true }", "mentions: found the unknown key 'everyone', expected one of roles, users"),
        ('mentions = { here = true, at_most_every = "5" }', "mentions.at_most_every: found '5', expected a number and"),
        ("quiet = true", "quiet: found true, expected a table: quiet = {"),
        ('quiet = { from = "23:00" }', "quiet: found no to, expected the key to"),
        ('quiet = { from = "24:00", to = "07:00" }', "quiet.from: found '24:00', expected a time of day"),
        ("quiet = { from = 23:00:00, to = 7 }", "quiet.to: found 7, expected a time of day"),
        (
            'quiet = { from = "07:00", to = "07:00" }',
            "quiet: found from 07:00 to the same, expected two different times",
        ),
        (
            'quiet = { from = "23:00", to = "07:00", zone = "Europe/Bonn" }',
            "quiet.zone: found 'Europe/Bonn', expected a time zone",
        ),
        ('quiet = { from = "23:00", to = "07:00", zone = "../x" }', "quiet.zone: found a text that is not repeated"),
        ('quiet = { from = "23:00", to = "07:00", zone = "Europe" }', "quiet.zone: found 'Europe', expected a time"),
    ],
)
def test_each_mistake_is_in_the_one_report_with_its_place(read, line, mistake) -> None:
    with pytest.raises(ConfigError) as caught:
        read(line)
    assert f"destinations.intel.{mistake}" in str(caught.value)


def test_all_mistakes_are_reported_at_once(read) -> None:
    with pytest.raises(ConfigError) as caught:
        read('thread = 0\nmentions = { here = 1 }\nquiet = { from = "x", to = "y", zone = "z" }')
    assert len(caught.value.problems) == 5
