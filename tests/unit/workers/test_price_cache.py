"""Prices from ESI and a source of better ones, on fakeredis."""

import threading
import time

import fakeredis
import pytest

from notifier.killmail.model import Item as Stack
from notifier.killmail.model import Killmail, Victim
from notifier.services.esi import EsiDown
from notifier.services.prices import PricesDown
from tests.servers import wait_until
from workers import circuits, keys
from workers.asking import SharedPace
from workers.price_cache import MOST, PriceCache

DEADLINE = 10.0
M = 1_000_000.0


class Named:
    name = "Thing"


class Types:
    def type(self, type_id):
        return Named


class Esi:
    """Gives the averages; an exception is raised. With `silent` it has no answer before `speak` is set."""

    def __init__(self, averages, silent=False):
        self.averages, self.asked, self.speak = averages, 0, threading.Event()
        if not silent:
            self.speak.set()

    def prices(self):
        self.asked += 1
        assert self.speak.wait(DEADLINE)
        if isinstance(self.averages, Exception):
            raise self.averages
        return self.averages


class Source:
    """Gives prices; an exception is raised. With `silent` it has no answer before `speak` is set."""

    name, keeps = "zkillboard", 3600

    def __init__(self, known, silent=False, at_once=1):
        self.known, self.asked, self.speak, self.at_once = known, [], threading.Event(), at_once
        if not silent:
            self.speak.set()

    def prices(self, types, timeout):
        self.asked.append(tuple(types))
        assert self.speak.wait(DEADLINE)
        if isinstance(self.known, Exception):
            raise self.known
        return {one: self.known[one] for one in types if one in self.known}


@pytest.fixture
def connection():
    return fakeredis.FakeRedis()


def lost(*types):
    items = tuple(Stack(one, 5, quantity_dropped=1) for one in types)
    return Killmail(1, None, 30000142, Victim(587, items=items), ())


def cache(connection, esi, source, wait=DEADLINE):
    return PriceCache(connection, esi, source, 50 * M, Types(), wait=wait)


def values(found):
    return {one.named.id: one.value for one in found}


def test_averages_sort_out_and_the_source_says_what_the_others_are_worth(connection):
    esi, source = Esi({1: 40 * M, 2: 60 * M, 3: 24 * M}), Source({1: 70 * M, 2: 45 * M})
    assert values(cache(connection, esi, source).notable(lost(1, 2, 3))) == {1: 70 * M}
    assert sorted(source.asked) == [(1,), (2,)]


def test_both_are_asked_once_and_kept_for_everyone(connection):
    esi, source = Esi({1: 40 * M}), Source({1: 70 * M})
    for _ in range(3):
        assert values(cache(connection, esi, source).notable(lost(1))) == {1: 70 * M}
    assert (esi.asked, source.asked) == (1, [(1,)])
    assert 0 < connection.ttl(keys.price("zkillboard", 1)) <= 3600
    assert 0 < connection.ttl(keys.AVERAGES) <= 24 * 3600
    assert 3500 < float(connection.hget(keys.AVERAGES, "due")) - time.time() <= 3600


def test_a_source_of_many_prices_is_asked_once_for_all(connection):
    esi, source = Esi(dict.fromkeys(range(1, 4), 60 * M)), Source({1: 70 * M, 2: 80 * M}, at_once=100)
    assert values(cache(connection, esi, source).notable(lost(1, 2, 3))) == {1: 70 * M, 2: 80 * M, 3: 60 * M}
    assert len(source.asked) == 1


def test_where_the_source_takes_too_long_the_average_stands_and_the_next_message_has_the_price(connection):
    esi, source = Esi({1: 60 * M}), Source({1: 70 * M}, silent=True)
    connection.hset(keys.AVERAGES, mapping={"1": repr(60 * M), "due": repr(time.time() + 60)})
    impatient = cache(connection, esi, source, wait=0.05)
    assert values(impatient.notable(lost(1))) == values(impatient.notable(lost(1))) == {1: 60 * M}
    source.speak.set()
    wait_until(lambda: connection.exists(keys.price("zkillboard", 1)))
    assert values(impatient.notable(lost(1))) == {1: 70 * M}
    assert source.asked == [(1,)]


