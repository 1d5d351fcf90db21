"""A kill, a broken connection or a repeat at every single command that a process sends to Redis.

Each test runs the same work again and again, the fault one command later each time, until it comes too late.
"""

import itertools
import time
from contextlib import suppress

import httpx
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from rq.job import Job

from notifier.config.destinations import Destination
from notifier.feeds.r2z2 import Cursor, Fetched, Idle
from notifier.killmail import decode_package, to_json
from notifier.outcome import Backoff
from notifier.services.discord import Discord
from notifier.services.esi import Names
from notifier.tracking import Index, Subscription
from notifier.tracking.rules import Systems
from notifier.universe import load
from tests.integration.faulty import Faults, FaultyRedis, Killed
from tests.integration.samples import ADDRESS, HOSTS, kills_of, notice, package
from workers import keys, posting, rq_worker
from workers.dead_letters import DeadLetters
from workers.deliver import Deliver
from workers.enrich import Enrich, delivery_job
from workers.executor import Executor
from workers.feed import CURSOR, Feed
from workers.ingest import Ingest
from workers.janitor import Janitor
from workers.name_cache import NameCache
from workers.process import StopSignal
from workers.queues import DELIVERY, ENRICHMENT, HandOver, NewJob, Queues
from workers.rq_worker import KillmailWorker, Slot
from workers.scheduler import Scheduler

pytestmark = pytest.mark.timeout(300)
MOST_COMMANDS = 200


class Restless(StopSignal):
    """Cuts every pause short: Redis is never away for longer than one command here."""

    def wait(self, seconds):
        return super().wait(min(seconds, 0.001))


class DrivenWorker(KillmailWorker):
    """Our worker as it is, in this thread: what it waits for comes at once, and it stops when all is done."""

    world = None

    def _step(self):
        if self.world.over(self):
            self._stop.request()
            return
        super()._step()


class Pipeline:
    """One queue's jobs, whoever works on them, and a Discord that keeps what it was sent."""

    policy = "resend"

    def __init__(self, server, queues, queue):
        self.server, self.queues, self.queue, self.posts = server, queues, queue, []
        self.calm, self.connection = queues, queues.connection
        self.while_posting = lambda: None
        self._give_up = time.monotonic() + 60

    def answer(self, request):
        self.posts.append(kills_of(request.content))
        self.while_posting()
        return httpx.Response(200, json={"id": str(len(self.posts))})

    def perform(self, queues, stop):
        environ = {"INTEL": ADDRESS}
        to = {"intel": Destination("intel", env="INTEL", environ=environ, allowed_hosts=HOSTS, ambiguous=self.policy)}
        service = Discord(httpx.Client(transport=httpx.MockTransport(self.answer)))
        return Deliver(queues, to, service, stop).perform

    def worker(self, faults=None, slot="delivery-1", host="host"):
        faults, stop = faults or Faults(), Restless()
        queues = Queues(FaultyRedis.at(self.server.url, faults), job_timeout=30)
        blocking = FaultyRedis.at(self.server.url, faults, retried=False)
        executor = Executor({self.queue: self.perform(queues, stop)}, 8)
        made = DrivenWorker(self.queue, Slot(host, slot), queues, blocking, executor, stop)
        made.world = self
        return made

    def over(self, worker):
        """Whether nothing waits any more; makes what is scheduled due."""
        if time.monotonic() > self._give_up:
            raise AssertionError(f"never done: {self.left()}")
        scheduled = self.queues[self.queue].scheduled_job_registry.key
        for job_id in self.connection.zrange(scheduled, 0, -1):
            self.connection.zadd(scheduled, {job_id: 0})
        Scheduler(self.calm, self.connection, "host").promote()
        return not self.connection.llen(self.queues[self.queue].key)

    def put(self, *numbers):
        self.queues.hand_over(
            HandOver([delivery_job(f"kill-{n}", "intel", notice(n), n, time.time()) for n in numbers])
        )

    def ledger(self, number):
        found = self.connection.hgetall(keys.delivery(f"kill-{number}-intel"))
        return {key.decode(): value.decode() for key, value in found.items()}

    def left(self):
        """Every trace of unfinished work in Redis."""
        connection, queue = self.connection, self.queue
        patterns = ["rq:queue:*", "rq:wip:*", "rq:scheduled:*", "rq:failed:*", "rq:execution*", "notifier:lock:*"]
        patterns += ["notifier:outbox:*", "rq:worker:*:executions", "rq:workers*"]
        left = sorted(key.decode() for pattern in patterns for key in connection.keys(pattern))
        states = {key.decode(): connection.hget(key, "status") for key in connection.keys("rq:job:*")}
        jobs = [f"{key} {status}" for key, status in states.items() if status != b"finished"]
        return left + [one for one in jobs if queue in (DELIVERY,)] if queue == DELIVERY else left


