"""Reading R2Z2 against a world of files in memory, whose clock moves only by the pauses that are asked for."""

from dataclasses import dataclass, field

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from notifier.feeds.cursor import (
    EXPIRED,
    MOST_HOLES,
    WINDOW,
    Cursor,
    Hole,
    Skipped,
    missed,
    numbers,
    opened,
    tidied,
    without,
)
from notifier.feeds.plan import (
    BEHIND,
    GIVE_UP,
    JUMP,
    NEVER_CAME,
    OVER,
    TOO_FAR,
    Ask,
    Body,
    Failure,
    Head,
    Memory,
    Missing,
    Pace,
    Reply,
    decide,
    learn,
    moved_back,
)

PACE = Pace(0.1, 6.0)
NOW = 1_000_000.0
AWAKE = Memory(now=NOW, oriented_at=NOW)


@pytest.mark.parametrize(
    ("cursor", "memory", "reply", "after", "skipped"),
    [
        (None, Memory(), Head(500), Cursor(500, (), 1_000_000), ()),
        (None, Memory(), Failure("no answer", 1), None, ()),
        (Cursor(500), Memory(), Head(480), Cursor(500), ()),
        (Cursor(500), Memory(), Head(500 + JUMP), Cursor(500), ()),
        (Cursor(500, (), 7), Memory(), Head(501 + JUMP), Cursor(501 + JUMP, (Hole(500, 500 + JUMP, 7),), 7), ()),
        (Cursor(500), replace(AWAKE, looks=2), Head(501), Cursor(501, (Hole(500, 500, 1_000_000, True),)), ()),
        (Cursor(500), replace(AWAKE, looks=1), Head(501), Cursor(500), ()),
        (
            Cursor(500, (Hole(3, 9, 7), Hole(499, 499, 8, True)), 8),
            Memory(),
            Head(1_000_000),
            Cursor(1_000_000, (Hole(1_000_000 - BEHIND, 999_999, 0),), 8),
            ((3, 9, TOO_FAR, 7), (499, 499, TOO_FAR, 8), (500, 999_999 - BEHIND, TOO_FAR, 8)),
        ),
        (
            Cursor(5000, (Hole(5, 6, 0), Hole(90, 200, 0))),
            AWAKE,
            Head(100),
            Cursor(100, (Hole(5, 6, 0), Hole(90, 99, 0)), 1_000_000),
            (),
        ),
    ],
)
def test_what_sequence_json_says_moves_the_cursor(
    cursor: Cursor | None, memory: Memory, reply: Reply, after: Cursor | None, skipped: tuple[Skipped, ...]
) -> None:
    step = learn(cursor, memory, PACE, Ask(), reply, NOW)
    assert (step.after, step.skipped, step.body) == (after, skipped, None)


MISSED = Hole(3, 3, int(NOW - 60), True)
LONG_MISSED = Hole(3, 4, int(NOW - GIVE_UP), True)
OLD = Hole(3, 9, 5)
READ = int(NOW)


