"""What a leader posts: a message of the oldest that wait, or its destination's battle digest with more kills in it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from redis import Redis

from notifier.config import Address, Battle, Destination
from notifier.messages import Message
from notifier.messages.plainest import payload as plainest_payload
from workers import digests
from workers.edits import keeper
from workers.outbox import Lead, Outbox
from workers.posting import Post, Waiting
from workers.templates import Templates


@dataclass(frozen=True, slots=True)
class Leading:
    """A delivery that leads: where to, and what it leads."""

    outbox: Outbox
    to: Destination
    address: Address
    lead: Lead


class Composer:
    """Makes posts of groups. `clock` gives epoch seconds."""

    def __init__(self, connection: Redis, clock: Callable[[], float]) -> None:
        self._connection, self._clock = connection, clock
        self.templates = Templates()

    def post(self, of: Leading, group: Sequence[Waiting]) -> Post:
        """Give the next post of the group, which need not hold all of it."""
        return self._message(of, group) if of.to.digest is None else self._in_battle(of, of.to.digest, group)

    def _message(self, of: Leading, group: Sequence[Waiting]) -> Post:
        to, now = of.to, self._clock()
        # Only one that goes alone can be plain, also when it is repeated under its nonce.
        if (of.lead.alone or of.lead.nonce) and _is_own(of, group) and of.outbox.is_plain():
            plainest = Message(to.manners.dressed(plainest_payload(group[0].notice), now), 1)
            return Post.of(of.outbox, of.address, plainest, group, of.lead)
        message = self.templates.compose([one.notice for one in group], of.lead.waiting, to)
        dressed = Message(to.manners.dressed(message.payload, now), message.taken)
        keep = keeper(to, of.address.fingerprint, group[: message.taken], of.lead.waiting)
        return Post.of(of.outbox, of.address, dressed, group, of.lead, mentions=to.manners.mentioned(now), keep=keep)

    def _in_battle(self, of: Leading, battle: Battle, group: Sequence[Waiting]) -> Post:
        address, now = of.address.fingerprint, self._clock()
        going_on = digests.read(self._connection, of.to.id, address)
        share = digests.shared(battle, going_on is not None, of.lead, group)
        if not share.folded:
            return self._message(of, share.apart)
        said = digests.said(of.to, battle, address, going_on, share.folded, now)
        # An edit rings for nobody.
        mentions = of.to.manners.mentioned(now) if said.edit is None else None
        return Post.of(
            of.outbox,
            of.address,
            said.message,
            share.folded,
            of.lead,
            mentions=mentions,
            edit=said.edit,
            keep=said.keep,
        )


def _is_own(of: Leading, group: Sequence[Waiting]) -> bool:
    """Whether the leader leads nothing but its own delivery."""
    return [one.job_id for one in group] == [of.outbox.job_id]
