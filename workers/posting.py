"""One message to Discord: admitted by circuits and limits, posted or edited while we lead, and what came of it kept in
Redis.
"""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import httpx

from notifier.config import Address, Mentions
from notifier.messages import Message, Notice
from notifier.outcome import STRATEGIES, Backoff, Dead, Done, Outcome, Retry, Snooze
from notifier.services import discord
from notifier.services.discord import Discord, Limits, Posted, Reply
from workers import destinations
from workers.circuits import CircuitOpen
from workers.discord_circuits import Answer, DiscordCircuits
from workers.job_timeout import undisturbed
from workers.outbox import Begun, Keep, Lead, Lost, Outbox, Wait, turn
from workers.persistence import persist
from workers.process import StopSignal
from workers.queues import Queues
from workers.telemetry import emit

T = TypeVar("T")
PAUSE = STRATEGIES["dependency down"].backoff or Backoff()
"""How an address pauses after posts that failed, until one succeeds."""
DOUBT = 5.0
"""Seconds after its last look at the lock for which a process believes that it still leads."""
SPLIT_AFTER = 5
"""Posts to an address that Discord fails at in a row, and at no others, after which a group's deliveries go alone."""
TURN = 0.1
"""Seconds until the next look of a delivery that lost its lead."""
HELD = (
    "nobody knows whether Discord took it, and this destination's policy is to hold: look for it in the channel, then "
)
"""Begins the reason of a delivery that is held; an operator reads it."""


def awake() -> float:
    """Seconds on a clock that never goes back, nor stands still while the host sleeps: nor does a lock's."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Waiting(NamedTuple):
    """One delivery of a group."""

    job_id: str
    notice: Notice
    score: float


class Edit(NamedTuple):
    """The message that a post changes, and the thread that it is in ("" for the channel)."""

    message: str
    thread: str = ""


class Trouble(NamedTuple):
    """Discord, or what it allows us, stands in the way: the delivery waits, until it is too old."""

    snooze: Snooze


@dataclass(frozen=True, slots=True)
class Post:
    """One message of a leader: `group` are the deliveries in it, `name` is one that no other post has.

    `nonce`: by it Discord knows a repeat of the post ("": it does not). `edit`: the message that it changes (None: it
    is a new one). `keep`: what is kept of it once it is posted. `mentions`: whom it would mention, if it is the time
    for that.
    """

    outbox: Outbox
    address: Address
    message: Message
    group: tuple[Waiting, ...]
    rank: int
    name: str
    nonce: str = ""
    mentions: Mentions | None = None
    edit: Edit | None = None
    keep: Callable[[Posted], Keep | None] = lambda _: None

    @classmethod
    def of(
        cls,
        outbox: Outbox,
        address: Address,
        message: Message,
        group: Sequence[Waiting],
        lead: Lead,
        *,
        mentions: Mentions | None = None,
        edit: Edit | None = None,
        keep: Callable[[Posted], Keep | None] = lambda _: None,
    ) -> "Post":
        """The post of the leader's message, which holds the first of the group."""
        name = secrets.token_hex(8)
        nonce = (lead.nonce or name) if address.enforces_nonce and edit is None else ""
        taken = tuple(group[: message.taken])
        return cls(outbox, address, message, taken, lead.rank, name, nonce, mentions, edit, keep)

    def payload(self, *, mentioning: bool) -> Mapping[str, object]:
        """The message's JSON."""
        bare = self.message.payload
        return self.mentions.added_to(bare) if mentioning and self.mentions is not None else bare

    @property
    def ids(self) -> list[str]:
        """The jobs of its deliveries."""
        return [one.job_id for one in self.group]

    @property
    def marked(self) -> list[str]:
        """Those of them that may come twice if its end does not become known; an edit may be made again."""
        return self.ids if self.edit is None else []

    @property
    def surely_new(self) -> list[str]:
        """Those of them that did not come if this post did not; of a repeated nonce the first post may have come."""
        return self.ids if self.nonce in ("", self.name) else []

    @property
    def has_own(self) -> bool:
        """Whether the leader's own delivery is in it."""
        return self.outbox.job_id in self.ids


