"""The janitor on a real server: what it puts right after two looks, and what it leaves alone."""

import msgspec
import pytest
from redis import Redis
from rq.job import Job
from rq.registry import FailedJobRegistry

from notifier.outcome import Done
from workers import keys, status
from workers.dead_letters import DeadLetters
from workers.executor import Executor
from workers.janitor import Janitor
from workers.lease import Lease
from workers.process import StopSignal
from workers.queues import ENRICHMENT, HandOver, NewJob, intermediate_key
from workers.rq_worker import KillmailWorker, Slot


@pytest.fixture
def janitor(queues):
    return Janitor(queues, "host", lambda: {"id": "notifier", "state": "running"})


@pytest.fixture
def worker(queues, server):
    with Redis.from_url(server.url, retry=None) as blocking:
        made = KillmailWorker(
            ENRICHMENT,
            Slot("gone", "enrichment-1"),
            queues,
            blocking,
            Executor({ENRICHMENT: lambda *_: Done()}, 5),
            StopSignal(),
        )
        made._be_born()
        yield made


def put(queues, job_id="kill-1"):
    queues.hand_over(HandOver([NewJob(ENRICHMENT, job_id, (), "")]))


def begin(worker):
    worker._begin(worker._fetch(worker._take()), {"attempts": 1})


def dead_letter(queues, meta):
    put(queues)
    queues[ENRICHMENT].remove("kill-1")
    job = queues.fetch(["kill-1"])[0]
    job.meta = meta
    job.save_meta()
    job.set_status("failed")
    queues[ENRICHMENT].failed_job_registry.add(job, exc_string="x")
    if "dead_at" in meta:
        queues.connection.zadd(keys.DEAD, {"kill-1": meta["dead_at"]})
    return job


def test_the_jobs_of_a_host_that_vanished_are_taken_back_after_two_looks(queues, connection, janitor, worker):
    put(queues)
    begin(worker)
    put(queues, "kill-2")
    worker._take()
    connection.delete(worker.key)  # its heartbeat ran out
    janitor.look()
    assert queues[ENRICHMENT].job_ids == []
    janitor.look()
    assert sorted(queues[ENRICHMENT].job_ids) == ["kill-1", "kill-2"]
    assert connection.zcard("rq:wip:enrichment") == 0
    assert connection.exists(intermediate_key(ENRICHMENT, "gone-enrichment-1")) == 0
    assert connection.smembers("rq:workers") == set()


def test_a_living_worker_keeps_its_job(queues, janitor, worker):
    put(queues)
    begin(worker)
    for _ in range(3):
        janitor.look()
    assert queues[ENRICHMENT].job_ids == []


def test_a_worker_that_comes_back_between_two_looks_is_left_alone(queues, connection, janitor, worker):
    put(queues)
    begin(worker)
    connection.delete(worker.key)
    janitor.look()
    worker._register()
    janitor.look()
    janitor.look()
    assert queues[ENRICHMENT].job_ids == []


def test_what_a_half_requeue_left_in_no_registry_is_put_back(queues, connection, janitor):
    dead_letter(queues, {"dead_at": 5.0, "attempts": 3})
    connection.zrem(FailedJobRegistry.key_template.format(ENRICHMENT), "kill-1")
    janitor.look()
    assert queues[ENRICHMENT].job_ids == []
    janitor.look()
    assert queues[ENRICHMENT].job_ids == ["kill-1"]


def test_what_cannot_be_read_and_stands_in_no_registry_becomes_a_letter_again(queues, connection, janitor):
    dead_letter(queues, {"dead_at": 5.0, "attempts": 3})
    connection.zrem(FailedJobRegistry.key_template.format(ENRICHMENT), "kill-1")
    connection.hset(Job.key_for("kill-1"), "data", "no JSON")
    for _ in range(3):
        janitor.look()
    assert [letter.id for letter in DeadLetters(queues).letters()] == ["kill-1"]
    assert queues[ENRICHMENT].job_ids == []


def test_an_id_of_another_queue_than_ours_does_not_stop_the_janitor(queues, connection, janitor):
    dead_letter(queues, {"dead_at": 5.0, "attempts": 3})
    connection.zrem(FailedJobRegistry.key_template.format(ENRICHMENT), "kill-1")
    connection.hset(Job.key_for("kill-1"), "origin", "other")
    for _ in range(3):
        janitor.look()
    assert connection.exists(Job.key_for("kill-1"))


def test_a_dead_letter_stays_dead(queues, janitor):
    dead_letter(queues, {"dead_at": 5.0, "attempts": 3})
    for _ in range(3):
        janitor.look()
    assert [letter.id for letter in DeadLetters(queues).letters()] == ["kill-1"]
    assert queues[ENRICHMENT].job_ids == []


def test_what_rqs_own_cleaning_failed_is_taken_back(queues, janitor):
    dead_letter(queues, {"attempts": 1})
    janitor.look()
    assert queues[ENRICHMENT].job_ids == ["kill-1"]
    assert queues.fetch(["kill-1"])[0].meta["attempts"] == 1


def test_without_the_lease_only_the_status_is_mirrored(queues, connection, janitor):
    assert Lease(queues, "janitor", "another").held()
    dead_letter(queues, {"attempts": 1})
    janitor.look()
    assert queues[ENRICHMENT].job_ids == []
    assert msgspec.json.decode(connection.get(keys.host("host")))["state"] == "running"


def test_a_supervisor_that_does_not_answer_is_said_and_stops_nothing(queues, connection):
    def silent():
        raise ConnectionRefusedError

    dead_letter(queues, {"attempts": 1})
    Janitor(queues, "host", silent).look()
    assert b"does not answer" in connection.get(keys.host("host"))
    assert queues[ENRICHMENT].job_ids == ["kill-1"]


def test_a_letter_is_shown_with_its_reason_and_replayed_once(queues):
    dead_letter(queues, {"dead_at": 5.0, "attempts": 3, "reason": "no", "category": "permanent"})
    letters = DeadLetters(queues)
    letter = letters.find("kill-1")
    assert (letter.reason, letter.category, letter.queue) == ("no", "permanent", ENRICHMENT)
    assert letters.replay(letter)
    assert not letters.replay(letter)
    assert letters.find("kill-1") is None
    assert queues[ENRICHMENT].job_ids == ["kill-1"]
    assert queues.connection.ttl(Job.key_for("kill-1")) == -1


def test_the_status_counts_what_stands_where(queues, janitor, worker):
    put(queues)
    begin(worker)
    put(queues, "kill-2")
    janitor.look()
    now = status.read(queues)
    assert (now.queues[ENRICHMENT].waiting, now.queues[ENRICHMENT].started) == (1, 1)
    assert now.hosts == {"host": {"id": "notifier", "state": "running"}}
    assert now.upkeep is None, "no scheduler holds its lease here"


def test_a_host_without_upkeep_mirrors_its_status_and_seeks_no_lease(queues, connection):
    dead_letter(queues, {"attempts": 1})
    Janitor(queues, "host", lambda: {"state": "running"}, upkeep=False).look()
    assert queues[ENRICHMENT].job_ids == []
    assert connection.get(keys.lease("janitor")) is None
    assert list(status.read(queues).hosts) == ["host"]
