"""A bot's messages in the simulated Discord, and edits, by our own client where that says more."""

import json

import httpx
import pytest

from notifier.config import BotChannel, WebhookAddress
from notifier.outcome import Dead, Snooze
from notifier.services.discord import Discord, Posted, classify, is_gone
from ops.simulators.transport import SimulatedTransport
from tests.unit.simulators.simulators_samples import NOON, PATH, WEBHOOK, Clock, post, request, simulation

CHANNEL = "1400000000000000001"
ROUTE = f"/api/v10/channels/{CHANNEL}/messages"
BOT = {"authorization": "Bot MTIz.abc.def"}
OTHER = {"authorization": "Bot other"}
HELLO = {"content": "hello"}
KILL = {"embeds": [{"title": "t", "url": "https://zkillboard.com/kill/131000001/"}]}
TWO = {"embeds": [*KILL["embeds"], {"title": "u", "url": "https://zkillboard.com/kill/131000002/"}]}


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def discord(clock):
    simulated = simulation(clock=clock)
    yield simulated
    simulated.close()


@pytest.fixture
def service(discord):
    """Our client, with a simulator behind it."""
    transport = SimulatedTransport(discord, sleep=lambda seconds: None)
    return Discord(httpx.Client(transport=transport, base_url="http://simulators", headers={"User-Agent": "a test"}))


def send(discord, body, headers=BOT, method="POST", path=ROUTE):
    response = request(discord, method, path, body, headers=headers)
    return response, json.loads(response.body) if response.body else None


def arrivals(discord):
    return json.loads(request(discord, "GET", "/simulator/arrivals").body)


def fault(discord, **what):
    assert request(discord, "POST", "/simulator/faults", [{"service": "discord", **what}]).status == 200


def channel(token="t0k", api="http://simulators/api/v10"):
    return BotChannel(token, int(CHANNEL), api)


# -- Posts


def test_a_bots_message_stands_in_its_channel_under_the_bots_name(discord):
    response, message = send(discord, KILL | {"username": "x", "thread_name": "y"})
    assert response.status == 200
    assert (message["channel_id"], message["author"]["username"]) == (CHANNEL, "Killmail bot")
    assert "webhook_id" not in message
    assert arrivals(discord) == {CHANNEL: {"131000001": 1}}
    page = request(discord, "GET", f"/discord/channels/{CHANNEL}").body.decode()
    assert "Killmail bot" in page


@pytest.mark.parametrize("headers", [{}, {"authorization": "MTIz.abc"}, {"authorization": "Bot"}])
def test_without_a_bots_authorization_nothing_is_taken(discord, headers):
    response, said = send(discord, HELLO, headers)
    assert (response.status, said) == (401, {"message": "401: Unauthorized", "code": 0})
    assert discord.journal.count() == 0


@pytest.mark.parametrize(
    ("body", "code"),
    [({}, 50006), (b"{", 50109), ({"content": "x" * 2001}, 50035), (HELLO | {"nonce": "n" * 26}, 50035)],
)
def test_a_bots_message_is_checked_as_a_webhooks_is(discord, body, code):
    response, said = send(discord, body)
    assert (response.status, said["code"]) == (400, code)


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("gone", 404, 10003),
        ("hidden", 403, 50001),
        ("muted", 403, 50013),
        ("locked", 400, 160005),
        ("forum", 400, 40058),
    ],
)
def test_a_channel_may_be_closed_to_a_bot(discord, service, kind, status, code):
    request(discord, "POST", "/simulator/kinds", {CHANNEL: kind})
    response, said = send(discord, HELLO)
    assert (response.status, said["code"]) == (status, code)
    verdict = classify(service.post(channel(), HELLO), NOON)
    assert isinstance(verdict, Dead)
    assert verdict.category == "misconfigured"


def test_another_method_is_405(discord):
    assert send(discord, HELLO, method="GET")[0].status == 405