@pytest.mark.parametrize(
    ("cursor", "memory", "ask", "reply", "after", "skipped"),
    [
        (Cursor(9), AWAKE, Ask(9), Body(b"x"), Cursor(10, (), READ), ()),
        (Cursor(9), AWAKE, Ask(9), Missing(), Cursor(9), ()),
        (Cursor(9), replace(AWAKE, head=10), Ask(9), Missing(), Cursor(10, (Hole(9, 9, READ, True),)), ()),
        (Cursor(9), AWAKE, Ask(10), Body(b"x"), Cursor(11, (Hole(9, 9, READ, True),), READ), ()),
        (Cursor(9, (), 7), AWAKE, Ask(11), Body(b"x"), Cursor(12, (Hole(9, 9, READ, True), Hole(10, 10, 7)), READ), ()),
        (Cursor(9), AWAKE, Ask(11), Missing(), Cursor(9), ()),
        (Cursor(9, (MISSED,)), AWAKE, Ask(3, True), Body(b"x"), Cursor(9), ()),
        (Cursor(9, (MISSED,)), AWAKE, Ask(3, True), Missing(), Cursor(9, (MISSED,)), ()),
        (
            Cursor(9, (LONG_MISSED,)),
            AWAKE,
            Ask(3, True),
            Missing(),
            Cursor(9, (Hole(4, 4, LONG_MISSED.since, True),)),
            ((3, 3, NEVER_CAME, LONG_MISSED.since),),
        ),
        (Cursor(9, (Hole(3, 6, READ),)), AWAKE, Ask(3, True), Body(b"x"), Cursor(9, (Hole(4, 6, READ),)), ()),
        (
            Cursor(9, (Hole(3, 4, READ),)),
            AWAKE,
            Ask(3, True),
            Missing(),
            Cursor(9, (Hole(3, 3, READ, True), Hole(4, 4, READ))),
            (),
        ),
        (Cursor(20, (OLD,)), AWAKE, Ask(9, True), Body(b"x", NOW - WINDOW - 1), Cursor(20), ((3, 8, OVER, 5),)),
        (Cursor(20, (OLD,)), AWAKE, Ask(9, True), Body(b"x", NOW - WINDOW + 1), Cursor(20, (Hole(3, 8, 5),)), ()),
        (
            Cursor(20, (OLD,)),
            replace(AWAKE, fill_misses=2),
            Ask(9, True),
            Missing(),
            Cursor(20, (Hole(9, 9, READ, True),)),
            ((3, 8, OVER, 5),),
        ),
        (
            Cursor(20, (OLD,)),
            replace(AWAKE, fill_misses=2, filled=(12, NOW - 9)),
            Ask(9, True),
            Missing(),
            Cursor(20, (Hole(3, 8, 5), Hole(9, 9, READ, True))),
            (),
        ),
        (Cursor(9, (Hole(3, 4, 5, True),)), AWAKE, Ask(9), Missing(), Cursor(9), ((3, 4, EXPIRED, 5),)),
        (Cursor(9, (MISSED,)), AWAKE, Ask(9), Failure("429", 10), Cursor(9, (MISSED,)), ()),
    ],
)
def test_what_a_file_s_reply_does_to_the_cursor(
    cursor: Cursor, memory: Memory, ask: Ask, reply: Reply, after: Cursor, skipped: tuple[Skipped, ...]
) -> None:
    step = learn(cursor, memory, PACE, ask, reply, NOW)
    assert (step.after, step.skipped) == (after, skipped)
    assert step.body == (reply.content if isinstance(reply, Body) else None)


