"""What a worker leaves behind in the corners: leaders that end badly, processes taken for dead, foreign jobs."""

import signal
import threading
import time
from functools import partial

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError
from rq.job import Job

from notifier.outcome import Done, Snooze
from tests.integration.samples import package
from tests.servers import wait_until
from workers import keys, rq_worker
from workers.connection import connect
from workers.executor import Executor
from workers.ingest import Ingest
from workers.janitor import Janitor
from workers.job_timeout import limited, undisturbed
from workers.lease import Lease
from workers.outbox import Busy, Lead, Outbox
from workers.persistence import Stopped
from workers.process import StopSignal
from workers.queues import DELIVERY, ENRICHMENT, FUNCTIONS, INGESTION, HandOver, NewJob, Queues, intermediate_key
from workers.recovery import Recovery
from workers.rq_worker import KillmailWorker, Slot
from workers.scheduler import Scheduler


@pytest.fixture(autouse=True)
def short_block(monkeypatch):
    monkeypatch.setattr(rq_worker, "BLOCK", 0.05)


def make_worker(queues, server, perform, queue=ENRICHMENT, slot="slot-1", most=5):
    blocking = Redis.from_url(server.url, retry=None)
    stop = StopSignal()
    return KillmailWorker(queue, Slot("host", slot), queues, blocking, Executor({queue: perform}, most), stop)


def put(queues, job_id="kill-1", queue=ENRICHMENT, args=()):
    queues.hand_over(HandOver([NewJob(queue, job_id, args, "")]))


def put_delivery(queues, number, destination="intel"):
    job_id = f"kill-{number}-{destination}"
    args = ("{}", destination, number, 0.0)
    where = (keys.delivery(job_id), keys.outbox(destination), float(number))
    queues.hand_over(HandOver([NewJob(DELIVERY, job_id, args, "", *where)]))
    return job_id


def status(queues, job_id="kill-1"):
    return queues.connection.hget(Job.key_for(job_id), "status")


def charge(queues, job_id, attempts):
    job = queues.fetch([job_id])[0]
    job.meta = {"attempts": attempts}
    job.save_meta()


def raising(*_):
    raise RuntimeError("a bug")


# -- A leader that ends badly must not lock its destination


@pytest.mark.parametrize(
    "attempts", [0, 4, 5], ids=["tried again", "its last attempt", "it killed its worker each time"]
)
def test_a_leader_that_ends_without_a_delivery_leads_no_more(queues, connection, server, attempts):
    job_id = put_delivery(queues, 1)
    charge(queues, job_id, attempts)
    connection.set(keys.lock("intel"), job_id)
    worker = make_worker(queues, server, raising, DELIVERY)
    worker._be_born()
    worker._step()
    assert status(queues, job_id) == (b"failed" if attempts >= 4 else b"scheduled")
    assert connection.get(keys.lock("intel")) is None


def test_the_lock_of_another_leader_stays(queues, connection, server):
    job_id = put_delivery(queues, 1)
    connection.set(keys.lock("intel"), "another")
    worker = make_worker(queues, server, raising, DELIVERY)
    worker._be_born()
    worker._step()
    assert status(queues, job_id) == b"scheduled"
    assert connection.get(keys.lock("intel")) == b"another"


def test_a_lock_outlives_the_longest_job(connection):
    patient = Queues(connection, job_timeout=3600)
    put_delivery(patient, 1)
    assert isinstance(Outbox(patient, "intel", "address", "kill-1-intel").claim(1.0), Lead)
    assert connection.pttl(keys.lock("intel")) > 3600 * 1000


def test_those_behind_a_long_post_look_less_and_less_often(queues, connection):
    for number in (1, 2):
        put_delivery(queues, number)
    Outbox(queues, "intel", "address", "kill-1-intel").claim(1.0)
    connection.pexpire(keys.lock("intel"), (30 + keys.LOCK_MARGIN - 4) * 1000)
    claim = Outbox(queues, "intel", "address", "kill-2-intel").claim(2.0)
    assert claim == Busy(1)
    assert 3.9 < claim.since < 5.0


# -- Behind a refused group each one goes alone, but nobody waits for one that does not come


def refused(queues, *numbers):
    ids = [put_delivery(queues, number) for number in numbers]
    leader = Outbox(queues, "intel", "address", ids[-1])
    leader.claim(float(numbers[-1]))
    leader.release("", ids, alone_up_to=float(numbers[-1]))
    return ids


