"""Names of pilots and organisations: from Redis' cache, and in bulk from ESI for those that are missing there."""

import time
from collections.abc import Collection

from redis import Redis

from notifier.outcome import STRATEGIES, Category
from notifier.services.esi import Esi, EsiDown, Names
from workers import keys
from workers.circuits import Circuit, CircuitOpen
from workers.replies import text

KNOWN_TTL = 24 * 3600
UNKNOWN_TTL = 3600
SERVICE = "esi"


class NamesMissing(Exception):  # noqa: N818 – a state, not an error
    """Some names cannot be had now: `so_far` are the others, `seconds` when to ask again."""

    def __init__(self, reason: str, seconds: float, so_far: dict[int, str], category: Category) -> None:
        super().__init__(reason)
        self.reason, self.seconds, self.so_far, self.category = reason, seconds, so_far, category


class NameCache:
    """The shared cache in front of ESI, with a circuit between."""

    def __init__(self, connection: Redis, esi: Esi) -> None:
        self._connection, self._esi = connection, esi
        self._circuit = Circuit(SERVICE, connection, counts)

    def names(self, ids: Collection[int]) -> dict[int, str]:
        """The names of `ids`; those that ESI does not know are left out. Raises NamesMissing while ESI is down."""
        wanted = sorted(ids)
        if not wanted:
            return {}
        *values, pause = self._connection.mget([*(keys.name(i) for i in wanted), keys.pause(SERVICE)])
        known = {i: text(value) for i, value in zip(wanted, values, strict=True) if value is not None}
        missing = [i for i in wanted if i not in known]
        found = {i: name for i, name in known.items() if name}
        if missing:
            self._keep_the_pause(pause, found)
            found |= self._ask(missing, found)
        return found

    @staticmethod
    def _keep_the_pause(pause: bytes | str | None, found: dict[int, str]) -> None:
        left = pause_left(pause)
        if left > 0:
            raise NamesMissing("ESI asked for a pause", left, found, "throttled")

    def _ask(self, missing: list[int], found: dict[int, str]) -> dict[int, str]:
        try:
            answer = self._circuit.call(lambda: self._esi.names(missing))
        except EsiDown as down:
            self._keep(down.so_far, down.retry_after)
            seconds = 1.0 if down.retry_after is None else down.retry_after
            so_far = found | down.so_far.found
            raise NamesMissing(f"ESI: {down.reason}", seconds, so_far, down.category) from None
        except CircuitOpen as circuit:
            raise NamesMissing(str(circuit), circuit.seconds, found, "dependency down") from None
        self._keep(answer)
        return answer.found

    def _keep(self, names: Names, pause: float | None = None) -> None:
        with self._connection.pipeline(transaction=False) as pipe:
            for entity, name in names.found.items():
                pipe.set(keys.name(entity), name, ex=KNOWN_TTL)
            for entity in names.unknown:
                pipe.set(keys.name(entity), "", ex=UNKNOWN_TTL)
            pipe.execute()
        keep_pause(self._connection, pause)


def pause_left(pause: bytes | str | None) -> float:
    """Seconds that a service wants to be left alone, by the value of its key: what it asked of one worker all do."""
    return 0.0 if pause is None else float(text(pause)) - time.time()


def keep_pause(connection: Redis, seconds: float | None, service: str = SERVICE) -> None:
    """Leave the service alone for so long, in all processes: each call in between would prolong it."""
    if seconds:
        connection.set(keys.pause(service), repr(time.time() + seconds), px=max(int(seconds * 1000), 1))


def counts(error: Exception) -> bool:
    """Whether an error says that ESI is down, for its circuit."""
    return isinstance(error, EsiDown) and STRATEGIES[error.category].counts