@pytest.fixture(autouse=True)
def short_block(monkeypatch):
    monkeypatch.setattr(rq_worker, "BLOCK", 0.02)


def every_command(kind):
    """The faults of `kind`, one command later each time, until the last one came too late."""
    for at in range(1, MOST_COMMANDS):
        faults = Faults(kind, at)
        yield faults
        if not faults.happened:
            assert at > 6, "the work should have sent more commands than that"
            return
    raise AssertionError(f"more than {MOST_COMMANDS} commands")


def run(worker):
    try:
        worker.run()
    except Killed:
        return False
    return True


@pytest.mark.parametrize("kind", Faults.KINDS)
def test_a_delivery_is_never_lost_and_only_a_kill_between_post_and_ledger_repeats_it(server, queues, kind):
    for faults in every_command(kind):
        queues.connection.flushall()
        world = Pipeline(server, queues, DELIVERY)
        world.put(1, 2, 3)
        finished = run(world.worker(faults))
        posted_before, known = len(world.posts), [world.ledger(n).get("state") == "delivered" for n in (1, 2, 3)]
        assert finished or kind == "killed"
        assert run(world.worker()), "the replacement in the same slot"

        where = f"{kind} at command {faults.at}"
        assert world.left() == [], where
        counts = [sum(post.count(n) for post in world.posts) for n in (1, 2, 3)]
        unknown = kind == "killed" and posted_before and not all(known)
        assert counts == ([2, 2, 2] if unknown else [1, 1, 1]), where
        assert [world.ledger(n)["state"] for n in (1, 2, 3)] == ["delivered"] * 3, where
        told = int(queues.connection.hget(keys.COUNTERS, "ambiguous") or 0)
        assert told >= 3 if unknown else told in ((0, 3) if kind == "killed" else (0,)), where
        assert queues.connection.hget(keys.COUNTERS, "delivered") == b"3", where
        assert queues.connection.zcard(keys.ALL_POSTS) == len(world.posts) + (told == 3 and not unknown), where


@pytest.mark.parametrize("survivor", ["the janitor and another host", "a replacement among three slots"])
def test_with_three_slots_on_two_hosts_a_kill_at_any_command_loses_nothing(server, queues, survivor):
    for faults in every_command("killed"):
        queues.connection.flushall()
        world = Pipeline(server, queues, DELIVERY)
        world.put(*range(1, 13))
        others = [world.worker(slot="delivery-2"), world.worker(host="other")]
        for other in others:
            other._be_born()
        world.while_posting = lambda: [KillmailWorker._step(other) for other in others]  # noqa: B023
        run(world.worker(faults))
        world.while_posting = lambda: None
        if survivor.startswith("the janitor"):
            queues.connection.delete(*queues.connection.keys("rq:worker:host-delivery-1-*") or ["none"])
            janitor = Janitor(queues, "other", dict)
            janitor.look()
            janitor.look()
        else:
            assert run(world.worker())
        assert run(others[1])
        others[0]._leave()

        where = f"killed at command {faults.at}: {world.posts}"
        assert world.left() == [], where
        posted = list(itertools.chain.from_iterable(world.posts))
        assert set(posted) == set(range(1, 13)), where
        assert len(posted) - 12 in (0, 2, 10), f"{where}: more than the one message was repeated"


