"""Many notices into one Discord message, inside every limit of Discord's embeds whatever the notices hold."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, Literal, TypeAlias

from notifier.messages import admin, character, compact, full, line, rally, status, system
from notifier.messages.admin import AdminNotice
from notifier.messages.character import CharacterNotice
from notifier.messages.escape import length
from notifier.messages.notice import KillNotice
from notifier.messages.rally import RallyNotice
from notifier.messages.status import StatusNotice
from notifier.messages.system import SystemNotice
from notifier.messages.template import Template, applied
from notifier.messages.wire import Notice

Layout: TypeAlias = Literal["full", "compact", "line"]
"""How much a channel wants to read of a kill."""

_Make: TypeAlias = Callable[[KillNotice], dict[str, object]]

_LAYOUTS: Final[Mapping[Layout, Sequence[_Make]]] = {
    "full": (full.embed, full.without_links, full.without_items, compact.embed),
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
    """A webhook's JSON body, and for how many of the notices it stands.

    `failures` say why the template was not used for some of them, each with its line and without any content.
    """

    payload: dict[str, object]
    taken: int
    failures: tuple[str, ...] = ()


def compose(
    notices: Sequence[Notice], waiting: int, layout: Layout = "full", template: Template | None = None
) -> Message:
    """Make one message of the first notices: 1 to 10 of them, as many as there are.

    `waiting` is how many wait for this destination in all. Up to ten get the full layout if all of those given
    fit, else without the links to other sites, then without the notable items; beyond that, or when they still do not
    fit, the compact one. The other layouts are as chosen, always. A kill (or system, or pilot) that is in `notices`
    twice ends the message before its second time, since Discord shows only the first of two embeds with one url.
    Notices of other kinds look the same in all layouts.
    With a `template` kills look as it says, and fewer of them go into the message where they do not fit; a kill for
    which it fails gets the layout.

    Raises ValueError for no notices.
    """
    if not notices:
        raise ValueError("a message needs a notice")
    chosen = list(_distinct(notices[:MOST_EMBEDS]))
    makes = _LAYOUTS["compact" if layout == "full" and waiting > MOST_EMBEDS else layout]
    own, failures = applied(template, chosen)
    embeds = _first_that_fit(_fitting(makes, chosen, own))
    return Message({"embeds": embeds, "allowed_mentions": {"parse": []}}, len(embeds), tuple(failures))


def text_size(embeds: Iterable[Mapping[str, object]]) -> int:
    """Add up what Discord counts towards MOST_TEXT, in UTF-16 code units."""
    return sum(length(text) for embed in embeds for text in _texts(embed))


def _fitting(
    makes: Sequence[_Make], notices: Sequence[Notice], own: Sequence[dict[str, object] | None]
) -> list[dict[str, object]]:
    """Make the embeds that the template did not make, in the first way in which all of them fit."""
    embeds: list[dict[str, object]] = []
    for make in makes:
        embeds = [made or _made(make, notice) for notice, made in zip(notices, own, strict=True)]
        if text_size(embeds) <= MOST_TEXT:
            break
    return embeds


def _made(make: _Make, notice: Notice) -> dict[str, object]:
    match notice:
        case AdminNotice():
            return admin.embed(notice)
        case SystemNotice():
            return system.embed(notice)
        case CharacterNotice():
            return character.embed(notice)
        case RallyNotice():
            return rally.embed(notice)
        case StatusNotice():
            return status.embed(notice)
        case KillNotice():
            return make(notice)


def _first_that_fit(embeds: list[dict[str, object]]) -> list[dict[str, object]]:
    """Leave out the last ones where a template's are too large together; each alone fits."""
    sizes = accumulate(text_size([embed]) for embed in embeds)
    return [embed for embed, size in zip(embeds, sizes, strict=True) if size <= MOST_TEXT] or embeds[:1]


def _distinct(notices: Iterable[Notice]) -> Iterator[Notice]:
    seen: set[tuple[str, int]] = set()
    for notice in notices:
        if (page := _page(notice)) is not None:
            if page in seen:
                return
            seen.add(page)
        yield notice


def _page(notice: Notice) -> tuple[str, int] | None:
    """Give what the url of the notice's embed is a page of; None for a notice without one."""
    match notice:
        case KillNotice():
            return "kill", notice.killmail_id
        case SystemNotice():
            return "system", notice.place.system.id
        case CharacterNotice():
            return "character", notice.character.id
        case _:
            return None


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
