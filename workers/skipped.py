"""What the feed gave up, kept in Redis for people: the newest RECORDS ranges, each with when, why and since when."""

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from redis import Redis

from notifier.feeds.cursor import Skipped
from workers import keys

RECORDS = 1000


class Record(NamedTuple):
    """The sequences first … last, given up at `at` (epoch seconds).

    `since` is when the last file before them was read, or the first of them was missed; 0 where nothing tells.
    """

    at: float
    first: int
    last: int
    reason: str
    since: int

    @property
    def size(self) -> int:
        """How many sequences they are; one that zKillboard never gave to a killmail counts too."""
        return self.last - self.first + 1


def write(pipe: Any, skipped: Sequence[Skipped], now: float | None = None) -> None:
    """Add what was skipped to a pipeline of redis-py; to do it again changes nothing."""
    if not skipped:
        return
    at = time.time() if now is None else now
    pipe.zadd(keys.SKIPPED, {msgspec.json.encode(tuple(one)): at for one in skipped}, nx=True)
    pipe.zremrangebyrank(keys.SKIPPED, 0, -RECORDS - 1)


def read(connection: Redis) -> list[Record]:
    """The ranges, the newest last; neighbours that were given up for the same reason within a day are one."""
    stored: Any = connection.zrange(keys.SKIPPED, 0, -1, withscores=True)
    found = (Record(at, *msgspec.json.decode(member, type=tuple[int, int, str, int])) for member, at in stored)
    joined: list[Record] = []
    for one in sorted(found, key=lambda record: record.first):
        if joined and _joinable(joined[-1], one):
            joined[-1] = _join(joined[-1], one)
        else:
            joined.append(one)
    return sorted(joined)


def _joinable(one: Record, other: Record) -> bool:
    return one.last + 1 == other.first and one.reason == other.reason and abs(other.at - one.at) < 86_400


def _join(one: Record, other: Record) -> Record:
    since = min(filter(None, (one.since, other.since)), default=0)
    return Record(max(one.at, other.at), one.first, other.last, one.reason, since)
