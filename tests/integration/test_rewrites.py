"""Rewritten files of the feed on a real server: noticed, read again while live reading rests, then edits."""

import itertools
import json
from contextlib import suppress

import pytest
from redis import Redis

from notifier.config.destinations import Destination
from notifier.feeds.cursor import Cursor
from notifier.feeds.plan import Body, Failure, Missing
from notifier.feeds.r2z2 import R2Z2, Idle
from notifier.services.discord import Discord
from notifier.services.esi import Esi
from notifier.tracking import Index, Subscription
from notifier.tracking.rules import All
from notifier.universe import load
from ops.simulators.feed import BASE
from ops.simulators.wire import Request
from tests.integration.faulty import Faults, FaultyRedis, Killed
from tests.integration.samples import HOSTS, package
from tests.integration.test_feed_downtime import IDLE, INTERVAL, MORNING, Stop, World, zkillboard
from workers import keys
from workers.deliver import Deliver
from workers.enrich import Enrich
from workers.executor import Executor
from workers.feed import CURSOR, Feed
from workers.ingest import LATE, Ingest
from workers.name_cache import NameCache
from workers.process import StopSignal
from workers.queues import DELIVERY, ENRICHMENT, Queues
from workers.rewrites import BACK_OFF, LATEST, ROOM, SETTLED, Rewrites
from workers.rq_worker import KillmailWorker, Slot

UNIVERSE = load()
EVERYTHING = Subscription("all", ("intel",), All(()))
TO = {
    "intel": Destination(
        "intel",
        env="INTEL",
        environ={"INTEL": "https://discord.com/api/webhooks/7/" + "t" * 60},
        allowed_hosts=HOSTS,
        rewrites="edit",
    )
}


def ingest_of(world, queues, *, wanted=True):
    return Ingest(Index([EVERYTHING], UNIVERSE), queues, world, rewrites=wanted)


def feed_of(world, queues, source, *, wanted=True):
    """The feed process, as `roles` composes it."""
    ingest = ingest_of(world, queues, wanted=wanted)
    rewrites = Rewrites(source, ingest, queues, min_interval=INTERVAL, wall=world, monotonic=world) if wanted else None
    pace = {"min_interval": INTERVAL, "backlog": 10_000, "wall": world, "monotonic": world}
    return Feed(source, ingest, queues, "host", rewrites=rewrites, **pace)


def read(world, queues, source, until, **options):
    """Run the feed process until `until`, as a new process would."""
    looks = itertools.count()

    def ended():
        assert next(looks) < 10_000, "what is waited for does not come"
        return until()

    stop = Stop(world, ended)
    feed_of(world, queues, source, **options).run(stop)
    return stop


def remembered(queues):
    return [int(member) for member in queues.connection.zrange(keys.REWRITTEN, 0, -1)]


def rewrite(simulation, position, **zkb):
    body = json.dumps({"sequence": BASE + position, "zkb": zkb}).encode()
    assert simulation.handle(Request("POST", "/simulator/rewrite", body=body)).status == 200


def counter(queues, name):
    return int(queues.connection.hget(keys.COUNTERS, name) or 0)


# -- The whole way


class Step(KillmailWorker):
    """A worker that stops when its queue is empty."""

    def _step(self):
        if self._queue.count:
            super()._step()
        else:
            self._stop.request()


def work_off(server, queues, queue, perform, stop):
    blocking = Redis.from_url(server.url, retry=None)
    executor = Executor({queue: perform}, 8)
    Step(queue, Slot("host", f"{queue}-1"), queues, blocking, executor, stop).run()