class Poster:
    """Posts messages, once each. `clock` gives epoch seconds, `awake` seconds for durations."""

    def __init__(
        self,
        queues: Queues,
        service: Discord,
        stop: StopSignal,
        clock: Callable[[], float] = time.time,
        awake: Callable[[], float] = awake,
    ) -> None:
        self._connection, self._discord, self._stop = queues.connection, service, stop
        self._clock, self._awake = clock, awake
        self._circuits = DiscordCircuits(queues.connection)

    def post(self, post: Post) -> Outcome | Trouble:
        """Post it, if the circuits and limits let it; its outbox leads when this begins, and does not when it ends."""
        try:
            with self._circuits.admitted(post.outbox.destination) as through:
                return self._admitted(post, through)
        except CircuitOpen as circuit:
            self._release(post)
            return _trouble(post, circuit.seconds, str(circuit))

    def _admitted(self, post: Post, through: Callable[[Callable[[], Answer]], Answer]) -> Outcome | Trouble:
        begun, looked_at = self._begin(post)
        match begun:
            case Wait(seconds=seconds):
                self._release(post)
                return Trouble(Snooze(turn(post.rank, seconds), "Discord's rate limit"))
            case Begun(ambiguous=ambiguous) if ambiguous:
                reason = "an earlier post of them had no known end"
                emit("delivery_ambiguous", destination=post.outbox.destination, jobs=ambiguous, reason=reason)
        # The last thing before the post: whoever was away since the lock was looked at may have lost the job.
        if isinstance(begun, Lost) or not self._still_leads(post, looked_at):
            self._release(post)
            return Snooze(TURN, "another one leads now")
        payload = post.payload(mentioning=begun.mentions)
        return self._concluded(post, through(lambda: self._send(post, payload)))

    def _begin(self, post: Post) -> tuple[Begun | Lost | Wait, float]:
        """Mark the post; gives when it was asked for, after any time without Redis."""

        def step() -> tuple[Begun | Lost | Wait, float]:
            asked_at = self._awake()
            every = 0.0 if post.mentions is None else post.mentions.at_most_every
            return post.outbox.begin(post.marked, post.name, every, nonce=post.nonce), asked_at

        return self._surely(step)

    def _still_leads(self, post: Post, looked_at: float) -> bool:
        while self._awake() - looked_at > DOUBT:
            looked_at = self._awake()
            if not self._surely(post.outbox.leads):
                return False
        return True

    def _send(self, post: Post, payload: Mapping[str, object]) -> Answer:
        try:
            reply = self._sent(post, payload)
        except httpx.HTTPError as error:
            return Answer(discord.classify_exception(error))
        return Answer(discord.classify(reply, self._clock()), reply)

    def _sent(self, post: Post, payload: Mapping[str, object]) -> Reply:
        if post.edit is None:
            return self._discord.post(post.address, payload, nonce=post.nonce or None)
        return self._discord.edit(post.address, post.edit.message, payload, thread(post.edit))

    def _surely(self, step: Callable[[], T]) -> T:
        """Do a step in Redis around a post: what is known of the post must not be lost to an outage or a timeout."""
        with undisturbed():
            return persist(step, self._stop, "a delivery", patience=8.0)

    def _release(self, post: Post) -> None:
        """Nothing was sent."""
        self._surely(lambda: post.outbox.release(post.name, post.surely_new))

    # -- What came of it

    def _concluded(self, post: Post, answer: Answer) -> Outcome | Trouble:
        verdict, reply = answer.verdict, answer.reply
        if post.nonce and reply is not None and discord.is_gone(reply):
            # An earlier post under this nonce had come, and somebody has deleted the message since.
            verdict = Posted("")
        if isinstance(verdict, Posted):
            limits = Limits() if reply is None else Limits.from_headers(reply.headers)
            keep = post.keep(verdict)
            self._surely(lambda: post.outbox.acknowledge(post.ids, verdict.message_id, limits, keep))
            return Done(f"with {len(post.ids)} in message {verdict.message_id}") if post.has_own else _its_turn()
        if post.edit is not None and reply is not None and discord.is_of_edits(reply):
            return self._anew(post, verdict.reason)
        if reply is not None:
            self._surely(lambda: note(post.outbox, reply, self._clock()))
        match verdict:
            case Snooze():
                return self._waits(post, verdict)
            case Retry():
                return self._failed(post, verdict, answer)
            case Dead(category="misconfigured") if post.edit is None:
                return self._disabled(post, verdict)
            case Dead():
                return self._refused(post, verdict)

    def _waits(self, post: Post, verdict: Snooze) -> Trouble:
        """Surely nothing was posted."""
        seconds = verdict.seconds
        if verdict.category == "dependency down" or seconds is None:
            # The whole address pauses: a long queue must not hammer a service in trouble, delivery by delivery.
            seconds, _ = self._surely(lambda: post.outbox.falter(PAUSE, verdict.seconds))
        self._release(post)
        return _trouble(post, seconds, verdict.reason, verdict)

    def _failed(self, post: Post, verdict: Retry, answer: Answer) -> Outcome:
        _, failures = self._surely(lambda: post.outbox.falter(PAUSE, verdict.seconds))
        # One of them may be what Discord fails at: alone it repeats nothing but itself. In an outage of all of Discord
        # that would only use up the channel's posts.
        may_split = len(post.group) > 1 and post.edit is None and post.nonce in ("", post.name)
        splits = may_split and failures >= SPLIT_AFTER and answer.of_webhook and self._circuits.whole.closed
        up_to = post.group[-1].score if splits else None
        not_sent = () if verdict.ambiguous else post.surely_new
        self._surely(lambda: post.outbox.release(post.name, not_sent, alone_up_to=up_to))
        if not (verdict.ambiguous and post.outbox.hold and post.marked) or post.nonce:
            return verdict
        reason = f"{verdict.reason}; its destination's policy is to hold"
        emit("delivery_ambiguous", destination=post.outbox.destination, jobs=len(post.ids), reason=reason)
        # The others of the group die of it by their own jobs.
        return held(verdict.reason) if post.has_own else _its_turn()

    def _disabled(self, post: Post, verdict: Dead) -> Dead:
        """The address is at fault: whatever is posted there, Discord will not take it."""
        outbox = post.outbox
        self._surely(lambda: destinations.disable(self._connection, outbox.destination, outbox.address, verdict.reason))
        self._release(post)
        return Dead(disabled(outbox.destination, verdict.reason), "misconfigured")

    def _anew(self, post: Post, reason: str) -> Outcome:
        """The message of the digest cannot be edited any more: the next one begins anew, or finds what is wrong."""
        self._surely(post.outbox.end_digest)
        self._release(post)
        return Snooze(0.0, f"its digest cannot be edited any more ({reason}): a new one")

    def _refused(self, post: Post, verdict: Dead) -> Outcome:
        """Discord will not take this message: one of the group is at fault, or the message to be edited is gone."""
        if post.edit is not None:
            return self._anew(post, verdict.reason)
        if post.ids == [post.outbox.job_id]:
            if not self._surely(post.outbox.make_plain):
                self._release(post)
                return verdict
            up_to = post.group[0].score
            self._surely(lambda: post.outbox.release(post.name, post.ids, alone_up_to=up_to))
            return Snooze(0.0, f"it was refused ({verdict.reason}): in its plainest form now")
        emit("group_refused", destination=post.outbox.destination, jobs=len(post.ids), reason=verdict.reason)
        up_to = post.group[-1].score
        self._surely(lambda: post.outbox.release(post.name, post.ids, alone_up_to=up_to))
        return Snooze(0.0, f"its group was refused ({verdict.reason}): each one alone now")


