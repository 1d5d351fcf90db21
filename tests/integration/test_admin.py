"""Who operates it is told in Discord: rarely, of everything, and never about where that is told."""

import json

import httpx
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from notifier.config.destinations import Destination
from notifier.messages import AdminNotice, notice_from_json
from notifier.outcome import Done
from notifier.services.discord import Discord
from tests.integration.samples import ADDRESS, HOSTS, TOKEN, notice
from workers import keys, telemetry
from workers.admin import MOST_SHOWN, PACE, Admin
from workers.deliver import Deliver
from workers.enrich import delivery_job
from workers.process import StopSignal
from workers.queues import DELIVERY, HandOver
from workers.telemetry import emit, flush


@pytest.fixture
def admin(queues):
    made = Admin(queues)
    made.configured("ops")
    end = telemetry.subscribe(made.hear, made.flush)
    yield made
    end()


def told(queues):
    jobs = queues.fetch(queues[DELIVERY].job_ids)
    return [notice_from_json(job.args[0]) for job in jobs if job.id.startswith("admin-")]


def opened(circuit="discord"):
    emit("circuit_opened", circuit=circuit, reason="503")


def a_minute_later(queues):
    queues.connection.delete(*queues.connection.keys("notifier:told:*"))


def test_an_event_with_a_runbook_becomes_a_delivery_to_the_admins_destination(queues, admin):
    opened()
    assert told(queues) == [], "nothing is sent by whoever emits"
    flush(queues.connection)
    [found] = told(queues)
    assert (found.event, found.level, found.runbook) == ("circuit_opened", "WARNING", "circuit-open")
    assert found.text == "circuit: discord, reason: 503"
    [job] = queues.fetch(queues[DELIVERY].job_ids)
    assert job.destination == "ops"
    assert 0 < queues.connection.ttl(keys.told("circuit_opened")) <= PACE


def test_an_event_without_a_runbook_is_not_told(queues, admin):
    emit("circuit_closed", circuit="discord")
    emit("job_snoozed", job="kill-1-intel", seconds=1.0, reason="its turn")
    flush(queues.connection)
    assert told(queues) == []


def test_there_is_one_message_a_minute_for_each_kind_and_the_others_are_told_along(queues, admin):
    for number in range(3):
        opened(f"webhook:{number}")
        flush(queues.connection)
    emit("destination_disabled", destination="intel", reason="404")
    flush(queues.connection)
    assert [found.event for found in told(queues)] == ["circuit_opened", "destination_disabled"]
    a_minute_later(queues)
    flush(queues.connection)
    later = told(queues)[-1]
    assert later.text == "circuit: webhook:1, reason: 503 · circuit: webhook:2, reason: 503"
    a_minute_later(queues)
    flush(queues.connection)
    assert len(told(queues)) == 3, "nothing is told twice"


def test_of_very_many_some_are_named_and_the_rest_is_a_count(queues, admin):
    for number in range(50):
        opened(f"webhook:{number}")
    flush(queues.connection)
    [found] = told(queues)
    assert found.kept_back == 50 - MOST_SHOWN
    assert found.text.count("webhook:") == MOST_SHOWN


def test_what_a_process_kept_back_that_died_is_told_by_another(queues, admin):
    opened()
    opened("esi")
    queues.connection.set(keys.told("circuit_opened"), "1")
    flush(queues.connection)
    assert told(queues) == []
    a_minute_later(queues)
    other = Admin(queues)
    other.tell("circuit_opened", "a third")
    other.flush()
    [found] = told(queues)
    assert found.text.endswith("circuit: esi, reason: 503 · a third")


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        ("destination_disabled", {"destination": "ops", "reason": "404"}),
        ("circuit_opened", {"circuit": "webhook:ops", "reason": "500"}),
        ("job_dead", {"job": "admin-18c-ops", "category": "permanent", "attempt": 1, "reason": "400"}),
        ("job_dead", {"job": "kill-1-ops", "category": "permanent", "attempt": 1, "reason": "400"}),
    ],
)
def test_nothing_is_told_there_about_the_destination_itself(queues, admin, event, fields):
    emit(event, **fields)
    flush(queues.connection)
    assert told(queues) == []


def test_a_destination_whose_name_ends_alike_is_another_one(queues, admin):
    emit("job_dead", job="kill-1-dev-ops", category="permanent", attempt=1, reason="400")
    flush(queues.connection)
    assert len(told(queues)) == 1


def test_of_a_malformed_package_only_its_own_event_is_told(queues, admin):
    emit("job_dead", job="package-1", category="malformed", attempt=1, reason="no system")
    emit("package_malformed", sequence=1, reason="no system")
    flush(queues.connection)
    assert [found.event for found in told(queues)] == ["package_malformed"]


def test_nobody_is_told_where_the_configuration_names_nobody(queues, admin):
    opened()
    admin.configured(None)
    flush(queues.connection)
    assert told(queues) == []
    assert queues.connection.keys("notifier:*told:*") == []


def test_while_redis_is_away_notices_wait_and_the_work_goes_on(queues, admin, monkeypatch):
    def away(*args, **options):
        raise RedisConnectionError

    flush(queues.connection)
    with monkeypatch.context() as patched:
        patched.setattr(queues.connection, "execute_command", away)
        opened()
        admin.flush()
    admin.flush()
    assert len(told(queues)) == 1


def test_a_listener_that_fails_fails_nobody_else(queues, admin):
    def broken(kind, fields):
        raise RuntimeError("a bug of a listener")

    end = telemetry.subscribe(broken, lambda: 1 / 0)
    try:
        opened()
        flush(queues.connection)
    finally:
        end()
    assert len(told(queues)) == 1


def test_no_address_is_told(queues, admin):
    emit("destination_disabled", destination="intel", reason=f"cannot post to {ADDRESS}")
    flush(queues.connection)
    assert TOKEN not in queues.fetch(queues[DELIVERY].job_ids)[0].args[0]


def test_a_notice_is_posted_like_any_delivery_and_before_the_kills_that_wait_there(queues, admin):
    posts = []

    def answer(request):
        posts.append(json.loads(request.content))
        return httpx.Response(200, json={"id": "7"})

    to = {"ops": Destination("ops", env="OPS", environ={"OPS": ADDRESS}, allowed_hosts=HOSTS)}
    deliver = Deliver(queues, to, Discord(httpx.Client(transport=httpx.MockTransport(answer))), StopSignal())
    queues.hand_over(HandOver([delivery_job("kill-1", "ops", notice(1), 1, 0.0)]))
    opened()
    flush(queues.connection)
    kill, told_of = queues.fetch(queues[DELIVERY].job_ids)
    assert isinstance(deliver.perform(kill.id, *kill.args), Done)
    assert [embed["title"] for embed in posts[0]["embeds"]] == ["Circuit opened", "Unknown owner lost a Rifter"]
    assert isinstance(deliver.perform(told_of.id, *told_of.args), Done)
    assert len(posts) == 1
    assert queues.connection.hget(keys.COUNTERS, "delivered") == b"1"


def test_one_may_tell_in_words_without_an_event(queues, admin):
    admin.tell("circuit_opened", "said by hand")
    admin.flush()
    assert told(queues) == [
        AdminNotice("circuit_opened", "said by hand", "WARNING", "circuit-open", 0, told(queues)[0].time)
    ]
