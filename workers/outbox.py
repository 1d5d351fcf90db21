"""What waits for a destination, who leads it, and what became of each delivery. One Lua script a step."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from rq.job import Job

from notifier.outcome import Backoff
from notifier.services.discord import Limits
from workers import keys
from workers.backoff import jitter
from workers.queues import DELIVERY, ENRICHMENT, Queues

GROUP = 10
"""Most notifications that one message holds (Discord's limit of embeds)."""
DIGESTED = 100
"""Most notifications that one edit of a digest takes in."""
BETWEEN_EDITS = 2.0
"""Seconds between two edits of a digest: as often as its channel allows for ever."""
NONCE_LIFETIME = 110.0
"""Seconds for which Discord surely still knows a bot's nonce ("the past few minutes")."""
CHANNEL_LIMIT, CHANNEL_WINDOW = 30, 60.0
"""Discord admits 30 posts in 60 s a channel without saying so in any header."""
GLOBAL_LIMIT = 50
"""Posts a second, from one IP address to all of Discord."""
BUCKET_LIMIT, BUCKET_WINDOW = 5, 2.0
"""The bucket of a webhook that its headers tell of; only for foreseeing turns, what the headers say decides."""
LONGEST_TURN = 10.0
"""Seconds that those behind wait for the turn of one that goes alone; one that backs off for longer is passed."""
FAILURES_TTL = 900
"""Seconds for which an address' failures are remembered: longer than the longest pause between two posts to it."""
WHATEVER = "*"
"""Stands for every address of a destination, where the operator has disabled it."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """Another leader has delivered it, or an earlier attempt."""


@dataclass(frozen=True, slots=True)
class Disabled:
    """Nothing is posted there any more: Discord has refused the address, or the operator has disabled it."""

    reason: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Held:
    """An earlier post of it had no known end, and the destination's policy is not to repeat that."""


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
class Gather:
    """A message would go out half empty while more killmails are just being enriched: look again in `seconds`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Begun:
    """The post may go out now. Of its deliveries, `ambiguous` were begun before by a post without a known end.

    `mentions`: it may mention somebody.
    """

    ambiguous: int = field(default=0, compare=False)
    mentions: bool = False


@dataclass(frozen=True, slots=True)
class Lost:
    """Another one leads now: this process was away for so long that its job, or its lead, was taken."""


@dataclass(frozen=True, slots=True)
class Wait:
    """The rate limits admit the post in `seconds`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Lead:
    """This job leads: `ids` are the oldest of `waiting` deliveries, in order.

    `nonce`: a post of just these had no known end, and may be repeated under it ("" for none). `alone`: it goes alone,
    as its group was refused.
    """

    rank: int
    waiting: int
    ids: tuple[str, ...]
    nonce: str = ""
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Keep:
    """What is kept of a message under a key of Redis for `lifetime` seconds; by its leader only, if `by_leader`."""

    key: str
    value: str
    lifetime: int
    by_leader: bool = False


UNSAID = Limits()
Claim: TypeAlias = Delivered | Disabled | Held | Busy | Limited | Gather | Lead


def turn(rank: int, seconds: float) -> float:
    """When a delivery at `rank` should look again, if the next post is admitted in `seconds`.

    Its group goes out so many posts after that one, as soon as webhook and channel allow.
    """
    windows, rest = divmod(rank // GROUP, CHANNEL_LIMIT)
    return seconds + windows * CHANNEL_WINDOW + rest * BUCKET_WINDOW / BUCKET_LIMIT


def limits(webhook: str) -> list[str]:
    """The keys of the limits of a webhook, by its fingerprint: its own, its posts, everybody's posts."""
    return [keys.limit(webhook), keys.posts(webhook), keys.ALL_POSTS]


class Outbox:
    """The outbox of one destination, as one run of the job `job_id` sees it; `address` is the fingerprint of where it
    posts to, `webhook` that of the webhook without its thread, if there is one: it is what Discord limits. With `hold`,
    what may have been posted is not posted again. `most` is how many deliveries it leads at most.
    """

    def __init__(
        self,
        queues: Queues,
        destination: str,
        address: str,
        job_id: str,
        *,
        webhook: str = "",
        hold: bool = False,
        most: int = GROUP,
    ) -> None:
        self._scripts, self._connection = queues.scripts, queues.connection
        self.destination, self.address, self.job_id, self.hold = destination, address, job_id, hold
        self._most = most
        # A recovered job has the same id as the one that a paused process still works on.
        self._run = secrets.token_hex(8)
        self._limits = limits(webhook or address)
        # Without a digest none is open, whatever an earlier configuration has left.
        self._digest = keys.digest(destination) if most > GROUP else ""
        self._pinned = keys.pinned(destination, address)
        self._lock, self._lead = keys.lock(destination), keys.lead(destination)
        self._scheduled, self._coming = queues[DELIVERY].scheduled_job_registry.key, queues[ENRICHMENT].key
        self._lock_time = (queues.job_timeout + keys.LOCK_MARGIN) * 1000

    def claim(self, score: float, fresh: bool = False) -> Claim:
        """Ask to lead; `fresh`: the delivery has only just come."""
        d = self.destination
        marks = [keys.outbox(d), self._lock, keys.alone(d), keys.disabled(d)]
        reply = self._scripts.claim(
            keys=[*marks, *self._limits, self._scheduled, self._lead, self._coming, self._digest, self._pinned],
            args=[
                self.job_id, keys.delivery(self.job_id), repr(float(score)), self._lock_time, GROUP, self.address,
                CHANNEL_LIMIT, CHANNEL_WINDOW, GLOBAL_LIMIT, Job.redis_job_namespace_prefix, LONGEST_TURN,
                self._run, "1" if self.hold else "0", keys.delivery(""), "1" if fresh else "0",
                BUCKET_WINDOW / BUCKET_LIMIT, self._most, BETWEEN_EDITS,
            ],
        )  # fmt: skip
        match reply:
            case [b"done"]:
                return Delivered()
            case [b"disabled", reason]:
                return Disabled(reason.decode())
            case [b"held"]:
                return Held()
            case [b"busy", rank, since]:
                return Busy(rank, float(since))
            case [b"wait", rank, seconds]:
                return Limited(rank, float(seconds))
            case [b"gather", seconds]:
                return Gather(float(seconds))
            case _:
                _, rank, waiting, nonce, alone, *ids = reply
                return Lead(rank, waiting, tuple(job_id.decode() for job_id in ids), nonce.decode(), bool(alone))

    def begin(
        self, ids: Sequence[str], post: str, mention_every: float = 0.0, *, nonce: str = ""
    ) -> Begun | Lost | Wait:
        """Admit one post of the deliveries `ids` and mark them, if this run of the job still leads.

        `post` is a name that no other post has: the same call may be repeated. With `mention_every` (seconds)
        it asks whether it may mention somebody, which one message in such a time may. A `nonce` that Discord heeds
        keeps the deliveries together until the post's end is known. An edit names no deliveries: it may be repeated.
        """
        head: list[str | int | float] = [self.job_id, self._run, post, CHANNEL_LIMIT, CHANNEL_WINDOW, GLOBAL_LIMIT]
        pin: list[str | int] = [nonce, "\n".join([nonce, *ids]), int(NONCE_LIFETIME * 1000)]
        told = [keys.ping(self.destination), self._pinned]
        reply = self._scripts.begin(
            keys=[*self._limits, self._lock, keys.COUNTERS, self._lead, *told],
            args=[*head, keys.LEDGER_TTL, int(mention_every * 1000), *pin, *(keys.delivery(one) for one in ids)],
        )
        match reply:
            case [b"begun", ambiguous, mentions]:
                return Begun(ambiguous, bool(mentions))
            case [b"wait", seconds]:
                return Wait(float(seconds))
            case _:
                return Lost()

    def leads(self) -> bool:
        """Whether this run of the job still leads."""
        holder, run = self._connection.mget([self._lock, self._lead])
        return bool(holder == self.job_id.encode() and run == self._run.encode())

    def acknowledge(
        self, ids: Sequence[str], message_id: str, limits: Limits = UNSAID, keep: Keep | None = None
    ) -> None:
        """Discord has taken the message that holds `ids`, and said this of its limits; `keep` what is still needed."""
        said: list[str | int | float] = ["", 0.0]
        if limits.remaining is not None and limits.reset_after is not None:
            said = [limits.remaining, limits.reset_after]
        kept: list[str | int] = ["", 1, "0"]
        if keep is not None:
            kept = [keep.value, keep.lifetime, "1" if keep.by_leader else "0"]
        head: list[str | int | float] = [self.job_id, self._run, message_id, keys.LEDGER_TTL, *said, *kept, len(ids)]
        limit, _, everybody = self._limits
        mine = [self._lead, self._pinned, "" if keep is None else keep.key, keys.disabled(self.destination)]
        self._scripts.acknowledge(
            keys=[keys.outbox(self.destination), self._lock, keys.COUNTERS, limit, everybody, *mine],
            args=[*head, *ids, *(keys.delivery(i) for i in ids)],
        )

    def release(self, post: str = "", not_sent: Sequence[str] = (), alone_up_to: float | None = None) -> None:
        """Give up the lead. `not_sent` surely did not reach Discord by `post`; up to a score each goes alone now."""
        mark = "" if alone_up_to is None else repr(float(alone_up_to))
        self._scripts.release(
            keys=[self._lock, keys.alone(self.destination), self._lead, keys.ping(self.destination), self._pinned],
            args=[self.job_id, self._run, post, mark, *(keys.delivery(i) for i in not_sent)],
        )

    def make_plain(self) -> bool:
        """Discord refuses the leader's own delivery: from now on it goes in its plainest form; False if it did."""
        ledger = keys.delivery(self.job_id)
        # By the name of this run a repeat of the call is known.
        self._connection.hsetnx(ledger, "plain", self._run)
        return bool(self._connection.hget(ledger, "plain") == self._run.encode())

    def is_plain(self) -> bool:
        """Whether the leader's own delivery goes in its plainest form."""
        return bool(self._connection.hexists(keys.delivery(self.job_id), "plain"))

    def end_digest(self) -> None:
        """What comes next begins a digest of its own."""
        self._connection.delete(self._digest)

    def forget(self, ids: Sequence[str]) -> None:
        """Take out deliveries whose jobs are gone (an operator emptied the queue)."""
        self._connection.zrem(keys.outbox(self.destination), *ids)

    def falter(self, backoff: Backoff, said: float | None = None) -> tuple[float, int]:
        """A post to the address failed: nobody posts there for a while, longer each time.

        Gives that in seconds, and how many posts have failed in a row. `said` is the pause in seconds that the reply
        asked for.
        """
        pause, failures = self._scripts.falter(
            keys=[self._limits[0], keys.ALL_POSTS],
            args=[backoff.base, backoff.cap, jitter(), said or 0.0, FAILURES_TTL],
        )
        return float(pause), int(failures)

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
        self._scripts.note(keys=[self._limits[0], keys.ALL_POSTS], args=arguments)