@pytest.mark.parametrize("kind", Faults.KINDS)
def test_with_hold_no_fault_repeats_anything_and_what_may_have_been_posted_waits_for_the_operator(server, queues, kind):
    for faults in every_command(kind):
        queues.connection.flushall()
        world = Pipeline(server, queues, DELIVERY)
        world.policy = "hold"
        world.put(1, 2, 3)
        run(world.worker(faults))
        assert run(world.worker())

        where = f"{kind} at command {faults.at}: {world.posts}"
        posted = list(itertools.chain.from_iterable(world.posts))
        assert len(posted) == len(set(posted)), where
        letters = {letter.id: letter for letter in DeadLetters(queues).letters()}
        states = {n: world.ledger(n)["state"] for n in (1, 2, 3)}
        assert all(state == ("held" if f"kill-{n}-intel" in letters else "delivered") for n, state in states.items()), (
            where
        )
        assert {letter.category for letter in letters.values()} <= {"ambiguous"}, where
        assert not letters or kind == "killed", where
        missing = {n for n, state in states.items() if state == "held"} - set(posted)
        for letter in letters.values():
            DeadLetters(queues).replay(letter)
        assert run(world.worker())
        assert world.left() == [], where
        assert missing <= set(itertools.chain.from_iterable(world.posts)), where
        assert [world.ledger(n)["state"] for n in (1, 2, 3)] == ["delivered"] * 3, where


class Troubled(Pipeline):
    """A Discord that is away at first, and never takes kill 2."""

    def answer(self, request):
        kills = kills_of(request.content)
        if not self.queues.connection.set("away once", "1", nx=True):
            if 2 in kills:
                return httpx.Response(400, json={"code": 50035, "message": "Invalid Form Body"})
            self.posts.append(kills)
            return httpx.Response(200, json={"id": str(len(self.posts))})
        return httpx.Response(503)


@pytest.mark.parametrize("kind", Faults.KINDS)
def test_a_fault_beside_refusals_loses_nothing_and_makes_nothing_ambiguous_that_is_known(
    server, queues, monkeypatch, kind
):
    monkeypatch.setattr(posting, "PAUSE", Backoff(0.001, 0.001))
    for faults in every_command(kind):
        queues.connection.flushall()
        world = Troubled(server, queues, DELIVERY)
        world.put(1, 2, 3)
        finished = run(world.worker(faults))
        before = sum(len(post) for post in world.posts)
        known = sum(world.ledger(n).get("state") == "delivered" for n in (1, 3))
        assert finished or kind == "killed"
        assert run(world.worker())

        where = f"{kind} at command {faults.at}: {world.posts}"
        assert [letter.id for letter in DeadLetters(queues).letters()] == ["kill-2-intel"], where
        assert [key for key in world.left() if "failed" not in key and "kill-2" not in key] == [], where
        assert [world.ledger(n)["state"] for n in (1, 2, 3)] == ["delivered", "pending", "delivered"], where
        repeated = sum(len(post) for post in world.posts) - 2
        assert repeated == before - known, where
        told = int(queues.connection.hget(keys.COUNTERS, "ambiguous") or 0)
        assert told == 0 or kind == "killed", where


@pytest.mark.parametrize("kind", Faults.KINDS)
def test_a_scheduler_that_fails_anywhere_promotes_each_job_once(server, queues, kind):
    for at in (1, 2, 3):
        queues.connection.flushall()
        queues.hand_over(HandOver([NewJob(ENRICHMENT, "kill-1", (), "")]))
        queues[ENRICHMENT].remove("kill-1")
        queues.connection.zadd(queues[ENRICHMENT].scheduled_job_registry.key, {"kill-1": 0})
        faulty = FaultyRedis.at(server.url, Faults(kind, at))
        with suppress(Killed, RedisConnectionError):
            Scheduler(Queues(faulty, job_timeout=30), faulty, "host").promote()
        Scheduler(queues, queues.connection, "host").promote()
        assert queues[ENRICHMENT].job_ids == ["kill-1"], f"{kind} at command {at}"


class Ships:
    """An ESI that knows every name."""

    def names(self, ids):
        return Names({one: f"name {one}" for one in ids})


class Enrichment(Pipeline):
    def perform(self, queues, stop):
        return Enrich(queues, NameCache(queues.connection, Ships()), load(), patience=20.0).perform


