"""A dead letter as a value: filters, ages, fates, counts, and how it is shown."""

import base64
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.dlq import Pace
from ops.letter_page import LONGEST_PAYLOAD, last_line, payload, safe, when
from workers.letter import Fate, Filter, Letter, age, fate, tally
from workers.queues import DELIVERY, ENRICHMENT, INGESTION

NOW = 1_000_000.0


def letter(job_id="kill-7-intel", queue=DELIVERY, *, dead_at=NOW - 60, category="permanent", **more):
    args = more.pop("args", ("{}", "intel", 7, 0.0) if queue == DELIVERY else ())
    meta = {"dead_at": dead_at, "category": category, "reason": "no"}
    return Letter(job_id, queue, args=args, meta=meta, raw={"data": b"x"}, **more)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("3d", 259_200), ("1.5h", 5400)]
)
def test_an_age_is_a_number_and_a_unit(text, seconds):
    assert age(text) == seconds


@pytest.mark.parametrize("text", ["", "90", "h", "2 h 3 m", "-1h", "1w", "1e3s", "nan", "٣d", "9" * 400 + "d"])
def test_what_is_no_age_is_said_with_what_was_expected(text):
    with pytest.raises(ValueError, match="expected a number and a unit, such as 90s, 30m, 2h or 3d"):
        age(text)


@given(st.text())
def test_no_text_breaks_the_reading_of_an_age(text):
    with suppress(ValueError):
        assert age(text) >= 0


@pytest.mark.parametrize(
    ("which", "admitted"),
    [
        (Filter(), True),
        (Filter(queue=DELIVERY), True),
        (Filter(queue=ENRICHMENT), False),
        (Filter(category="permanent"), True),
        (Filter(category="bug"), False),
        (Filter(destination="intel"), True),
        (Filter(destination="losses"), False),
        (Filter(killmail=7), True),
        (Filter(killmail=8), False),
        (Filter(older_than=60), True),
        (Filter(older_than=61), False),
        (Filter(newer_than=60), True),
        (Filter(newer_than=59), False),
        (Filter(older_than=30, newer_than=90, destination="intel", queue=DELIVERY), True),
        (Filter(queue=DELIVERY, category="bug"), False),
    ],
)
def test_a_filter_admits_what_all_of_its_fields_admit(which, admitted):
    assert which.admits(letter(), NOW) is admitted


def test_a_letter_that_tells_no_time_has_no_age():
    unknown = Letter("x", DELIVERY)
    assert Filter().admits(unknown, NOW)
    assert not Filter(older_than=0).admits(unknown, NOW)
    assert not Filter(newer_than=1e9).admits(unknown, NOW)


def test_an_enrichment_has_no_destination_for_it_may_concern_many():
    one = letter("kill-7", ENRICHMENT, args=("{}", [["intel", []]], 1, 0.0))
    assert one.destination is None
    assert not Filter(destination="intel").admits(one, NOW)
    assert one.link == "https://zkillboard.com/kill/7/"


def test_a_delivery_that_cannot_be_read_tells_its_destination_by_its_id():
    one = letter("kill-7-big-or-ours", args=(), unreadable="no JSON")
    assert (one.destination, one.killmail_id) == ("big-or-ours", 7)


def test_a_malformed_package_is_found_by_what_looks_like_its_killmail():
    body = base64.b64encode(b'{"killmail_id": 42, "esi": {"victim": ').decode()
    one = letter("package-9", INGESTION, args=(body, 9))
    assert one.link == "https://zkillboard.com/kill/42/"
    assert Filter(killmail=42).admits(one, NOW)
    assert letter("package-9", INGESTION, args=("no base64 §", 9)).link is None


def test_a_package_tells_where_the_rest_of_its_body_lies():
    one = letter("package-9", INGESTION, args=("", 9, "malformed/9.bin", 5_000_000))
    assert one.body_file == ("malformed/9.bin", 5_000_000)
    assert one.as_dict()["body_file"] == "malformed/9.bin"
    assert letter("package-9", INGESTION, args=("", 9)).body_file is None


