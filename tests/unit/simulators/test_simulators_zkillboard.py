import gzip
import json

import pytest

from ops.simulators import Pace
from ops.simulators.feed import BASE, MEAN_INTERVAL, Feed, read_mail
from ops.simulators.zkillboard import BLOCK, PACE, PATIENCE
from tests.unit.simulators.simulators_samples import NOON, Clock, mail, request, simulation

SEQUENCE = "/ephemeral/sequence.json"


def file(position):
    return f"/ephemeral/{BASE + position}.json"


def sequence(zkillboard):
    return json.loads(request(zkillboard, "GET", SEQUENCE).body)["sequence"]


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def zkillboard(clock):
    """One killmail a second, without end."""
    simulated = simulation(mail(1), mail(2), mail(3), clock=clock, pace=Pace("rate", 1.0), kills=0)
    yield simulated
    simulated.close()


def test_a_file_holds_the_killmail_and_what_zkillboard_adds(zkillboard):
    response = request(zkillboard, "GET", file(0))
    package = json.loads(response.body)
    assert response.status == 200
    assert list(package) == ["killmail_id", "hash", "esi", "zkb", "uploaded_at", "sequence_id"]
    assert (package["killmail_id"], package["sequence_id"], package["uploaded_at"]) == (1, BASE, int(NOON))
    assert package["zkb"]["href"] == f"https://esi.evetech.net/killmails/1/{package['hash']}/"
    assert package["zkb"]["attackerCount"] == 1


def test_a_file_is_404_until_its_time(zkillboard, clock):
    assert request(zkillboard, "GET", file(1)).status == 404
    clock.now += 1
    assert request(zkillboard, "GET", file(1)).status == 200
    assert request(zkillboard, "GET", file(-1)).status == 404
    assert request(zkillboard, "GET", "/ephemeral/x.json").status == 404
    assert request(zkillboard, "POST", file(0)).status == 405


def test_the_sequence_lags_behind_the_newest_file(zkillboard, clock):
    clock.now += 51.5
    assert request(zkillboard, "GET", file(51)).status == 200
    assert sequence(zkillboard) == BASE
    clock.now += 1
    assert sequence(zkillboard) == BASE + 52
    clock.now += 51
    assert request(zkillboard, "GET", file(103)).status == 200
    assert sequence(zkillboard) == BASE + 52


def test_a_fresh_reader_begins_with_the_first_killmail_however_late_it_comes(zkillboard, clock):
    clock.now += 500
    assert sequence(zkillboard) == BASE
    request(zkillboard, "GET", file(0))
    assert sequence(zkillboard) == BASE


def test_asking_too_often_for_a_file_that_is_not_there_gets_a_client_blocked(zkillboard, clock):
    for _ in range(PATIENCE + 1):
        clock.now += 0.1
        assert request(zkillboard, "GET", file(30)).status == 404
    assert request(zkillboard, "GET", file(0)).status == 403
    assert request(zkillboard, "GET", file(0), client="10.0.0.2").status == 200
    clock.now += BLOCK + 0.1
    assert request(zkillboard, "GET", file(0)).status == 200


def test_a_client_that_waits_6_seconds_after_each_404_is_never_blocked(zkillboard, clock):
    for _ in range(100):
        assert request(zkillboard, "GET", file(10_000)).status == 404
        clock.now += 6


@pytest.mark.parametrize("agent", ["", "  "])
def test_a_client_without_a_name_is_refused(zkillboard, agent):
    assert request(zkillboard, "GET", file(0), headers={"user-agent": agent}).status == 403


def test_more_than_20_requests_a_second_get_429(zkillboard, clock):
    statuses = [request(zkillboard, "GET", file(0)).status for _ in range(PACE + 1)]
    assert statuses == [200] * PACE + [429]
    clock.now += 1
    assert request(zkillboard, "GET", file(0)).status == 200


def test_a_flat_feed_is_there_at_once_and_has_no_limits(clock):
    simulated = simulation(mail(1), mail(2), clock=clock, pace=Pace("flat"))
    assert {request(simulated, "GET", file(1)).status for _ in range(100)} == {200}
    assert {request(simulated, "GET", file(2)).status for _ in range(100)} == {404}
    assert json.loads(request(simulated, "GET", "/simulator/published").body) == {"sequence": BASE + 1, "published": 2}
    simulated.close()


