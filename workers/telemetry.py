"""Emits the events of `notifier.events`: a log line each, counted in this process, added up in Redis once a second.

An event is never waited for and never fails its caller, except for one that the table does not know: that is a bug.
"""

from collections import Counter
from typing import Any

from loguru import logger
from redis import Redis
from redis.exceptions import RedisError

from notifier import events
from workers import keys

_uncounted: Counter[str] = Counter()
"""What has happened in this process since the last `flush`; a forked worker begins with none of its zygote's."""


def emit(name: str, /, **fields: Any) -> None:
    """Tell of one event. Raises UnknownEventError for a name or fields that are not in the table."""
    kind = events.checked(name, frozenset(fields))
    _uncounted[name] += 1
    said = " ".join(f"{key}={_short(value)}" for key, value in fields.items())
    logger.bind(event=name, fields={key: _short(value) for key, value in fields.items()}).log(
        kind.level, "{} {}", name, said
    )


def flush(connection: Redis) -> None:
    """Add what was counted to the totals in Redis; while Redis is away it is kept for the next time."""
    if not _uncounted:
        return
    counted = dict(_uncounted)
    try:
        with connection.pipeline(transaction=True) as pipe:
            for name, count in counted.items():
                pipe.hincrby(keys.EVENTS, name, count)
            pipe.execute()
    except RedisError:
        return
    _uncounted.subtract(counted)
    for name in counted:
        if _uncounted[name] <= 0:
            del _uncounted[name]


def _short(value: object) -> object:
    """One line, of a bearable length; numbers stay numbers."""
    if isinstance(value, int | float):
        return round(value, 3) if isinstance(value, float) else value
    lines = str(value).strip().splitlines()
    return (lines[-1] if lines else "")[:300]
