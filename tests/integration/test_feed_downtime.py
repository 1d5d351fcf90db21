"""The feed process against the simulated zKillboard and a real Redis, with a clock that moves only by its pauses."""

from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from notifier.feeds.cursor import WINDOW, Cursor, Skipped
from notifier.feeds.plan import NEVER_CAME, OVER
from notifier.feeds.r2z2 import R2Z2, Fetched, Idle
from notifier.services.http import make_client
from notifier.tracking import Index
from notifier.universe import load
from ops import simulators
from ops.simulators.feed import BASE, MEAN_INTERVAL, Pace, read_mails
from tests.integration.faulty import Faults, FaultyRedis, Killed
from workers import backfill_requests, keys, skipped
from workers import feed as feed_module
from workers.feed import CURSOR, LONGEST_REST, Feed
from workers.ingest import Ingest
from workers.process import StopSignal
from workers.queues import Queues

MAILS = Path(__file__).parents[1] / "data" / "killmails.jsonl.gz"
MORNING = 1_795_480_200.0
"""2026-11-24 00:30 UTC."""
INTERVAL, IDLE = 0.1, 6.0
HOUR = 3600.0
UNIVERSE = load()


@dataclass
class World:
    """Time, and what happened when; `published_at` says when the simulator published a sequence."""

    now: float = MORNING
    requests: list[float] = field(default_factory=list)
    offered: list[tuple[int, float]] = field(default_factory=list)
    events: list[tuple[str, dict]] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def names(self, *without: str) -> list[str]:
        return [name for name, _ in self.events if name not in without]


class Stop(StopSignal):
    """Waits by moving the clock; asks for the stop when `until` is true."""

    def __init__(self, world: World, until) -> None:
        super().__init__()
        self.world, self.until, self.waits = world, until, []

    @property
    def requested(self) -> bool:
        return self._event.is_set() or self.until()

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.world.now += seconds
        return self._event.is_set()


class Noting(Ingest):
    world: World

    def offer(self, body, sequence, cursor_key, cursor, **more):
        self.world.offered.append((sequence, self.world.now))
        return super().offer(body, sequence, cursor_key, cursor, **more)


@pytest.fixture
def world(monkeypatch):
    made = World()
    monkeypatch.setattr(feed_module, "emit", lambda name, **fields: made.events.append((name, fields)))
    return made


@contextmanager
def zkillboard(world, every, mails=40):
    """The simulator with its limits, a killmail each `every` seconds without end; a client that notes when it asks."""
    options = simulators.Options(pace=Pace("rate", 1 / every), kills=0, current_times=True)
    transport = simulators.transport(read_mails(MAILS)[:mails], options, clock=world)
    with make_client(contact="test", timeout=5.0, transport=transport) as client:
        client.event_hooks["request"].append(lambda request: world.requests.append(world.now))
        yield transport.simulation, client


def read(world, queues, source, until, **options):
    """Run the feed process until `until`, as a new process would."""
    ingest = Noting(Index([], UNIVERSE), queues, world)
    ingest.world = world
    stop = Stop(world, until)
    Feed(
        source, ingest, queues, "host", min_interval=INTERVAL, backlog=100, wall=world, monotonic=world, **options
    ).run(stop)
    return stop


def stored(queues):
    return Cursor.from_json(queues.connection.get(CURSOR))


@pytest.mark.parametrize(("hours", "every"), [(1, MEAN_INTERVAL), (20, MEAN_INTERVAL)])
def test_a_downtime_is_caught_up_without_a_loss_or_a_repeat_under_the_pace_and_live_killmails_go_first(
    queues, world, hours, every
):
    with zkillboard(world, every) as (simulation, client):

        def source():
            return R2Z2(client, "https://r2z2.zkillboard.com", INTERVAL, IDLE)

        read(world, queues, source(), lambda: world.now > MORNING + 600)
        before = len(world.offered)
        world.now += hours * HOUR
        back, head = world.now, BASE + simulation.zkillboard.published()["published"] - 1

        def caught_up():
            if queues.connection.get(CURSOR) is None or world.now - back < 60:
                return False
            cursor = stored(queues)
            return not cursor.holes and cursor.next > simulation.zkillboard.published()["sequence"]

        read(world, queues, source(), caught_up)
        count = simulation.zkillboard.published()["published"]

    sequences = [sequence for sequence, _ in world.offered]
    assert sorted(sequences) == list(range(BASE, BASE + count)), "none is lost, none read twice"
    assert queues.connection.hgetall(keys.COUNTERS) == {b"evaluated": b"%d" % count}, "none is repeated"
    assert skipped.read(queues.connection) == []

    missed = hours * HOUR / every
    took = world.now - back
    assert took < 3 * missed * INTERVAL + 120, "as fast as the pace allows, live reading between"
    gaps = [later - earlier for earlier, later in zip(world.requests, world.requests[1:], strict=False)]
    assert min(gaps) >= INTERVAL - 1e-6
    assert set(simulation.statuses["zkillboard"]) <= {"200", "404"}

    after = world.offered[before:]
    lags = [(at, at - (MORNING + (sequence - BASE) * every)) for sequence, at in after if sequence > head]
    assert len(lags) > 0.8 * took / every, "live killmails came meanwhile"
    assert max(lag for _, lag in lags) < 12, "sequence.json lags behind by 51 files at most: these are read first"
    steady = max(lag for at, lag in lags if at > back + 12)
    assert steady <= IDLE + 2 * INTERVAL + 1e-6, "then none waits longer than it would have without the backlog"
    late = [sequence for sequence, _ in after if sequence < head - 60]
    assert late == sorted(late)


