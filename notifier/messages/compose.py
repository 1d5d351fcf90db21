"""Many notices into one Discord message, inside every limit of Discord's embeds whatever the notices hold."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from notifier.messages import admin, compact, full, line
from notifier.messages.admin import AdminNotice
from notifier.messages.escape import length
from notifier.messages.notice import KillNotice
from notifier.messages.wire import Notice

Layout: TypeAlias = Literal["full", "compact", "line"]
"""How much a channel wants to read of a kill."""

_Make: TypeAlias = Callable[[KillNotice], dict[str, object]]

_LAYOUTS: Final[Mapping[Layout, Sequence[_Make]]] = {
    "full": (full.embed, full.without_links, compact.embed),
    "compact": (compact.embed,),
    "line": (line.embed,),
}
"""What is tried in turn; of the last ten always fit."""

LAYOUTS: Final = tuple(_LAYOUTS)
"""All of them, the usual one first."""

MOST_EMBEDS = 10
MOST_TEXT = 6_000
"""Discord's limit over all embeds of a message: titles, descriptions, fields, footers, authors."""


@dataclass(frozen=True, slots=True)
class Message:
    """A webhook's JSON body, and for how many of the notices it stands."""

    payload: dict[str, object]
    taken: int


def compose(notices: Sequence[Notice], waiting: int, layout: Layout = "full") -> Message:
    """Make one message of the first notices: 1 to 10 of them, as many as there are.

    `waiting` is how many wait for this destination in all. Up to ten get the full layout if all of those given
    fit, else without the links to other sites; beyond that, or when they still do not fit, the compact one. The other
    layouts are as chosen, always. A kill that is in `notices` twice ends the message before its second time, since
    Discord shows only the first of two embeds with one url. Notices to the operator look the same in all layouts.

    Raises ValueError for no notices.
    """
    if not notices:
        raise ValueError("a message needs a notice")
    chosen = list(_distinct(notices[:MOST_EMBEDS]))
    makes = _LAYOUTS["compact" if layout == "full" and waiting > MOST_EMBEDS else layout]
    return Message({"embeds": _fitting(makes, chosen), "allowed_mentions": {"parse": []}}, len(chosen))


def text_size(embeds: Iterable[Mapping[str, object]]) -> int:
    """Add up what Discord counts towards MOST_TEXT, in UTF-16 code units."""
    return sum(length(text) for embed in embeds for text in _texts(embed))


def _fitting(makes: Sequence[_Make], notices: Sequence[Notice]) -> list[dict[str, object]]:
    """Make the embeds in the first way in which all of them fit."""
    embeds: list[dict[str, object]] = []
    for make in makes:
        embeds = _all(make, notices)
        if text_size(embeds) <= MOST_TEXT:
            break
    return embeds


def _all(make: _Make, notices: Iterable[Notice]) -> list[dict[str, object]]:
    return [admin.embed(notice) if isinstance(notice, AdminNotice) else make(notice) for notice in notices]


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