def test_the_journal_holds_no_token(tmp_path):
    simulated = simulation(state=tmp_path)
    send(simulated, HELLO)
    simulated.close()
    assert "abc.def" not in (tmp_path / "discord.jsonl").read_text()


# -- Nonces


def test_a_nonce_that_is_enforced_gives_the_same_message_for_five_minutes(discord, clock):
    once = KILL | {"nonce": "n", "enforce_nonce": True}
    first = send(discord, once)[1]
    clock.now += 299
    assert send(discord, once)[1]["id"] == first["id"]
    assert (first["nonce"], arrivals(discord)) == ("n", {CHANNEL: {"131000001": 1}})
    clock.now += 2
    assert send(discord, once)[1]["id"] != first["id"]


@pytest.mark.parametrize(
    "second",
    [
        {"body": HELLO | {"nonce": "m", "enforce_nonce": True}},
        {"body": HELLO | {"nonce": "n"}},
        {"headers": OTHER},
        {"path": ROUTE.replace(CHANNEL, "7")},
    ],
)
def test_another_nonce_bot_or_channel_or_none_enforced_is_another_message(discord, second):
    once = HELLO | {"nonce": "n", "enforce_nonce": True}
    first = send(discord, once)[1]
    assert send(discord, **{"body": once, **second})[1]["id"] != first["id"]


@pytest.mark.parametrize("lost", [{"status": 500}, {"drop": True}, {"status": 504}])
def test_a_post_whose_answer_was_lost_is_repeated_without_a_second_message(discord, service, lost):
    fault(discord, after_effect=True, times=1, match={"path": CHANNEL}, **lost)
    if "drop" in lost:
        with pytest.raises(httpx.RemoteProtocolError):
            service.post(channel(), KILL, "n-1")
    else:
        assert service.post(channel(), KILL, "n-1").status == lost["status"]
    verdict = classify(service.post(channel(), KILL, "n-1"), NOON)
    assert isinstance(verdict, Posted)
    assert verdict.channel_id == CHANNEL
    assert arrivals(discord) == {CHANNEL: {"131000001": 1}}


def test_a_message_that_was_deleted_is_not_posted_again_by_its_nonce(discord, service):
    posted = classify(service.post(channel(), KILL, "n-1"), NOON)
    send(discord, None, {"authorization": "Bot t0k"}, "DELETE", f"{ROUTE}/{posted.message_id}")
    again = service.post(channel(), KILL, "n-1")
    assert (again.status, is_gone(again)) == (404, True)


# -- Edits


def test_a_bots_message_is_read_edited_and_deleted(discord, service):
    posted = classify(service.post(channel(), KILL), NOON)
    assert classify(service.edit(channel(), posted.message_id, TWO), NOON) == posted
    assert arrivals(discord) == {CHANNEL: {"131000001": 1, "131000002": 1}}, "what an edit brings anew arrives once"
    page = request(discord, "GET", f"/discord/channels/{CHANNEL}").body.decode()
    assert "(edited)" in page
    one = f"{ROUTE}/{posted.message_id}"
    assert send(discord, None, method="GET", path=one)[1]["edited_timestamp"]
    assert send(discord, None, method="DELETE", path=one)[0].status == 204
    gone = service.edit(channel(), posted.message_id, KILL)
    assert is_gone(gone)
    assert classify(gone, NOON).category == "permanent"


def test_a_bot_edits_its_own_messages_alone(discord, service):
    posted = classify(service.post(channel(), HELLO), NOON)
    refused = service.edit(channel("other"), posted.message_id, KILL)
    assert (refused.status, classify(refused, NOON).category) == (403, "permanent")
    by_webhook = json.loads(post(discord, HELLO, f"/api/webhooks/{CHANNEL}/token?wait=true").body)["id"]
    assert service.edit(channel(), by_webhook, KILL).status == 403
    webhook = f"/api/webhooks/{CHANNEL}/token/messages/{posted.message_id}"
    assert request(discord, "PATCH", webhook, HELLO).status == 404


def webhook(query=""):
    return WebhookAddress(f"http://simulators{PATH}{query}")