def test_a_message_shows_what_a_rewritten_file_says_after_one_edit(server, queues):
    world = World()
    with zkillboard(world, 20.0) as (simulation, client):
        names = NameCache(queues.connection, Esi(client, "https://esi.evetech.net"))
        enrich = Enrich(queues, names, UNIVERSE, 20.0, world)

        def deliver():
            world.now += 5
            work_off(server, queues, ENRICHMENT, enrich.perform, StopSignal())
            put, stop = queues[DELIVERY].job_ids, StopSignal()
            work_off(server, queues, DELIVERY, Deliver(queues, TO, Discord(client), stop, world).perform, stop)
            return put

        def messages():
            [channel] = simulation.journal.channels
            return list(simulation.journal.newest(channel, 9))

        source = R2Z2(client, "https://r2z2.zkillboard.com", INTERVAL, IDLE)
        read(world, queues, source, lambda: counter(queues, "evaluated") >= 2)
        assert len(deliver()) == 2
        before = messages()
        assert b"7.77t" not in bytes(before[0].payload)

        rewrite(simulation, 1, totalValue=7.77e12)
        read(world, queues, source, lambda: counter(queues, "rewritten"))
        assert remembered(queues) == []
        kill = simulation.zkillboard._feed.killmail_id(1)
        put = deliver()

        [edit] = [job for job in put if job.startswith("edit-")]
        assert edit.startswith(f"edit-{BASE + 1}-")
        assert edit.endswith(f"-kill-{kill}-intel")
        assert not [job for job in put if job == f"kill-{kill}-intel"], "it is delivered once"
        edited = messages()[0]
        assert (edited.id, edited.action) == (before[0].id, "edit")
        assert b"7.77t" in bytes(edited.payload)
        assert simulation.stats()["refusals"] == []


# -- Beside live reading


def test_where_no_destination_wants_rewrites_no_file_is_read_twice(queues):
    world, asked = World(), []
    with zkillboard(world, 20.0) as (simulation, client):
        client.event_hooks["response"].append(lambda response: asked.append((response.status_code, response.url.path)))
        source = R2Z2(client, "https://r2z2.zkillboard.com", INTERVAL, IDLE)
        read(world, queues, source, lambda: counter(queues, "evaluated") >= 3, wanted=False)
        rewrite(simulation, 1, totalValue=7e12)
        read(world, queues, source, lambda: counter(queues, "evaluated") >= 6, wanted=False)
    assert remembered(queues) == []
    assert asked.count((200, f"/ephemeral/{BASE + 1}.json")) == 1
    assert counter(queues, "rewritten") == 0


def live_requests(queues, rewritten, slowness=0.0):
    """When the feed asks for what, in ten minutes with so many rewritten files that are to be read again."""
    queues.connection.flushall()
    world, requests = World(), []
    files = {f"/ephemeral/{BASE + n}.json" for n in range(rewritten)}
    with zkillboard(world, 11.0) as (_, client):
        source = R2Z2(client, "https://r2z2.zkillboard.com", INTERVAL, IDLE)
        read(world, queues, source, lambda: counter(queues, "evaluated") >= 20)
        for n in range(rewritten):
            queues.connection.zadd(keys.REWRITTEN, {BASE + n: MORNING + n})

        def note(request):
            requests.append((request.url.path, world.now))
            if request.url.path in files:
                world.now += slowness

        client.event_hooks["request"].append(note)
        begun = world.now
        read(world, queues, source, lambda: world.now > begun + 600)
    again = [(path, at) for path, at in requests if path in files]
    return [one for one in requests if one not in again], again, requests


@pytest.mark.parametrize("slowness", [0.0, 4.5])
def test_live_reading_asks_for_the_same_at_the_same_times_with_rewritten_files_as_without(queues, slowness):
    alone, none, _ = live_requests(queues, 0)
    live, again, both = live_requests(queues, 15, slowness)
    assert (len(none), len(again)) == (0, 15), "each is read again, once"
    assert remembered(queues) == []
    assert [path for path, _ in live] == [path for path, _ in alone]
    assert [at for _, at in live] == pytest.approx([at for _, at in alone])
    gaps = [later - earlier for (_, earlier), (_, later) in itertools.pairwise(both)]
    assert min(gaps) >= INTERVAL - 1e-6
    for (_, earlier), (path, _) in itertools.pairwise([(path in dict(again), path) for path, _ in both]):
        assert not (earlier and path in dict(again)), "never two without a live read between them"


# -- One file


