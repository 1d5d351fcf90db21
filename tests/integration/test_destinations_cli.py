"""`notifier destinations`, on a real Redis and a Discord that answers as it is told."""

import json

import httpx
import pytest
from typer.testing import CliRunner

from notifier.services.http import make_client
from ops import destinations as command
from tests.integration.samples import ADDRESS, TOKEN, notice
from workers import destinations, keys
from workers.circuits import Circuit
from workers.discord_circuits import webhook
from workers.enrich import delivery_job
from workers.queues import HandOver

CONFIG = """
[admin]
to = "ops"
[[destinations]]
id = "intel"
webhook = { env = "INTEL" }
[[destinations]]
id = "ops"
webhook = { file = "missing" }
[[destinations]]
id = "by-bot"
bot = { env = "BOT" }
channel = 42
layout = "line"
mentions = { here = true }
quiet = { from = "23:00", to = "07:00" }
[[subscriptions]]
id = "all"
to = ["intel"]
where = { npc = false }
"""


@pytest.fixture
def run(server, connection, tmp_path, monkeypatch):
    (tmp_path / "notifier.toml").write_text(CONFIG)
    environ = {"CONFIG": tmp_path / "notifier.toml", "STATE_DIR": tmp_path / "state", "REDIS_URL": server.url}
    for name, value in environ.items():
        monkeypatch.setenv(f"NOTIFIER_{name}", str(value))
    monkeypatch.setenv("INTEL", ADDRESS)
    monkeypatch.setenv("BOT", TOKEN)

    def call(*arguments):
        result = CliRunner().invoke(command.app, arguments)
        assert TOKEN not in result.output
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return call


@pytest.fixture
def discord(monkeypatch):
    """What Discord answers; what it was sent stands in the list."""
    sent = []

    def answers(reply):
        def answer(request):
            sent.append(json.loads(request.content) | {"to": request.url.path.removeprefix("/api/v10")})
            if isinstance(reply, Exception):
                raise reply
            return reply

        transport = httpx.MockTransport(answer)
        monkeypatch.setattr(command, "make_client", lambda **options: make_client(**options, transport=transport))
        return sent

    return answers


def listed(run):
    return {one["id"]: one for one in map(json.loads, run("list", "--json").output.splitlines())}


def test_the_list_says_where_each_address_is_kept_and_how_each_destination_stands(run, queues):
    queues.hand_over(HandOver([delivery_job(f"kill-{n}", "intel", notice(n), n, 0.0) for n in (1, 2)]))
    found = listed(run)
    assert found["intel"] == {
        "id": "intel", "kind": "webhook", "messages": ["full"], "kept": "variable INTEL",
        "fingerprint": found["intel"]["fingerprint"], "problem": None, "state": "enabled", "waiting": 2,
        "circuit": "closed",
    }  # fmt: skip
    assert len(found["intel"]["fingerprint"]) == 12
    assert (found["ops"]["fingerprint"], found["ops"]["waiting"]) == (None, 0)
    assert "nothing readable" in found["ops"]["problem"]
    shown = run("list").output
    assert "variable INTEL" in shown
    assert "the operator is told in ops" in shown


def test_the_list_shows_how_a_bots_messages_come(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    found = listed(run)["by-bot"]
    assert (found["kind"], found["kept"], found["problem"]) == ("bot", "variable BOT", None)
    assert found["messages"] == ["line", "channel 42", "mentions every 10m", "quiet 23:00-07:00 UTC"]
    lines = run("list").output.splitlines()
    assert f"by-bot  bot {found['fingerprint']}      enabled   0        closed" in lines
    assert "    variable BOT, line, channel 42, mentions every 10m, quiet 23:00-07:00 UTC" in lines
    assert max(len(line) for line in lines if "missing" not in line) <= 100


def test_the_list_shows_what_is_disabled_and_which_circuits_are_open(run, connection):
    fingerprint = listed(run)["intel"]["fingerprint"]
    destinations.disable(connection, "intel", fingerprint, "Discord answers 404")
    for name in (webhook("intel"), "discord"):
        Circuit(name, connection, lambda error: True).open("Discord answers 500")
    found = listed(run)["intel"]
    assert (found["state"], found["reason"], found["circuit"]) == ("disabled", "Discord answers 404", "open")
    assert found["since"] > 0
    shown = run("list").output
    assert "disabled since" in shown
    assert "the circuit around Discord is open since" in shown


def test_an_operator_disables_and_enables(run, connection):
    assert "intel is disabled" in run("disable", "intel", "--reason", "too loud").output
    assert listed(run)["intel"]["reason"] == "too loud"
    assert "notifier dlq replay --all --destination intel" in run("enable", "intel").output
    assert listed(run)["intel"]["state"] == "enabled"
    assert "was not disabled" in run("enable", "intel").output
    assert connection.exists(keys.disabled("intel")) == 0


def test_a_destination_that_is_not_configured_is_a_mistake_that_names_the_others(run):
    result = run("enable", "intell")
    assert result.exit_code == 2
    assert "intel" in result.output


def test_a_test_message_that_arrives_is_said_so(run, discord, connection):
    sent = discord(httpx.Response(200, json={"id": "77"}))
    result = run("test", "intel")
    assert result.exit_code == 0
    assert "Discord took it: message 77 is in the channel of intel" in result.output
    assert "test of the destination intel" in sent[0]["embeds"][0]["description"]
    destinations.disable(connection, "intel", "*", "by the operator")
    assert "intel is still disabled" in run("test", "intel").output


def test_a_bot_posts_its_test_message_into_its_channel(run, discord):
    sent = discord(httpx.Response(200, json={"id": "78", "channel_id": "42"}))
    assert "Discord took it: message 78 is in the channel of by-bot" in run("test", "by-bot").output
    assert sent[0]["to"] == "/channels/42/messages"
    discord(httpx.Response(401, json={"message": "401: Unauthorized", "code": 0}))
    refused = run("test", "by-bot")
    assert refused.exit_code == 1
    assert "the bot's token is not valid (misconfigured)" in refused.output


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (httpx.Response(404, json={"code": 10015, "message": "Unknown Webhook"}), "answers 404 (code 10015); Unknown"),
        (httpx.Response(429, text="error code: 1015"), "rate limit (cloudflare)"),
        (httpx.ConnectError(ADDRESS), "no reply from Discord: ConnectError (dependency down): the message is not in"),
        (httpx.ReadTimeout(ADDRESS), "perhaps in the channel, perhaps not"),
        (httpx.Response(500, text=ADDRESS), "Discord answers 500 (ambiguous)"),
    ],
)
def test_what_discord_answers_is_said_plainly_and_changes_nothing(run, discord, connection, reply, said):
    discord(reply)
    result = run("test", "intel")
    assert result.exit_code == 1
    assert said in result.output
    assert connection.keys("notifier:*") == []


def test_an_address_that_cannot_be_read_is_no_test(run):
    result = run("test", "ops")
    assert result.exit_code == 1
    assert "nothing readable" in result.output
