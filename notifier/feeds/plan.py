"""Reading R2Z2, decided: `decide` says what to ask for next, `learn` what a reply means. Pure; times are epoch seconds.

Facts: zKillboard's wiki page "R2Z2 - Ephemeral Killmail Storage". After a 404 in a hole nothing is asked for `idle`
seconds; after one of live reading only for what should exist (the files of a downtime).
"""

from dataclasses import dataclass
from typing import TypeAlias

import msgspec
from msgspec.structs import replace

from notifier.feeds.cursor import WINDOW, Cursor, Hole, Skipped, given_up, hole_of, missed, opened, tidied, without

STALE = 60.0
"""After so many seconds without an answer, sequence.json is asked first: there may be a downtime to step over."""
JUMP = 60
"""sequence.json is rewritten every 51 killmails; up to here the files are read in order, which keeps their order."""
AHEAD = 1000
"""A cursor may be ahead of sequence.json by 51; one that is ahead by more than this belongs to another feed."""
BEHIND = 100_000
"""Several busy days of killmails, of which a day is kept; what is further behind is gone or belongs to another feed."""
GIVE_UP = 600.0
"""Seconds for which a sequence is missed, while newer ones exist, before it is skipped."""
EDGE = 3600.0
"""The last hour of a file's life, in which 404s may already mean that it is over."""
NEVER_CAME = "it never came, though newer ones did"
OVER = "older than the day that zKillboard keeps"
TOO_FAR = "too far behind the feed"
GONE = 3
"""So many 404s in a row, backwards and beyond what is surely kept: the rest of the hole is gone too."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between requests (`min_interval`) and after a 404 (`idle`)."""

    min_interval: float = 0.1
    idle: float = 6.0


@dataclass(frozen=True, slots=True)
class Ask:
    """A request: `number`'s file, or sequence.json where it is None; `hole` tells filling from live reading."""

    number: int | None = None
    hole: bool = False


@dataclass(frozen=True, slots=True)
class Body:
    """A file; `uploaded_at` (epoch seconds) as it says itself."""

    content: bytes
    uploaded_at: float | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """404, or a file that is cut off: not there yet, or never."""


@dataclass(frozen=True, slots=True)
class Head:
    """What sequence.json says: a file that exists, up to 51 behind the newest."""

    sequence: int


@dataclass(frozen=True, slots=True)
class Failure:
    """No answer, or none that says anything about the file; `wait` seconds are asked for or usual.

    `of_file`: the cause may lie in this file alone, which a refusal of the client (403, 429) does not.
    """

    reason: str
    wait: float
    of_file: bool = False


Reply: TypeAlias = Body | Missing | Head | Failure


class Memory(msgspec.Struct, frozen=True):
    """What a running feed remembers; a new process begins without.

    `looks`: live requests since the last file; `failed`: the file of a hole that failed last.
    """

    now: float = 0.0
    oriented_at: float = float("-inf")
    quiet_until: float = 0.0
    live_at: float = 0.0
    fill_at: float = 0.0
    retry_at: float = 0.0
    looks: int = 0
    failures: int = 0
    fill_misses: int = 0
    head: int = 0
    retried: int = 0
    live_was_last: bool = False
    failed: int = 0
    filled: tuple[int, float | None] = (0, None)


class Step(msgspec.Struct, frozen=True):
    """What a reply comes to: the cursor and memory after it, perhaps a file, and what was given up."""

    after: Cursor | None
    memory: Memory
    body: bytes | None = None
    skipped: tuple[Skipped, ...] = ()
    reason: str = ""


def moved_back(memory: Memory, by: float) -> Memory:
    """Give the memory after the wall clock was set back by `by` seconds, so that no pause becomes longer."""
    return replace(
        memory,
        now=memory.now - by,
        oriented_at=memory.oriented_at - by,
        quiet_until=memory.quiet_until - by,
        live_at=memory.live_at - by,
        fill_at=memory.fill_at - by,
        retry_at=memory.retry_at - by,
    )


def decide(cursor: Cursor | None, memory: Memory, pace: Pace, now: float) -> Ask | float:
    """Say what to ask for now, or how many seconds there is nothing to ask for."""
    if now < memory.quiet_until:
        return memory.quiet_until - now
    if cursor is None or now - memory.oriented_at > max(STALE, 2 * pace.idle):
        return Ask()
    fill = _fill(cursor, memory, now)
    if isinstance(fill, Ask) and (memory.live_was_last or now < memory.live_at):
        return fill
    if now >= memory.live_at:
        return _live(cursor.next, memory.looks)
    return memory.live_at - now if fill is None or isinstance(fill, Ask) else min(memory.live_at - now, fill)