class Resting:
    """A feed at its head: nothing is new, and rewritten files are answered by `answers` (by number; else a package)."""

    def __init__(self, world, answers=None, pause=6.0) -> None:
        self.world, self.answers, self.pause = world, answers or {}, pause
        self.again = []

    def poll(self, cursor, now):
        return Idle(Cursor(1000), self.pause)

    def reread(self, number, failures, now, patience):
        assert patience == pytest.approx(min(self.pause, 5.0) - 2 * INTERVAL)
        self.again.append((number, now))
        return self.answers.get(number, Body(package(number)))

    @property
    def numbers(self):
        return [number for number, _ in self.again]


def notice(queues, *numbers, at=MORNING - 60, seen=True):
    queues.connection.set(CURSOR, Cursor(1000).to_json())
    queues.connection.zadd(keys.REWRITTEN, dict.fromkeys(numbers, at))
    for number in numbers if seen else ():
        queues.connection.set(keys.seen(number), "1")


def rewrite_jobs(queues):
    return [job for job in queues[ENRICHMENT].job_ids if job.startswith("rewrite-")]


def test_what_was_handed_over_before_is_enriched_as_a_revision_and_what_was_not_as_any_other(queues):
    world = World(now=1_793_527_200.0 + 3600)  # an hour after the samples' killmails
    ingest = ingest_of(world, queues)
    ingest.revise(package(5), 400)
    [first] = queues.fetch(queues[ENRICHMENT].job_ids)
    assert (first.id, len(first.args)) == ("kill-5", 6), "never seen: an ordinary killmail"
    assert counter(queues, "rewritten") == 0

    ingest.revise(package(5), 400)
    [_, job] = queues.fetch(queues[ENRICHMENT].job_ids)
    revision = job.args[-1]
    assert job.id == f"rewrite-{revision}-kill-5"
    assert revision.startswith("400-")
    assert list(job.args[:-1]) == list(first.args)
    assert job.args[2] == 400 + LATE, "who did not have it yet gets it behind what is live"

    ingest.revise(package(5), 400)
    assert len(rewrite_jobs(queues)) == 1, "the same contents are taken once"
    ingest.revise(package(5).replace(b'"points": 1', b'"points": 2'), 400)
    assert len(set(rewrite_jobs(queues))) == 2, "and other contents again"
    assert (counter(queues, "rewritten"), counter(queues, "repeated")) == (2, 0)


def test_an_old_killmail_whose_mark_may_be_gone_does_not_come_again(queues):
    ingest_of(World(now=1_793_527_200.0 + keys.SEEN_TTL), queues).revise(package(5), 400)
    assert queues[ENRICHMENT].count == 0


@pytest.mark.parametrize("body", [b"{", b"[]", package(5).replace(b'"victim"', b'"v"')])
def test_a_rewritten_file_that_is_malformed_leaves_what_was_told_as_it_was(queues, body):
    notice(queues, 400)
    source = Resting(World(), {400: Body(body)})
    read(source.world, queues, source, lambda: source.world.now > MORNING + 30)
    assert (source.numbers, remembered(queues)) == ([400], [])
    assert sum(queues.lengths().values()) == 0, "no dead letter either"


def test_a_bug_that_one_rewritten_file_meets_does_not_stop_the_feed(queues):
    class Broken:
        def match(self, killmail):
            raise KeyError("a bug")

    Ingest(Broken(), queues, rewrites=True).revise(package(5), 400)
    assert sum(queues.lengths().values()) == 0


def test_a_killmail_in_two_files_tells_of_a_rewritten_one_in_the_second_too(queues):
    ingest = ingest_of(World(), queues)
    ingest.offer(package(5), 5, CURSOR, "6")
    ingest.offer(package(5).replace(b'"sequence_id"', b'"sequence_updated": 3, "sequence_id"'), 6, CURSOR, "7")
    assert queues.connection.zrange(keys.REWRITTEN, 0, -1, withscores=True) == [(b"3", MORNING)]
    assert queues[ENRICHMENT].job_ids == ["kill-5"]


