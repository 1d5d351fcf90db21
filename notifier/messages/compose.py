"""Many notices into one Discord message, inside every limit of Discord's embeds whatever the notices hold."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from notifier.messages import admin, compact, full
from notifier.messages.admin import AdminNotice
from notifier.messages.escape import length
from notifier.messages.notice import KillNotice
from notifier.messages.wire import Notice

MOST_EMBEDS = 10
MOST_TEXT = 6_000
"""Discord's limit over all embeds of a message: titles, descriptions, fields, footers, authors."""


@dataclass(frozen=True, slots=True)
class Message:
    """A webhook's JSON body, and for how many of the notices it stands."""

    payload: dict[str, object]
    taken: int


def compose(notices: Sequence[Notice], waiting: int) -> Message:
    """Make one message of the first notices: 1 to 10 of them, as many as there are.

    `waiting` is how many wait for this destination in all. Up to ten get the full layout if all of those given
    fit; beyond that, or when they do not fit, the compact one. A kill that is in `notices` twice ends the message
    before its second time, since Discord shows only the first of two embeds with one url. Notices to the operator look
    the same in both layouts.

    Raises ValueError for no notices.
    """
    if not notices:
        raise ValueError("a message needs a notice")
    chosen = list(_distinct(notices[:MOST_EMBEDS]))
    embeds = [] if waiting > MOST_EMBEDS else _all(full.embed, chosen)
    if not embeds or text_size(embeds) > MOST_TEXT:
        embeds = _all(compact.embed, chosen)
    return Message({"embeds": embeds, "allowed_mentions": {"parse": []}}, len(chosen))


def text_size(embeds: Iterable[Mapping[str, object]]) -> int:
    """Add up what Discord counts towards MOST_TEXT, in UTF-16 code units."""
    return sum(length(text) for embed in embeds for text in _texts(embed))


def _all(layout: Callable[[KillNotice], dict[str, object]], notices: Iterable[Notice]) -> list[dict[str, object]]:
    return [admin.embed(notice) if isinstance(notice, AdminNotice) else layout(notice) for notice in notices]


def _distinct(notices: Iterable[Notice]) -> Iterator[Notice]:
    seen: set[int] = set()
    for notice in notices:
        if isinstance(notice, KillNotice):
            if notice.killmail_id in seen:
                return
            seen.add(notice.killmail_id)
        yield notice


def _texts(node: object, name: str = "") -> Iterator[str]:
    """Walk an embed; links, pictures, colour and time do not count."""
    if isinstance(node, str):
        if name in {"title", "description", "name", "value", "text"}:
            yield node
    elif isinstance(node, Mapping):
        for key, below in node.items():
            yield from _texts(below, key)
    elif isinstance(node, list):
        for below in node:
            yield from _texts(below)