def test_a_head_that_backs_off_for_minutes_holds_up_nobody(queues, connection):
    ids = refused(queues, 1, 2)
    put_delivery(queues, 3)
    connection.hset(Job.key_for(ids[0]), "status", "scheduled")
    scheduled = queues[DELIVERY].scheduled_job_registry.key
    connection.zadd(scheduled, {ids[0]: time.time() + 1})
    assert isinstance(Outbox(queues, "intel", "address", ids[1]).claim(2.0), Busy), "its turn is near"
    connection.zadd(scheduled, {ids[0]: time.time() + 300})
    second = Outbox(queues, "intel", "address", ids[1])
    assert second.claim(2.0) == Lead(1, 3, (ids[1],), alone=True)
    second.acknowledge([ids[1]], "1")
    assert Outbox(queues, "intel", "address", "kill-3-intel").claim(3.0) == Lead(1, 2, ("kill-3-intel",))


def test_a_head_whose_job_was_emptied_away_holds_up_nobody(queues, connection):
    ids = refused(queues, 1, 2)
    connection.delete(Job.key_for(ids[0]))
    assert Outbox(queues, "intel", "address", ids[1]).claim(2.0) == Lead(1, 2, (ids[1],), alone=True)


def test_a_leader_whose_job_was_emptied_away_locks_nobody_out(queues, connection):
    """It was killed, taken back to the queue, and `rq empty` came before it could go on."""
    ids = [put_delivery(queues, number) for number in (1, 2)]
    assert isinstance(Outbox(queues, "intel", "address", ids[0]).claim(1.0), Lead)
    connection.delete(Job.key_for(ids[0]))
    assert isinstance(Outbox(queues, "intel", "address", ids[1]).claim(2.0), Lead)


# -- A process that was taken for dead and wakes


def taken_back(queues, slot="host-slot-1"):
    return Recovery(queues).take_back(ENRICHMENT, slot, living="")


def test_a_worker_whose_job_was_taken_back_settles_nothing(queues, connection, server):
    put(queues)
    worker = make_worker(queues, server, lambda *_: taken_back(queues) and Snooze(30.0, "late"))
    worker._be_born()
    worker._step()
    assert status(queues) == b"queued"
    assert queues[ENRICHMENT].job_ids == ["kill-1"]
    assert connection.zcard(queues[ENRICHMENT].scheduled_job_registry.key) == 0


def test_a_worker_whose_id_was_taken_back_does_not_begin_it(queues, server):
    runs = []
    put(queues)
    worker = make_worker(queues, server, lambda *_: runs.append(1) or Done())
    worker._be_born()
    job_id = worker._take()
    assert taken_back(queues) == ["kill-1"]
    worker._work_on(job_id)
    assert runs == []
    assert status(queues) == b"queued"


def test_a_slot_that_was_given_up_and_comes_back_is_watched_again(queues, connection, server):
    worker = make_worker(queues, server, lambda *_: Done())
    worker._be_born()
    connection.delete(worker.key)
    janitor = Janitor(queues, "other", dict)
    janitor.look()
    janitor.look()
    assert connection.hgetall(keys.SLOTS) == {}
    worker._next_heartbeat = 0.0
    worker._keep_alive()
    assert connection.hgetall(keys.SLOTS) == {b"host-slot-1": b"enrichment"}


def test_the_janitor_never_takes_from_a_worker_that_came_back_in_between(queues, connection, server):
    put(queues)
    worker = make_worker(queues, server, lambda *_: Done())
    worker._be_born()
    worker._begin(worker._fetch(worker._take()), {"attempts": 1})
    assert Recovery(queues).take_back(ENRICHMENT, "host-slot-1", living="", given_up=True) == []
    assert connection.hexists(keys.SLOTS, "host-slot-1")
    connection.delete(worker.key)
    assert Recovery(queues).take_back(ENRICHMENT, "host-slot-1", living="", given_up=True) == ["kill-1"]
    assert not connection.hexists(keys.SLOTS, "host-slot-1")


def test_an_idle_worker_with_a_short_job_timeout_is_alive_between_two_heartbeats(connection, server, monkeypatch):
    monkeypatch.setattr(rq_worker, "BLOCK", 10)
    worker = make_worker(Queues(connection, job_timeout=1), server, lambda *_: Done())
    worker._be_born()
    worker._next_heartbeat = 0.0
    worker._keep_alive()
    assert connection.ttl(worker.key) > 10


def test_an_id_that_the_server_moved_for_a_lost_connection_goes_back_while_the_worker_is_busy(
    queues, connection, server
):
    put(queues, "stranded")
    put(queues, "kill-1")
    connection.lmove(queues[ENRICHMENT].key, intermediate_key(ENRICHMENT, "host-slot-1"))
    worker = make_worker(queues, server, lambda *_: Done())
    worker._register()
    worker._step()
    assert status(queues, "kill-1") == b"finished"
    assert queues[ENRICHMENT].job_ids == ["stranded"]


# -- Jobs that are none of ours


def test_a_foreign_delivery_that_cannot_be_read_dies_and_stops_no_worker(queues, server):
    from rq import Queue

    Queue(DELIVERY, connection=queues.connection).enqueue("os.getpid", job_id="pickled")
    worker = make_worker(queues, server, lambda *_: Done(), DELIVERY)
    worker._be_born()
    worker._step()
    assert status(queues, "pickled") == b"failed"


