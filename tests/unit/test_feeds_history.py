"""The history's files: what they hold, what their failures mean, and which days a feed has lost."""

from datetime import UTC, date, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.feeds import history as module
from notifier.feeds.cursor import WINDOW
from notifier.feeds.history import LONGEST_PAUSE, PAUSE, History, HistoryError, NoFileError, days_lost

DAY = date(2026, 11, 22)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()


@pytest.fixture
def asked():
    return []


@pytest.fixture
def history(asked):
    made = []

    def make(answer):
        def handle(request):
            asked.append(request.url.path)
            if isinstance(answer, Exception):
                raise answer
            return answer

        made.append(httpx.Client(transport=httpx.MockTransport(handle)))
        return History(made[-1], "https://r2z2.test/")

    yield make
    for client in made:
        client.close()


def test_bodies_are_given_by_id_as_they_stand_in_the_file(history, asked):
    content = b'{"12":{"killmail_id": 12},"7":null,"100":[1, 2]}'
    found = history(httpx.Response(200, content=content)).bodies(DAY)
    assert [(number, bytes(body)) for number, body in found] == [
        (7, b"null"),
        (12, b'{"killmail_id": 12}'),
        (100, b"[1, 2]"),
    ]
    assert asked == ["/history/raw/20261122.json"]


def test_ids_are_given_ascending(history, asked):
    assert history(httpx.Response(200, json={"12": "ab", "7": "cd"})).ids(DAY) == [7, 12]
    assert asked == ["/history/20261122.json"]


def test_totals_are_given_by_day(history, asked):
    assert history(httpx.Response(200, json={"20261122": 5})).totals() == {"20261122": 5}
    assert asked == ["/history/totals.json"]


def test_each_part_of_an_answer_is_a_beat(history):
    beats = []
    stream = (b"{", b'"7":', b"1}")
    assert history(httpx.Response(200, content=iter(stream))).bodies(DAY, lambda: beats.append(1))
    assert len(beats) == 3


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"<html>", b'{"a":{}}', b'{"7":{}', b"\xff", b'{"7":' + b"[" * 9999]
)
def test_a_file_that_is_no_day_is_an_error(history, content):
    with pytest.raises(HistoryError, match="is not what it should be"):
        history(httpx.Response(200, content=content)).bodies(DAY)


@pytest.mark.parametrize(
    ("answer", "wait"),
    [
        (httpx.Response(500), PAUSE),
        (httpx.Response(301), PAUSE),
        (httpx.Response(503, headers={"Retry-After": "7"}), 7),
        (httpx.Response(429, headers={"Retry-After": "9000"}), LONGEST_PAUSE),
        (httpx.Response(403, headers={"Retry-After": "7"}), PAUSE),
        (httpx.Response(403, headers={"Retry-After": "900"}), 900),
        (httpx.ConnectError("refused"), PAUSE),
        (httpx.ReadTimeout("slow"), PAUSE),
        (OSError("no descriptors"), PAUSE),
    ],
)
def test_a_failure_says_how_long_to_wait(history, answer, wait):
    with pytest.raises(HistoryError) as error:
        history(answer).totals()
    assert error.value.wait == wait


def test_a_day_that_is_not_there_is_told_from_a_failure(history):
    with pytest.raises(NoFileError):
        history(httpx.Response(404)).bodies(DAY)


def test_a_file_without_end_is_not_read_to_its_end(history, monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 1000)
    endless = (b" " * 100 for _ in iter(int, 1))
    with pytest.raises(HistoryError, match="larger than 1000 bytes"):
        history(httpx.Response(200, content=endless)).bodies(DAY)


# -- Days that are lost


@pytest.mark.parametrize(
    ("away", "days"),
    [
        (0, []),
        (WINDOW, []),
        (WINDOW + 1, [DAY]),
        (WINDOW + 12 * 3600, [DAY]),
        (WINDOW + 12 * 3600 + 1, [date(2026, 11, 21), DAY]),
        (3 * WINDOW, [date(2026, 11, 20), date(2026, 11, 21), DAY]),
        (-WINDOW, []),
    ],
)
def test_the_days_between_the_last_file_and_what_is_still_kept_are_lost(away, days):
    assert days_lost(NOON - away, NOON) == days


def test_a_feed_that_does_not_know_when_it_last_read_has_lost_no_known_day():
    assert days_lost(0, NOON) == []


@given(st.integers(10**9, 2 * 10**9), st.integers(WINDOW + 1, 100 * WINDOW), st.floats(0, 1))
def test_every_moment_that_is_lost_is_of_a_day_that_is_named(read_at, away, where):
    days = days_lost(read_at, read_at + away)
    moment = read_at + int(where * (away - WINDOW))
    assert datetime.fromtimestamp(moment, UTC).date() in days
    assert days == sorted(set(days))