@pytest.mark.parametrize(
    ("query", "thread", "status"),
    [("?thread_id=7", None, 200), ("", 7, 200), ("", None, 404), ("?thread_id=8", None, 404)],
)
def test_a_webhooks_message_in_a_thread_is_edited_by_the_threads_id(service, query, thread, status):
    posted = classify(service.post(webhook("?thread_id=7"), HELLO), NOON)
    assert posted.channel_id == "7"
    reply = service.edit(webhook(query), posted.message_id, KILL, thread)
    assert (reply.status, is_gone(reply)) == (status, status == 404)


def test_the_message_that_opened_a_forums_post_is_edited_in_the_post(discord, service):
    request(discord, "POST", "/simulator/kinds", {WEBHOOK: "forum"})
    posted = classify(service.post(webhook(), HELLO | {"thread_name": "Kills"}), NOON)
    assert service.edit(webhook(), posted.message_id, KILL, int(posted.channel_id)).status == 200
    assert is_gone(service.edit(webhook(), posted.message_id, KILL))


@pytest.mark.parametrize(("kind", "code"), [("gone", 10003), ("locked", 50083)])
def test_a_thread_that_is_closed_takes_no_edit(discord, service, kind, code):
    posted = classify(service.post(webhook("?thread_id=7"), HELLO), NOON)
    request(discord, "POST", "/simulator/kinds", {"7": kind})
    assert json.loads(service.edit(webhook("?thread_id=7"), posted.message_id, KILL).body)["code"] == code


# -- Limits


def test_a_bot_may_post_and_edit_5_times_in_5_seconds_in_a_channel(discord, clock, service):
    message = send(discord, HELLO)[1]["id"]
    left = [send(discord, KILL, method="PATCH", path=f"{ROUTE}/{message}")[0] for _ in range(4)]
    assert [one.headers["X-RateLimit-Remaining"] for one in left] == ["3", "2", "1", "0"]
    refused, said = send(discord, HELLO)
    assert (refused.status, said["retry_after"], refused.headers["X-RateLimit-Scope"]) == (429, 5.0, "user")
    assert send(discord, HELLO, OTHER)[0].status == 200, "another bot has its own"
    assert send(discord, HELLO, path=ROUTE.replace(CHANNEL, "7"))[0].status == 200, "another channel, too"
    clock.now += 5
    assert send(discord, HELLO)[0].status == 200
    for _ in range(5):
        service.post(channel(), HELLO)
    verdict = classify(service.post(channel(), HELLO), NOON)
    assert isinstance(verdict, Snooze)
    assert verdict.seconds == 5.0


def test_a_bot_may_ask_50_times_a_second_wherever_it_asks_from(discord):
    statuses = [send(discord, HELLO, path=f"/api/v10/channels/{n}/messages")[0].status for n in range(51)]
    assert statuses == [200] * 50 + [429]
    elsewhere = request(discord, "POST", "/api/v10/channels/99/messages", HELLO, headers=BOT, client="10.0.0.2")
    assert json.loads(elsewhere.body)["global"] is True
    assert send(discord, HELLO, OTHER)[0].status == 200


def test_edits_by_a_webhook_count_as_its_posts_do(discord):
    message = json.loads(post(discord, HELLO, f"{PATH}?wait=true").body)["id"]
    statuses = [request(discord, "PATCH", f"{PATH}/messages/{message}", HELLO).status for _ in range(5)]
    assert statuses == [200] * 4 + [429]


def test_a_bots_messages_are_read_back(tmp_path, clock):
    first = simulation(clock=clock, state=tmp_path)
    message = send(first, KILL)[1]["id"]
    send(first, TWO, method="PATCH", path=f"{ROUTE}/{message}")
    first.close()
    second = simulation(clock=clock, state=tmp_path)
    assert arrivals(second) == {CHANNEL: {"131000001": 1, "131000002": 1}}
    assert send(second, HELLO, method="PATCH", path=f"{ROUTE}/{message}")[0].status == 200
    second.close()
