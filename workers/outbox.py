"""What waits for a destination, who leads it, and what became of each delivery. One Lua script a step."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from workers import keys
from workers.queues import Queues

GROUP = 10
"""Most notifications that one message holds (Discord's limit of embeds)."""
CHANNEL_LIMIT, CHANNEL_WINDOW = 30, 60.0
"""Discord admits 30 posts in 60 s a channel without saying so in any header."""
GLOBAL_LIMIT = 50
"""Posts a second, from one IP address to all of Discord."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """Another leader has delivered it, or an earlier attempt."""


@dataclass(frozen=True, slots=True)
class Disabled:
    """Discord does not know the address any more."""


@dataclass(frozen=True, slots=True)
class Busy:
    """Another one leads; `rank` is this one's place in the outbox."""

    rank: int


@dataclass(frozen=True, slots=True)
class Limited:
    """The rate limits admit no post for `seconds`."""

    rank: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Lead:
    """This job leads: `ids` are the oldest of `waiting` deliveries, in order."""

    rank: int
    waiting: int
    ids: tuple[str, ...]


Claim: TypeAlias = Delivered | Disabled | Busy | Limited | Lead


class Outbox:
    """The outbox of one destination, as the job `job_id` sees it; `address` is the fingerprint of where it posts to."""

    def __init__(self, queues: Queues, destination: str, address: str, job_id: str) -> None:
        self._scripts, self._connection = queues.scripts, queues.connection
        self.destination, self.address, self.job_id = destination, address, job_id
        self._paths = [keys.limit(address), keys.posts(address), keys.ALL_POSTS]

    def claim(self, score: float) -> Claim:
        """Ask to lead."""
        d = self.destination
        reply = self._scripts.claim(
            keys=[keys.outbox(d), keys.lock(d), keys.alone(d), keys.disabled(d), *self._paths],
            args=[
                self.job_id, keys.delivery(self.job_id), repr(float(score)), keys.LOCK_TTL * 1000, GROUP, self.address,
                CHANNEL_LIMIT, CHANNEL_WINDOW, GLOBAL_LIMIT,
            ],
        )  # fmt: skip
        match reply:
            case [b"done"]:
                return Delivered()
            case [b"disabled"]:
                return Disabled()
            case [b"busy", rank]:
                return Busy(rank)
            case [b"wait", rank, seconds]:
                return Limited(rank, float(seconds))
            case _:
                return Lead(reply[1], reply[2], tuple(job_id.decode() for job_id in reply[3:]))

    def begin(self, ids: Sequence[str]) -> float | None:
        """Admit one post of the deliveries `ids`: None when it may go out now and is marked, else seconds to wait.

        The lock may have been lost to another leader (a pause of minutes): then it waits a moment and asks again.
        """
        limits = [CHANNEL_LIMIT, CHANNEL_WINDOW, GLOBAL_LIMIT]
        arguments: list[str | int | float] = [self.job_id, secrets.token_hex(8), *limits]
        reply = self._scripts.begin(
            keys=[*self._paths, keys.lock(self.destination), keys.COUNTERS],
            args=[*arguments, *(keys.delivery(job_id) for job_id in ids)],
        )
        match reply:
            case [b"begun"]:
                return None
            case [b"wait", seconds]:
                return float(seconds)
            case _:
                return 0.1

    def acknowledge(self, ids: Sequence[str], message_id: str) -> None:
        """Discord has taken the message that holds `ids`."""
        self._scripts.acknowledge(
            keys=[keys.outbox(self.destination), keys.lock(self.destination), keys.COUNTERS],
            args=[self.job_id, message_id, keys.LEDGER_TTL, len(ids), *ids, *(keys.delivery(i) for i in ids)],
        )

    def release(self, not_sent: Sequence[str] = (), alone_up_to: float | None = None) -> None:
        """Give up the lead; `not_sent` surely did not reach Discord. Up to a score each one goes alone from now on."""
        self._scripts.release(
            keys=[keys.lock(self.destination), keys.alone(self.destination)],
            args=[
                self.job_id,
                "" if alone_up_to is None else repr(float(alone_up_to)),
                *(keys.delivery(i) for i in not_sent),
            ],
        )

    def forget(self, ids: Sequence[str]) -> None:
        """Take out deliveries whose jobs are gone (an operator emptied the queue)."""
        self._connection.zrem(keys.outbox(self.destination), *ids)

    def disable(self) -> None:
        """Post to this address no more; another address for the destination is another beginning."""
        self._connection.set(keys.disabled(self.destination), self.address)

    def note(self, remaining: int | None, reset_after: float | None, blocked: float | None, everywhere: bool) -> None:
        """Keep what a reply said of its limits, for all workers."""
        if remaining is None and blocked is None:
            return
        said: str | int = "" if remaining is None or reset_after is None else remaining
        arguments: list[str | int | float] = [
            said,
            reset_after or 0.0,
            "" if blocked is None else blocked,
            "1" if everywhere else "0",
        ]
        self._scripts.note(keys=[keys.limit(self.address), keys.ALL_POSTS], args=arguments)