def test_a_client_that_takes_gzip_gets_it(zkillboard):
    simulated = simulation(mail(1, war_id=int("9" * 18), notes="x" * 2000))
    response = request(simulated, "GET", file(0), headers={"accept-encoding": "gzip, br"})
    plain = request(simulated, "GET", file(0))
    simulated.close()
    assert response.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(response.body) == plain.body


def test_the_first_fetch_of_a_killmail_is_timed(zkillboard, clock):
    request(zkillboard, "GET", file(0))
    clock.now += 1
    request(zkillboard, "GET", file(0))
    assert json.loads(request(zkillboard, "GET", "/simulator/timings").body) == {"1": {"fetched": NOON}}


def test_a_live_feed_is_as_fast_as_the_game_on_average():
    feed = Feed([mail(1)], Pace("live"), 0.0, kills=0)
    day = feed.published(86_400.0)
    assert 0.6 < day * MEAN_INTERVAL / 86_400 < 1.8
    moments = [feed.published_at(position) for position in range(day)]
    assert moments == sorted(moments)
    assert feed.published(moments[10]) >= 11


def test_with_current_times_a_killmail_happened_when_it_was_published():
    simulated = simulation(mail(1), current_times=True)
    package = json.loads(request(simulated, "GET", file(0)).body)
    simulated.close()
    assert package["esi"]["killmail_time"] == "2026-11-23T18:20:00Z"


@pytest.mark.parametrize("text", ["fast", "0", "-1", "nan", "inf", ""])
def test_a_pace_that_is_none_is_refused(text):
    with pytest.raises(ValueError):
        Pace.parse(text)


def test_zkillboards_own_block_is_kept_and_a_missing_one_is_made():
    given = read_mail(
        b'{"killmail":{"killmail_id":5,"attackers":[],"victim":{"ship_type_id":670}},"hash":"ab","zkb":{"points":3}}'
    )
    assert given.zkb == {"hash": "ab", "attackerCount": 0, "points": 3}
    made = mail(5)
    assert (made.zkb["totalValue"], made.zkb["solo"], made.zkb["npc"]) == (600_000.0, True, False)


def rewrite(zkillboard, body):
    return request(zkillboard, "POST", "/simulator/rewrite", body)


def package(zkillboard, position):
    return json.loads(request(zkillboard, "GET", file(position)).body)


def test_a_rewritten_file_has_other_values_and_the_next_new_file_tells_of_it(zkillboard, clock):
    clock.now += 5
    before = package(zkillboard, 2)
    answer = rewrite(zkillboard, {"sequence": BASE + 2, "zkb": {"totalValue": 7.5, "labels": ["ganked"]}})
    assert (answer.status, json.loads(answer.body)) == (200, {"sequence": BASE + 6})
    expected = {**before, "zkb": {**before["zkb"], "totalValue": 7.5, "labels": ["ganked"]}}
    assert package(zkillboard, 2) == expected
    clock.now += 3
    assert [package(zkillboard, n).get("sequence_updated") for n in range(9)] == [None] * 6 + [BASE + 2, None, None]
    assert package(zkillboard, 6)["killmail_id"] != before["killmail_id"], "its own killmail is another"


def test_each_new_file_tells_of_one_rewritten_one(zkillboard, clock):
    clock.now += 5
    for position in (0, 1, 0):
        rewrite(zkillboard, {"sequence": BASE + position, "zkb": {"points": position}})
    clock.now += 4
    told = [package(zkillboard, n).get("sequence_updated") for n in range(5, 10)]
    assert told == [None, BASE, BASE + 1, BASE, None]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        ({"sequence": BASE}, 400),
        ({"sequence": "x", "zkb": {}}, 400),
        ({"sequence": BASE + 1, "zkb": {}}, 404),
        ({"sequence": BASE - 1, "zkb": {}}, 404),
    ],
)
def test_what_is_not_published_cannot_be_rewritten(zkillboard, body, status):
    assert rewrite(zkillboard, body).status == status
