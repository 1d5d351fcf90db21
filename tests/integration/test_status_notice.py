"""The operator is told how the service fares: once a span, whoever's turn it is, and with what happened since."""

import json

import httpx
import msgspec
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from notifier import __version__
from notifier.config.destinations import Destination
from notifier.events import KINDS
from notifier.feeds.cursor import Cursor
from notifier.messages import Waiting, notice_from_json
from notifier.outcome import Done
from notifier.services.discord import Discord
from tests.integration.samples import ADDRESS, HOSTS
from workers import destinations, keys
from workers.admin import Admin
from workers.deliver import Deliver
from workers.janitor import Janitor
from workers.outbox import WHATEVER
from workers.process import StopSignal
from workers.queues import DELIVERY, ENRICHMENT, HandOver, NewJob
from workers.status_notice import SETTLED, StatusNotices

DAY, BEGAN = 86_400, 1_800_000_000.0


class Clock:
    """Epoch seconds that a test sets."""

    now = BEGAN

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def janitor(queues, clock):
    """Makes one that has been up for long enough; the configuration wants a status a day."""
    published = Admin(queues)
    published.configured("ops", float(DAY))
    published.flush()

    def make():
        seconds = iter([0.0])
        return StatusNotices(queues, clock, lambda: next(seconds, SETTLED))

    return make


def told(queues):
    jobs = queues.fetch(queues[DELIVERY].job_ids)
    return [notice_from_json(job.args[0]) for job in jobs]


def test_the_first_status_comes_at_once_and_the_next_ones_a_span_apart(queues, clock, janitor):
    statuses = janitor()
    for seconds in (0, 5, DAY - 1, DAY, DAY + 5, 2 * DAY - 1, 2 * DAY + 3, 3 * DAY):
        clock.now = BEGAN + seconds
        statuses.look()
    assert [notice.time - BEGAN for notice in told(queues)] == [0, DAY, 2 * DAY + 3, 3 * DAY]
    assert {job.destination for job in queues.fetch(queues[DELIVERY].job_ids)} == {"ops"}


def test_there_is_one_a_span_though_two_janitors_ask_at_once(queues, clock, janitor, monkeypatch):
    one, other = janitor(), janitor()
    hand_over = queues.hand_over

    def overtaken(what):
        """The other one looks, and tells, after this one has decided to tell and before it does."""
        monkeypatch.setattr(queues, "hand_over", hand_over)
        other.look()
        return hand_over(what)

    for day in range(3):
        clock.now = BEGAN + day * DAY
        monkeypatch.setattr(queues, "hand_over", overtaken)
        one.look()
        other.look()
        one.look()
    assert [notice.time - BEGAN for notice in told(queues)] == [0, DAY, 2 * DAY]


def test_a_restart_neither_repeats_nor_delays_it(queues, clock, janitor):
    for seconds in (0, 3_600, DAY - 1, DAY, DAY + 60):
        clock.now = BEGAN + seconds
        janitor().look()
    assert [notice.time - BEGAN for notice in told(queues)] == [0, DAY]


def test_a_janitor_that_dies_between_two_steps_neither_repeats_nor_loses_it(queues, clock, janitor, monkeypatch):
    def dies(what):
        raise RedisConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(queues, "hand_over", dies)
        with pytest.raises(RedisConnectionError):
            janitor().look()
    janitor().look()
    janitor().look()
    assert len(told(queues)) == 1


def test_after_a_long_absence_there_is_one_and_the_next_at_its_usual_time(queues, clock, janitor):
    for seconds in (0, 5.5 * DAY, 5.6 * DAY, 6 * DAY):
        clock.now = BEGAN + seconds
        janitor().look()
    assert [notice.time - BEGAN for notice in told(queues)] == [0, 5.5 * DAY, 6 * DAY]


@pytest.mark.parametrize("wrong", [-400 * DAY, 400 * DAY])
def test_a_clock_that_was_wrong_for_a_while_does_not_silence_it(queues, clock, janitor, wrong):
    for now in (BEGAN + wrong, BEGAN, BEGAN + 5, BEGAN + DAY):
        clock.now = now
        janitor().look()
    assert len(told(queues)) == 3


def test_it_waits_until_the_other_processes_have_had_time_to_start(queues, clock, janitor):
    janitor()
    seconds = iter([100.0, 100.0, 100.0 + SETTLED - 1, 100.0 + SETTLED])
    statuses = StatusNotices(queues, clock, lambda: next(seconds))
    for expected in (0, 0, 1):
        statuses.look()
        assert len(told(queues)) == expected


def test_nothing_is_told_where_the_configuration_wants_none(queues, clock, janitor):
    statuses = janitor()
    for to, every in ((None, None), (None, float(DAY)), ("ops", None)):
        published = Admin(queues)
        published.configured(to, every)
        published.flush()
        statuses.look()
    assert told(queues) == []
    assert queues.connection.exists(keys.STATUS_EVERY) == 0


