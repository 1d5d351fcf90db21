"""The shared cache of tickers, and the threads that ask for them, on fakeredis."""

import threading
import time

import fakeredis
import pytest

from notifier.services.esi import EsiDown
from tests.servers import wait_until
from workers import circuits, keys
from workers.ticker_cache import BURST, TickerCache

DEADLINE = 10.0


class Esi:
    """Gives the ticker of each id; an exception is raised. `silent` ids have no answer before `speak` is set."""

    def __init__(self, tickers, silent=()):
        self._tickers, self._silent = tickers, silent
        self.asked, self.speak = [], threading.Event()

    def ticker(self, kind, one, timeout):
        self.asked.append((kind, one))
        if one in self._silent:
            assert self.speak.wait(DEADLINE)
        answer = self._tickers[one]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def connection():
    return fakeredis.FakeRedis()


def test_a_ticker_is_asked_once_and_kept_for_everyone(connection):
    esi = Esi({1: "ONE", 2: "TWO"})
    wanted = {1: "corporation", 2: "alliance"}
    assert TickerCache(connection, esi, wait=DEADLINE).tickers(wanted) == {1: "ONE", 2: "TWO"}
    assert TickerCache(connection, esi).tickers(wanted) == {1: "ONE", 2: "TWO"}
    assert sorted(esi.asked) == [("alliance", 2), ("corporation", 1)]
    assert 0 < connection.ttl(keys.ticker(1)) <= 24 * 3600


def test_an_organisation_that_esi_does_not_know_is_remembered_for_a_while(connection):
    esi = Esi({1: None})
    cache = TickerCache(connection, esi, wait=DEADLINE)
    assert cache.tickers({1: "corporation"}) == cache.tickers({1: "corporation"}) == {}
    assert len(esi.asked) == 1
    assert 0 < connection.ttl(keys.ticker(1)) <= 3600


def test_nothing_wanted_asks_nobody(connection):
    esi = Esi({})
    assert TickerCache(connection, esi).tickers({}) == {}
    assert esi.asked == []


def test_a_message_does_without_what_takes_too_long_and_the_next_one_has_it_by_the_same_call(connection):
    esi = Esi({1: "ONE", 2: "TWO"}, silent={2})
    cache = TickerCache(connection, esi, wait=0.2)
    wanted = {1: "corporation", 2: "alliance"}
    begun_at = time.monotonic()
    assert cache.tickers(wanted) == {1: "ONE"}
    assert time.monotonic() - begun_at < 2
    assert cache.tickers(wanted) == {1: "ONE"}
    esi.speak.set()
    wait_until(lambda: connection.get(keys.ticker(2)) == b"TWO")
    assert cache.tickers(wanted) == {1: "ONE", 2: "TWO"}
    assert esi.asked.count(("alliance", 2)) == 1


def test_after_three_failures_the_circuit_around_esi_is_open(connection):
    esi = Esi({1: EsiDown("503"), 2: EsiDown("503"), 3: EsiDown("503"), 4: "FOUR"})
    cache = TickerCache(connection, esi, wait=DEADLINE)
    for one in (1, 2, 3):
        assert cache.tickers({one: "corporation"}) == {}
    assert circuits.states(connection) == {"esi": "open"}
    assert TickerCache(connection, esi, wait=DEADLINE).tickers({4: "corporation"}) == {}
    assert len(esi.asked) == 3


def test_while_esi_wants_to_be_left_alone_nobody_asks(connection):
    esi = Esi({1: EsiDown("420", 17.0, None, "throttled"), 2: "TWO"})
    cache = TickerCache(connection, esi, wait=DEADLINE)
    assert cache.tickers({1: "corporation"}) == {}
    assert 16 < float(connection.get(keys.pause("esi"))) - time.time() <= 17
    assert cache.tickers({2: "corporation"}) == {}
    assert len(esi.asked) == 1


def test_a_bug_costs_one_ticker_and_no_thread(connection):
    esi = Esi({**{one: KeyError("bug") for one in range(1, 9)}, 9: "NINE"})
    cache = TickerCache(connection, esi, wait=DEADLINE)
    assert cache.tickers(dict.fromkeys(range(1, 9), "corporation")) == {}
    assert cache.tickers({9: "corporation"}) == {9: "NINE"}


def test_a_backlog_of_killmails_is_no_storm_of_calls(connection):
    esi = Esi({one: f"T{one}" for one in range(1, 100)})
    cache = TickerCache(connection, esi, clock=lambda: 0.0, wait=DEADLINE)
    found = [cache.tickers({one: "corporation"}) for one in range(1, 100)]
    assert sum(map(len, found)) == len(esi.asked) == BURST
    assert found[-1] == {}
