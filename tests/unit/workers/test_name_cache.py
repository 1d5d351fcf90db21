"""The shared cache of names and the circuit around ESI, on fakeredis (no scripts are needed here)."""

import fakeredis
import pytest

from notifier.services.esi import EsiDown, Names
from workers import circuits, keys
from workers.name_cache import NameCache, NamesMissing


class Esi:
    """Gives its answers in turn; an exception is raised. `asked` are the ids of each call."""

    def __init__(self, *answers):
        self._answers, self.asked = list(answers), []

    def names(self, ids):
        self.asked.append(sorted(ids))
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def connection():
    return fakeredis.FakeRedis()


def test_names_are_asked_once_in_bulk_and_kept_for_everyone(connection):
    esi = Esi(Names({1: "One", 2: "Two"}))
    assert NameCache(connection, esi).names({2, 1}) == {1: "One", 2: "Two"}
    assert NameCache(connection, esi).names({1, 2}) == {1: "One", 2: "Two"}
    assert esi.asked == [[1, 2]]
    assert 0 < connection.ttl(keys.name(1)) <= 24 * 3600


def test_an_id_that_esi_does_not_know_is_remembered_for_a_while(connection):
    esi = Esi(Names({1: "One"}, frozenset({2})))
    cache = NameCache(connection, esi)
    assert cache.names([1, 2]) == {1: "One"}
    assert cache.names([2]) == {}
    assert len(esi.asked) == 1
    assert 0 < connection.ttl(keys.name(2)) <= 3600


def test_no_ids_ask_nobody(connection):
    esi = Esi()
    assert NameCache(connection, esi).names([]) == {}


def test_what_esi_said_before_it_went_down_is_kept_and_passed_on(connection):
    esi = Esi(EsiDown("503", 4.0, Names({1: "One"})))
    with pytest.raises(NamesMissing) as caught:
        NameCache(connection, esi).names([1, 2])
    assert (caught.value.seconds, caught.value.so_far) == (4.0, {1: "One"})
    assert connection.get(keys.name(1)) == b"One"


def test_after_three_failures_esi_is_left_alone_by_every_process(connection):
    esi = Esi(*[EsiDown("503")] * 3)
    for _ in range(3):
        with pytest.raises(NamesMissing):
            NameCache(connection, esi).names([1])
    with pytest.raises(NamesMissing, match="circuit"):
        NameCache(connection, esi).names([1])
    assert len(esi.asked) == 3


def test_when_the_rest_is_over_one_caller_tries_and_closes_the_circuit(connection):
    esi = Esi(*[EsiDown("503")] * 3, Names({1: "One"}), Names({2: "Two"}))
    cache = NameCache(connection, esi)
    cache._circuit.rest = 0
    for _ in range(3):
        with pytest.raises(NamesMissing):
            cache.names([1])
    connection.set(keys.probe("esi"), "1")
    with pytest.raises(NamesMissing, match="circuit"):
        cache.names([1])
    connection.delete(keys.probe("esi"))
    assert cache.names([1]) == {1: "One"}
    assert cache.names([2]) == {2: "Two"}


def test_a_bug_in_the_call_does_not_open_the_circuit(connection):
    esi = Esi(*[KeyError("bug")] * 5, Names({1: "One"}))
    cache = NameCache(connection, esi)
    for _ in range(5):
        with pytest.raises(KeyError):
            cache.names([1])
    assert cache.names([1]) == {1: "One"}


def test_a_pause_that_esi_asked_for_is_kept_by_every_process_and_opens_no_circuit(connection):
    esi = Esi(EsiDown("420", 17.0, None, "throttled"), Names({1: "One"}))
    with pytest.raises(NamesMissing) as caught:
        NameCache(connection, esi).names([1])
    assert (caught.value.seconds, caught.value.category) == (17.0, "throttled")
    connection.set(keys.name(2), "Two")
    other = NameCache(connection, esi)
    with pytest.raises(NamesMissing) as caught:
        other.names([1, 2])
    assert 16 < caught.value.seconds <= 17
    assert caught.value.so_far == {2: "Two"}
    assert other.names([2]) == {2: "Two"}, "what is cached needs no ESI"
    assert len(esi.asked) == 1
    assert circuits.states(connection) == {}
    connection.delete(keys.pause("esi"))
    assert other.names([1]) == {1: "One"}