def test_what_was_older_than_a_day_is_skipped_recorded_and_its_days_are_asked_for(queues, world):
    every = 60.0
    with zkillboard(world, every) as (_, client):

        def source():
            return R2Z2(client, "https://r2z2.zkillboard.com", INTERVAL, IDLE)

        read(world, queues, source(), lambda: world.now > MORNING + 600)
        last = stored(queues)
        world.now += 72 * HOUR
        back = world.now
        settled = lambda: world.now > back + 120 and not stored(queues).holes  # noqa: E731
        read(world, queues, source(), settled, backfill_days=2)

    lost = skipped.read(queues.connection)
    assert {one.reason for one in lost} == {OVER, NEVER_CAME}, "the last that are asked for are 404 already"
    gone = {number for one in lost for number in range(one.first, one.last + 1)}
    offered = {sequence for sequence, _ in world.offered}
    assert gone.isdisjoint(offered)
    assert gone | offered >= set(range(BASE, stored(queues).next)), "each is read, or recorded as skipped"
    assert min(gone) == last.next
    assert all(one.since == last.read_at for one in lost if one.reason == OVER)
    told = [fields for name, fields in world.events if name == "packages_skipped"]
    assert sum(fields["count"] for fields in told) == len(gone)
    asked = backfill_requests.pending(queues.connection)
    assert [f"{one.day}" for one in asked] == ["2026-11-25", "2026-11-26"], "the last two days of what is lost"
    assert {one.since for one in asked} == {last.read_at}
    assert all(back <= one.asked_at < back + 60 for one in asked)


# -- What one answer of the source does


class Scripted:
    """Gives the answers in turn, then the last one again and again."""

    def __init__(self, *answers) -> None:
        self.answers = list(answers)

    def poll(self, cursor, now):
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def body(number):
    return b'{"esi":{"killmail_id":%d,"killmail_time":"2026-11-24T00:00:00Z","solar_system_id":30000142,' % number + (
        b'"victim":{"ship_type_id":587},"attackers":[]}}'
    )


GONE = Skipped(3, 9, "it never came, though newer ones did", 77)


@pytest.mark.parametrize("answer", [Idle(Cursor(11), 1.0, "", (GONE,)), Fetched(body(5), 10, Cursor(11), (GONE,))])
def test_what_an_answer_skips_is_recorded_once_and_told(queues, world, answer):
    queues.connection.set(CURSOR, Cursor(10, ()).to_json())
    read(world, queues, Scripted(answer), lambda: len(world.events) >= 3)
    assert skipped.read(queues.connection) == [(MORNING, *GONE)]
    assert stored(queues) == Cursor(11)
    assert world.events[0] == ("packages_skipped", {"first": 3, "last": 9, "count": 7, "reason": GONE.reason})


@pytest.mark.parametrize("kind", Faults.KINDS)
@pytest.mark.parametrize("answer", [Idle(Cursor(11), 1.0, "", (GONE,)), Fetched(body(5), 10, Cursor(11), (GONE,))])
def test_a_crash_at_any_command_never_moves_the_cursor_past_what_is_not_recorded(server, queues, world, answer, kind):
    at, happened = 1, True
    while happened:
        queues.connection.flushall()
        queues.connection.set(CURSOR, Cursor(10, ()).to_json())
        faults = Faults(kind, at)
        faulty, polls = Queues(FaultyRedis.at(server.url, faults), job_timeout=30), []
        source = Scripted(answer, Idle(Cursor(11), 1.0))
        with suppress(Killed):
            read(world, faulty, source, lambda polls=polls: polls.append(1) or len(polls) > 30)
        happened, at = faults.happened, at + 1
        moved = stored(queues) == Cursor(11)
        recorded = [one[1:] for one in skipped.read(queues.connection)]
        assert recorded in ([], [tuple(GONE)])
        assert recorded or not moved, (kind, at)
    assert moved, "and without a fault it moves"
    assert at > 3


