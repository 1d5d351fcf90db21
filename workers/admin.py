"""Tells the operator, in Discord, of the events that have a runbook: at most one message a minute for each kind.

An event is only noted down; `flush` hands the notices over, when Redis is there, to the same queue as any other
delivery. So telling never waits for anything, and never fails whoever emits. Who is told stands in Redis (`configured`
puts it there): not every process reads the configuration.
"""

import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError

from notifier.events import KINDS, Kind
from notifier.messages import AdminNotice, notice_to_json
from notifier.outcome import STRATEGIES, Strategy
from workers import keys
from workers.enrich import delivery_job
from workers.queues import HandOver, Queues
from workers.replies import text as as_text
from workers.scrub import scrub

PACE = 60
"""Seconds between two messages of one kind."""
MOST_NOTED = 100
"""Events that are noted down at most between two flushes; the oldest are forgotten."""
MOST_KEPT, MOST_SHOWN = 1_000, 3
"""Events of one kind that are kept for the next message, and that it names; the others become a count."""
KEPT_BACK_TTL = 24 * 3600


@dataclass(frozen=True, slots=True)
class _Noted:
    kind: str
    text: str
    about: frozenset[str]


class Admin:
    """Who tells, in one process. `clock` gives epoch seconds."""

    def __init__(self, queues: Queues, clock: Callable[[], float] = time.time) -> None:
        self._queues, self._clock = queues, clock
        self._noted: deque[_Noted] = deque(maxlen=MOST_NOTED)
        self._kept_back: set[str] = set()
        self._publish: list[tuple[str | None, float | None]] = []

    def configured(self, to: str | None, status: float | None = None) -> None:
        """The configuration names this destination for it, or none: from the next flush on, for all processes.

        `status` is how often it is told how the service fares, in seconds, None for never (see `status_notice`).
        """
        self._publish = [(to, status)]

    def hear(self, kind: Kind, fields: dict[str, Any]) -> None:
        """Listen to an event, as `telemetry.subscribe` has it."""
        strategy = dict[Any, Strategy](STRATEGIES).get(fields.get("category"))
        if kind.runbook and (strategy is None or strategy.told == "admin"):
            shown = ", ".join(f"{name}: {value}" for name, value in fields.items())
            self.tell(kind.name, shown, about=_destinations(fields))

    def tell(self, kind: str, text: str, about: frozenset[str] = frozenset()) -> None:
        """Tell of one event of the kind (a name of `notifier.events`), in words; nothing is sent before `flush`.

        `about` are destinations that it is about: the one that is told is never told about itself.
        """
        self._noted.append(_Noted(kind, scrub(text), about))

    def flush(self) -> None:
        """Hand over what was noted down; while Redis is away it is kept for the next time."""
        if not (self._noted or self._kept_back or self._publish):
            return
        try:
            self._keep_configured()
            to = self._queues.connection.get(keys.ADMIN)
            while self._noted:
                if to is not None:
                    self._hold_back(self._noted[0], as_text(to))
                self._noted.popleft()
            for kind in list(self._kept_back):
                self._send(kind, None if to is None else as_text(to))
        except RedisError:
            return

    def _keep_configured(self) -> None:
        if self._publish:
            [(to, status)] = self._publish
            self._keep(keys.ADMIN, to)
            self._keep(keys.STATUS_EVERY, None if status is None else repr(status))
            self._publish = []

    def _keep(self, key: str, value: str | None) -> None:
        if value is None:
            self._queues.connection.delete(key)
        else:
            self._queues.connection.set(key, value)

    def _hold_back(self, noted: _Noted, to: str) -> None:
        """Everything goes through the list of its kind, so that what another process kept back is told along."""
        if to in noted.about:
            return
        with self._queues.connection.pipeline(transaction=True) as pipe:
            pipe.rpush(keys.untold(noted.kind), noted.text)
            pipe.ltrim(keys.untold(noted.kind), -MOST_KEPT, -1)
            pipe.expire(keys.untold(noted.kind), KEPT_BACK_TTL)
            pipe.execute()
        self._kept_back.add(noted.kind)

    def _send(self, kind: str, to: str | None) -> None:
        """One message for all that was kept back, unless there was one within PACE."""
        connection = self._queues.connection
        if to is not None:
            if not connection.set(keys.told(kind), "1", nx=True, ex=PACE):
                return
            texts = [as_text(one) for one in connection.lrange(keys.untold(kind), 0, -1)]
            if texts:
                self._hand_over(kind, to, texts)
            # After the message: cut off in between, it is told twice rather than never.
            connection.ltrim(keys.untold(kind), len(texts), -1)
        self._kept_back.discard(kind)

    def _hand_over(self, kind: str, to: str, texts: list[str]) -> None:
        now = self._clock()
        known = KINDS.get(kind)
        notice = AdminNotice(
            kind,
            " · ".join(texts[:MOST_SHOWN]),
            level=known.level if known else "WARNING",
            runbook=known.runbook if known else "",
            kept_back=max(len(texts) - MOST_SHOWN, 0),
            time=int(now),
        )
        # Before every killmail that waits there; among themselves in the order of their names.
        name = f"admin-{int(now * 1000):x}{secrets.token_hex(2)}"
        self._queues.hand_over(HandOver([delivery_job(name, to, notice_to_json(notice), 0, now)]))


def _destinations(fields: dict[str, Any]) -> frozenset[str]:
    """The destinations that an event is about, by its fields: named, in a job's id, in a circuit's name."""
    job, circuit = str(fields.get("job", "")), str(fields.get("circuit", ""))
    named = {str(fields.get("destination", "")), job.partition("-")[2].partition("-")[2], circuit.partition(":")[2]}
    return frozenset(named - {""})