@dataclass
class World:
    """zKillboard: the file of `number` is uploaded at `uploads[number]`, readable `late` seconds later, for a day.

    `broken` files are only ever answered by an error, and so is sequence.json where it is `headless`; between
    `failing` times everything is.
    """

    uploads: dict[int, float]
    late: dict[int, float] = field(default_factory=dict)
    failing: tuple[tuple[float, float], ...] = ()
    broken: frozenset[int] = frozenset()
    headless: bool = False
    clock: float = NOW
    cursor: Cursor | None = None
    memory: Memory = field(default_factory=Memory)
    read: list[int] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)
    missing_at: list[tuple[float, int]] = field(default_factory=list)
    begin: int | None = None

    def __post_init__(self) -> None:
        self.heads: list[tuple[float, int]] = []
        for number in sorted(self.uploads):
            self.upload(number, self.uploads[number])

    def upload(self, number: int, at: float) -> None:
        """Publish a file later than all others; sequence.json is rewritten when more than 51 came since."""
        self.uploads[number] = at
        if not self.heads or number - self.heads[-1][1] > 51:
            self.heads.append((at, number))

    def reply(self, ask: Ask) -> Reply:
        if any(begin <= self.clock - NOW < end for begin, end in self.failing):
            return Failure("503", 5.0, of_file=True)
        if ask.number is None and self.headless:
            return Failure("500", 2.0, of_file=True)
        if ask.number is None:
            return Head(max(number for at, number in self.heads if at <= self.clock))
        if ask.number in self.broken:
            return Failure("500", 2.0, of_file=True)
        at = self.uploads.get(ask.number)
        if at is None or not at + self.late.get(ask.number, 0.0) <= self.clock < at + WINDOW:
            self.missed(ask.number)
            return Missing()
        return Body(b"%d" % ask.number, at)

    def missed(self, number: int) -> None:
        """At most two requests in `idle` seconds are for what is not there, and never two for the same number."""
        recent = [(at, other) for at, other in self.missing_at if self.clock - at < PACE.idle - 0.001]
        assert len(recent) <= 1
        assert number not in [other for _, other in recent]
        self.missing_at = [*recent, (self.clock, number)]

    def restart(self, away: float = 0.0) -> None:
        """A new process goes on with the stored cursor; it remembers nothing, pauses neither."""
        self.clock += away
        self.memory, self.missing_at = Memory(), []

    def poll(self) -> None:
        ask = decide(self.cursor, self.memory, PACE, self.clock)
        if not isinstance(ask, Ask):
            self.clock += ask
            return
        step = learn(self.cursor, self.memory, PACE, ask, self.reply(ask), self.clock)
        if step.body is not None:
            self.read.append(int(step.body))
        self.skipped += numbers(step.skipped)
        unchanged, self.memory = step.after == self.cursor, step.memory
        if step.after is not None and not unchanged:
            self.begin = step.after.next if self.begin is None else self.begin
            self.cursor = Cursor.from_json(step.after.to_json())
            self.check(self.cursor)
        self.clock += PACE.min_interval

    def check(self, cursor: Cursor) -> None:
        """Nothing below `next` is neither read nor skipped nor in exactly one hole."""
        waiting = numbers(cursor.holes)
        assert len(set(waiting)) == len(waiting)
        assert set(waiting).isdisjoint(self.skipped)
        assert not waiting or waiting[-1] < cursor.next
        settled = {*self.read, *self.skipped, *waiting}
        assert self.begin is not None
        assert settled.issuperset(range(self.begin, cursor.next))

    def run(self, until: float) -> None:
        while self.clock < until:
            self.poll()

    def settle(self) -> None:
        """Go on until no file is ahead and no hole is left: at the latest a day after the last file, and an hour.

        An outage delays the moment from which a hole's day counts.
        """
        last, outage = max(self.uploads), max((end for _, end in self.failing), default=0.0)
        end = max(self.clock, *self.uploads.values()) + outage + WINDOW + 3600
        while self.clock < end:
            self.poll()
            if self.cursor is not None and self.cursor.next > last and not self.cursor.holes:
                return
        raise AssertionError(f"still open: {self.cursor}")


def paced(count: int, every: float = 5.5, first: int = 1020) -> dict[int, float]:
    return {first + index: NOW - 1 + index * every for index in range(count)}


def test_a_fresh_feed_reads_every_file_in_order() -> None:
    world = World(paced(200))
    world.settle()
    assert world.read == list(world.uploads)
    assert world.skipped == []


def test_a_file_is_read_within_the_idle_pause() -> None:
    world = World(paced(50))
    while world.cursor is None or world.cursor.next <= max(world.uploads):
        before = len(world.read)
        world.poll()
        if len(world.read) > before:
            assert world.clock - world.uploads[world.read[-1]] <= 3 * PACE.idle


def test_a_file_that_never_comes_is_passed_soon_and_skipped_after_ten_minutes() -> None:
    world = World(paced(300))
    del world.uploads[1100]
    while 1101 not in world.read:
        world.poll()
    assert world.clock - world.uploads[1101] < 10 * PACE.idle
    passed_at = world.clock
    while not world.skipped:
        world.poll()
    assert world.skipped == [1100]
    assert GIVE_UP - 60 <= world.clock - passed_at <= GIVE_UP + 60


def test_a_file_that_comes_late_is_filled() -> None:
    world = World(paced(150), late={1060: 240.0})
    world.settle()
    assert world.read.index(1061) < world.read.index(1060)
    assert sorted(world.read) == list(world.uploads)


