"""What Redis knows of a message that may be edited: what it shows, what newer notices wait for it, who edits it."""

import secrets
from dataclasses import dataclass

import msgspec

from notifier.messages import Layout
from workers import keys
from workers.outbox import CHANNEL_WINDOW, GLOBAL_LIMIT, Keep, limits
from workers.queues import Queues
from workers.replies import text

EDITS = 15
"""Posts of a channel's 30 in a minute that edits may use up: news is worth more than names."""
YIELD = 2.0
"""Seconds between two looks of an edit while something waits to be posted."""


class Kept(msgspec.Struct, frozen=True):
    """A message that may be edited: the deliveries in it with their notices (JSON), how many waited then (see
    `compose`), its layout, the thread that it is in ("" for the channel), the fingerprint of where it was posted.
    """

    shows: dict[str, str]
    waiting: int
    layout: Layout
    thread: str
    address: str

    def kept(self, destination: str, message_id: str) -> Keep:
        """Say how it is kept."""
        return Keep(keys.message(destination, message_id), encoded(self), keys.EDITABLE_TTL)


_decoder = msgspec.json.Decoder(Kept)


def encoded(kept: Kept) -> str:
    """Give it as JSON."""
    return msgspec.json.encode(kept).decode()


@dataclass(frozen=True, slots=True)
class Busy:
    """Somebody else is just editing the message."""


@dataclass(frozen=True, slots=True)
class Wait:
    """The rate limits admit an edit in `seconds`."""

    seconds: float


class Revisions:
    """One message of a destination, as the job `job_id` edits it; `webhook`: the fingerprint of what Discord limits."""

    def __init__(self, queues: Queues, destination: str, webhook: str, message_id: str, job_id: str) -> None:
        self._connection, self._scripts = queues.connection, queues.scripts
        self._job, self._name, self._limits = job_id, secrets.token_hex(8), limits(webhook)
        self._kept, self._lock = keys.message(destination, message_id), keys.editing(destination, message_id)
        self._waiting, self._outbox = keys.revisions(destination, message_id), keys.outbox(destination)
        self._lock_time = (queues.job_timeout + 1) * 1000

    def kept(self) -> Kept | None:
        """What is kept of the message; None for one that is not edited, or not any more."""
        found = self._connection.get(self._kept)
        try:
            return None if found is None else _decoder.decode(found)
        except msgspec.MsgspecError:
            return None  # Another version's.

    def add(self, delivery: str, notice: str) -> None:
        """Let a newer notice (JSON) of a delivery wait until somebody edits the message."""
        with self._connection.pipeline(transaction=True) as pipe:
            pipe.hset(self._waiting, delivery, notice)
            pipe.expire(self._waiting, keys.EDITABLE_TTL)
            pipe.execute()

    def waiting(self) -> dict[str, str]:
        """The notices that wait, by their deliveries."""
        found = self._connection.hgetall(self._waiting)
        return {text(delivery): text(notice) for delivery, notice in found.items()}

    def begin(self) -> Busy | Wait | None:
        """Begin an edit; None: it has begun, and nobody else edits the message until it has `ended`."""
        reply = self._scripts.admit(
            keys=[*self._limits, self._lock, self._outbox],
            args=[self._name, EDITS, CHANNEL_WINDOW, GLOBAL_LIMIT, self._lock_time, YIELD, self._job],
        )
        match reply:
            case [b"busy"]:
                return Busy()
            case [b"wait", seconds]:
                return Wait(float(seconds))
        return None

    def ended(self, shows: Kept | None, done: dict[str, str]) -> None:
        """Keep what the message shows now (None: what it did before); those of `done` wait no more."""
        flat = [part for pair in done.items() for part in pair]
        value = "" if shows is None else encoded(shows)
        self._scripts.revised(keys=[self._lock, self._kept, self._waiting], args=[self._job, value, *flat])
