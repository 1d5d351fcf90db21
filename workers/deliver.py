"""From a delivery job to Discord: lead the destination, post the oldest of what waits there, acknowledge it."""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import httpx
from loguru import logger

from notifier.config import AddressProblem, Destination, WebhookAddress
from notifier.messages import KillNotice, Message, compose, notice_from_json
from notifier.outcome import Dead, Done, Outcome, Retry, Snooze
from notifier.services import discord
from notifier.services.discord import Discord, Limits, Posted, Reply
from workers.job_timeout import undisturbed
from workers.outbox import (
    CHANNEL_LIMIT,
    CHANNEL_WINDOW,
    GROUP,
    Busy,
    Delivered,
    Disabled,
    Lead,
    Limited,
    Outbox,
)
from workers.persistence import persist
from workers.process import StopSignal
from workers.queues import KillmailJob, Queues

T = TypeVar("T")
TURN = 0.05
"""Seconds between two looks of a delivery that waits behind another leader, for each group before it."""
LONGEST_LOOK = 5.0
"""Seconds between two looks at most while the leader's post takes long."""
PAUSE = 1.0
"""Seconds without a post to an address after one that failed."""


class Waiting(NamedTuple):
    """One delivery of a group."""

    job_id: str
    notice: KillNotice
    score: float


