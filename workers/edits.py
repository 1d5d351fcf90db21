"""From a delivery job that brings something newer of a killmail to the message that tells of it: an edit.

A message is kept for a while if a later edit is likely: it went out without some names, or its destination wants to
know of rewrites. Several revisions of one message become one edit, if they wait at the same time.
"""

import math
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import httpx
import msgspec

from notifier.config import Address, Destination
from notifier.messages import KillNotice, Notice, compose, notice_from_json, notice_to_json
from notifier.messages.template import Template
from notifier.outcome import Dead, Done, Outcome, Retry, Snooze
from notifier.services import discord
from notifier.services.discord import Discord, Posted
from workers import destinations, keys
from workers.backoff import jitter
from workers.circuits import CircuitOpen
from workers.discord_circuits import Answer, DiscordCircuits
from workers.outbox import Keep, Outbox
from workers.posting import Edit, Waiting, note, thread
from workers.queues import Queues
from workers.replies import text
from workers.revisions import Busy, Kept, Revisions, Wait

LOOK = 0.5
"""Seconds until the next look of a revision whose message is just being edited."""
UNPOSTED = 10.0
"""Seconds between two looks of a revision whose notification still waits to be posted."""
LONGEST_UNPOSTED, LONGEST_WAIT = 600.0, 120.0
"""Seconds between two looks at most, for a notification to be posted, and for room under the limits."""
PATIENCE = keys.EDITABLE_TTL
"""Seconds that a revision waits in all."""


def keeper(to: Destination, address: str, group: Sequence[Waiting], waiting: int) -> Callable[[Posted], Keep | None]:
    """Give what says what to keep of a message once it is posted; None for one that nobody will want to edit."""
    degraded = any(isinstance(one.notice, KillNotice) and one.notice.degraded for one in group)

    def keep(posted: Posted) -> Keep | None:
        if not posted.message_id or not (degraded or to.rewrites == "edit"):
            return None
        shows = {one.job_id: notice_to_json(one.notice) for one in group}
        where = posted.channel_id if to.manners.post_name is not None else ""
        return Kept(shows, waiting, to.layout, where, address).kept(to.id, posted.message_id)

    return keep


class _Text(NamedTuple):
    """Which of several texts of a killmail a notice tells: the later one, and with all names the better one."""

    since: float
    complete: bool

    @classmethod
    def read(cls, stored: str) -> "_Text":
        """Read what the ledger says of the text that was shown last; where it says nothing, anything is newer."""
        since, _, complete = stored.partition(" ")
        return cls(float(since), complete == "1") if since else cls(-math.inf, False)

    def __str__(self) -> str:
        return f"{self.since!r} {int(self.complete)}"


class Editor:
    """Edits messages. `clock` gives epoch seconds."""

    def __init__(self, queues: Queues, service: Discord, clock: Callable[[], float] = time.time) -> None:
        self._queues, self._discord, self._clock = queues, service, clock
        self._circuits = DiscordCircuits(queues.connection)

    def perform(
        self,
        job_id: str,
        notice: KillNotice,
        to: Destination,
        address: Address,
        template: Template | None,
        since: float,
    ) -> Outcome:
        """Show the newer `notice`, known `since` then (epoch seconds), in the message that tells of its killmail."""
        delivery = f"kill-{notice.killmail_id}-{to.id}"
        age, text_of = self._clock() - since, _Text(since, complete=not notice.degraded)
        ledger = self._queues.connection.hmget(keys.delivery(delivery), ["state", "message", "revised"])
        state, message_id, revised = (text(one or b"") for one in ledger)
        if text_of < _Text.read(revised):
            return Done("something newer is shown, or waits")
        if destinations.read(self._queues.connection, [to.id])[to.id].disabled(to.target(address)):
            return Done("its destination is disabled")
        if state in ("pending", "sending") and age < PATIENCE:
            return Snooze(max(UNPOSTED, min(age / 4, LONGEST_UNPOSTED)), "not posted yet")
        if state != "delivered" or not message_id:
            return Done("nothing was posted that could be edited")
        revisions = Revisions(self._queues, to.id, address.webhook, message_id, job_id)
        kept = revisions.kept()
        if kept is None or delivery not in kept.shows or kept.address != address.fingerprint:
            return Done("its message is not kept for edits")
        # When the kill became known is told by the first notice.
        first = notice_from_json(kept.shows[delivery])
        delay = first.delay if isinstance(first, KillNotice) else 0
        newer = notice_to_json(msgspec.structs.replace(notice, delay=delay))
        self._queues.connection.hset(keys.delivery(delivery), "revised", str(text_of))
        if kept.shows[delivery] == newer:
            return Done("it is shown already")
        revisions.add(delivery, newer)
        match revisions.begin():
            case Busy():
                return Snooze(LOOK, "its message is just being edited")
            case Wait(seconds=seconds):
                # Thousands may wait while a channel is busy: each looks the less often the longer it has waited.
                return Snooze(
                    max(seconds, jitter() * min(age / 4, LONGEST_WAIT)), "Discord's rate limit, or news first"
                )
        outbox = Outbox(self._queues, to.id, to.target(address), job_id, webhook=address.webhook)
        return self._edit(revisions, outbox, address, message_id, template)

    def _edit(
        self, revisions: Revisions, outbox: Outbox, address: Address, message_id: str, template: Template | None
    ) -> Outcome:
        # Read anew: another edit may have ended since.
        kept, waiting = revisions.kept(), revisions.waiting()
        if kept is None:
            revisions.ended(None, waiting)
            return Done("its message is not kept any more")
        newer = msgspec.structs.replace(kept, shows=kept.shows | waiting)
        where = Edit(message_id, kept.thread)
        try:
            with self._circuits.admitted(outbox.destination) as through:
                answer = through(lambda: self._send(address, where, _payload(newer, template)))
        except CircuitOpen as circuit:
            revisions.ended(None, {})
            return Snooze(circuit.seconds, str(circuit), "dependency down")
        if answer.reply is not None:
            if not discord.is_of_edits(answer.reply):
                note(outbox, answer.reply, self._clock())
            if discord.is_out_of_reach(answer.reply):
                revisions.ended(None, waiting)
                return Done("its message, or its thread, is gone or closed")
        match answer.verdict:
            case Posted():
                revisions.ended(newer, waiting)
                return Done(f"{len(waiting)} in message {message_id} edited")
            case Snooze() | Retry() as later:
                revisions.ended(None, {})
                return later
            case Dead() as refused:
                # Later it will not be taken either: whoever else waits for it is let go.
                revisions.ended(None, waiting)
                return refused

    def _send(self, address: Address, where: Edit, payload: dict[str, object]) -> Answer:
        try:
            reply = self._discord.edit(address, where.message, payload, thread(where))
        except httpx.HTTPError as error:
            return Answer(discord.classify_exception(error))
        return Answer(discord.classify(reply, self._clock()), reply)


def _payload(kept: Kept, template: Template | None) -> dict[str, object]:
    """Give the message anew: all of its kills, which fit in the compact layout, if not in their own any more."""
    notices: list[Notice] = [notice_from_json(one) for one in kept.shows.values()]
    message = compose(notices, kept.waiting, kept.layout, template)
    if message.taken < len(notices):
        message = compose(notices, kept.waiting, "compact")
    return message.payload