def test_a_job_that_was_enqueued_with_rqs_own_defaults_finishes(queues, server):
    queues[ENRICHMENT].enqueue_call(FUNCTIONS[ENRICHMENT], job_id="kill-1")
    worker = make_worker(queues, server, lambda *_: Done())
    worker._be_born()
    worker._step()
    assert status(queues) == b"finished"


def test_a_hash_that_is_no_job_is_dropped_and_stops_no_worker(queues, connection, server):
    connection.hset(Job.key_for("odd"), mapping={"data": "x", "created_at": "yesterday"})
    connection.rpush(queues[ENRICHMENT].key, "odd")
    worker = make_worker(queues, server, lambda *_: Done())
    worker._be_born()
    worker._step()
    assert connection.keys("*intermediate*") == []


def test_a_killmail_that_meets_a_bug_is_put_aside_and_the_feed_goes_on(queues):
    class Broken:
        def match(self, killmail):
            raise KeyError("a bug")

    Ingest(Broken(), queues).offer(package(1), 7, "cursor", "8")
    assert queues[INGESTION].job_ids == ["package-7"]
    assert queues.connection.get("cursor") == b"8"


# -- Time limits and connections


def test_a_reply_that_a_timeout_left_unread_is_no_other_commands_reply(connection, server):
    queues = Queues(connect(server.url), job_timeout=1)

    def interrupted(*_):
        pool = queues.connection.connection_pool
        half_done = pool.get_connection()
        half_done.send_command("BLPOP", "late", 0)
        pool.release(half_done)
        threading.Event().wait(20)

    put(queues)
    worker = make_worker(queues, server, interrupted)
    worker._be_born()
    late = threading.Timer(1.2, lambda: connection.rpush("late", "reply of the interrupted command"))
    late.start()
    worker._step()
    late.join()
    assert status(queues) == b"scheduled"
    assert queues.connection.lrange("late", 0, -1) == [b"reply of the interrupted command"]


def test_no_timeout_strikes_between_a_post_and_its_ledger():
    with limited(1):
        with undisturbed():
            threading.Event().wait(1.1)
        left = signal.alarm(0)
    assert left == 1


def test_a_full_redis_is_waited_for(queues, connection, server):
    put(queues)
    worker = make_worker(queues, server, lambda *_: connection.config_set("maxmemory", 1) and Done())
    worker._be_born()
    timer = threading.Timer(0.3, lambda: Redis.from_url(server.url).config_set("maxmemory", 0))
    timer.start()
    try:
        worker._step()
    finally:
        timer.join()
        connection.config_set("maxmemory", 0)
    assert status(queues) == b"finished"


def test_a_connection_to_a_server_that_was_demoted_is_dropped(server):
    client = connect(server.url, patient=False)
    before = client.client_id()
    client.replicaof("127.0.0.1", 1)
    try:
        with pytest.raises(ReadOnlyError):
            client.set("key", "value")
        assert client.client_id() != before
    finally:
        client.replicaof("NO", "ONE")


def test_a_stop_while_redis_is_away_ends_the_worker_without_an_error(queues, server, monkeypatch):
    worker = make_worker(queues, server, lambda *_: Done())

    def away():
        raise RedisConnectionError

    monkeypatch.setattr(worker, "_leave", away)
    thread = threading.Thread(target=worker.run)
    thread.start()
    wait_until(lambda: queues.connection.smembers("rq:workers"), what="its registration")
    worker._stop.request()
    thread.join(10)
    assert not thread.is_alive()


def test_a_stop_during_an_outage_inside_a_job_charges_nothing(queues, server):
    def stopped(*_):
        raise Stopped("a delivery")

    put(queues)
    worker = make_worker(queues, server, stopped)
    worker._be_born()
    worker._step()
    assert status(queues) == b"scheduled"
    assert queues.fetch(["kill-1"])[0].meta["attempts"] == 0


# -- Leases


@pytest.mark.parametrize("role", ["scheduler", "janitor"])
def test_a_host_that_stops_leaves_its_lease_to_the_next_at_once(queues, connection, server, role):
    stop = StopSignal()
    if role == "scheduler":
        run = partial(Scheduler(queues, Redis.from_url(server.url), "host").run, stop)
    else:
        run = partial(Janitor(queues, "host", dict).run, stop)
    thread = threading.Thread(target=run)
    thread.start()
    wait_until(lambda: connection.get(keys.lease(role)) == b"host", what="its lease")
    stop.request()
    connection.publish(keys.WAKE, "0")
    thread.join(10)
    assert connection.get(keys.lease(role)) is None


def test_nobody_gives_up_the_lease_of_another(queues, connection):
    connection.set(keys.lease("feed"), "another")
    Lease(queues, "feed", "host").resign()
    assert connection.get(keys.lease("feed")) == b"another"