def test_old_averages_serve_while_new_ones_are_asked_for(connection):
    esi, source = Esi({1: 90 * M}, silent=True), Source({})
    connection.hset(keys.AVERAGES, "1", repr(60 * M))
    assert values(cache(connection, esi, source).notable(lost(1))) == {1: 60 * M}
    esi.speak.set()
    wait_until(lambda: connection.hget(keys.AVERAGES, "1") == repr(90 * M).encode())


def test_without_any_price_nothing_is_notable_and_nobody_is_kept_waiting(connection):
    esi, source = Esi({}, silent=True), Source({})
    impatient = cache(connection, esi, source, wait=0.05)
    assert impatient.notable(lost(1)) == impatient.notable(lost(1)) == ()
    esi.speak.set()
    assert (esi.asked, source.asked) == (1, [])


def test_an_esi_that_is_down_opens_no_circuit_and_is_asked_again_a_minute_later(connection):
    esi = Esi(EsiDown("429", 17.0, None, "throttled"))
    assert cache(connection, esi, Source({})).notable(lost(1)) == ()
    assert 0 < connection.ttl(keys.AVERAGES_ASKED) <= 60
    assert 16 < float(connection.get(keys.pause("esi"))) - time.time() <= 17
    assert circuits.states(connection) == {}


def test_while_esi_wants_to_be_left_alone_nobody_asks(connection):
    connection.set(keys.pause("esi"), repr(time.time() + 60))
    esi = Esi({1: 60 * M})
    assert cache(connection, esi, Source({})).notable(lost(1)) == ()
    assert esi.asked == 0


def test_after_three_failures_the_circuit_around_the_source_is_open_and_averages_stand(connection):
    esi, source = Esi(dict.fromkeys(range(1, 6), 60 * M)), Source(PricesDown("502"))
    prices = cache(connection, esi, source)
    for one in range(1, 4):
        assert values(prices.notable(lost(one))) == {one: 60 * M}
    assert circuits.states(connection) == {"zkillboard": "open"}
    assert values(cache(connection, esi, source).notable(lost(4))) == {4: 60 * M}
    assert len(source.asked) == 3


def test_a_source_that_asks_for_a_pause_gets_it(connection):
    esi, source = Esi({1: 60 * M}), Source(PricesDown("429", 17.0, "throttled"))
    prices = cache(connection, esi, source)
    for _ in range(2):
        assert values(prices.notable(lost(1))) == {1: 60 * M}
    assert source.asked == [(1,)]


def test_a_bug_costs_one_price_and_no_thread(connection):
    esi, source = Esi({1: 60 * M, 2: 60 * M}), Source(KeyError("bug"))
    prices = cache(connection, esi, source)
    for _ in range(3):
        assert values(prices.notable(lost(1))) == {1: 60 * M}
    source.known = {2: 70 * M}
    assert values(prices.notable(lost(2))) == {2: 70 * M}


def test_what_the_source_does_not_know_is_remembered(connection):
    esi, source = Esi({1: 60 * M}), Source({})
    for _ in range(2):
        assert values(cache(connection, esi, source).notable(lost(1))) == {1: 60 * M}
    assert source.asked == [(1,)]


def test_all_processes_together_ask_no_faster_than_the_pace(connection):
    now = [100.0]
    paces = [SharedPace("zkillboard", connection, MOST, 5, clock=lambda: now[0]) for _ in range(3)]
    assert sum(pace.allows() for pace in paces for _ in range(4)) == MOST
    now[0] += 5
    assert sum(pace.allows() for pace in paces for _ in range(4)) == MOST
    assert all(0 < connection.ttl(key) <= 10 for key in connection.keys("notifier:calls:*"))
