"""RQ's own command line against our dead letters: it shows them, and puts them back with fresh attempts."""

import json
import subprocess
import sys

import httpx
import pytest
from redis import Redis
from rq.job import Job

from notifier.config.destinations import Destination
from notifier.services.discord import Discord
from tests.integration.samples import ADDRESS, HOSTS, kills_of, notice, waits
from workers import keys, rq_worker
from workers.deliver import Deliver
from workers.enrich import delivery_job
from workers.executor import Executor
from workers.janitor import Janitor
from workers.process import StopSignal
from workers.queues import DELIVERY, HandOver
from workers.rq_worker import KillmailWorker, Slot

IDS = ["kill-1-intel", "kill-2-intel"]
REFUSED = httpx.Response(400, json={"code": 50035, "message": "Invalid Form Body"})


@pytest.fixture(autouse=True)
def short_block(monkeypatch):
    monkeypatch.setattr(rq_worker, "BLOCK", 0.05)


def rq(server, *arguments):
    command = [sys.executable, "-m", "rq.cli", arguments[0], "-u", server.url, *arguments[1:]]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout + done.stderr


class World:
    def __init__(self, server, queues):
        self.queues, self.posts, self.refuses = queues, [], True
        service = Discord(httpx.Client(transport=httpx.MockTransport(self._answer)))
        destination = Destination("intel", env="INTEL", environ={"INTEL": ADDRESS}, allowed_hosts=HOSTS)
        stop = StopSignal()
        executor = Executor({DELIVERY: Deliver(queues, {"intel": destination}, service, stop).perform}, 8)
        blocking = Redis.from_url(server.url, retry=None)
        self._worker = KillmailWorker(DELIVERY, Slot("host", "delivery-1"), queues, blocking, executor, stop)
        self._worker._be_born()

    def _answer(self, request):
        self.posts.append(kills_of(request.content))
        return REFUSED if self.refuses else httpx.Response(200, json={"id": "1"})

    def work(self):
        while waits(self.queues, DELIVERY):
            self._worker._step()

    def statuses(self):
        return [self.queues.connection.hget(Job.key_for(job_id), "status").decode() for job_id in IDS]

    def meta(self, job_id):
        return json.loads(self.queues.connection.hget(Job.key_for(job_id), "meta"))


@pytest.fixture
def world(server, queues):
    made = World(server, queues)
    for number in (1, 2):  # one after the other: each is a group of one, and refused for itself
        queues.hand_over(HandOver([delivery_job(f"kill-{number}", "intel", notice(number), number, 0.0)]))
        made.work()
    assert made.statuses() == ["failed", "failed"]
    made.refuses = False
    return made


def test_rq_info_counts_what_waits_and_what_is_dead(server, world):
    shown = rq(server, "info", "--raw")
    assert "queue delivery 0, 0 executing, 0 finished, 2 failed" in shown
    assert "host-delivery-1-1" in shown
    assert world.statuses() == ["failed", "failed"], "rq info cleans registries; ours stay as they are"


@pytest.mark.parametrize("serializer", [(), ("-S", "json")], ids=["without -S", "with -S json"])
@pytest.mark.parametrize("chosen", [("--all",), ("kill-1-intel",)], ids=["all", "one id"])
def test_rq_requeue_gives_fresh_attempts_and_the_job_runs(server, queues, world, serializer, chosen):
    rq(server, "requeue", *serializer, "--queue", DELIVERY, *chosen)
    expected = ["finished", "finished"] if chosen == ("--all",) else ["finished", "failed"]
    world.work()
    assert world.statuses() == expected
    assert queues.connection.zcard("rq:failed:delivery") == expected.count("failed")
    delivered = expected.count("finished")
    assert queues.connection.hget(keys.COUNTERS, "delivered") == str(delivered).encode()
    Janitor(queues, "host", dict).look()
    assert world.statuses() == expected
    assert queues.connection.zcard(keys.DEAD) == expected.count("failed")


def test_a_requeued_job_that_fails_again_begins_at_its_first_attempt_and_keeps_its_history(server, world):
    world.refuses = True
    for round_number in (1, 2):
        rq(server, "requeue", "--queue", DELIVERY, "kill-1-intel")
        world.work()
        meta = world.meta("kill-1-intel")
        assert meta["attempts"] == 1
        assert len(meta["history"]) == round_number
        assert meta["history"][-1]["category"] == "permanent"


def test_a_letter_that_was_delivered_meanwhile_is_requeued_without_a_second_post(server, queues, world):
    """As after an ambiguous post: the ledger knows of it, and the requeued job ends by that."""
    queues.connection.hset(keys.delivery("kill-1-intel"), mapping={"state": "delivered", "message": "9"})
    posted = len(world.posts)
    rq(server, "requeue", "--queue", DELIVERY, "kill-1-intel")
    world.work()
    assert world.statuses()[0] == "finished"
    assert len(world.posts) == posted
    assert queues.connection.zcard(keys.outbox("intel")) == 0