@pytest.mark.parametrize("kind", Faults.KINDS)
def test_an_enrichment_leaves_each_delivery_once(server, queues, kind):
    routes = [["intel", ["all"]], ["losses", ["all"]]]
    for faults in every_command(kind):
        queues.connection.flushall()
        world = Enrichment(server, queues, ENRICHMENT)
        for number in (1, 2):
            text = to_json(decode_package(package(number)).killmail)
            job = NewJob(ENRICHMENT, f"kill-{number}", (text, routes, number, 0.0), f"kill {number}")
            queues.hand_over(HandOver([job]))
        assert run(world.worker(faults, "enrichment-1")) or kind == "killed"
        assert run(world.worker(slot="enrichment-1"))

        where = f"{kind} at command {faults.at}"
        put = queues[DELIVERY].job_ids
        assert sorted(put) == ["kill-1-intel", "kill-1-losses", "kill-2-intel", "kill-2-losses"], where
        for to in ("intel", "losses"):
            assert queues.connection.zcard(keys.outbox(to)) == 2, where
        assert [queues.connection.hget(Job.key_for(f"kill-{n}"), "status") for n in (1, 2)] == [b"finished"] * 2, where
        assert [key for key in world.left() if "outbox" not in key and "delivery" not in key] == [], where


class Packages:
    """A feed of these packages, which asks for the stop at its end."""

    def __init__(self, bodies, stop):
        self._bodies, self._stop = bodies, stop

    def poll(self, cursor, now):
        cursor = cursor or Cursor(1)
        if cursor.next > len(self._bodies):
            self._stop.request()
            return Idle(cursor, 0.0)
        return Fetched(self._bodies[cursor.next - 1], cursor.next, Cursor(cursor.next + 1))


@pytest.mark.parametrize("kind", Faults.KINDS)
def test_the_feed_hands_each_killmail_over_once_and_goes_on_where_it_was(server, queues, kind):
    everywhere = Subscription("all", ("intel",), Systems(frozenset({30000142})))
    bodies = [package(1), b"{broken", package(2), package(3, system=30002187), package(1)]
    for faults in every_command(kind):
        queues.connection.flushall()

        def feed(connection):
            stop, faulty = Restless(), Queues(connection, job_timeout=30)
            ingest = Ingest(Index([everywhere], load()), faulty)
            made = Feed(Packages(bodies, stop), ingest, faulty, "host", min_interval=0.0, backlog=100)
            return lambda: made.run(stop)

        try:
            feed(FaultyRedis.at(server.url, faults))()
        except Killed:
            assert kind == "killed"
        feed(queues.connection)()

        where = f"{kind} at command {faults.at}"
        assert queues[ENRICHMENT].job_ids == ["kill-1", "kill-2"], where
        assert queues["ingestion"].job_ids == ["package-2"], where
        assert Cursor.from_json(queues.connection.get(CURSOR).decode()) == Cursor(6), where
        counted = {key.decode(): int(value) for key, value in queues.connection.hgetall(keys.COUNTERS).items()}
        assert counted == {"evaluated": 3, "matched": 2, "malformed": 1, "repeated": 1}, where


@pytest.mark.parametrize("kind", Faults.KINDS)
def test_a_janitor_that_is_cut_off_anywhere_leaves_its_work_to_the_next(server, queues, kind):
    connection = queues.connection
    for at in itertools.count(1):
        connection.flushall()
        faults = Faults(kind, at)
        queues.hand_over(HandOver([NewJob(ENRICHMENT, "half-requeued", (), ""), NewJob(ENRICHMENT, "cleaned", (), "")]))
        for job in queues.fetch(["half-requeued", "cleaned"]):
            queues[ENRICHMENT].remove(job.id)
            job.meta = {"attempts": 1, **({"dead_at": 5.0} if job.id == "half-requeued" else {})}
            job.save_meta()
            job.set_status("failed")
        queues[ENRICHMENT].failed_job_registry.add(job, exc_string="abandoned")
        connection.zadd(keys.DEAD, {"half-requeued": 5.0})
        faulty = Janitor(Queues(FaultyRedis.at(server.url, faults), job_timeout=30), "host", dict)
        for _ in range(3):
            try:
                faulty.look()
            except Killed:
                break
            except RedisConnectionError:
                continue
        letters = {letter.id for letter in DeadLetters(queues).letters()}
        janitor = Janitor(queues, "host", dict)
        for _ in range(3):
            janitor.look()
        waiting = queues[ENRICHMENT].job_ids
        assert sorted([*waiting, *letters]) == ["cleaned", "half-requeued"] or sorted(waiting) == [
            "cleaned",
            "half-requeued",
        ], f"{kind} at command {at}"
        if not faults.happened:
            assert at > 10
            return
