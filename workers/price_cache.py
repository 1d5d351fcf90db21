"""What the victim's items were worth: ESI's averages sort out, zKillboard (or Janice) says it for the few dear ones.

Both lie in Redis for everyone. Threads ask; a message does without what does not come at once.
"""

import time
from collections.abc import Callable, Collection
from typing import TypeAlias

from redis import Redis

from notifier.killmail import Killmail
from notifier.messages import Item
from notifier.messages.items import Types, candidates, notable, prices_wanted
from notifier.outcome import STRATEGIES
from notifier.services.esi import Esi, EsiDown
from notifier.services.prices import PricesDown, PriceSource
from workers import keys
from workers.asking import Askers, Pace, SharedPace
from workers.circuits import Circuit, CircuitOpen
from workers.name_cache import SERVICE, counts, keep_pause, pause_left
from workers.replies import text

WAIT = 0.2
"""Seconds that one message waits for prices at most, all of them together."""
TIMEOUT = 5.0
"""Seconds that a call to the source may be silent; nobody waits for it that long."""
THREADS = 2
MOST, SPAN = 5, 5
"""Calls to the source in each span of seconds, by all processes: one a second, and a small burst."""
REFRESH = 3600
"""Seconds after which ESI is asked for its averages again."""
AGAIN = 60
"""Seconds after which it is asked again where it did not answer."""
STALE = 24 * 3600
"""Seconds for which averages are good enough while ESI gives no newer ones."""
REST = 60.0
"""Seconds for which a source that fails is left alone."""
CHUNK = 1_000
DUE = "due"
"""The field that says when the averages are to be refreshed: read with them, it costs no call of its own."""

Some: TypeAlias = tuple[int, ...]
"""Types that one call asks for."""


class PriceCache:
    """Chooses the notable items of a killmail; from `threshold` ISK on a stack is one."""

    def __init__(
        self,
        connection: Redis,
        esi: Esi,
        source: PriceSource,
        threshold: float,
        types: Types,
        clock: Callable[[], float] = time.monotonic,
        wait: float = WAIT,
    ) -> None:
        self._threshold, self._types, self._clock, self._wait = threshold, types, clock, wait
        self._averages = _Averages(connection, esi, clock)
        self._values = _Values(connection, source)

    def notable(self, killmail: Killmail) -> tuple[Item, ...]:
        """The items that a message shows, with the best prices that are known in time."""
        wanted = prices_wanted(killmail, self._threshold, self._types)
        if not wanted:
            return ()
        deadline = self._clock() + self._wait
        prices = self._averages.of(wanted, self._wait)
        dear = candidates(killmail, prices, self._threshold)
        prices |= self._values.of(dear, deadline - self._clock())
        return notable(killmail, prices, self._threshold, self._types)


class _Averages:
    """ESI's averages: one bulk call an hour, by the worker that first needs it."""

    def __init__(self, connection: Redis, esi: Esi, clock: Callable[[], float]) -> None:
        self._connection, self._esi = connection, esi
        self._askers: Askers[str, bool] = Askers("averages", self._begin, Pace(clock, 1.0, 0.1), 1)

    def of(self, types: Collection[int], wait: float) -> dict[int, float]:
        """The averages of those types that have one; `wait` seconds at most where there are none at all."""
        found, is_due = self._read(types)
        if not is_due or self._connection.exists(keys.AVERAGES_ASKED):
            return found
        # Old ones are as good for this message, so it does not wait.
        asked = self._askers.answers(("averages",), 0.0 if found else wait)
        return found or (self._read(types)[0] if asked else {})

    def _read(self, types: Collection[int]) -> tuple[dict[int, float], bool]:
        *values, due = self._connection.hmget(keys.AVERAGES, [*map(str, types), DUE])
        known = {one: float(value) for one, value in zip(types, values, strict=True) if value is not None}
        return known, due is None or float(due) <= time.time()

    def _begin(self) -> Callable[[str], bool | None]:
        circuit = Circuit(SERVICE, self._connection, counts)
        return lambda _: self._refreshed(circuit)

    def _refreshed(self, circuit: Circuit) -> bool | None:
        if not self._connection.set(keys.AVERAGES_ASKED, "", nx=True, ex=AGAIN):
            return None
        # Names need ESI more: prices neither probe its circuit nor open it.
        if not circuit.closed or pause_left(self._connection.get(keys.pause(SERVICE))) > 0:
            return None
        try:
            averages = self._esi.prices()
        except EsiDown as down:
            keep_pause(self._connection, down.retry_after)
            return None
        self._keep(list(averages.items()))
        return True

    def _keep(self, averages: list[tuple[int, float]]) -> None:
        for at in range(0, len(averages), CHUNK):
            with self._connection.pipeline(transaction=False) as pipe:
                pipe.hset(keys.AVERAGES, mapping={str(one): repr(price) for one, price in averages[at : at + CHUNK]})
                pipe.expire(keys.AVERAGES, STALE)
                pipe.execute()
        self._connection.hset(keys.AVERAGES, DUE, repr(time.time() + REFRESH))


class _Values:
    """The source's own prices, of a few types at a time."""

    def __init__(self, connection: Redis, source: PriceSource) -> None:
        self._connection, self._source = connection, source
        pace = SharedPace(source.name, connection, MOST, SPAN)
        self._askers: Askers[Some, dict[int, float]] = Askers("prices", self._begin, pace, THREADS)

    def of(self, types: Some, wait: float) -> dict[int, float]:
        """The prices of those types that the source knows, and that are known within `wait` seconds."""
        if not types:
            return {}
        name, at_once = self._source.name, self._source.at_once
        *values, pause = self._connection.mget([*(keys.price(name, one) for one in types), keys.pause(name)])
        known = {one: text(value) for one, value in zip(types, values, strict=True) if value is not None}
        found = {one: float(price) for one, price in known.items() if price}
        missing = [one for one in types if one not in known]
        if missing and pause_left(pause) <= 0:
            questions = [tuple(missing[at : at + at_once]) for at in range(0, len(missing), at_once)]
            for answer in self._askers.answers(questions, wait).values():
                found |= answer
        return found

    def _begin(self) -> Callable[[Some], dict[int, float] | None]:
        circuit = Circuit(self._source.name, self._connection, _counts, rest=REST)
        return lambda types: self._fetched(circuit, types)

    def _fetched(self, circuit: Circuit, types: Some) -> dict[int, float] | None:
        source = self._source
        try:
            prices = circuit.call(lambda: source.prices(types, TIMEOUT))
        except PricesDown as down:
            keep_pause(self._connection, down.retry_after, source.name)
            return None
        except CircuitOpen:
            return None
        with self._connection.pipeline(transaction=False) as pipe:
            for one in types:
                pipe.set(keys.price(source.name, one), repr(prices[one]) if one in prices else "", ex=source.keeps)
            pipe.execute()
        return prices


def _counts(error: Exception) -> bool:
    """Whether an error says that the source is down, for its circuit."""
    return isinstance(error, PricesDown) and STRATEGIES[error.category].counts
