"""Names of pilots and organisations: from Redis' cache, and in bulk from ESI for those that are missing there."""

from collections.abc import Collection

from redis import Redis

from notifier.services.esi import Esi, EsiDown, Names
from workers import keys
from workers.circuits import Circuit, CircuitOpen
from workers.replies import text

KNOWN_TTL = 24 * 3600
UNKNOWN_TTL = 3600


class NamesMissing(Exception):  # noqa: N818 – a state, not an error
    """Some names cannot be had now: `so_far` are the others, `seconds` when to ask again."""

    def __init__(self, reason: str, seconds: float, so_far: dict[int, str]) -> None:
        super().__init__(reason)
        self.reason, self.seconds, self.so_far = reason, seconds, so_far


class NameCache:
    """The shared cache in front of ESI, with a circuit between."""

    def __init__(self, connection: Redis, esi: Esi) -> None:
        self._connection, self._esi = connection, esi
        self._circuit = Circuit("esi", connection, EsiDown)

    def names(self, ids: Collection[int]) -> dict[int, str]:
        """The names of `ids`; those that ESI does not know are left out. Raises NamesMissing while ESI is down."""
        wanted = sorted(ids)
        if not wanted:
            return {}
        cached = zip(wanted, self._connection.mget([keys.name(i) for i in wanted]), strict=True)
        known = {i: text(value) for i, value in cached if value is not None}
        missing = [i for i in wanted if i not in known]
        found = {i: name for i, name in known.items() if name}
        if missing:
            found |= self._ask(missing, found)
        return found

    def _ask(self, missing: list[int], found: dict[int, str]) -> dict[int, str]:
        try:
            answer = self._circuit.call(lambda: self._esi.names(missing))
        except EsiDown as down:
            self._keep(down.so_far)
            raise NamesMissing(f"ESI: {down.reason}", down.retry_after or 1.0, found | down.so_far.found) from None
        except CircuitOpen as circuit:
            raise NamesMissing(str(circuit), circuit.seconds, found) from None
        self._keep(answer)
        return answer.found

    def _keep(self, names: Names) -> None:
        with self._connection.pipeline(transaction=False) as pipe:
            for entity, name in names.found.items():
                pipe.set(keys.name(entity), name, ex=KNOWN_TTL)
            for entity in names.unknown:
                pipe.set(keys.name(entity), "", ex=UNKNOWN_TTL)
            pipe.execute()
