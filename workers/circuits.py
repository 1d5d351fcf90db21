"""A circuit around a service, its state shared by all processes through Redis: pybreaker's, one probe at a time."""

from collections.abc import Callable
from typing import TypeVar

import pybreaker
from redis import Redis

from workers import keys

T = TypeVar("T")
PROBE_TTL = 20
"""Seconds after which a probe that never came back is given up."""


class CircuitOpen(Exception):  # noqa: N818 – a state, not an error
    """The service is not called now; try again in `seconds`."""

    def __init__(self, name: str, seconds: float) -> None:
        super().__init__(f"the circuit around {name} is open")
        self.seconds = seconds


class Circuit:
    """Opens after `failures` in a row of type `counted`; after `rest` seconds one caller may try again.

    pybreaker's half-open state admits every process at once, so the probe is taken by SET NX around it.
    """

    def __init__(
        self, name: str, connection: Redis, counted: type[Exception], failures: int = 3, rest: int = 10
    ) -> None:
        self.name, self._connection, self._counted = name, connection, counted
        self._failures, self._rest = failures, rest
        self._breaker: pybreaker.CircuitBreaker | None = None

    def call(self, work: Callable[[], T]) -> T:
        """Do `work`; raises CircuitOpen without doing it while the service rests, else what `work` raises."""
        breaker = self._breaker = self._breaker or self._made()
        if breaker.current_state == pybreaker.STATE_CLOSED:
            return self._through(breaker, work)
        if not self._connection.set(keys.probe(self.name), "1", nx=True, ex=PROBE_TTL):
            raise CircuitOpen(self.name, 1.0)
        try:
            return self._through(breaker, work)
        finally:
            self._connection.delete(keys.probe(self.name))

    def _through(self, breaker: pybreaker.CircuitBreaker, work: Callable[[], T]) -> T:
        failure: list[Exception] = []

        def kept() -> T:
            try:
                return work()
            except self._counted as error:
                failure.append(error)
                raise

        try:
            result: T = breaker.call(kept)
        except pybreaker.CircuitBreakerError:
            if failure:  # the failure that opened the circuit: its own words say more
                raise failure[0] from None
            raise CircuitOpen(self.name, 1.0) from None
        return result

    def _made(self) -> pybreaker.CircuitBreaker:
        """Made at the first call: the storage asks Redis at once, and a worker must come up without it."""
        storage = pybreaker.CircuitRedisStorage(
            pybreaker.STATE_CLOSED, self._connection, namespace=keys.circuit(self.name)
        )
        return pybreaker.CircuitBreaker(
            fail_max=self._failures,
            reset_timeout=self._rest,
            exclude=[lambda error: not isinstance(error, self._counted)],
            state_storage=storage,
            name=self.name,
        )