def test_a_file_is_read_when_an_old_copy_of_it_is_gone_and_given_up_when_it_is_itself(queues):
    notice(queues, 401, at=MORNING)
    notice(queues, 402, at=MORNING - LATEST - 1)
    notice(queues, 403, at=MORNING + 1)
    source = Resting(World(), {401: Missing()})
    read(source.world, queues, source, lambda: source.world.now > MORNING + 30)
    assert source.numbers == [401, 403], "one too old is not asked for"
    assert source.again[0][1] >= MORNING + SETTLED
    assert (remembered(queues), len(rewrite_jobs(queues))) == ([], 1)


def test_a_file_that_fails_is_tried_ever_later_and_at_last_forgotten_and_holds_up_no_other(queues):
    notice(queues, 401, 402, 403)
    broken = Failure("500", 1.0, of_file=True)
    source = Resting(world := World(), {401: broken, 402: broken}, pause=5.0)
    rewrites = Rewrites(source, ingest_of(world, queues), queues, min_interval=INTERVAL, wall=world, monotonic=world)
    stop = Stop(world, lambda: False)
    while world.now < MORNING + LATEST:
        rewrites.read(source.pause, stop)
        world.now += 6 if world.now < MORNING + 600 else 60
    assert source.numbers[:3] == [401, 402, 403]
    tried = [at for number, at in source.again if number == 401]
    waits = [later - earlier for earlier, later in itertools.pairwise(tried)]
    assert waits[0] == pytest.approx(BACK_OFF, abs=13)
    assert waits[1] == pytest.approx(2 * BACK_OFF, abs=13)
    assert max(waits) == pytest.approx(3600, abs=61)
    assert len(tried) < 30
    assert remembered(queues) == []
    assert len(rewrite_jobs(queues)) == 1


def test_after_a_refusal_no_rewritten_file_is_asked_for_as_long_as_it_says(queues):
    notice(queues, 401, 402)
    source = Resting(World(), {401: Failure("403", 600.0)})
    read(source.world, queues, source, lambda: source.world.now > MORNING + 590)
    assert source.numbers == [401]
    assert remembered(queues) == [401, 402]


def test_in_a_pause_without_room_for_a_request_nothing_is_asked_for(queues):
    notice(queues, 401)
    source = Resting(World(), pause=ROOM + INTERVAL)
    stop = read(source.world, queues, source, lambda: source.world.now > MORNING + 60)
    assert (source.numbers, remembered(queues)) == ([], [401])
    assert max(stop.waits) <= source.pause


# -- Crashes


def test_what_was_noticed_before_a_crash_is_read_after_it(queues):
    world = World()
    with zkillboard(world, 20.0) as (simulation, client):

        def source():
            return R2Z2(client, "https://r2z2.zkillboard.com", INTERVAL, IDLE)

        read(world, queues, source(), lambda: counter(queues, "evaluated") >= 3)
        rewrite(simulation, 1, totalValue=7e12)
        read(world, queues, source(), lambda: remembered(queues))
        assert (remembered(queues), rewrite_jobs(queues)) == ([BASE + 1], [])
        read(world, queues, source(), lambda: counter(queues, "rewritten"))
        [job] = queues.fetch(rewrite_jobs(queues))
    assert json.loads(job.args[0])["zkb"]["total_value"] == 7e12


@pytest.mark.parametrize("kind", Faults.KINDS)
def test_a_crash_at_any_command_loses_no_rewritten_file_and_takes_none_twice(server, queues, kind):
    for at in itertools.count(1):
        queues.connection.flushall()
        notice(queues, 401)
        faults, world = Faults(kind, at), World()
        faulty = Queues(FaultyRedis.at(server.url, faults), job_timeout=30)
        with suppress(Killed):
            read(world, faulty, Resting(world), lambda world=world: world.now > MORNING + 7)
        read(world, queues, Resting(world), lambda world=world: world.now > MORNING + 20)
        assert (len(rewrite_jobs(queues)), remembered(queues)) == (1, []), (kind, at)
        assert queues.connection.hgetall(keys.COUNTERS) == {b"rewritten": b"1"}, (kind, at)
        if not faults.happened:
            break
    assert at > 8
