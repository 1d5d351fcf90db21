"""The whole way, on a real server: from the simulated feed to the simulated Discord, and through outages of Redis."""

import multiprocessing
import os
import signal
import threading
from pathlib import Path

import httpx
import pytest
from redis import Redis
from redis.exceptions import RedisError

from notifier.config.destinations import Destination
from notifier.feeds.r2z2 import R2Z2
from notifier.services.discord import Discord
from notifier.services.esi import Esi
from notifier.services.http import make_client
from notifier.tracking import Index, Subscription
from notifier.tracking.rules import All, Spaces
from notifier.universe import load
from ops import simulators
from ops.simulators.feed import read_mails
from tests.integration.samples import HOSTS, kills_of, notice
from tests.servers import redis_server, wait_until
from workers import keys, rq_worker
from workers.connection import connect
from workers.deliver import Deliver
from workers.enrich import Enrich, delivery_job
from workers.executor import Executor
from workers.feed import Feed
from workers.ingest import Ingest
from workers.name_cache import NameCache
from workers.process import StopSignal
from workers.queues import DELIVERY, ENRICHMENT, HandOver, Queues
from workers.rq_worker import KillmailWorker, Slot
from workers.scheduler import Scheduler

MAILS = Path(__file__).parents[1] / "data" / "killmails.jsonl.gz"
KILLS = 60


def destinations(*names):
    environ = {name: f"https://discord.com/api/webhooks/{n + 1}/{name * 20}" for n, name in enumerate(names)}
    return {name: Destination(name, env=name, environ=environ, allowed_hosts=HOSTS) for name in names}


class Step(KillmailWorker):
    """A worker that stops when its queue is empty."""

    def _step(self):
        if self._queue.count:
            super()._step()
        else:
            self._stop.request()


def work_off(server, queues, queue, make_perform):
    stop = StopSignal()
    blocking = Redis.from_url(server.url, retry=None)
    executor = Executor({queue: make_perform(stop)}, 8)
    Step(queue, Slot("host", f"{queue}-1"), queues, blocking, executor, stop).run()


@pytest.fixture
def simulated():
    options = simulators.Options(kills=KILLS, limits=False)
    transport = simulators.transport(read_mails(MAILS), options)
    yield transport
    transport.close()


def test_every_killmail_of_the_feed_arrives_once_at_each_destination_that_it_concerns(server, queues, simulated):
    client = make_client(contact="test", timeout=5.0, transport=simulated)
    index = Index(
        [
            Subscription("all", ("everything",), All(())),
            Subscription("null", ("nullsec",), Spaces(frozenset({"nullsec"}))),
        ],
        load(),
    )
    ended = StopSignal()
    source = R2Z2(client, "https://r2z2.zkillboard.com", 0.0, 0.0)

    class UntilIdle:
        def poll(self, cursor, now):
            answer = source.poll(cursor, now)
            if queues.connection.hget(keys.COUNTERS, "evaluated") == str(KILLS).encode():
                ended.request()
            return answer

    Feed(UntilIdle(), Ingest(index, queues), queues, "host", min_interval=0.0, backlog=10_000).run(ended)
    assert queues.lengths()[ENRICHMENT] == KILLS

    names = NameCache(queues.connection, Esi(client, "https://esi.evetech.net"))
    enrich = Enrich(queues, names, load(), patience=20.0)
    work_off(server, queues, ENRICHMENT, lambda stop: enrich.perform)
    to = destinations("everything", "nullsec")
    work_off(server, queues, DELIVERY, lambda stop: Deliver(queues, to, Discord(client), stop).perform)

    simulation = simulated.simulation
    stats = simulation.stats()
    assert (stats["repeated"], stats["refusals"]) == (0, [])
    arrivals = {webhook: set(kills) for webhook, kills in simulation.journal.arrivals.items()}
    assert {len(kills) for kills in arrivals.values()} == {KILLS, stats["notifications"] - KILLS}
    assert 0 < stats["notifications"] - KILLS < KILLS, "null security is a part of everything"
    assert queues.connection.hget(keys.COUNTERS, "delivered") == str(stats["notifications"]).encode()
    assert queues.connection.keys("notifier:outbox:*") == queues.connection.keys("notifier:lock:*") == []


# -- Outages


def deliver_into(posts, url, number, to):
    """A delivery worker, in a process of its own; each kill that it posts becomes a line in `posts`."""

    def answer(request):
        lines = "".join(f"{request.url.path.split('/')[3]} {kill}\n" for kill in kills_of(request.content))
        with posts.open("a") as file:
            file.write(lines)
        threading.Event().wait(0.01)
        return httpx.Response(200, json={"id": "1"})

    stop = StopSignal.installed()
    queues = Queues(connect(url), job_timeout=30)
    service = Discord(httpx.Client(transport=httpx.MockTransport(answer)))
    executor = Executor({DELIVERY: Deliver(queues, to, service, stop).perform}, 8)
    blocking = connect(url, patient=False, timeout=rq_worker.BLOCK + 5)
    KillmailWorker(DELIVERY, Slot("host", f"delivery-{number}"), queues, blocking, executor, stop).run()


def schedule_on(url):
    stop = StopSignal.installed()
    Scheduler(Queues(connect(url), job_timeout=30), connect(url, patient=False), "host").run(stop)


def count_of(path):
    return path.read_text().count("\n") if path.exists() else 0


def counted(url):
    try:
        with Redis.from_url(url, retry=None) as client:
            return int(client.hget(keys.COUNTERS, "delivered") or 0)
    except RedisError:
        return 0


def test_workers_outlive_outages_of_redis_and_deliver_everything_once(tmp_path):
    names = [f"D{n}" for n in range(12)]
    to, posts, fork = destinations(*names), tmp_path / "posts", multiprocessing.get_context("fork")
    whole = len(names) * 10
    with redis_server() as own:
        with Redis.from_url(own.url) as connection:
            queues = Queues(connection, job_timeout=30)
            for number in range(1, 11):
                jobs = [delivery_job(f"kill-{number}", name, notice(number), number, 0.0) for name in names]
                queues.hand_over(HandOver(jobs))
            connection.execute_command("CONFIG", "SET", "save", "")
        processes = [fork.Process(target=deliver_into, args=(posts, own.url, n, to)) for n in (1, 2)]
        processes.append(fork.Process(target=schedule_on, args=(own.url,)))
        for process in processes:
            process.start()
        try:
            for so_far in (10, 50):
                wait_until(lambda so_far=so_far: count_of(posts) >= so_far, what="some posts")
                own.kill()
                back = threading.Timer(0.5, own.start)
                back.start()
                back.join()
            wait_until(lambda: counted(own.url) == whole, what="all deliveries")
            assert all(process.is_alive() for process in processes)
        finally:
            for process in processes:
                os.kill(process.pid, signal.SIGTERM)
            for process in processes:
                process.join(15)
        assert [process.exitcode for process in processes] == [0, 0, 0]
        with Redis.from_url(own.url) as connection:
            assert connection.keys("notifier:outbox:*") == connection.keys("notifier:lock:*") == []
            assert connection.smembers("rq:workers") == set()
    lines = posts.read_text().splitlines()
    assert len(set(lines)) == whole
    assert len(lines) == whole
