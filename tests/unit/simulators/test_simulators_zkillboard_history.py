"""The simulated history: days of the feed's killmails, and the end of a file's life."""

import json

import pytest

from ops.simulators import Pace
from ops.simulators.feed import BASE, day_of
from ops.simulators.zkillboard import DAY_ENDS, KEPT
from tests.unit.simulators.simulators_samples import NOON, Clock, mail, request, simulation

HOUR = 3600.0


def on(day, killmail_id):
    return mail(killmail_id, killmail_time=f"2026-11-{day}T23:59:59Z")


def got(simulated, path):
    return json.loads(request(simulated, "GET", f"/history/{path}.json").body)


@pytest.fixture
def simulated():
    made = simulation(on(21, 1), on(22, 3), on(22, 2), on(23, 4), pace=Pace("flat"))
    yield made
    made.close()


def test_each_past_day_is_there_and_the_present_one_is_not(simulated):
    assert got(simulated, "totals") == {"20261121": 1, "20261122": 2}
    hashes = got(simulated, "20261122")
    assert set(hashes) == {"2", "3"}
    assert all(len(one) == 40 for one in hashes.values())
    bodies = got(simulated, "raw/20261122")
    assert {number: body["killmail_id"] for number, body in bodies.items()} == {"2": 2, "3": 3}
    assert "zkb" not in bodies["2"]


@pytest.mark.parametrize(
    "path", ["20261123", "raw/20261123", "raw/20261120", "raw/x", "2026112", "raw/totals", "other"]
)
def test_a_day_that_is_not_there_is_404(simulated, path):
    assert request(simulated, "GET", f"/history/{path}.json").status == 404


def test_a_day_is_there_from_six_in_the_morning_of_the_next_one():
    clock = Clock(NOON - NOON % 86_400 + 86_400 + DAY_ENDS - 1)
    simulated = simulation(on(23, 4), clock=clock, pace=Pace("flat"))
    assert got(simulated, "totals") == {}
    clock.now += 1
    assert got(simulated, "totals") == {"20261123": 1}
    simulated.close()


def test_only_what_is_published_is_history_and_what_came_twice_is_there_once():
    clock = Clock(NOON + 24 * HOUR)
    simulated = simulation(on(21, 1), on(21, 1), on(21, 2), clock=clock, pace=Pace("rate", 1.0))
    clock.now += 1
    assert got(simulated, "totals") == {"20261121": 1}
    clock.now += 1
    assert got(simulated, "totals") == {"20261121": 2}
    simulated.close()


def test_a_body_and_its_hash_are_those_of_the_feed_in_later_rounds_too():
    clock = Clock(NOON)
    simulated = simulation(mail(5), clock=clock, pace=Pace("rate", 1.0), kills=3, current_times=True)
    clock.now += 24 * HOUR - 1
    package = json.loads(request(simulated, "GET", f"/ephemeral/{BASE + 2}.json").body)
    number = str(package["killmail_id"])
    assert got(simulated, "raw/20261123")[number] == package["esi"]
    assert got(simulated, "20261123")[number] == package["hash"]
    simulated.close()


def test_a_body_without_a_time_is_of_no_day():
    simulated = simulation(mail(5, killmail_time=None), pace=Pace("flat"))
    assert got(simulated, "totals") == {}
    assert day_of(b'{"killmail_time": "2026-11-23T00:00:00Z"}') == "20261123"
    simulated.close()


def test_a_client_without_a_name_is_refused_here_too(simulated):
    assert request(simulated, "GET", "/history/totals.json", headers={"user-agent": ""}).status == 403


def test_a_file_is_gone_after_a_day():
    clock = Clock(NOON)
    simulated = simulation(mail(1), mail(2), clock=clock, pace=Pace("rate", 1.0))
    clock.now += KEPT
    assert request(simulated, "GET", f"/ephemeral/{BASE}.json").status == 200
    clock.now += 1
    assert [request(simulated, "GET", f"/ephemeral/{BASE + n}.json").status for n in (0, 1)] == [404, 200]
    simulated.close()
