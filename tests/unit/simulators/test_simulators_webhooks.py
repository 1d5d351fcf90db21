import json

import pytest

from ops.simulators.discord.limiter import BAN_SECONDS, INVALID, Limiter
from ops.simulators.wire import Request, html_response, json_response
from tests.unit.simulators.simulators_samples import NOON, PATH, WEBHOOK, Clock, post, request, simulation

KILL = {"embeds": [{"title": "t", "url": "https://zkillboard.com/kill/131000001/"}]}
HELLO = {"content": "hello"}


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def discord(clock):
    simulated = simulation(clock=clock)
    yield simulated
    simulated.close()


def fault(discord, **what):
    assert request(discord, "POST", "/simulator/faults", [{"service": "discord", **what}]).status == 200


def arrivals(discord):
    return json.loads(request(discord, "GET", "/simulator/arrivals").body)


def test_without_wait_the_answer_is_204_and_empty(discord):
    response = post(discord, KILL)
    assert (response.status, response.body) == (204, b"")
    assert arrivals(discord) == {WEBHOOK: {"131000001": 1}}


@pytest.mark.parametrize("wait", ["true", "1", "True"])
def test_with_wait_the_answer_is_the_message(discord, wait):
    response = post(discord, KILL, f"{PATH}?wait={wait}")
    message = json.loads(response.body)
    assert response.status == 200
    assert message["webhook_id"] == message["channel_id"] == WEBHOOK
    assert message["embeds"][0]["type"] == "rich"
    assert int(message["id"]) >> 22 == int((NOON - 1_420_070_400) * 1000), "its id holds the time"


def test_ids_of_messages_grow_though_the_clock_stands_still(discord):
    ids = [int(json.loads(post(discord, HELLO, f"{PATH}?wait=true").body)["id"]) for _ in range(3)]
    assert ids == sorted(set(ids))


def test_the_same_kill_twice_is_counted_as_repeated(discord):
    post(discord, KILL)
    post(discord, KILL)
    stats = json.loads(request(discord, "GET", "/simulator/stats").body)
    assert (stats["messages"], stats["notifications"], stats["distinct"], stats["repeated"]) == (2, 2, 1, 1)


def test_the_first_post_of_a_kill_is_timed(discord, clock):
    post(discord, KILL)
    clock.now += 5
    post(discord, KILL)
    assert json.loads(request(discord, "GET", "/simulator/timings").body) == {"131000001": {"posted": NOON}}


@pytest.mark.parametrize("path", ["/api/v10/webhooks/1/token", "/api/webhooks/1/token"])
def test_a_webhook_describes_itself(discord, path):
    response = request(discord, "GET", path)
    assert response.status == 200
    assert json.loads(response.body) | {"id": "1", "type": 1, "token": "token"} == json.loads(response.body)


@pytest.mark.parametrize("path", ["/api/webhooks/1", "/api/nothing", "/api/webhooks/1/a/b"])
def test_another_path_is_404(discord, path):
    assert post(discord, HELLO, path).status == 404


def test_an_id_that_is_no_number_is_400(discord):
    response = post(discord, HELLO, "/api/webhooks/abc/token")
    assert (response.status, json.loads(response.body)["code"]) == (400, 50035)


def test_a_client_without_a_name_is_blocked(discord):
    assert post(discord, HELLO, headers={"user-agent": " "}).status == 403


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{", {}, 400, 50109),
        (HELLO, {"content-type": "text/plain"}, 400, 50035),
        ({}, {}, 400, 50006),
        ({"content": "x" * 2001}, {}, 400, 50035),
        (b" " * (8 * 1024 * 1024 + 1), {}, 413, 40005),
        (b"[" * 100_000, {}, 400, 50109),
    ],
)
def test_a_body_that_discord_refuses_leaves_no_message(discord, body, headers, status, code):
    response = post(discord, body, headers=headers)
    assert (response.status, json.loads(response.body)["code"]) == (status, code)
    assert response.headers["Via"] == "1.1 google"
    assert discord.journal.count() == 0