def test_after_a_downtime_live_reading_goes_on_at_the_head_and_the_rest_is_filled_in_order() -> None:
    world = World(paced(3000))
    world.run(NOW + 60)
    world.restart(3 * 3600)
    before = len(world.read)
    world.run(world.clock + 2)
    newest = max(world.read)
    assert world.uploads[newest] > world.clock - 51 * 6
    world.settle()
    assert sorted(world.read) == list(world.uploads)
    assert len(set(world.read)) == len(world.read)
    filled = [number for number in world.read[before:] if number < newest - 60]
    assert filled == sorted(filled)


def test_after_a_downtime_of_two_days_the_last_day_is_read_and_the_rest_skipped() -> None:
    world = World(paced(1000, every=240.0))
    world.run(NOW + 3600)
    known = set(world.read)
    world.restart(2 * 86_400)
    back = world.clock
    world.settle()
    lost = {number for number, at in world.uploads.items() if at < back - WINDOW + 900} - known
    assert set(world.skipped) <= lost
    assert {number for number, at in world.uploads.items() if at > back - WINDOW + 900} <= set(world.read)


def test_an_outage_in_a_running_feed_ends_in_the_same_way() -> None:
    world = World(paced(2500), failing=((600.0, 8000.0),))
    world.settle()
    assert sorted(world.read) == list(world.uploads)


def test_a_gap_of_a_thousand_sequences_leaves_live_reading_its_pace() -> None:
    world = World({number: at for number, at in paced(3000).items() if not 1100 <= number < 2100})
    late = {number: NOW + (number - 2000) * 5.5 for number in world.uploads if number >= 2100}
    world.uploads |= late
    world.run(NOW + 2 * 3600)
    due = [number for number, at in world.uploads.items() if at < world.clock - 400]
    assert len(set(due) - set(world.read)) < 10


def test_a_file_that_is_only_ever_answered_by_an_error_holds_up_nothing_else() -> None:
    world = World(paced(300), broken=frozenset({1100}))
    while 1101 not in world.read:
        world.poll()
        assert world.clock < NOW + 80 * 5.5 + 60 * 5.5
    world.settle()
    assert sorted(world.read) == [number for number in world.uploads if number != 1100]
    assert world.skipped == [1100]


def test_a_broken_file_of_a_downtime_holds_up_neither_live_reading_nor_the_rest_of_the_downtime() -> None:
    world = World(paced(3000), broken=frozenset({1035, 1500}))
    world.run(NOW + 60)
    world.restart(3 * 3600)
    back = world.clock
    world.run(back + 1800)
    due = {number for number, at in world.uploads.items() if at < world.clock - 60} - world.broken
    assert due <= set(world.read)
    world.settle()
    assert set(world.skipped) == world.broken


def test_files_are_read_on_while_only_sequence_json_fails() -> None:
    world = World(paced(60, every=45.0))
    world.run(NOW + 100)
    world.headless = True
    while len(world.read) < 60:
        before = len(world.read)
        world.poll()
        assert len(world.read) == before or world.clock - world.uploads[world.read[-1]] <= 4 * PACE.idle
        assert world.clock < max(world.uploads.values()) + 60
    assert world.read == list(world.uploads)


def test_hours_in_which_only_sequence_json_is_served_lose_nothing() -> None:
    world = World(paced(2200))
    world.run(NOW + 600)
    world.broken = frozenset(world.uploads)
    world.run(NOW + 3 * 3600)
    # Holes are bounded in number: a new one for each file that fails would in the end give up the first ones.
    assert world.cursor is not None
    assert len(world.cursor.holes) <= 2
    world.broken = frozenset()
    world.settle()
    assert sorted(world.read) == list(world.uploads)


def test_a_feed_that_is_refused_waits_longer_each_time_though_its_head_is_served() -> None:
    memory, waits = replace(AWAKE, failures=3), []
    for _ in range(3):
        memory = learn(Cursor(500), memory, PACE, Ask(), Head(500), NOW).memory
        waits.append(memory.failures)
    assert waits == [3, 3, 3]
    assert learn(Cursor(500), memory, PACE, Ask(500), Body(b"x"), NOW).memory.failures == 0


