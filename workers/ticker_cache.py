"""Tickers of corporations and alliances: from Redis' cache, and one by one from ESI for those that are missing there.

A message does without those that do not come at once: threads go on asking, and the next message has them.
"""

import time
from collections.abc import Callable, Mapping

from redis import Redis

from notifier.messages import Organisation
from notifier.services.esi import Esi, EsiDown
from workers import keys
from workers.asking import Askers, Pace
from workers.circuits import Circuit, CircuitOpen
from workers.name_cache import KNOWN_TTL, SERVICE, UNKNOWN_TTL, counts, keep_pause, pause_left
from workers.replies import text

WAIT = 0.2
"""Seconds that one message waits for tickers at most, all of them together: nothing waits longer inside a job."""
TIMEOUT = 3.0
"""Seconds that a call may be silent; nobody waits for it that long."""
THREADS = 4
BURST, A_SECOND = 30.0, 10.0
"""Calls at once, and how fast they may come after that: a backlog of killmails must not become a storm of calls."""


class TickerCache:
    """The shared cache in front of ESI, with the circuit of `name_cache` between; threads of its own ask."""

    def __init__(
        self, connection: Redis, esi: Esi, clock: Callable[[], float] = time.monotonic, wait: float = WAIT
    ) -> None:
        self._connection, self._esi, self._wait = connection, esi, wait
        self._askers: Askers[tuple[Organisation, int], str] = Askers(
            "tickers", self._begin, Pace(clock, BURST, A_SECOND), THREADS
        )

    def tickers(self, wanted: Mapping[int, Organisation]) -> dict[int, str]:
        """The tickers of `wanted` that are known in time, the first ones first; the others are there the next time."""
        if not wanted:
            return {}
        *values, pause = self._connection.mget([*(keys.ticker(one) for one in wanted), keys.pause(SERVICE)])
        known = {one: text(value) for one, value in zip(wanted, values, strict=True) if value is not None}
        found = {one: ticker for one, ticker in known.items() if ticker}
        missing = [(kind, one) for one, kind in wanted.items() if one not in known]
        if missing and pause_left(pause) <= 0:
            found |= {one: ticker for (_, one), ticker in self._askers.answers(missing, self._wait).items()}
        return found

    def _begin(self) -> Callable[[tuple[Organisation, int]], str | None]:
        # One circuit a thread, all of one state: pybreaker's lock would make the threads wait for each other.
        circuit = Circuit(SERVICE, self._connection, counts)
        return lambda question: self._fetched(circuit, *question)

    def _fetched(self, circuit: Circuit, kind: Organisation, one: int) -> str | None:
        try:
            ticker = circuit.call(lambda: self._esi.ticker(kind, one, TIMEOUT))
        except EsiDown as down:
            keep_pause(self._connection, down.retry_after)
            return None
        except CircuitOpen:
            return None
        self._connection.set(keys.ticker(one), ticker or "", ex=KNOWN_TTL if ticker else UNKNOWN_TTL)
        return ticker
