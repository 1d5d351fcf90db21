"""A circuit and its shared state, on fakeredis; `away` makes Redis refuse every command."""

import fakeredis
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from workers import circuits, keys, telemetry
from workers.circuits import Circuit, CircuitOpen, State


class DownError(Exception):
    """The service is down."""


@pytest.fixture
def server():
    return fakeredis.FakeServer()


@pytest.fixture
def connection(server):
    return fakeredis.FakeRedis(server=server)


@pytest.fixture
def heard():
    events = []
    end = telemetry.subscribe(lambda kind, fields: events.append(kind.name))
    yield events
    end()


def circuit(connection, **options):
    return Circuit("service", connection, lambda error: isinstance(error, DownError), **options)


def fail(one, times=1):
    def down():
        raise DownError("no answer")

    for _ in range(times):
        with pytest.raises(DownError):
            one.call(down)


def look_again(*made):
    """What was read half a second ago is no longer believed."""
    for one in made:
        one._storage._asked_until = 0.0


def test_a_circuit_that_nothing_has_happened_to_is_closed_and_costs_no_command_of_its_own(connection):
    one = circuit(connection)
    assert one.call(lambda: "done") == "done"
    calls = []
    connection.execute_command = lambda *args, **options: calls.append(args)
    assert [one.call(lambda: "done") for _ in range(100)] == ["done"] * 100
    assert calls == []


def test_failures_of_several_processes_add_up_and_the_state_holds_for_all(connection, heard):
    one, other = circuit(connection), circuit(connection)
    fail(one)
    fail(other)
    fail(one)
    look_again(other)
    with pytest.raises(CircuitOpen, match="the circuit around service is open: no answer") as caught:
        other.call(lambda: "never")
    assert 9 < caught.value.seconds <= 10
    assert circuits.states(connection) == {"service": "open"}
    assert circuits.read(connection)["service"].reason == "no answer"
    assert heard == ["circuit_opened"]


def test_a_success_in_between_begins_the_count_anew(connection):
    one = circuit(connection)
    for _ in range(5):
        fail(one, 2)
        one.call(lambda: None)
    assert circuits.states(connection) == {}


def test_a_bug_in_the_call_counts_for_nothing(connection):
    one = circuit(connection)
    for _ in range(9):
        with pytest.raises(KeyError):
            one.call(lambda: {}["missing"])
    assert circuits.states(connection) == {}


def test_after_the_rest_one_probe_at_a_time_and_its_success_closes_it_for_all(connection, heard):
    one, other = circuit(connection, rest=0.0), circuit(connection, rest=0.0)
    fail(one, 3)
    look_again(other)

    def while_the_probe_is_out():
        with pytest.raises(CircuitOpen):
            other.call(lambda: "never")
        return "done"

    assert one.call(while_the_probe_is_out) == "done"
    look_again(other)
    assert other.call(lambda: "too") == "too"
    assert circuits.states(connection) == {"service": "closed"}
    assert heard == ["circuit_opened", "circuit_closed"]


def test_a_probe_that_fails_opens_it_again_and_that_is_no_news(connection, heard):
    one = circuit(connection, rest=0.0)
    fail(one, 3)
    fail(one, 4)
    assert circuits.states(connection) == {"service": "open"}
    assert heard == ["circuit_opened"]
    assert connection.get(keys.probe("service")) is None


def test_a_probe_that_was_killed_is_given_up_after_a_while(connection):
    one = circuit(connection, rest=0.0)
    fail(one, 3)
    connection.set(keys.probe("service"), "of a killed process", ex=circuits.PROBE_TTL)
    with pytest.raises(CircuitOpen):
        one.call(lambda: "never")
    assert 0 < connection.ttl(keys.probe("service")) <= circuits.PROBE_TTL
    connection.delete(keys.probe("service"))
    assert one.call(lambda: "done") == "done"


def test_nobody_gives_back_the_probe_of_another(connection):
    one = circuit(connection, rest=0.0)
    fail(one, 3)
    one.call(lambda: connection.set(keys.probe("service"), "another's"))
    assert connection.get(keys.probe("service")) == b"another's"


def test_who_was_admitted_and_does_nothing_changes_nothing(connection):
    one = circuit(connection, rest=0.0)
    fail(one, 3)
    with one.admitted():
        pass
    assert circuits.states(connection) == {"service": "open"}
    assert connection.get(keys.probe("service")) is None


def test_without_redis_the_local_state_holds(server, connection, heard):
    one = circuit(connection, rest=0.0)
    server.connected = False
    fail(one, 3)
    assert not one.closed
    assert one.call(lambda: "the probe") == "the probe"
    assert one.closed
    assert heard == ["circuit_opened", "circuit_closed"]


def test_when_redis_is_back_the_shared_state_holds(server, connection):
    one, other = circuit(connection), circuit(connection)
    fail(other, 3)
    server.connected = False
    assert one.call(lambda: "local") == "local"
    with pytest.raises(RedisConnectionError):
        connection.ping()
    server.connected = True
    look_again(one)
    with pytest.raises(CircuitOpen):
        one.call(lambda: "never")


def test_it_can_be_opened_at_once(connection, heard):
    one = circuit(connection)
    one.open("blocked")
    one.open("again")
    assert circuits.read(connection)["service"] == State("open", pytest.approx(one._storage._opened_at), "blocked")
    assert heard == ["circuit_opened"]
