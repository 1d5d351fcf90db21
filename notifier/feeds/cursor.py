"""How far the feed was read: `next`, and the holes below it. Pure; when to ask for what is `plan`'s part.

Every sequence from the first one on is below `next` and read, below `next` and skipped (reported), in a hole, or ahead.
"""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

import msgspec

MOST_HOLES = 200
MERGE_SECONDS = 60
WINDOW = 24 * 3600
"""zKillboard keeps each file for at least 24 hours (wiki, "R2Z2 - Ephemeral Killmail Storage")."""
EXPIRED = "missing for 24 hours"
TOO_MANY = "too many holes to remember"


class Skipped(NamedTuple):
    """The sequences first … last, which were given up; `since` in epoch seconds is the hole's (0: not known)."""

    first: int
    last: int
    reason: str
    since: int = 0


class _Range(Protocol):
    @property
    def first(self) -> int: ...
    @property
    def last(self) -> int: ...


class Hole(msgspec.Struct, frozen=True, array_like=True):
    """The sequences first … last, not read yet; `since` in epoch seconds.

    With `asked`, each of them was answered by 404 or only by errors, the first time about `since`. Without, none was
    asked for (downtime), and their files were uploaded after `since` (0: not known).
    """

    first: int
    last: int
    since: int
    asked: bool = False


class Cursor(msgspec.Struct, frozen=True):
    """`next` is what live reading asks for; `read_at` (epoch seconds) is when it last read a file."""

    next: int
    holes: tuple[Hole, ...] = ()
    read_at: int = 0

    def to_json(self) -> str:
        """Give the text to store: a few bytes, a few kilobytes at most (MOST_HOLES)."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> "Cursor":
        """Read a stored text; raises msgspec.DecodeError where it is none."""
        return msgspec.json.decode(text, type=cls)


def hole_of(cursor: Cursor, number: int) -> Hole:
    """Give the hole that `number` is in; raises LookupError."""
    for hole in cursor.holes:
        if hole.first <= number <= hole.last:
            return hole
    raise LookupError(number)


def opened(cursor: Cursor, hole: Hole) -> Cursor:
    """Give the cursor with one hole more, joined with a neighbour of its kind; an empty one changes nothing."""
    if hole.first > hole.last:
        return cursor
    joined: list[Hole] = []
    for one in sorted((*cursor.holes, hole), key=lambda each: each.first):
        if joined and _joinable(joined[-1], one):
            joined[-1] = _join(joined[-1], one)
        else:
            joined.append(one)
    return msgspec.structs.replace(cursor, holes=tuple(joined))


def without(cursor: Cursor, first: int, last: int) -> Cursor:
    """Give the cursor with first … last in no hole any more."""
    left: list[Hole] = []
    for hole in cursor.holes:
        below = msgspec.structs.replace(hole, last=min(hole.last, first - 1))
        above = msgspec.structs.replace(hole, first=max(hole.first, last + 1))
        pieces = (hole,) if last < hole.first or first > hole.last else (below, above)
        left += [piece for piece in pieces if piece.first <= piece.last]
    return msgspec.structs.replace(cursor, holes=tuple(left))


def given_up(cursor: Cursor, first: int, last: int, reason: str) -> tuple[Skipped, ...]:
    """Say what is skipped when first … last are taken out of all holes: see `without`."""
    return tuple(
        Skipped(max(hole.first, first), min(hole.last, last), reason, hole.since)
        for hole in cursor.holes
        if hole.first <= last and hole.last >= first
    )


def missed(cursor: Cursor, number: int, now: float) -> Cursor:
    """Give the cursor after the first 404 for `number`."""
    return opened(without(cursor, number, number), Hole(number, number, int(now), asked=True))


def tidied(cursor: Cursor, now: float) -> tuple[Cursor, tuple[Skipped, ...]]:
    """Close what was missed more than 24 hours ago, and keep the number of holes bounded; give what was skipped so.

    Beyond MOST_HOLES the hole that was missed the longest is closed; holes of downtimes are joined instead, so that
    what lies between them is read once more (the ledger knows it) and nothing is lost.
    """
    closing = [hole for hole in cursor.holes if hole.asked and now - hole.since > WINDOW]
    skipped = [Skipped(hole.first, hole.last, EXPIRED, hole.since) for hole in closing]
    too_many = len(cursor.holes) - len(closing) - MOST_HOLES
    if too_many > 0:
        missing = sorted(
            (hole for hole in cursor.holes if hole.asked and hole not in closing), key=lambda one: one.since
        )
        closing += missing[:too_many]
        skipped += [Skipped(hole.first, hole.last, TOO_MANY, hole.since) for hole in missing[:too_many]]
    kept = tuple(hole for hole in cursor.holes if hole not in closing)
    while len(kept) > MOST_HOLES:
        kept = _closest_joined(kept)
    return msgspec.structs.replace(cursor, holes=kept), tuple(sorted(skipped))


def numbers(ranges: Iterable[_Range]) -> tuple[int, ...]:
    """Give every sequence of the holes, or of what was skipped, ascending."""
    return tuple(sorted(number for one in ranges for number in range(one.first, one.last + 1)))


def _joinable(one: Hole, other: Hole) -> bool:
    if one.last + 1 != other.first or one.asked != other.asked:
        return False
    return not one.asked or abs(other.since - one.since) <= MERGE_SECONDS


def _join(one: Hole, other: Hole) -> Hole:
    # A 404 counts from the later moment, an upload from the earlier: so nothing is given up early.
    since = max(one.since, other.since) if one.asked else min(one.since, other.since)
    return Hole(one.first, other.last, since, one.asked)


def _closest_joined(holes: tuple[Hole, ...]) -> tuple[Hole, ...]:
    """Join the two neighbours with the least between them; all are of downtimes."""
    at = min(range(len(holes) - 1), key=lambda index: holes[index + 1].first - holes[index].last)
    return (*holes[:at], _join(holes[at], holes[at + 1]), *holes[at + 2 :])
