import json

import pytest

from ops.simulators.esi import ERRORS
from tests.unit.simulators.simulators_samples import Clock, mail, request, simulation

NAMES = "/esi/universe/names"


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def esi(clock):
    simulated = simulation(mail(1, victim={"character_id": 1234, "ship_type_id": 587}), clock=clock)
    yield simulated
    simulated.close()


def names(esi, ids, **more):
    return request(esi, "POST", NAMES, ids, **more)


@pytest.mark.parametrize("path", [NAMES, "/universe/names", "/latest/universe/names/", "/esi/v3/universe/names/"])
def test_ids_are_named_with_their_category(esi, path):
    response = request(esi, "POST", path, [90000001, 98000001, 99000001, 30000142, 587])
    assert response.status == 200
    found = {row["id"]: row["category"] for row in json.loads(response.body)}
    assert found == {
        90000001: "character",
        98000001: "corporation",
        99000001: "alliance",
        30000142: "solar_system",
        587: "inventory_type",
    }


def test_an_old_id_is_what_the_killmails_say_it_is(esi):
    assert json.loads(names(esi, [1234]).body)[0]["category"] == "character"


def test_a_name_is_the_same_each_time(esi):
    assert names(esi, [90000001, 90000002]).body == names(esi, [90000001, 90000002]).body


def test_1000_unique_ids_are_the_most(esi):
    assert names(esi, list(range(1, 1001))).status == 200
    assert names(esi, list(range(1, 1002))).status == 400


@pytest.mark.parametrize("body", [[], [1, 1], {}, ["1"], [1.5], b"", b"[" * 100_000])
def test_a_body_that_is_no_list_of_unique_ids_is_400(esi, body):
    response = names(esi, body)
    assert response.status == 400
    assert "error" in json.loads(response.body)


@pytest.mark.parametrize("unknown", [99_999_123, 1_035_466_617_946, 40_009_080])
def test_one_unknown_id_fails_the_whole_call(esi, unknown):
    response = names(esi, [90000001, unknown])
    assert response.status == 404
    assert json.loads(response.body) == {"error": "Ensure all IDs are valid before resolving."}


def test_a_fault_can_make_an_id_unknown(esi):
    request(esi, "POST", "/simulator/faults", [{"service": "esi", "unknown_ids": [90000001]}])
    assert names(esi, [90000001]).status == 404
    assert request(esi, "GET", "/esi/characters/90000001").status == 404
    request(esi, "DELETE", "/simulator/faults")
    assert names(esi, [90000001]).status == 200


def test_after_100_errors_in_a_minute_every_route_answers_420_until_the_window_ends(esi, clock):
    remains = [names(esi, []).headers["X-Esi-Error-Limit-Remain"] for _ in range(ERRORS)]
    assert (remains[0], remains[-1]) == ("99", "0")
    clock.now += 59
    for method, path in (("POST", NAMES), ("GET", "/esi/status"), ("GET", "/esi/alliances/99000001")):
        response = request(esi, method, path, [1])
        assert response.status == 420
        assert response.headers["X-Esi-Error-Limit-Reset"] == "1"
    assert names(esi, [1], client="10.0.0.2").status == 200
    clock.now += 1
    assert names(esi, [1]).status == 200


def test_status_has_a_bucket_of_its_own(esi, clock):
    first = request(esi, "GET", "/esi/status")
    assert first.headers["X-Ratelimit-Limit"] == "600/15m"
    assert "X-Esi-Error-Limit-Remain" not in first.headers
    for _ in range(299):
        assert request(esi, "GET", "/esi/status").status == 200
    limited = request(esi, "GET", "/esi/status")
    assert (limited.status, limited.headers["Retry-After"]) == (429, "900")
    assert names(esi, [1]).status == 200


@pytest.mark.parametrize(
    ("asked", "given"),
    [("2026-08-18", "2026-08-18"), ("2026-08-01", "2026-07-21"), ("2020-01-01", "2020-01-01"), (None, "2020-01-01")],
)
def test_a_compatibility_date_is_rounded_down_to_a_published_one(esi, asked, given):
    headers = {} if asked is None else {"x-compatibility-date": asked}
    assert names(esi, [1], headers=headers).headers["X-Compatibility-Date"] == given


@pytest.mark.parametrize("date", ["today", "2099-01-01", "2019-12-31", "2026-8-18"])
def test_a_compatibility_date_that_is_none_or_not_yet_is_400(esi, date):
    assert names(esi, [1], headers={"x-compatibility-date": date}).status == 400


def test_pages_of_pilots_and_organisations_are_there_and_others_are_not(esi):
    assert json.loads(request(esi, "GET", "/esi/corporations/98000001/").body)["ticker"]
    assert json.loads(request(esi, "GET", "/esi/characters/90000001").body)["corporation_id"] >= 98_000_000
    assert request(esi, "GET", "/esi/alliances/90000001").status == 404
    assert request(esi, "GET", "/esi/nothing").status == 404
    assert request(esi, "GET", NAMES).status == 405