def test_a_message_can_be_read_edited_and_deleted(discord):
    one = f"{PATH}/messages/{json.loads(post(discord, HELLO, f'{PATH}?wait=true').body)['id']}"
    assert json.loads(request(discord, "GET", one).body)["content"] == "hello"
    edited = request(discord, "PATCH", one, {"content": "changed"})
    assert (edited.status, json.loads(edited.body)["content"]) == (200, "changed")
    assert json.loads(request(discord, "GET", one).body)["edited_timestamp"] is not None
    assert request(discord, "DELETE", one).status == 204
    discord.webhooks._limiter = None
    for method in ("GET", "PATCH", "DELETE"):
        gone = request(discord, method, one, {})
        assert (gone.status, json.loads(gone.body)["code"]) == (404, 10008)


def test_a_message_belongs_to_its_webhook_alone(discord):
    message = json.loads(post(discord, HELLO, f"{PATH}?wait=true").body)["id"]
    assert request(discord, "GET", f"/api/webhooks/8/token/messages/{message}").status == 404


def test_an_edit_must_leave_a_message_that_could_be_posted(discord):
    one = f"{PATH}/messages/{json.loads(post(discord, HELLO, f'{PATH}?wait=true').body)['id']}"
    assert request(discord, "PATCH", one, {"content": ""}).status == 400
    assert request(discord, "PATCH", one, b"[]").status == 400
    assert request(discord, "PUT", one, {}).status == 405
    assert json.loads(request(discord, "GET", one).body)["content"] == "hello"


@pytest.mark.parametrize(("status", "code"), [(404, 10015), (401, 50027), (403, 50013), (400, 50006)])
def test_a_fault_answers_in_discords_own_words(discord, status, code):
    fault(discord, status=status, match={"path": WEBHOOK}, times=1)
    response = post(discord, KILL)
    assert (response.status, json.loads(response.body)["code"]) == (status, code)
    assert arrivals(discord) == {}
    assert post(discord, KILL).status == 204


def test_a_fault_after_the_effect_loses_the_answer_and_keeps_the_message(discord):
    fault(discord, status=500, after_effect=True, times=1)
    assert post(discord, KILL).status == 500
    assert arrivals(discord) == {WEBHOOK: {"131000001": 1}}


def test_a_dropped_request_is_never_answered_and_a_late_one_is_served(discord):
    fault(discord, drop=True, times=1)
    fault(discord, delay=3.5, times=1)
    dropped, late = post(discord, KILL), post(discord, KILL)
    assert (dropped.drop, late.drop) == (True, False)
    assert (late.status, late.delay) == (204, 3.5)
    assert arrivals(discord) == {WEBHOOK: {"131000001": 1}}


def test_a_journal_in_a_folder_is_read_back(tmp_path, clock):
    first = simulation(clock=clock, state=tmp_path)
    message = json.loads(post(first, KILL, f"{PATH}?wait=true").body)["id"]
    post(first, HELLO)
    request(first, "DELETE", f"{PATH}/messages/{message}")
    first.close()
    with (tmp_path / "discord.jsonl").open("ab") as file:
        file.write(b'{"action":"post","id"')
    second = simulation(clock=clock, state=tmp_path)
    assert second.journal.count() == 1
    assert arrivals(second) == {WEBHOOK: {"131000001": 1}}, "what was deleted did arrive"
    assert int(json.loads(post(second, HELLO, f"{PATH}?wait=true").body)["id"]) > int(message)
    second.close()
    assert "token" not in (tmp_path / "discord.jsonl").read_text()


# ---- limits


def test_a_webhook_may_be_posted_to_5_times_in_2_seconds(discord, clock):
    left = [post(discord, HELLO).headers["X-RateLimit-Remaining"] for _ in range(5)]
    assert left == ["4", "3", "2", "1", "0"]
    clock.now += 0.5
    refused = post(discord, HELLO)
    assert refused.status == 429
    assert json.loads(refused.body) == {
        "message": "You are being rate limited.",
        "retry_after": 1.5,
        "global": False,
    }
    assert (refused.headers["Retry-After"], refused.headers["X-RateLimit-Scope"]) == ("2", "user")
    assert post(discord, HELLO, "/api/webhooks/8/token").status == 204, "another webhook has its own"
    clock.now += 1.5
    assert post(discord, HELLO).status == 204
    assert discord.journal.count() == 7


