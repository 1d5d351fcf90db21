"""Our worker on a real server: what RQ's own tools see, and what a signal or an outage leaves behind."""

import os
import signal
import subprocess
import sys
import threading

import pytest
from redis import Redis
from rq.job import Job, JobStatus

from notifier.outcome import Dead, Done, Retry, Snooze
from tests.servers import redis_server, wait_until
from workers import keys
from workers.executor import Executor
from workers.process import StopSignal
from workers.queues import DELIVERY, ENRICHMENT, FUNCTIONS, HandOver, NewJob, Queues
from workers.rq_worker import KillmailWorker, Slot

SLOT = Slot("host", "enrichment-1")


@pytest.fixture
def stop():
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield StopSignal.installed()
    for number, handler in before.items():
        signal.signal(number, handler)


def make_worker(queues, server, perform, stop, slot=SLOT, most=5):
    blocking = Redis.from_url(server.url, retry=None)
    return KillmailWorker(ENRICHMENT, slot, queues, blocking, Executor({ENRICHMENT: perform}, most), stop)


def work_until(worker, condition):
    """Run the worker here (job timeouts need the main thread), and send SIGTERM when the condition holds."""
    failure = []

    def watch():
        try:
            wait_until(condition, what="the job's end")
        except AssertionError as error:
            failure.append(error)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        worker.run()
    finally:
        watcher.join()
    assert not failure, failure


def put(queues, job_id="kill-1", args=("one",), queue=ENRICHMENT):
    queues.hand_over(HandOver([NewJob(queue, job_id, args, "kill 1")]))


def status(connection, job_id="kill-1"):
    value = connection.hget(Job.key_for(job_id), "status")
    return value.decode() if value else None


def test_what_we_write_of_a_job_is_what_rq_writes(queues, connection):
    queue = queues[ENRICHMENT]
    options = {"args": (1, "two"), "job_id": "same", "description": "kill 1", "result_ttl": 60}
    queue.enqueue_call(FUNCTIONS[ENRICHMENT], timeout=30, **options)
    theirs = connection.hgetall(Job.key_for("same"))
    connection.flushall()
    queues.hand_over(HandOver([NewJob(ENRICHMENT, "same", (1, "two"), "kill 1")]))
    ours = connection.hgetall(Job.key_for("same"))
    moments = (b"created_at", b"enqueued_at")
    assert set(ours) == set(theirs)
    assert {k: v for k, v in ours.items() if k not in moments} == {k: v for k, v in theirs.items() if k not in moments}
    assert queue.job_ids == ["same"]
    assert connection.smembers("rq:queues") == {b"rq:queue:enrichment"}


def test_a_hand_over_with_the_same_mark_changes_only_the_cursor(queues, connection):
    first = HandOver(
        [NewJob(ENRICHMENT, "kill-1", (), "")], {"evaluated": 1}, "notifier:seen:1", "notifier:cursor:x", "5"
    )
    again = HandOver(first.jobs, first.counters, first.once, "notifier:cursor:x", "6", mark="another")
    assert queues.hand_over(first) == (True, 1)
    for _ in range(2):
        assert queues.hand_over(again) == (False, 1)
    assert connection.get("notifier:cursor:x") == b"6"
    assert connection.hgetall(keys.COUNTERS) == {b"evaluated": b"1", b"repeated": b"1"}


def test_a_done_job_is_finished_for_rq_too(queues, connection, server, stop):
    seen = []

    def perform(job_id, *args):
        seen.append((job_id, args, connection.hget(Job.key_for(job_id), "status")))
        return Done()

    put(queues)
    work_until(make_worker(queues, server, perform, stop), lambda: status(connection) == "finished")
    assert seen == [("kill-1", ("one",), b"started")]
    assert queues[ENRICHMENT].finished_job_registry.get_job_ids() == ["kill-1"]
    assert connection.zcard("rq:wip:enrichment") == 0
    assert connection.keys("rq:execution*") == []
    assert 0 < connection.ttl(Job.key_for("kill-1")) <= 60


def test_a_snoozed_job_is_scheduled_uncharged(queues, connection, server, stop):
    put(queues)
    worker = make_worker(queues, server, lambda *_: Snooze(30.0, "limit"), stop)
    work_until(worker, lambda: status(connection) == "scheduled")
    assert queues[ENRICHMENT].scheduled_job_registry.get_job_ids() == ["kill-1"]
    assert queues.fetch(["kill-1"])[0].meta["attempts"] == 0


def test_a_dead_job_is_a_failed_job_that_rq_requeues(queues, connection, server, stop):
    put(queues)
    outcomes = [Dead("no such webhook", "misconfigured"), Done()]
    worker = make_worker(queues, server, lambda *_: outcomes.pop(0), stop)
    work_until(worker, lambda: status(connection) == "failed")
    assert queues[ENRICHMENT].failed_job_registry.get_job_ids() == ["kill-1"]
    assert queues.fetch(["kill-1"])[0].latest_result().exc_string == "no such webhook"

    command = [sys.executable, "-m", "rq.cli", "requeue", "-u", server.url, "--queue", "enrichment", "--all"]
    subprocess.run(command, check=True, capture_output=True)
    stop._event.clear()
    work_until(make_worker(queues, server, lambda *_: outcomes.pop(0), stop), lambda: status(connection) == "finished")
    assert outcomes == []


def test_an_exception_is_a_bug_with_a_scrubbed_reason(queues, connection, server, stop):
    def perform(*_):
        raise RuntimeError("https://discord.com/api/webhooks/1/secret-token broke")

    put(queues)
    work_until(make_worker(queues, server, perform, stop, most=1), lambda: status(connection) == "failed")
    job = queues.fetch(["kill-1"])[0]
    assert job.meta["category"] == "bug"
    assert "RuntimeError" in job.latest_result().exc_string
    assert b"secret-token" not in b"".join(connection.dump(key) for key in connection.keys("rq:*"))


