"""Emits the events of `notifier.events`: a log line each, counted in this process, added up in Redis once a second.

An event is never waited for and never fails its caller, except for one that the table does not know: that is a bug.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from loguru import logger
from redis import Redis
from redis.exceptions import RedisError

from notifier import events
from workers import keys

_uncounted: Counter[str] = Counter()
"""What has happened in this process since the last `flush`; a forked worker begins with none of its zygote's."""

Hear: TypeAlias = Callable[[events.Kind, dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class _Subscriber:
    hear: Hear
    flush: Callable[[], None]


_subscribers: list[_Subscriber] = []


def subscribe(hear: Hear, flush: Callable[[], None] = lambda: None) -> Callable[[], None]:
    """Have `hear` called with each event of this process, and `flush` about once a second while Redis is there.

    Whatever they raise is logged and goes no further; `hear` must not wait for anything. Gives what ends it.
    """
    subscriber = _Subscriber(hear, flush)
    _subscribers.append(subscriber)
    return lambda: _subscribers.remove(subscriber)


def _guarded(call: Callable[[], None]) -> None:
    try:
        call()
    except Exception as error:  # noqa: BLE001 – whoever emits has work to do that does not fail for this
        logger.error("a listener to events fails with {}", type(error).__name__)


def emit(name: str, /, **fields: Any) -> None:
    """Tell of one event. Raises UnknownEventError for a name or fields that are not in the table."""
    kind = events.checked(name, frozenset(fields))
    _uncounted[name] += 1
    shown = {key: _short(value) for key, value in fields.items()}
    said = " ".join(f"{key}={value}" for key, value in shown.items())
    logger.bind(event=name, fields=shown).log(kind.level, "{} {}", name, said)
    for subscriber in _subscribers:
        _guarded(partial(subscriber.hear, kind, shown))


def flush(connection: Redis) -> None:
    """Add what was counted to the totals in Redis; while Redis is away it is kept for the next time."""
    _add_up(connection)
    for subscriber in _subscribers:
        _guarded(subscriber.flush)


def _add_up(connection: Redis) -> None:
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