gaps = st.sets(st.integers(1021, 1139), max_size=12)
downtimes = st.lists(st.tuples(st.integers(1, 400), st.sampled_from([30.0, 500.0, 4000.0, 90_000.0])), max_size=3)


@example(absent=set(), late={}, failing=[(1.0, 192.0)], away=[], every=0.05, broken={1139})
@settings(max_examples=60, deadline=None)
@given(
    gaps,
    st.dictionaries(st.integers(1021, 1139), st.floats(0.5, 900.0), max_size=12),
    st.lists(st.tuples(st.floats(0, 600), st.floats(0, 1200)), max_size=2),
    downtimes,
    st.sampled_from([0.05, 5.5, 60.0]),
    st.sets(st.integers(1021, 1139), max_size=2),
)
def test_no_sequence_is_lost_sight_of_and_every_hole_ends(
    absent: set[int],
    late: dict[int, float],
    failing: list[tuple[float, float]],
    away: list[tuple[int, float]],
    every: float,
    broken: set[int],
) -> None:
    uploads = {number: at for number, at in paced(120, every).items() if number not in absent}
    world = World(uploads, late, tuple(failing), frozenset(broken))
    for polls, seconds in away:
        for _ in range(polls):
            world.poll()  # checks after each step
        world.restart(seconds)
    world.upload(1200, max(world.clock, *uploads.values()) + 1)
    world.settle()
    assert world.begin is not None
    assert {*world.read, *world.skipped}.issuperset(range(world.begin, 1201))
    assert set(world.read) <= set(uploads)
    if not any(seconds > 4000 for _, seconds in away):
        early = {number for number in uploads if number >= world.begin and late.get(number, 0.0) < 300} - broken
        assert early <= set(world.read)


spans = st.lists(st.tuples(st.integers(1, 50), st.integers(0, 5), st.integers(0, 99), st.booleans()), max_size=12)


@given(spans, st.integers(1, 60), st.integers(0, 9))
def test_taking_numbers_out_of_holes_leaves_exactly_the_others(
    made: list[tuple[int, int, int, bool]], first: int, more: int
) -> None:
    cursor = Cursor(100)
    for start, length, since, asked in made:
        clean = without(cursor, start, start + length)
        cursor = opened(clean, Hole(start, start + length, since, asked))
    left = without(cursor, first, first + more)
    assert numbers(left.holes) == tuple(n for n in numbers(cursor.holes) if not first <= n <= first + more)
    assert numbers(missed(left, first, NOW).holes) == tuple(sorted((*numbers(left.holes), first)))


def test_the_stored_cursor_stays_small() -> None:
    holes = tuple(Hole(index * 3, index * 3, index, asked=index % 2 == 0) for index in range(1000))
    after, skipped = tidied(Cursor(5000, holes), 2000.0)
    assert len(after.holes) == MOST_HOLES
    assert len(after.to_json()) < 10_000
    assert {*numbers(skipped), *numbers(after.holes)} >= set(numbers(holes))
    assert all(number % 6 == 0 for number in numbers(skipped))


def test_neighbours_that_were_missed_together_are_one_hole() -> None:
    cursor = missed(missed(missed(Cursor(10), 4, NOW), 5, NOW + 6), 6, NOW + 600)
    assert cursor.holes == (Hole(4, 5, int(NOW + 6), True), Hole(6, 6, int(NOW + 600), True))


def test_a_clock_that_is_set_back_makes_no_pause_longer() -> None:
    memory = replace(AWAKE, quiet_until=NOW + 60)
    assert decide(Cursor(5), moved_back(memory, 3600), PACE, NOW - 3600) == pytest.approx(60)


def test_a_cursor_survives_its_text() -> None:
    cursor = Cursor(9, (Hole(1, 3, 5), Hole(5, 5, 7, True)), 8)
    assert Cursor.from_json(cursor.to_json()) == cursor
    assert cursor.to_json() == '{"next":9,"holes":[[1,3,5,false],[5,5,7,true]],"read_at":8}'
