"""Tickers of corporations and alliances: from Redis' cache, and one by one from ESI for those that are missing there.

A message does without those that do not come at once: threads go on asking, and the next message has them.
"""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from queue import Full, Queue
from threading import Lock, Thread
from typing import TypeAlias

from loguru import logger
from redis import Redis

from notifier.messages import Organisation
from notifier.services.esi import Esi, EsiDown
from workers import keys
from workers.circuits import Circuit, CircuitOpen
from workers.name_cache import KNOWN_TTL, SERVICE, UNKNOWN_TTL, counts, keep_pause, pause_left
from workers.replies import text

WAIT = 0.2
"""Seconds that one message waits for tickers at most, all of them together: nothing waits longer inside a job."""
TIMEOUT = 3.0
"""Seconds that a call may be silent; nobody waits for it that long."""
THREADS = 4
MOST_WAITING = 24
"""Questions that wait for a thread; beyond that a message goes out without its tickers and asks nothing."""
BURST, A_SECOND = 30.0, 10.0
"""Calls at once, and how fast they may come after that: a backlog of killmails must not become a storm of calls."""

Answer: TypeAlias = Future[str | None]
"""A ticker; None where there is none to be had now."""


class TickerCache:
    """The shared cache in front of ESI, with the circuit of `name_cache` between; threads of its own ask."""

    def __init__(
        self, connection: Redis, esi: Esi, clock: Callable[[], float] = time.monotonic, wait: float = WAIT
    ) -> None:
        self._connection, self._esi, self._wait = connection, esi, wait
        self._questions: Queue[tuple[Organisation, int, Answer]] = Queue(MOST_WAITING)
        self._asked: dict[int, Answer] = {}
        self._lock, self._pace = Lock(), _Pace(clock)
        self._begun = False

    def tickers(self, wanted: Mapping[int, Organisation]) -> dict[int, str]:
        """The tickers of `wanted` that are known in time, the first ones first; the others are there the next time."""
        if not wanted:
            return {}
        *values, pause = self._connection.mget([*(keys.ticker(one) for one in wanted), keys.pause(SERVICE)])
        known = {one: text(value) for one, value in zip(wanted, values, strict=True) if value is not None}
        found = {one: ticker for one, ticker in known.items() if ticker}
        missing = [one for one in wanted if one not in known]
        if missing and pause_left(pause) <= 0:
            found |= self._asked_for({one: wanted[one] for one in missing})
        return found

    def _asked_for(self, missing: Mapping[int, Organisation]) -> dict[int, str]:
        asked = {one: answer for one, kind in missing.items() if (answer := self._ask(kind, one)) is not None}
        wait(asked.values(), self._wait)
        return {one: ticker for one, answer in asked.items() if answer.done() and (ticker := answer.result())}

    def _ask(self, kind: Organisation, one: int) -> Answer | None:
        """Have a thread ask, unless one does already; None when there is too much to ask."""
        with self._lock:
            answer = self._asked.get(one)
            if answer is not None or not self._pace.allows():
                return answer
            answer = Future()
            try:
                self._questions.put_nowait((kind, one, answer))
            except Full:
                return None
            self._asked[one] = answer
        self._begin()
        return answer

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            for number in range(THREADS):
                # Daemons: a worker that stops does not wait for them, and what they do may be lost.
                Thread(target=self._answer, name=f"tickers-{number}", daemon=True).start()

    def _answer(self) -> None:
        # One circuit a thread, all of one state: pybreaker's lock would make the threads wait for each other.
        circuit = Circuit(SERVICE, self._connection, counts)
        while True:
            kind, one, answer = self._questions.get()
            ticker = None
            try:
                ticker = self._fetched(circuit, kind, one)
            except Exception as error:  # noqa: BLE001 – the message does without; a thread that ended would be missed
                logger.warning("no ticker for {} {} ({})", kind, one, type(error).__name__)
            finally:
                with self._lock:
                    self._asked.pop(one, None)
                answer.set_result(ticker)

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


class _Pace:
    """BURST calls at once, then A_SECOND of them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._left, self._at = clock, BURST, clock()

    def allows(self) -> bool:
        """Whether one more call may be made; it is counted."""
        now = self._clock()
        self._left, self._at = min(BURST, self._left + (now - self._at) * A_SECOND), now
        if self._left < 1:
            return False
        self._left -= 1
        return True