def test_the_records_of_what_was_skipped_are_bounded_and_neighbours_are_shown_as_one(connection):
    for number in range(3 * skipped.RECORDS):
        with connection.pipeline() as pipe:
            skipped.write(pipe, [Skipped(number, number, "gone" if number % 1000 else "lost", 5)], MORNING + number)
            pipe.execute()
    assert connection.zcard(keys.SKIPPED) == skipped.RECORDS
    lost, gone = skipped.read(connection)
    assert (lost.first, lost.last, lost.reason) == (2000, 2000, "lost")
    assert (gone.first, gone.last, gone.size, gone.since) == (2001, 2999, 999, 5)
    assert gone.at == MORNING + 2999


def test_a_long_pause_is_waited_for_in_parts_so_that_lease_and_heart_live(queues, world):
    stop = read(world, queues, Scripted(Idle(None, 3600.0, "403")), lambda: world.now > MORNING + 60)
    assert max(stop.waits) <= LONGEST_REST


def test_a_silent_feed_is_told_once_and_when_it_is_heard_again(queues, world):
    quiet, heard = Idle(Cursor(10), 6.0), Fetched(body(5), 10, Cursor(11))
    source = Scripted(quiet)
    read(world, queues, source, lambda: world.now > MORNING + 1800)
    assert world.events == [("feed_silent", {"seconds": pytest.approx(601, abs=6)})]

    world.events.clear()
    begun = world.now

    class Again:
        def poll(self, cursor, now):
            return heard if now > begun + 900 else quiet

    read(world, queues, Again(), lambda: world.now > begun + 960)
    assert world.names() == ["feed_silent", "feed_heard"]
    assert world.events[1][1]["seconds"] == pytest.approx(900, abs=10)


def test_a_hole_that_is_filled_does_not_count_as_a_sign_of_life(queues, world):
    read(world, queues, Scripted(Fetched(body(5), 4, Cursor(11))), lambda: world.now > MORNING + 700)
    assert world.names() == ["feed_silent"]


def test_in_the_downtime_nobody_is_alarmed(queues, world):
    world.now = MORNING + 10 * HOUR + 20 * 60  # 10:50 UTC
    read(world, queues, Scripted(Idle(Cursor(10), 6.0)), lambda: world.now > MORNING + 11 * HOUR + 60)
    assert world.events == []
    read(world, queues, Scripted(Idle(Cursor(10), 6.0)), lambda: world.now > MORNING + 11 * HOUR + 780)
    assert world.names() == ["feed_silent"]


def test_a_feed_that_waits_for_a_backlog_is_not_called_silent(queues, world, monkeypatch):
    monkeypatch.setattr(feed_module, "DRAIN", 1.0)  # it is the clock's: 0.02 would be sixty thousand looks at Redis
    filler = [f"job-{number}" for number in range(200)]
    queues.connection.rpush(queues["enrichment"].key, *filler)
    begun, answers = world.now, Scripted(Fetched(body(5), 10, Cursor(11)), Idle(Cursor(11), 6.0))

    def until():
        if world.now > begun + 1200:
            queues.connection.delete(queues["enrichment"].key)
        return world.now > begun + 1500

    read(world, queues, answers, until)
    assert world.names() == ["feed_paused"]


def test_the_time_that_redis_is_away_is_no_silence_of_the_feed(queues, world, monkeypatch):
    polls = []

    def held():
        world.now += 300.0  # as long as it takes to come back
        return True

    feed = Feed(
        Scripted(Idle(Cursor(10), 6.0)),
        Ingest(Index([], UNIVERSE), queues, world),
        queues,
        "host",
        min_interval=INTERVAL,
        backlog=100,
        wall=world,
        monotonic=world,
    )
    monkeypatch.setattr(feed._lease, "held", held)
    feed.run(Stop(world, lambda: polls.append(1) or len(polls) > 20))
    assert world.now > MORNING + 3000
    assert world.names() == []


@pytest.mark.parametrize(
    ("away", "days", "expected"),
    [
        (WINDOW - 60, 3, []),
        (WINDOW + 60, 3, ["2026-11-23"]),
        (WINDOW + 60, 0, []),
        (3 * WINDOW, 9, ["2026-11-21", "2026-11-22", "2026-11-23"]),
        (3 * WINDOW, 1, ["2026-11-23"]),
    ],
)
def test_only_days_that_the_feed_has_lost_are_asked_for_and_only_by_setting(queues, world, away, days, expected):
    read_at = int(MORNING - away)
    queues.connection.set(CURSOR, Cursor(10, (), read_at).to_json())
    live = Fetched(body(5), 10, Cursor(11, (), int(MORNING)))
    source = Scripted(live, Idle(live.after, 6.0))
    read(world, queues, source, lambda: world.now > MORNING + 30, backfill_days=days)
    assert [f"{one.day}" for one in backfill_requests.pending(queues.connection)] == expected
