"""The prices that ESI, zKillboard and Janice are simulated with."""

import json

import httpx
import pytest

from notifier.services import http
from notifier.services.esi import Esi
from notifier.services.prices import JanicePrices, PricesDown, ZkillboardPrices
from ops.simulators.feed import read_mail
from ops.simulators.prices import NOT_SOLD
from ops.simulators.wire import Request
from tests.unit.simulators.simulators_samples import request, simulation

BOOSTER, AMMO = 19206, 21896
WEB = min(NOT_SOLD)
BASE = "http://simulators"


def lost(dropped_value, destroyed_value):
    items = [
        {"item_type_id": BOOSTER, "flag": 5, "singleton": 0, "quantity_dropped": 2},
        {"item_type_id": AMMO, "flag": 5, "singleton": 0, "quantity_dropped": 4_000, "quantity_destroyed": 10},
        {"item_type_id": WEB, "flag": 5, "singleton": 0, "quantity_destroyed": 1},
    ]
    killmail = {
        "killmail_id": 1,
        "killmail_time": "2026-11-23T18:20:11Z",
        "solar_system_id": 30000142,
        "attackers": [],
        "victim": {"ship_type_id": 587, "damage_taken": 9, "items": items},
    }
    zkb = {"droppedValue": dropped_value, "destroyedValue": destroyed_value}
    return read_mail(json.dumps({"killmail": killmail, "hash": None, "zkb": zkb}).encode())


@pytest.fixture
def markets():
    simulated = simulation(lost(1_000_000.0, 500.0), limits=False)
    yield simulated
    simulated.close()


@pytest.fixture
def client(markets):
    def answer(asked):
        headers = {name.lower(): value for name, value in asked.headers.items()}
        path, query = asked.url.path, asked.url.query.decode()
        response = markets.handle(Request(asked.method, path, query, headers, asked.content))
        return httpx.Response(response.status, content=response.body, headers=response.headers)

    return http.make_client(contact="x", timeout=3, transport=httpx.MockTransport(answer))


def test_all_three_know_the_same_prices_and_none_of_what_is_not_sold(client):
    averages = Esi(client, f"{BASE}/esi").prices()
    assert averages.keys() == {BOOSTER, AMMO}
    assert ZkillboardPrices(client, BASE).prices([BOOSTER, AMMO, WEB], 1.0) == averages
    assert JanicePrices(client, BASE, "key").prices([BOOSTER, AMMO, WEB], 1.0) == averages


def test_no_killmail_s_items_are_worth_more_than_zkillboard_says(client):
    averages = Esi(client, f"{BASE}/esi").prices()
    assert 2 * averages[BOOSTER] + 4_000 * averages[AMMO] <= 1_000_000.0 + 25
    assert 10 * averages[AMMO] <= 500.0


def test_janice_wants_a_key(client):
    with pytest.raises(PricesDown, match="Janice answers 401"):
        JanicePrices(client, BASE, " ").prices([BOOSTER], 1.0)


@pytest.mark.parametrize("path", ["/api/prices/", "/api/prices/x/", "/api/prices/7", "/api/rest/v2/appraisal"])
def test_other_addresses_are_unknown(markets, path):
    assert request(markets, "GET", path).status == 404


def test_a_malformed_killmail_has_no_prices():
    malformed = read_mail(b'{"killmail": {"victim": {"items": [{"item_type_id": "x"}]}}, "zkb": {"droppedValue": 5}}')
    simulated = simulation(malformed)
    assert json.loads(request(simulated, "GET", "/esi/markets/prices").body) == []
    simulated.close()


def test_prices_fail_by_the_plan(markets):
    fault = [{"service": "markets", "status": 502}]
    assert request(markets, "POST", "/simulator/faults", fault).status == 200
    assert request(markets, "GET", f"/api/prices/{BOOSTER}/").status == 502
