"""Days that the feed has lost and that shall be read from the history: asked for here, worked off by `backfill`."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import msgspec
from redis import Redis

from workers import keys
from workers.replies import text


class Request(NamedTuple):
    """`day`'s killmails of `since` and later were not read before `asked_at` (both epoch seconds)."""

    day: date
    since: float
    asked_at: float


def add(connection: Redis, days: Sequence[date], since: float, now: float) -> None:
    """Ask for `days`; a day that is asked for already stays as it was, so to do it again changes nothing."""
    with connection.pipeline(transaction=True) as pipe:
        for day in days:
            pipe.hsetnx(keys.BACKFILL, f"{day:%Y%m%d}", msgspec.json.encode((since, now)))
        pipe.execute()


def pending(connection: Redis) -> list[Request]:
    """The days that are asked for, the oldest first."""
    stored: Any = connection.hgetall(keys.BACKFILL)
    found = ((text(day), msgspec.json.decode(value, type=tuple[float, float])) for day, value in stored.items())
    return sorted(Request(datetime.strptime(day, "%Y%m%d").date(), *times) for day, times in found)  # noqa: DTZ007


def settle(connection: Redis, request: Request) -> None:
    """The request is done, or given up."""
    connection.hdel(keys.BACKFILL, f"{request.day:%Y%m%d}")