class Deliver:
    """The last stage."""

    def __init__(
        self,
        queues: Queues,
        destinations: Mapping[str, Destination],
        service: Discord,
        stop: StopSignal,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._queues, self._destinations, self._discord, self._clock = queues, destinations, service, clock
        self._stop = stop

    def perform(self, job_id: str, notice: str, destination: str, sequence: float, received: float) -> Outcome:  # noqa: ARG002
        """Deliver `notice` (JSON) to `destination`, together with what waits there before it."""
        address = self._address(destination)
        if isinstance(address, Dead):
            return address
        outbox = Outbox(self._queues, destination, address.fingerprint, job_id)
        claim = outbox.claim(sequence)
        match claim:
            case Delivered():
                return Done("by another leader")
            case Disabled():
                return Dead(
                    "Discord no longer knows this webhook; give the destination a new address",
                    "misconfigured",
                )
            case Busy(rank=rank, since=since):
                # A hundred that ask every 50 ms while a slow post lasts would keep the workers from everybody else.
                pause = max(TURN * (1 + rank // GROUP), min(since / 2, LONGEST_LOOK))
                return Snooze(pause, "another delivery leads")
            case Limited(rank=rank, seconds=seconds):
                return Snooze(_turn(rank, seconds), "Discord's rate limit")
            case Lead():
                own = Waiting(job_id, notice_from_json(notice), sequence)
                return self._lead(outbox, own, claim, address)

    def _address(self, destination: str) -> WebhookAddress | Dead:
        known = self._destinations.get(destination)
        if known is None:
            return Dead(f"destination {destination!r} is not configured any more", "misconfigured")
        try:
            return known.address()
        except AddressProblem as error:
            return Dead(str(error), "misconfigured")

    def _lead(self, outbox: Outbox, own: Waiting, lead: Lead, address: WebhookAddress) -> Outcome:
        group = self._group(outbox, own, lead.ids)
        if not group:
            outbox.release()
            return Snooze(TURN, "what waits before it cannot be read")
        message = compose([one.notice for one in group], lead.waiting)
        group = group[: message.taken]
        ids, post = [one.job_id for one in group], secrets.token_hex(8)
        wait = self._surely(lambda: outbox.begin(ids, post))
        if wait is not None:
            outbox.release()
            return Snooze(_turn(lead.rank, wait), "Discord's rate limit")
        return self._post(outbox, address, message, group, lead, post)

    def _surely(self, step: Callable[[], T]) -> T:
        """Do a step in Redis around a post: what is known of the post must not be lost to an outage or a timeout."""
        with undisturbed():
            return persist(step, self._stop, "a delivery", patience=8.0)

    def _group(self, outbox: Outbox, own: Waiting, ids: Sequence[str]) -> list[Waiting]:
        """The deliveries with these ids, oldest first; one that cannot be read is left to its own job, to die of it."""
        neighbours = [job_id for job_id in ids if job_id != own.job_id]
        jobs = dict(zip(neighbours, self._queues.fetch(neighbours), strict=True)) if neighbours else {}
        gone = [job_id for job_id, job in jobs.items() if job is None]
        if gone:
            logger.error("{}: {} deliveries have no job any more and are forgotten", outbox.destination, len(gone))
            outbox.forget(gone)
        found = {job_id: _read(job) for job_id, job in jobs.items() if job is not None}
        found[own.job_id] = own
        return [one for job_id in ids if (one := found.get(job_id)) is not None]

    def _post(
        self, outbox: Outbox, address: WebhookAddress, message: Message, group: list[Waiting], lead: Lead, post: str
    ) -> Outcome:
        ids = [one.job_id for one in group]
        try:
            reply = self._discord.post(address, message.payload)
        except httpx.HTTPError as error:
            retry = discord.classify_exception(error)
            return self._surely(lambda: self._failed(outbox, retry, ids, post))
        verdict = discord.classify(reply, self._clock())
        match verdict:
            case Posted(message_id=message_id):
                limits = Limits.from_headers(reply.headers)
                self._surely(lambda: outbox.acknowledge(ids, message_id, limits))
                return (
                    Done(f"with {len(ids)} in message {message_id}")
                    if outbox.job_id in ids
                    else Snooze(0.0, "its turn")
                )
            case Snooze(seconds=seconds, reason=reason):
                self._surely(lambda: self._note(outbox, reply))
                self._surely(lambda: outbox.release(post, ids))
                return Snooze(_turn(lead.rank, seconds), reason)
            case Retry():
                self._surely(lambda: self._note(outbox, reply))
                return self._surely(lambda: self._failed(outbox, verdict, ids, post))
            case Dead():
                self._surely(lambda: self._note(outbox, reply))
                return self._surely(lambda: self._refused(outbox, verdict, group, post))

    def _note(self, outbox: Outbox, reply: Reply) -> None:
        limits = Limits.from_headers(reply.headers)
        throttled = discord.throttled(reply, self._clock())
        blocked = throttled.seconds if throttled else None
        everywhere = throttled is not None and throttled.scope in ("global", "cloudflare")
        outbox.note(limits.remaining, limits.reset_after, blocked, everywhere)

    @staticmethod
    def _failed(outbox: Outbox, retry: Retry, ids: list[str], post: str) -> Retry:
        """The whole destination pauses: a long queue must not hammer a service in trouble, attempt by attempt."""
        outbox.note(None, None, retry.seconds or PAUSE, everywhere=False)
        outbox.release(post, () if retry.ambiguous else ids)
        return retry

    @staticmethod
    def _refused(outbox: Outbox, verdict: Dead, group: list[Waiting], post: str) -> Outcome:
        """Discord will not take this message: the address is at fault, or one of the group."""
        ids = [one.job_id for one in group]
        if verdict.category == "misconfigured":
            logger.error("destination {} is disabled: {}", outbox.destination, verdict.reason)
            outbox.disable()
            outbox.release(post, ids)
            return verdict
        if ids == [outbox.job_id]:
            outbox.release(post, ids)
            return verdict
        outbox.release(post, ids, alone_up_to=group[-1].score)
        return Snooze(0.0, f"its group was refused ({verdict.reason}): each one alone now")


def _read(job: KillmailJob) -> Waiting | None:
    try:
        return Waiting(job.id, notice_from_json(job.args[0]), float(job.args[2]))
    except Exception as error:  # noqa: BLE001 – said in the log; its own job meets the same error and dies of it
        logger.warning("{} cannot be read for a group ({})", job.id, type(error).__name__)
        return None


def _turn(rank: int, seconds: float) -> float:
    """When a delivery at `rank` should look again: its group goes out so many posts after the next one."""
    return seconds + (rank // GROUP) * CHANNEL_WINDOW / CHANNEL_LIMIT
