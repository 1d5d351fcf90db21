"""The scheduler on a real server: never early, only by the holder of the lease, woken by what is nearer."""

import threading

import pytest
from redis import Redis
from rq.job import Job

from tests.servers import wait_until
from workers import keys
from workers.lease import Lease
from workers.process import StopSignal
from workers.queues import ENRICHMENT, HandOver, NewJob
from workers.scheduler import IDLE, Scheduler


def schedule(queues, job_id, seconds):
    queues.hand_over(HandOver([NewJob(ENRICHMENT, job_id, (), "")]))
    queues[ENRICHMENT].remove(job_id)
    queues.connection.hset(Job.key_for(job_id), "status", "scheduled")
    whole, micro = queues.connection.time()
    queues.connection.zadd(queues[ENRICHMENT].scheduled_job_registry.key, {job_id: whole + micro / 1e6 + seconds})
    queues.connection.publish(keys.WAKE, str(seconds))


@pytest.fixture
def scheduler(queues, server):
    with Redis.from_url(server.url) as listening:
        yield Scheduler(queues, listening, "host")


def test_what_is_due_goes_to_its_queue_in_order(queues, scheduler):
    schedule(queues, "kill-2", 0)
    schedule(queues, "kill-1", 0)
    scheduler.promote()
    assert queues[ENRICHMENT].job_ids == ["kill-2", "kill-1"]
    assert queues[ENRICHMENT].scheduled_job_registry.get_job_ids() == []
    assert queues.fetch(["kill-1"])[0].get_status() == "queued"


def test_what_is_not_due_stays_and_tells_when(queues, scheduler):
    schedule(queues, "kill-1", 1.0)
    assert 0.9 < scheduler.promote() <= 1.0
    assert queues[ENRICHMENT].job_ids == []
    assert scheduler.promote() < IDLE


def test_a_job_that_is_gone_is_dropped(queues, scheduler, connection):
    schedule(queues, "kill-1", 0)
    connection.delete(Job.key_for("kill-1"))
    scheduler.promote()
    assert queues[ENRICHMENT].job_ids == []


def test_only_the_holder_of_the_lease_promotes(queues, scheduler):
    assert Lease(queues, "scheduler", "another").held()
    schedule(queues, "kill-1", 0)
    assert scheduler.promote() == IDLE
    assert queues[ENRICHMENT].job_ids == []


def test_a_lease_that_was_lost_is_noticed_in_the_step_itself(queues, scheduler, connection):
    scheduler.promote()
    connection.set(keys.lease("scheduler"), "another")
    schedule(queues, "kill-1", 0)
    scheduler.promote()
    assert queues[ENRICHMENT].job_ids == []


def test_a_nearer_job_wakes_the_sleeping_scheduler_and_a_stop_ends_it(queues, scheduler, connection):
    stop = StopSignal()
    thread = threading.Thread(target=scheduler.run, args=(stop,))
    thread.start()
    try:
        wait_until(lambda: connection.pubsub_numsub(keys.WAKE)[0][1], what="its subscription")
        schedule(queues, "kill-1", 0.05)
        wait_until(lambda: queues[ENRICHMENT].job_ids == ["kill-1"], deadline=IDLE * 0.75, what="its promotion")
    finally:
        stop.request()
        connection.publish(keys.WAKE, "0")
        thread.join(10)
    assert not thread.is_alive()