def test_a_job_that_names_another_function_is_refused(queues, connection, server, stop):
    queues[ENRICHMENT].enqueue_call("os.system", args=("touch /tmp/pwned",), job_id="kill-1")
    work_until(make_worker(queues, server, lambda *_: Done(), stop), lambda: status(connection) == "failed")
    assert "os.system" in queues.fetch(["kill-1"])[0].meta["reason"]


def test_a_job_that_takes_too_long_is_cut_off(queues, connection, server, stop):
    short = Queues(Redis.from_url(server.url), job_timeout=1)

    def perform(*_):
        threading.Event().wait(20)

    put(short)
    work_until(make_worker(short, server, perform, stop, most=1), lambda: status(connection) == "failed")
    assert "longer than 1 s" in queues.fetch(["kill-1"])[0].meta["reason"]


def test_a_stop_while_it_waits_leaves_nothing_taken(queues, connection, server, stop):
    worker = make_worker(queues, server, lambda *_: Done(), stop)
    work_until(worker, lambda: connection.client_list() and any(c["cmd"] == "blmove" for c in connection.client_list()))
    put(queues)
    assert queues[ENRICHMENT].job_ids == ["kill-1"]
    assert connection.keys("*intermediate*") == []
    assert connection.smembers("rq:workers") == set()


def test_a_replacement_takes_back_what_its_predecessor_held(queues, connection, server, stop):
    put(queues)
    predecessor = make_worker(queues, server, lambda *_: Done(), stop)
    predecessor._be_born()
    assert predecessor._take() == "kill-1"
    job = predecessor._fetch("kill-1")
    predecessor._begin(job, {"attempts": 1})
    put(queues, "kill-2")
    assert predecessor._take() == "kill-2"  # in the intermediate list, never begun
    put(queues, "kill-3")

    order = []

    def perform(job_id, *_):
        order.append(job_id)
        return Done()

    work_until(make_worker(queues, server, perform, stop), lambda: status(connection, "kill-3") == "finished")
    assert sorted(order) == ["kill-1", "kill-2", "kill-3"]
    assert order[-1] == "kill-3"
    assert connection.zcard("rq:wip:enrichment") == 0
    assert connection.keys("*intermediate*") == []


def test_a_replacement_leaves_alone_what_another_slot_holds(queues, connection, server, stop):
    put(queues)
    other = make_worker(queues, server, lambda *_: Done(), stop, Slot("host", "enrichment-2"))
    other._be_born()
    other._begin(other._fetch(other._take()), {"attempts": 1})
    put(queues, "kill-2")
    work_until(make_worker(queues, server, lambda *_: Done(), stop), lambda: status(connection, "kill-2") == "finished")
    assert status(connection) == JobStatus.STARTED.value
    assert connection.zcard("rq:wip:enrichment") == 1


def test_a_worker_outlives_an_outage_and_repeats_nothing(stop):
    runs = []
    with redis_server() as own:
        connection = Redis.from_url(own.url)
        queues = Queues(connection, job_timeout=30)

        def perform(job_id, *_):
            runs.append(job_id)
            if job_id == "kill-1":
                own.kill()
                threading.Timer(0.5, own.start).start()
            return Done()

        put(queues)
        put(queues, "kill-2")
        connection.execute_command("WAITAOF", 1, 0, 1000)
        work_until(make_worker(queues, own, perform, stop), lambda: status_or_none(own, "kill-2") == "finished")
        assert status(connection) == "finished"
    assert runs == ["kill-1", "kill-2"]


def status_or_none(own, job_id):
    try:
        with Redis.from_url(own.url) as client:
            return status(client, job_id)
    except OSError:
        return None
    except Exception as error:
        if "onnect" in type(error).__name__ + str(error):
            return None
        raise


def test_no_worker_takes_a_job_while_rq_is_suspended(queues, connection, server, stop):
    connection.set("rq:suspended", 1)
    put(queues)
    worker = make_worker(queues, server, lambda *_: Done(), stop)
    work_until(worker, lambda: worker._suspended)
    assert queues[ENRICHMENT].job_ids == ["kill-1"]


def test_a_retry_is_scheduled_charged_and_dies_in_the_end(queues, connection, server, stop):
    put(queues)
    worker = make_worker(queues, server, lambda *_: Retry("503", seconds=0.0), stop, most=1)
    work_until(worker, lambda: status(connection) == "failed")
    letter = queues.fetch(["kill-1"])[0].meta
    assert (letter["attempts"], letter["reason"]) == (1, "503 (attempt 1 of 1)")


def test_a_dead_delivery_leaves_its_outbox(queues, connection, server, stop):
    job = NewJob(DELIVERY, "kill-1-intel", ("{}", "intel", 5, 0.0), "", keys.delivery("x"), keys.outbox("intel"), 5.0)
    queues.hand_over(HandOver([job]))
    assert connection.zrange(keys.outbox("intel"), 0, -1) == [b"kill-1-intel"]
    blocking = Redis.from_url(server.url, retry=None)
    executor = Executor({DELIVERY: lambda *_: Dead("no", "permanent")}, 5)
    worker = KillmailWorker(DELIVERY, Slot("host", "delivery-1"), queues, blocking, executor, stop)
    work_until(worker, lambda: status(connection, "kill-1-intel") == "failed")
    assert connection.zcard(keys.outbox("intel")) == 0