@pytest.mark.parametrize(
    ("one", "ledger", "expected"),
    [
        (letter(), None, Fate.PUT_BACK),
        (letter(), "pending", Fate.PUT_BACK),
        (letter(), "sending", Fate.MAY_REPEAT),
        (letter(), "delivered", Fate.DELIVERED),
        (letter(unreadable="no JSON"), None, Fate.UNREADABLE),
        (letter(unreadable="no JSON"), "delivered", Fate.DELIVERED),
        (letter("kill-7", ENRICHMENT), "delivered", Fate.PUT_BACK),
        (Letter("x", DELIVERY, unreadable="gone"), None, Fate.GONE),
    ],
)
def test_what_a_replay_would_do_follows_from_the_letter_and_the_ledger(one, ledger, expected):
    assert fate(one, ledger) is expected
    assert expected.is_put_back is str(expected).startswith("put back")


def test_letters_are_counted_with_the_oldest_and_the_newest():
    counted = tally(
        [letter(dead_at=5.0), letter(dead_at=3.0), letter(category="bug", dead_at=4.0), Letter("x", INGESTION)]
    )
    assert (counted.letters, counted.oldest, counted.newest) == (4, 3.0, 5.0)
    assert counted.counts[DELIVERY, "permanent", "intel"] == 2
    assert counted.counts[INGESTION, "unknown", None] == 1


def test_nothing_is_counted_as_nothing():
    assert tally([]) == tally(iter(()))
    assert (tally([]).letters, tally([]).oldest) == (0, None)


# -- how it looks


def test_what_others_wrote_cannot_steer_the_terminal_nor_rich():
    assert "\x1b" not in safe("\x1b[31mred \x07\x9b")
    assert safe("\x1b]0;title\x07") == "\\x1b]0;title\\x07"
    assert safe("[bold]x[/]") == "\\[bold]x\\[/]"
    assert last_line("Traceback\n  File\nKeyError: 'x'\n") == "KeyError: 'x'"
    assert last_line("") == ""


@pytest.mark.parametrize("at", [None, "x", float("nan"), float("inf"), 1e30, -1e30])
def test_a_time_that_is_none_is_a_question_mark(at):
    assert when(at) == "?"


def test_a_payload_is_laid_out_and_a_long_one_is_cut():
    assert '"killmail_id": 7' in payload(letter("kill-7", ENRICHMENT, args=('{"killmail_id":7}', [], 1)))
    long = base64.b64encode(b"x" * (LONGEST_PAYLOAD + 10)).decode()
    assert payload(letter("package-1", INGESTION, args=(long, 1))).endswith("and 10 characters more; --json shows them")
    binary = base64.b64encode(b"\xff\x00{").decode()
    assert payload(letter("package-1", INGESTION, args=(binary, 1))) == "\\xff\\x00{"


# -- the pace


class Clock:
    def __init__(self):
        self.now, self.slept = 100.0, []

    def sleep(self, seconds):
        self.slept.append(round(seconds, 6))
        self.now += seconds


def test_a_pace_spreads_steps_evenly_and_makes_up_for_nothing():
    clock = Clock()
    pace = Pace(10, lambda: clock.now, clock.sleep)
    for _ in range(3):
        pace.step()
    assert clock.slept == [0.1, 0.1]
    clock.now += 60
    pace.step()
    pace.step()
    assert clock.slept == [0.1, 0.1, 0.1]


def test_a_pace_of_none_waits_for_nothing():
    clock = Clock()
    pace = Pace(0, lambda: clock.now, clock.sleep)
    for _ in range(100):
        pace.step()
    assert clock.slept == []


@pytest.mark.parametrize(
    ("job_id", "killmail"),
    [
        ("kill-5-intel", 5),
        ("kill-5-a-kill-3", 5),
        ("names-kill-5", 5),
        ("names-7-0abc-kill-5", 5),
        ("rewrite-7-0abc-kill-5", 5),
        ("edit-names-kill-5-intel", 5),
        ("edit-7-0abc-kill-5-road-kill-3", 5),
        ("admin-status1-intel", None),
    ],
)
def test_the_id_of_every_job_of_a_killmail_tells_which(job_id, killmail):
    assert letter(job_id).killmail_id == killmail
