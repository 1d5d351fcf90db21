"""What waits for a destination, who leads it, and what became of each delivery. One Lua script a step."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from rq.job import Job

from notifier.services.discord import Limits
from workers import keys
from workers.queues import DELIVERY, Queues

GROUP = 10
"""Most notifications that one message holds (Discord's limit of embeds)."""
CHANNEL_LIMIT, CHANNEL_WINDOW = 30, 60.0
"""Discord admits 30 posts in 60 s a channel without saying so in any header."""
GLOBAL_LIMIT = 50
"""Posts a second, from one IP address to all of Discord."""
LONGEST_TURN = 10.0
"""Seconds that those behind wait for the turn of one that goes alone; one that backs off for longer is passed."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """Another leader has delivered it, or an earlier attempt."""


@dataclass(frozen=True, slots=True)
class Disabled:
    """Discord does not know the address any more."""


@dataclass(frozen=True, slots=True)
class Busy:
    """Another one leads, for `since` seconds, or must go first; `rank` is this one's place in the outbox."""

    rank: int
    since: float = field(default=0.0, compare=False)


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


UNSAID = Limits()
Claim: TypeAlias = Delivered | Disabled | Busy | Limited | Lead


class Outbox:
    """The outbox of one destination, as the job `job_id` sees it; `address` is the fingerprint of where it posts to."""

    def __init__(self, queues: Queues, destination: str, address: str, job_id: str) -> None:
        self._scripts, self._connection = queues.scripts, queues.connection
        self.destination, self.address, self.job_id = destination, address, job_id
        self._paths = [keys.limit(address), keys.posts(address), keys.ALL_POSTS]
        self._scheduled = queues[DELIVERY].scheduled_job_registry.key
        self._lock_time = (queues.job_timeout + keys.LOCK_MARGIN) * 1000

    def claim(self, score: float) -> Claim:
        """Ask to lead."""
        d = self.destination
        reply = self._scripts.claim(
            keys=[keys.outbox(d), keys.lock(d), keys.alone(d), keys.disabled(d), *self._paths, self._scheduled],
            args=[
                self.job_id, keys.delivery(self.job_id), repr(float(score)), self._lock_time, GROUP, self.address,
                CHANNEL_LIMIT, CHANNEL_WINDOW, GLOBAL_LIMIT, Job.redis_job_namespace_prefix, LONGEST_TURN,
            ],
        )  # fmt: skip
        match reply:
            case [b"done"]:
                return Delivered()
            case [b"disabled"]:
                return Disabled()
            case [b"busy", rank, since]:
                return Busy(rank, float(since))
            case [b"wait", rank, seconds]:
                return Limited(rank, float(seconds))
            case _:
                return Lead(reply[1], reply[2], tuple(job_id.decode() for job_id in reply[3:]))

    def begin(self, ids: Sequence[str], post: str) -> float | None:
        """Admit one post of the deliveries `ids`: None when it may go out now and is marked, else seconds to wait.

        `post` is a name that no other post has: the same call may be repeated. The lock may have been lost to another
        leader (a pause of minutes): then it waits a moment and asks again.
        """
        limits = [CHANNEL_LIMIT, CHANNEL_WINDOW, GLOBAL_LIMIT]
        arguments: list[str | int | float] = [self.job_id, post, *limits, keys.LEDGER_TTL]
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

    def acknowledge(self, ids: Sequence[str], message_id: str, limits: Limits = UNSAID) -> None:
        """Discord has taken the message that holds `ids`, and said this of its limits."""
        said: list[str | int | float] = ["", 0.0]
        if limits.remaining is not None and limits.reset_after is not None:
            said = [limits.remaining, limits.reset_after]
        head: list[str | int | float] = [self.job_id, message_id, keys.LEDGER_TTL, *said, len(ids)]
        self._scripts.acknowledge(
            keys=[
                keys.outbox(self.destination),
                keys.lock(self.destination),
                keys.COUNTERS,
                self._paths[0],
                self._paths[2],
            ],
            args=[*head, *ids, *(keys.delivery(i) for i in ids)],
        )

    def release(self, post: str = "", not_sent: Sequence[str] = (), alone_up_to: float | None = None) -> None:
        """Give up the lead. `not_sent` surely did not reach Discord by `post`; up to a score each goes alone now."""
        self._scripts.release(
            keys=[keys.lock(self.destination), keys.alone(self.destination)],
            args=[
                self.job_id,
                post,
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
