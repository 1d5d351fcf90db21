"""Circuits around services, their states shared by all processes through Redis: pybreaker's, one probe at a time.

Which circuits there are: `esi` (name_cache), `discord` and one `webhook:{destination}` each (discord_circuits).
"""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import pybreaker
from redis import Redis
from redis.exceptions import RedisError
from rq.timeouts import JobTimeoutException

from workers import keys
from workers.replies import text
from workers.scrub import scrub
from workers.telemetry import emit

T = TypeVar("T")
PROBE_TTL = 30
"""Seconds after which a probe that never came back (its process was killed) is given up; above a whole HTTP request."""
FRESH = 0.5
"""Seconds for which what was read of a circuit is believed: a closed one costs its callers two reads a second."""
AWAY = 1.0
"""Seconds without a look at a Redis that was away: each look at it takes about as long."""


class CircuitOpen(Exception):  # noqa: N818 – a state, not an error
    """The service is not called now; try again in `seconds`. `reason` is what opened the circuit, as far as known."""

    def __init__(self, name: str, seconds: float, reason: str = "") -> None:
        super().__init__(f"the circuit around {name} is open" + (f": {reason}" if reason else ""))
        self.name, self.seconds = name, seconds


@dataclass(frozen=True, slots=True)
class State:
    """One circuit as Redis has it: `state` is closed, open or half-open; `since` in epoch seconds, None if it never
    opened; `reason` is what opened it last.
    """

    state: str
    since: float | None = None
    reason: str = ""


def read(connection: Redis) -> dict[str, State]:
    """Every circuit that has ever opened, by name. Raises what redis-py raises."""
    names = sorted(text(name) for name in connection.smembers(keys.CIRCUITS))
    pipe = connection.pipeline(transaction=False)
    for name in names:
        pipe.hmget(keys.circuit(name), ["state", "since", "reason"])
    found = zip(names, pipe.execute(), strict=True) if names else ()
    return {name: _state(*values) for name, values in found}


def states(connection: Redis) -> dict[str, str]:
    """The state of each circuit that has ever opened, by name: closed, open, half-open. Raises what redis-py raises."""
    return {name: found.state for name, found in read(connection).items()}


def _state(state: bytes | None, since: bytes | None, reason: bytes | None) -> State:
    return State(text(state or b"closed"), float(since) if since else None, text(reason or b""))


class _Shared(pybreaker.CircuitBreakerStorage):
    """A circuit's state: a hash in Redis, and a copy here that holds while Redis is away.

    pybreaker's own storage asks Redis for each property and forgets everything without it.
    """

    def __init__(self, name: str, connection: Redis) -> None:
        super().__init__("redis")
        self._circuit, self._connection, self._key = name, connection, keys.circuit(name)
        self._state, self._failures, self._successes = str(pybreaker.STATE_CLOSED), 0, 0
        self._opened_at: float | None = None
        self.reason = ""
        self._asked_until = 0.0

    def ask(self, step: Callable[[], T]) -> T | None:
        """Do a step in Redis, None while it is away."""
        try:
            return step()
        except RedisError:
            self._asked_until = time.monotonic() + AWAY
            return None

    def _refresh(self) -> None:
        if time.monotonic() < self._asked_until:
            return
        self._asked_until = time.monotonic() + FRESH
        found = self.ask(lambda: self._connection.hmget(self._key, ["state", "failures", "since", "reason"]))
        if found is not None and found[0] is not None:
            self._state, self._failures = text(found[0]), int(found[1] or 0)
            self._opened_at = float(found[2]) if found[2] else None
            self.reason = text(found[3] or b"")
        elif found is not None:
            self._state, self._failures = str(pybreaker.STATE_CLOSED), int(found[1] or 0)

    @property
    def state(self) -> str:
        """The state, as of FRESH seconds ago at most."""
        self._refresh()
        return self._state

    @state.setter
    def state(self, state: str) -> None:
        before = self.ask(lambda: self._exchange(state)) or self._state
        self._state = state
        if state == pybreaker.STATE_OPEN and before == pybreaker.STATE_CLOSED:
            emit("circuit_opened", circuit=self._circuit, reason=self.reason)
        elif state == pybreaker.STATE_CLOSED and before != pybreaker.STATE_CLOSED:
            emit("circuit_closed", circuit=self._circuit)

    def _exchange(self, state: str) -> str:
        """Set the state and give the one before, at once: of several processes that see a change one tells of it."""
        with self._connection.pipeline(transaction=True) as pipe:
            pipe.hget(self._key, "state")
            pipe.hset(self._key, mapping={"state": state, "reason": self.reason})
            pipe.sadd(keys.CIRCUITS, self._circuit)
            before, *_ = pipe.execute()
        return text(before or b"closed")

    @property
    def counter(self) -> int:
        """Failures in a row."""
        return self._failures

    def increment_counter(self) -> None:
        """One more failure."""
        shared = self.ask(lambda: self._connection.hincrby(self._key, "failures", 1))
        self._failures = self._failures + 1 if shared is None else int(shared)

    def reset_counter(self) -> None:
        """A success: no failure in a row. Redis is told only if it may know of one."""
        if self._failures:
            self._failures = 0
            self.ask(lambda: self._connection.hset(self._key, "failures", 0))

    @property
    def success_counter(self) -> int:
        """Successes of the probe; one is enough, so nobody else need know."""
        return self._successes

    def increment_success_counter(self) -> None:
        """One more."""
        self._successes += 1

    def reset_success_counter(self) -> None:
        """None."""
        self._successes = 0

    @property
    def opened_at(self) -> datetime | None:
        """When it opened last."""
        return None if self._opened_at is None else datetime.fromtimestamp(self._opened_at, UTC)

    @opened_at.setter
    def opened_at(self, now: datetime) -> None:
        self._opened_at = now.timestamp()
        self.ask(lambda: self._connection.hset(self._key, "since", repr(now.timestamp())))