def test_a_channel_takes_30_posts_a_minute_and_no_header_tells_of_it(discord, clock):
    for _ in range(6):
        for _ in range(5):
            assert post(discord, HELLO).status == 204
        clock.now += 2
    refused = post(discord, HELLO)
    assert refused.status == 429
    assert (refused.headers["X-RateLimit-Scope"], refused.headers["X-RateLimit-Remaining"]) == ("shared", "4")
    assert 47.9 < json.loads(refused.body)["retry_after"] < 48.1
    clock.now += 48.001
    assert post(discord, HELLO).status == 204


def test_webhooks_that_were_put_into_one_channel_share_its_limit(discord, clock):
    assert request(discord, "POST", "/simulator/channels", {"1": "9", "2": "9"}).status == 200
    statuses = []
    for number in range(32):
        clock.now += 0.5
        statuses.append(post(discord, HELLO, f"/api/webhooks/{1 + number % 2}/token").status)
    assert statuses == [204] * 30 + [429] * 2


def test_an_address_may_ask_50_times_a_second(discord):
    statuses = [post(discord, HELLO, f"/api/webhooks/{number}/token").status for number in range(51)]
    assert statuses == [204] * 50 + [429]
    refused = post(discord, HELLO, "/api/webhooks/999/token")
    assert json.loads(refused.body)["global"] is True
    assert refused.headers["X-RateLimit-Global"] == "true"
    assert post(discord, HELLO, "/api/webhooks/999/token", client="10.0.0.2").status == 204


def test_an_address_with_10000_invalid_requests_in_ten_minutes_is_banned_for_an_hour():
    limiter = Limiter()
    for _ in range(INVALID + 1):
        limiter.note(json_response(401, {}), "10.0.0.1", NOON)
    banned = limiter.refuse("1/t", "1", "10.0.0.1", NOON)
    assert banned is not None
    assert (banned.status, banned.body) == (429, b"error code: 1015")
    assert "Via" not in banned.headers
    assert limiter.refuse("1/t", "1", "10.0.0.2", NOON) is None
    assert limiter.refuse("1/t", "1", "10.0.0.1", NOON + BAN_SECONDS + 1) is None


def test_shared_limits_and_good_answers_count_towards_no_ban():
    limiter = Limiter()
    for _ in range(INVALID + 1):
        limiter.note(html_response(200, ""), "1", NOON)
        limiter.note(json_response(429, {}, {"X-RateLimit-Scope": "shared"}), "1", NOON)
    assert limiter.refuse("1/t", "1", "1", NOON) is None


def test_without_limits_nothing_is_counted():
    simulated = simulation(limits=False)
    assert {post(simulated, HELLO).status for _ in range(100)} == {204}
    simulated.close()


# -- Threads and forums


@pytest.mark.parametrize(
    ("kinds", "query", "name", "status", "code"),
    [
        ({}, "", None, 204, None),
        ({}, "", "Kills", 400, 220003),
        ({}, "?thread_id=7", None, 204, None),
        ({"7": "locked"}, "?thread_id=7", None, 400, 50083),
        ({"7": "gone"}, "?thread_id=7", None, 404, 10003),
        ({WEBHOOK: "forum"}, "", None, 400, 220001),
        ({WEBHOOK: "forum"}, "", "Kills", 204, None),
        ({WEBHOOK: "forum"}, "?thread_id=7", None, 204, None),
        ({WEBHOOK: "forum"}, "?thread_id=7", "Kills", 400, 220002),
    ],
)
def test_a_message_must_fit_its_kind_of_channel(discord, kinds, query, name, status, code):
    assert request(discord, "POST", "/simulator/kinds", kinds).status == 200
    response = post(discord, HELLO | ({"thread_name": name} if name else {}), PATH + query)
    assert response.status == status
    assert code is None or json.loads(response.body)["code"] == code


def test_a_post_of_a_forum_is_a_thread_with_the_id_of_its_message(discord):
    request(discord, "POST", "/simulator/kinds", {WEBHOOK: "forum"})
    message = json.loads(post(discord, HELLO | {"thread_name": "Kills"}, f"{PATH}?wait=true").body)
    assert message["channel_id"] == message["id"] != WEBHOOK


def test_the_connections_that_carried_requests_are_counted_by_service(discord):
    for number in (1, 1, 2):
        discord.handle(Request("GET", PATH, headers={"user-agent": "test"}, connection=number))
    assert discord.stats()["connections"] == {"discord": 2}
