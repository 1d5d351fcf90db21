"""A battle as a digest tells of it, made of the demo's killmails: what `notifier preview digest` shows."""

from collections.abc import Iterator
from itertools import cycle

import msgspec

from notifier.feeds import archive
from notifier.killmail import Killmail, decode_archived
from notifier.messages import Digest, KillNotice, digest_payload, fold
from notifier.tracking import Side
from notifier.universe import Universe
from ops.preview_known import SHIPPED, made_up

SYSTEMS = ("X47L-Q", "A-ELE2")
"""Eight supercapitals died in the first on one evening of 2018; what died in the other joins them."""
SIDES: tuple[Side, ...] = ("kill", "kill", "loss")
BETWEEN, SINCE = 210, 90
"""Seconds from one kill to the next, and since the last."""


def message(now: float, universe: Universe) -> dict[str, object]:
    """Give the digest's message, as of `now` in epoch seconds, with invented names and sides."""
    return digest_payload(fold(Digest(), notices(int(now), universe)))


def notices(now: int, universe: Universe) -> list[KillNotice]:
    """Give the kills, the first first, as though they had been one battle that is not over."""
    found = sorted(_killmails(universe), key=lambda one: one.killmail_time)
    known, first = made_up(found), now - SINCE - BETWEEN * (len(found) - 1)
    return [
        msgspec.structs.replace(known.notice(one, universe, side), time=first + BETWEEN * at)
        for at, (one, side) in enumerate(zip(found, cycle(SIDES), strict=False))
    ]


def _killmails(universe: Universe) -> Iterator[Killmail]:
    there = {system_id for name in SYSTEMS for system_id in universe.find("system", name)}
    for _, line in archive.read(SHIPPED):
        if (found := decode_archived(line)).solar_system_id in there:
            yield found