class Circuit:
    """Opens after `failures` in a row that `counted` takes for failures of the service; after `rest` seconds one caller
    may try again.

    pybreaker's half-open state admits every process at once, so the probe is taken by SET NX around it.
    """

    def __init__(
        self, name: str, connection: Redis, counted: Callable[[Exception], bool], failures: int = 3, rest: float = 10.0
    ) -> None:
        self.name, self._connection = name, connection
        self._counted, self._failures, self.rest = counted, failures, rest
        self._storage = _Shared(name, connection)
        self._breaker: Any = None

    @property
    def closed(self) -> bool:
        """Whether everybody may call."""
        return self._storage.state == pybreaker.STATE_CLOSED

    def call(self, work: Callable[[], T]) -> T:
        """Do `work`; raises CircuitOpen without doing it while the service rests, else what `work` raises."""
        with self.admitted():
            return self.through(work)

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Within it `through` may be called once, or not at all; raises CircuitOpen while the service rests.

        When the rest is over it admits one process at a time: the probe.
        """
        if self.closed:
            yield
            return
        opened_at = self._storage.opened_at
        left = 0.0 if opened_at is None else opened_at.timestamp() + self.rest - time.time()
        if left > 0:
            raise CircuitOpen(self.name, left, self._storage.reason)
        token = secrets.token_hex(4)
        self._take_probe(token)
        try:
            yield
        finally:
            self._storage.ask(lambda: self._give_back_probe(token))

    def through(self, work: Callable[[], T]) -> T:
        """Do `work` and count how it ends; raises CircuitOpen if it opened meanwhile, else what `work` raises."""
        failure: list[Exception] = []

        def watched() -> T:
            try:
                return work()
            except Exception as error:
                if self._counts(error):
                    failure.append(error)
                    self._storage.reason = scrub(str(error))
                raise

        try:
            result: T = self._made().call(watched)
        except pybreaker.CircuitBreakerError:
            if failure:  # the failure that opened the circuit: its own words say more
                raise failure[0] from None
            raise CircuitOpen(self.name, 1.0, self._storage.reason) from None
        return result

    def open(self, reason: str) -> None:
        """Open it now, whatever was counted so far."""
        if self.closed:
            self._storage.reason = scrub(reason)
            self._made().open()

    def _counts(self, error: Exception) -> bool:
        return isinstance(error, JobTimeoutException) or self._counted(error)

    def _take_probe(self, token: str) -> None:
        taken = self._storage.ask(
            lambda: self._connection.set(keys.probe(self.name), token, nx=True, ex=PROBE_TTL) or 0
        )
        if taken == 0:
            raise CircuitOpen(self.name, 1.0, self._storage.reason)

    def _give_back_probe(self, token: str) -> None:
        """Only our own: after PROBE_TTL it is another's."""
        if self._connection.get(keys.probe(self.name)) == token.encode():
            self._connection.delete(keys.probe(self.name))

    def _made(self) -> Any:
        """Made at the first call: pybreaker asks its storage at once, and a worker must come up without Redis."""
        if self._breaker is None:
            self._breaker = pybreaker.CircuitBreaker(
                fail_max=self._failures,
                reset_timeout=self.rest,
                exclude=[lambda error: not self._counts(error)],
                state_storage=self._storage,
                name=self.name,
            )
        return self._breaker
