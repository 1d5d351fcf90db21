"""Which destinations are disabled, why and since when, and what waits for each: the state that outlives configurations.

A webhook that Discord refuses for good is disabled by its address, so that a new address begins anew; what the operator
disables stays so whatever its address.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from redis import Redis

from workers import keys
from workers.outbox import WHATEVER
from workers.replies import text
from workers.scrub import scrub
from workers.telemetry import emit


@dataclass(frozen=True, slots=True)
class Standing:
    """How a destination stands: `waiting` deliveries; if it is disabled, why and since when (epoch seconds)."""

    waiting: int
    address: str | None = None
    reason: str = ""
    since: float | None = None

    def disabled(self, fingerprint: str | None) -> bool:
        """Whether nothing is posted there any more, if its address now has this fingerprint (None: unreadable)."""
        return self.address is not None and self.address in (WHATEVER, fingerprint)


def read(connection: Redis, destinations: Iterable[str]) -> dict[str, Standing]:
    """Give each destination's standing, by id. Raises what redis-py raises."""
    ids = list(destinations)
    pipe = connection.pipeline(transaction=False)
    for destination in ids:
        pipe.zcard(keys.outbox(destination))
        pipe.hmget(keys.disabled(destination), ["address", "reason", "since"])
    answers = pipe.execute() if ids else []
    return {one: _standing(answers[2 * n], *answers[2 * n + 1]) for n, one in enumerate(ids)}


def _standing(waiting: int, address: bytes | None, reason: bytes | None, since: bytes | None) -> Standing:
    if address is None:
        return Standing(waiting)
    return Standing(waiting, text(address), text(reason or b""), float(since) if since else None)


def disable(connection: Redis, destination: str, address: str, reason: str) -> None:
    """Post there no more: to the address of this fingerprint, or WHATEVER its address is. Tells of it once.

    Raises what redis-py raises; may be repeated.
    """
    reason = scrub(reason)
    if address != WHATEVER and connection.hget(keys.disabled(destination), "address") == WHATEVER.encode():
        return
    with connection.pipeline(transaction=True) as pipe:
        pipe.hget(keys.disabled(destination), "address")
        mark: dict[Any, Any] = {"address": address, "reason": reason, "since": repr(time.time())}
        pipe.hset(keys.disabled(destination), mapping=mark)
        before, _ = pipe.execute()
    if before is None or text(before) not in (address, WHATEVER):
        emit("destination_disabled", destination=destination, reason=reason)


def enable(connection: Redis, destination: str) -> bool:
    """Post there again; False when it was not disabled. Raises what redis-py raises."""
    gone = bool(connection.delete(keys.disabled(destination)))
    if gone:
        emit("destination_enabled", destination=destination)
    return gone
