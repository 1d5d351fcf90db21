"""Waiting for Redis: a worker neither exits nor repeats its work because the server is away."""

import time
from collections.abc import Callable
from typing import TypeVar

from redis.exceptions import BusyLoadingError, OutOfMemoryError, ReadOnlyError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from workers.process import StopSignal
from workers.telemetry import emit

T = TypeVar("T")
AWAY = (RedisConnectionError, RedisTimeoutError, BusyLoadingError, ReadOnlyError, OutOfMemoryError)
"""What redis-py raises when the server cannot be reached, is loading its data, has been demoted, or is full."""


class Stopped(Exception):  # noqa: N818 – a signal, not an error
    """The process is to stop and Redis is still away."""


def persist(step: Callable[[], T], stop: StopSignal, what: str, patience: float = 0.0) -> T:
    """Do `step`, again and again while Redis is away. `step` must be safe to repeat.

    Once the stop is requested it is tried for `patience` more seconds; then Stopped is raised.
    """
    pause, given_up_at, away_since = 0.05, None, 0.0
    while True:
        try:
            result = step()
        except AWAY as error:
            if not away_since:
                away_since = time.monotonic()
                emit("redis_away", what=what, reason=type(error).__name__)
        else:
            if away_since:
                emit("redis_back", what=what, seconds=time.monotonic() - away_since)
            return result
        if stop.requested:
            given_up_at = given_up_at or time.monotonic() + patience
            if time.monotonic() >= given_up_at:
                raise Stopped(what)
            time.sleep(min(pause, 0.1))
        else:
            stop.wait(pause)
        pause = min(pause * 2, 1.0)