def _live(number: int, looks: int) -> Ask:
    """Ask for `number`; after two 404s in turn also for sequence.json and for one of the three files after it."""
    if looks >= 2 and looks % 4 == 2:
        return Ask()
    if looks >= 2 and looks % 4 == 0:
        return Ask(number + 1 + (looks // 4 - 1) % 3)
    return Ask(number)


def _fill(cursor: Cursor, memory: Memory, now: float) -> Ask | float | None:
    """Say what to ask for in the holes; seconds until there is something; None where there are none."""
    dues = []
    missing = [hole for hole in cursor.holes if hole.asked]
    if missing:
        due = max(memory.fill_at, memory.retry_at)
        if now >= due:
            return Ask(_next_in_turn(missing, memory.retried), hole=True)
        dues.append(due - now)
    unread = next((hole for hole in cursor.holes if not hole.asked), None)
    if unread is not None:
        if now >= memory.fill_at:
            return Ask(unread.last if _backwards(unread, now) else unread.first, hole=True)
        dues.append(memory.fill_at - now)
    return min(dues, default=None)


def _next_in_turn(holes: list[Hole], retried: int) -> int:
    after = [max(hole.first, retried + 1) for hole in holes if hole.last > retried]
    return min(after, default=holes[0].first)


def _backwards(hole: Hole, now: float) -> bool:
    """Of a downtime longer than the window the newest files are read first, as the oldest are gone."""
    return now - hole.since > WINDOW


def learn(cursor: Cursor | None, memory: Memory, pace: Pace, ask: Ask, reply: Reply, now: float) -> Step:
    """Say what `reply` to `ask` means for cursor and memory."""
    step = _learn(cursor, replace(memory, now=now), pace, ask, reply, now)
    if step.after is None:
        return step
    after, skipped = tidied(step.after, now)
    return replace(step, after=after, skipped=tuple(sorted((*step.skipped, *skipped))))


def _learn(cursor: Cursor | None, memory: Memory, pace: Pace, ask: Ask, reply: Reply, now: float) -> Step:
    if isinstance(reply, Failure):
        return _failed(cursor, memory, pace, ask, reply, now)
    memory = replace(memory, oriented_at=now, quiet_until=0.0)
    if isinstance(reply, Head):
        return _oriented(cursor, memory, reply.sequence, now)
    if cursor is None or ask.number is None:
        raise AssertionError("a file was asked for without a cursor")
    # Only here: where sequence.json alone is served, the pauses go on to grow.
    memory = replace(memory, failures=0)
    if ask.hole:
        return _filled(cursor, memory, pace, ask.number, reply, now)
    return _read(cursor, replace(memory, live_was_last=True), pace, ask.number, reply, now)


def _failed(cursor: Cursor | None, memory: Memory, pace: Pace, ask: Ask, reply: Failure, now: float) -> Step:
    """Pause; then it is the turn of what did not fail, so that a file that always fails holds up nothing else."""
    after = replace(memory, failures=memory.failures + 1, quiet_until=now + max(reply.wait, pace.min_interval))
    if cursor is None or ask.number is None:
        # sequence.json was tried: it is not the next request again, as it may be all that fails
        tried = replace(after, oriented_at=now, looks=memory.looks + (memory.looks >= 2))
        return Step(cursor, tried, reason=reply.reason)
    if not ask.hole:
        # It counts as a look, so that a file after it is asked for in its turn; if that is there, this one is a hole.
        looks = memory.looks + reply.of_file
        return Step(cursor, replace(after, live_was_last=True, looks=looks), reason=reply.reason)
    after = replace(after, live_was_last=False, failed=ask.number, fill_at=now + pace.idle)
    if hole_of(cursor, ask.number).asked:
        after = replace(after, retried=ask.number, retry_at=now + 5 * pace.idle)
    elif reply.of_file and memory.failed == ask.number and not memory.failures:
        # Another file was answered since it failed before.
        return Step(missed(cursor, ask.number, now), replace(after, retry_at=now + 5 * pace.idle), reason=reply.reason)
    return Step(cursor, after, reason=reply.reason)


def _oriented(cursor: Cursor | None, memory: Memory, head: int, now: float) -> Step:
    again = replace(memory, head=head, looks=0, live_at=now)
    if cursor is None:
        return Step(Cursor(head, (), int(now)), again, reason=f"begins at {head}")
    if head - cursor.next > BEHIND:
        rest = Hole(head - BEHIND, head - 1, 0)
        after = _moved(opened(without(cursor, 0, rest.first - 1), rest), head, cursor.read_at)
        lost = opened(cursor, Hole(cursor.next, rest.first - 1, cursor.read_at))
        skipped = given_up(lost, 0, rest.first - 1, TOO_FAR)
        reason = f"{cursor.next} is too far behind; goes on at {head}, fills from {rest.first}"
        return Step(after, again, skipped=skipped, reason=reason)
    if head - cursor.next > JUMP:
        rest = Hole(cursor.next, head - 1, cursor.read_at)
        after = _moved(opened(cursor, rest), head, cursor.read_at)
        return Step(after, again, reason=f"goes on at {head}, fills the rest")
    if cursor.next - head > AHEAD:
        below = without(cursor, head, cursor.next)
        return Step(_moved(below, head, int(now)), again, reason=f"the cursor was ahead of the feed; begins at {head}")
    # After failures another file must have been read first, as all files may fail: see _read.
    if head > cursor.next and memory.looks >= 2 and not memory.failures:
        return _passed_over(cursor, now, again)
    return Step(
        cursor, replace(memory, head=head, looks=memory.looks + 1, live_at=now), reason=f"the feed is at {head}"
    )


def _passed_over(cursor: Cursor, now: float, after: Memory) -> Step:
    """Live reading goes on behind a file that is missing while newer ones exist."""
    return Step(
        _moved(missed(cursor, cursor.next, now), cursor.next + 1, cursor.read_at),
        after,
        reason=f"{cursor.next} is missing; newer ones exist",
    )


def _read(cursor: Cursor, memory: Memory, pace: Pace, number: int, reply: Reply, now: float) -> Step:
    if isinstance(reply, Body):
        if number > cursor.next:
            rest = Hole(cursor.next + 1, number - 1, cursor.read_at)
            cursor = opened(missed(cursor, cursor.next, now), rest)
            memory = replace(memory, retry_at=max(memory.retry_at, now + pace.idle))
        return Step(_moved(cursor, number + 1, int(now)), replace(memory, looks=0, live_at=now), reply.content)
    resting = replace(memory, live_at=now + pace.idle, retry_at=max(memory.retry_at, now + pace.idle))
    if number == cursor.next < memory.head:
        return _passed_over(cursor, now, replace(resting, looks=0))
    return Step(cursor, replace(resting, looks=memory.looks + 1), reason=f"no file {number} yet")


def _filled(cursor: Cursor, memory: Memory, pace: Pace, number: int, reply: Reply, now: float) -> Step:
    hole = hole_of(cursor, number)
    memory = replace(memory, live_was_last=False)
    if isinstance(reply, Body):
        after, gone = without(cursor, number, number), False
        if not hole.asked:
            memory = replace(memory, filled=(number, reply.uploaded_at))
            gone = _backwards(hole, now) and reply.uploaded_at is not None and now - reply.uploaded_at > WINDOW
        memory = replace(memory, fill_misses=0, fill_at=now)
        return _closed(Step(after, memory, reply.content), hole, number - 1, gone=gone)
    resting = replace(memory, quiet_until=now + pace.idle, fill_misses=memory.fill_misses + 1)
    resting = replace(resting, fill_at=now + pace.idle * min(2 ** min(memory.fill_misses, 10), 10))
    if not hole.asked:
        step = Step(missed(cursor, number, now), resting, reason=f"{number} is missing in a hole")
        return _closed(step, hole, number - 1, gone=_backwards(hole, now) and _over(resting, number, now))
    resting = replace(resting, retried=number, retry_at=now + 5 * pace.idle, fill_misses=memory.fill_misses)
    resting = replace(resting, fill_at=now + pace.idle)
    if now - hole.since < GIVE_UP:
        return Step(cursor, resting, reason=f"{number} is still missing")
    skipped = given_up(cursor, number, number, NEVER_CAME)
    return Step(without(cursor, number, number), resting, skipped=skipped, reason=f"{number} never came")


def _over(memory: Memory, number: int, now: float) -> bool:
    """Say whether the 404s down to `number` are the end of the window, by their count and the age of the file above."""
    above, uploaded_at = memory.filled
    known = uploaded_at if above == number + memory.fill_misses else None
    return memory.fill_misses >= GONE and (known is None or now - known > WINDOW - EDGE)


def _closed(step: Step, hole: Hole, last: int, *, gone: bool) -> Step:
    """Close hole.first … last, where that is gone."""
    if not gone or step.after is None:
        return step
    skipped = given_up(step.after, hole.first, last, OVER)
    return replace(step, after=without(step.after, hole.first, last), skipped=skipped)


def _moved(cursor: Cursor, number: int, read_at: int) -> Cursor:
    return Cursor(number, cursor.holes, read_at)