def note(outbox: Outbox, reply: Reply, now: float) -> None:
    """Keep what a reply said of its limits; `now` in epoch seconds."""
    limits, throttled = Limits.from_headers(reply.headers), discord.throttled(reply, now)
    blocked = throttled.seconds if throttled else None
    everywhere = throttled is not None and throttled.scope in ("global", "cloudflare")
    outbox.note(limits.remaining, limits.reset_after, blocked, everywhere)


def thread(edit: Edit) -> int | None:
    """The id of the thread that the message is in, None for the address' own."""
    return int(edit.thread) if edit.thread.isdecimal() else None


def held(reason: str) -> Dead:
    """The end of a delivery that may have been posted and is not to be repeated; the operator reads the reason."""
    return Dead(f"{HELD}replay or discard it ({reason})", "ambiguous")


def disabled(destination: str, reason: str) -> str:
    """The reason of a delivery that dies because its destination is disabled."""
    return f"destination {destination} is disabled ({reason}); `notifier destinations enable {destination}` ends that"


def _trouble(post: Post, seconds: float, reason: str, verdict: Snooze | None = None) -> Trouble:
    return Trouble(Snooze(turn(post.rank, seconds), reason, "dependency down" if verdict is None else verdict.category))


def _its_turn() -> Snooze:
    return Snooze(0.0, "its turn")
