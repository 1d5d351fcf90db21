"""A destination's battle digest: which deliveries go into it, and its message, posted once and then edited.

Nothing is counted twice: what a digest says moves on only in the step that marks its kills as delivered, so an edit
whose end nobody knows is simply made again.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
from redis import Redis

from notifier.config import Battle, Destination
from notifier.messages import Digest, KillNotice, Message, digest_payload, fold
from notifier.services.discord import Posted
from workers import keys
from workers.outbox import GROUP, Keep, Lead
from workers.posting import Edit, Waiting

ROLL = 3_300.0
"""Seconds after which a digest goes on in a new message: Discord allows few edits of one that is over an hour old."""


class Open(msgspec.Struct, frozen=True):
    """A digest that is going on: its message, the thread that it is in ("" for the channel), the fingerprint of where
    it was posted, and when (epoch seconds).
    """

    digest: Digest
    message: str
    thread: str
    address: str
    posted_at: float


class Share(NamedTuple):
    """A leader's group, taken apart: what goes into the digest, and what has messages of its own."""

    folded: list[Waiting]
    apart: list[Waiting]


_decoder = msgspec.json.Decoder(Open)


def read(connection: Redis, destination: str, address: str) -> Open | None:
    """The destination's digest that is going on, None for none. Raises what redis-py raises."""
    text = connection.get(keys.digest(destination))
    if text is None:
        return None
    try:
        found = _decoder.decode(text)
    except msgspec.MsgspecError:
        return None  # Another version's: that digest is over.
    # A message of another webhook is not ours to edit.
    return found if found.address == address else None


def shared(battle: Battle, going_on: bool, lead: Lead, group: Sequence[Waiting]) -> Share:
    """Say which deliveries of the group go into a digest. Pure.

    A lead that repeats a post of more than a message's worth repeats a digest.
    """
    fights = going_on or lead.waiting > battle.above or (len(lead.ids) > GROUP and bool(lead.nonce))
    if not fights or lead.alone:
        return Share([], list(group))
    folded = [one for one in group if _fits(battle, one)]
    apart = [one for one in group if not _fits(battle, one)]
    # One after the other, whoever waits longest first.
    return Share([], apart) if apart and (not folded or apart[0].score < folded[0].score) else Share(folded, [])


def _fits(battle: Battle, one: Waiting) -> bool:
    kill = one.notice
    return isinstance(kill, KillNotice) and (battle.alone is None or (kill.total_value or 0.0) < battle.alone)


class Said(NamedTuple):
    """A digest's message: `edit` names the one that it becomes (None: a new one), `keep` what is then kept."""

    message: Message
    edit: Edit | None
    keep: Callable[[Posted], Keep | None]


def said(
    to: Destination, battle: Battle, address: str, going_on: Open | None, folded: Sequence[Waiting], now: float
) -> Said:
    """Give the message that tells of these kills, too; `now` in epoch seconds."""
    if going_on is not None and now - going_on.posted_at > ROLL:
        going_on = None
    kills = (one.notice for one in folded)
    digest = fold(Digest() if going_on is None else going_on.digest, [k for k in kills if isinstance(k, KillNotice)])

    def keep(posted: Posted) -> Keep | None:
        if not posted.message_id:
            return None  # Nobody can edit what has no id.
        thread = posted.channel_id if to.manners.post_name is not None else ""
        what = Open(digest, posted.message_id, thread, address, now)
        if going_on is not None:
            what = Open(digest, going_on.message, going_on.thread, address, going_on.posted_at)
        return Keep(keys.digest(to.id), msgspec.json.encode(what).decode(), int(battle.ends_after), by_leader=True)

    payload = digest_payload(digest)
    if going_on is None:
        return Said(Message(to.manners.dressed(payload, now), len(folded)), None, keep)
    return Said(Message(payload, len(folded)), Edit(going_on.message, going_on.thread), keep)