def test_what_cannot_be_read_does_not_keep_it_from_being_told(queues, connection, janitor):
    connection.set(keys.STATUS, '{"turn": "soon"}')
    connection.set(keys.cursor("r2z2"), "[")
    for _ in range(2):
        janitor().look()
    [found] = told(queues)
    assert (found.since, found.feed_delay) == (0, None)


def test_a_shorter_span_takes_effect_at_once(queues, clock, janitor):
    janitor().look()
    published = Admin(queues)
    published.configured("ops", 3_600.0)
    published.flush()
    clock.now += 3_600
    janitor().look()
    assert len(told(queues)) == 2


def test_its_figures_are_of_the_time_since_the_last_one(queues, connection, clock, janitor):
    connection.hset(keys.COUNTERS, mapping={"evaluated": 100, "matched": 10, "delivered": 9})
    janitor().look()
    connection.hset(keys.COUNTERS, mapping={"evaluated": 150, "matched": 12, "delivered": 2})
    clock.now += DAY
    janitor().look()
    first, second = told(queues)
    assert (first.since, first.evaluated, first.matched, first.delivered) == (0, 100, 10, 9)
    assert (second.since, second.evaluated, second.matched) == (int(BEGAN), 50, 2)
    assert second.delivered == 2, "what was counted since the counters began anew"


def test_it_tells_what_waits_what_is_dead_who_is_down_and_who_is_left_alone(queues, connection, clock, janitor):
    queues.hand_over(HandOver([NewJob(ENRICHMENT, f"kill-{number}", (), "") for number in range(3)]))
    connection.zadd(queues[DELIVERY].failed_job_registry.key, {"kill-9-intel": 1.0})
    destinations.disable(connection, "intel", WHATEVER, "by hand")
    connection.sadd(keys.CIRCUITS, "esi", "discord")
    connection.hset(keys.circuit("esi"), "state", "open")
    connection.hset(keys.circuit("discord"), "state", "closed")
    connection.set(keys.cursor("r2z2"), Cursor(7, (), int(BEGAN) - 4_000).to_json())
    workers = [{"type": "worker", "state": state, "since": BEGAN - 50} for state in ("running", "restarting")]
    pool = {"type": "supervisor", "state": "running", "children": workers}
    redis = {"type": "worker", "state": "running", "since": BEGAN - 9_000.5}
    for host, children in (("a", [redis, pool]), ("b", [pool])):
        connection.zadd(keys.HOSTS, {host: BEGAN})
        connection.set(keys.host(host), msgspec.json.encode({"state": "running", "children": children}))
    janitor().look()
    [found] = told(queues)
    assert found.waiting == (Waiting("ingestion", 0), Waiting("enrichment", 3), Waiting("delivery", 0))
    assert (found.dead_letters, found.disabled, found.open_circuits) == (1, ("intel",), ("esi",))
    assert (found.processes, found.processes_up, found.hosts, found.upkeep) == (5, 3, 2, False)
    assert (found.feed_delay, found.feed_silent, found.version) == (4_000, True, __version__)
    assert found.running_since == int(BEGAN) - 9_001


@pytest.mark.usefixtures("janitor")
def test_it_is_posted_like_any_delivery_and_is_no_part_of_the_account(queues):
    posts = []

    def answer(request):
        posts.append(json.loads(request.content))
        return httpx.Response(200, json={"id": "7"})

    to = {"ops": Destination("ops", env="OPS", environ={"OPS": ADDRESS}, allowed_hosts=HOSTS)}
    deliver = Deliver(queues, to, Discord(httpx.Client(transport=httpx.MockTransport(answer))), StopSignal())
    StatusNotices(queues, monotonic=iter([0.0, SETTLED]).__next__).look()
    [job] = queues.fetch(queues[DELIVERY].job_ids)
    assert isinstance(deliver.perform(job.id, *job.args), Done)
    assert [embed["title"].split(":")[0] for embed in posts[0]["embeds"]] == ["Service status"]
    assert queues.connection.hget(keys.COUNTERS, "delivered") is None


def test_only_the_janitor_that_holds_the_lease_tells(queues, janitor, monkeypatch):
    monkeypatch.setattr("workers.status_notice.SETTLED", 0.0)
    hosts = [Janitor(queues, host, lambda: {"state": "running", "children": []}) for host in ("a", "b")]
    hosts.append(Janitor(queues, "c", dict, upkeep=False))
    for one in reversed(hosts):
        one.look()
    [found] = told(queues)
    assert found.hosts == 2, "the third host had not yet looked"


def test_a_failed_status_is_never_told_to_the_destination_that_it_was_for(queues, clock, janitor):
    janitor().look()
    [job] = queues.fetch(queues[DELIVERY].job_ids)
    admin = Admin(queues)
    admin.configured("ops", float(DAY))
    fields = {"job": job.id, "category": "permanent", "attempt": 1, "reason": "400"}
    admin.hear(KINDS["job_dead"], fields)
    admin.flush()
    assert len(told(queues)) == 1
