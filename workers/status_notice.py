"""Tells the operator now and then, in Discord, how the service fares: one notice a span, whoever's turn it is.

Whom, and how often, stands in Redis (`workers.admin` puts it there). The turns are a grid of spans: each notice has the
id of its turn, so a repeat, another host's or one after a crash, is the same delivery and no second one.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from notifier import __version__
from notifier.feeds.cursor import Cursor
from notifier.feeds.silence import alarming
from notifier.messages import StatusNotice, Waiting, notice_to_json
from workers import circuits, keys, status
from workers.enrich import delivery_job
from workers.queues import HandOver, Queues
from workers.replies import text

SETTLED = 60.0
"""Seconds after its own start before it tells: until then the other processes are perhaps still starting."""


class Told(msgspec.Struct, frozen=True):
    """The last notice: its turn and when it was told, in epoch seconds (0: never yet), and the counters then."""

    turn: int
    at: int = 0
    counters: dict[str, int] = {}


class StatusNotices:
    """Who tells, on one host. `clock` gives epoch seconds, `monotonic` seconds that no one sets."""

    def __init__(
        self, queues: Queues, clock: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._queues, self._clock, self._monotonic = queues, clock, monotonic
        self._settled_at = monotonic() + SETTLED

    def look(self) -> None:
        """Tell if it is time. Raises what redis-py raises; may be repeated, also by several hosts at once."""
        if self._monotonic() < self._settled_at:
            return
        to, every = self._queues.connection.mget(keys.ADMIN, keys.STATUS_EVERY)
        if to is None or every is None:
            return
        now, span = int(self._clock()), max(int(float(every)), 1)
        told = self._told(now - span)
        # In either direction: a clock that was wrong for a while must not silence us for long.
        if abs(now - told.turn) >= span:
            self._tell(text(to), told, told.turn + (now - told.turn) // span * span, now)

    def _told(self, before: int) -> Told:
        """What was told last; where nothing was, all hosts agree on the same turn before the first."""
        connection = self._queues.connection
        stored = connection.get(keys.STATUS)
        if stored is None:
            connection.set(keys.STATUS, msgspec.json.encode(Told(before)), nx=True)
            stored = connection.get(keys.STATUS)
        try:
            return Told(before) if stored is None else msgspec.json.decode(stored, type=Told)
        except msgspec.DecodeError:  # of another version; the janitor has more to do than this
            return Told(before)

    def _tell(self, to: str, told: Told, turn: int, now: int) -> None:
        found = status.read(self._queues)
        notice = self._notice(found, told, now)
        # "admin-": no part of the account. Before every killmail that waits there, like all that the operator is told.
        job = delivery_job(f"admin-status{turn:x}", to, notice_to_json(notice), 0, float(now))
        after = msgspec.json.encode(Told(turn, now, found.counters)).decode()
        self._queues.hand_over(HandOver([job], cursor_key=keys.STATUS, cursor=after))

    def _notice(self, found: status.Status, told: Told, now: int) -> StatusNotice:
        connection = self._queues.connection
        processes = [child for tree in found.hosts.values() for child in _processes(tree)]
        read_at = self._read_at()
        delay = None if read_at is None else max(now - read_at, 0)
        since = _since(told.counters, found.counters)
        return StatusNotice(
            time=now,
            version=__version__,
            running_since=int(min((child["since"] for child in processes if "since" in child), default=0)),
            since=told.at,
            evaluated=since.get("evaluated", 0),
            matched=since.get("matched", 0),
            delivered=since.get("delivered", 0),
            waiting=tuple(Waiting(name, queue.busy) for name, queue in found.queues.items()),
            dead_letters=sum(queue.dead for queue in found.queues.values()),
            disabled=tuple(self._disabled()),
            open_circuits=tuple(name for name, state in circuits.states(connection).items() if state != "closed"),
            processes=len(processes),
            processes_up=sum(child.get("state") == "running" for child in processes),
            hosts=len(found.hosts),
            upkeep=found.upkeep is not None,
            feed_delay=delay,
            feed_silent=delay is not None and alarming(delay, now),
        )

    def _disabled(self) -> list[str]:
        """The destinations that are disabled. Goes through all keys, a thousand at a time: it is asked for rarely."""
        prefix = keys.disabled("")
        found = self._queues.connection.scan_iter(match=f"{prefix}*", count=1_000)
        return sorted({text(key).removeprefix(prefix) for key in found})

    def _read_at(self) -> int | None:
        """When the feed last read a file, in epoch seconds; None where it never did."""
        stored = self._queues.connection.get(keys.cursor("r2z2"))
        try:
            return (Cursor.from_json(stored).read_at or None) if stored else None
        except msgspec.DecodeError:
            return None


def _since(before: Mapping[str, int], now: Mapping[str, int]) -> dict[str, int]:
    """What was counted in between; counters that began anew count from there."""
    return {name: count - before.get(name, 0) if count >= before.get(name, 0) else count for name, count in now.items()}


def _processes(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for child in node.get("children", ()):
        if child.get("type") == "worker":
            yield child
        yield from _processes(child)
