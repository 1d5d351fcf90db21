"""A message as the page shows it: from a webhook's payload to texts, rows and checked addresses. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from markupsafe import Markup

from ops.simulators.discord.markdown import render

NAME = "Simulated webhook"
"""Who posts, where the message does not say."""

BOT = "Killmail bot"
"""The name of every bot."""

ONE_HEAD_SECONDS = 420.0
"""Messages of one sender within 7 minutes stand under one head, as in Discord."""

FIELDS_A_ROW = 3

_PICTURE = re.compile(r"https://images\.evetech\.net/[\w/]+(?:\?[\w=&]+)?", re.ASCII)
_LINK = re.compile(r"https?://\S+", re.IGNORECASE)
Field: TypeAlias = tuple[Markup, Markup]
"""Name and value."""


@dataclass(frozen=True, slots=True)
class Embed:
    """One embed; an address is "" where there is none or the page must not follow it; `colour` as "#e74c3c".

    `subject` is what the thumbnail is of, for where it cannot be had: a pilot, a place or a ship.
    """

    colour: str
    author: str
    author_link: str
    author_icon: str
    title: Markup
    link: str
    description: Markup
    rows: tuple[tuple[Field, ...], ...]
    thumbnail: str
    has_thumbnail: bool
    subject: str
    footer: str
    time: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `day` is set where a new day begins, `head` where the sender is named."""

    id: str
    name: str
    avatar: str
    time: str
    clock: str
    edited: bool
    content: Markup
    embeds: tuple[Embed, ...]
    day: str
    head: bool


@dataclass(frozen=True, slots=True)
class Posted:
    """What was posted, as the journal keeps it; `at` in epoch seconds."""

    id: str
    at: float
    edited: bool
    payload: Mapping[str, Any]
    by_bot: bool = False


def messages(posted: Iterable[Posted], now: float) -> Iterator[Message]:
    """Give what the page shows of each message, oldest first, as of `now` in epoch seconds."""
    last_name, last_at, last_day = "", 0.0, ""
    for one in posted:
        name = BOT if one.by_bot else _text(one.payload, "username") or NAME
        day = f"{_moment(one.at):%-d %B %Y}"
        head = name != last_name or day != last_day or one.at - last_at > ONE_HEAD_SECONDS
        yield _message(one, name, day if day != last_day else "", now, head=head)
        last_name, last_day, last_at = name, day, one.at if head else last_at


def _message(one: Posted, name: str, day: str, now: float, *, head: bool) -> Message:
    embeds = one.payload.get("embeds")
    return Message(
        id=one.id,
        name=name,
        avatar=_picture(one.payload.get("avatar_url")),
        time=_when(one.at, now),
        clock=f"{_moment(one.at):%H:%M}",
        edited=one.edited,
        content=render(_text(one.payload, "content"), now),
        embeds=tuple(_embed(embed, now) for embed in _distinct(embeds if isinstance(embeds, list) else [])),
        day=day,
        head=head,
    )


def _distinct(embeds: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Of embeds with one url Discord shows the first."""
    seen = set()
    for embed in embeds:
        url = embed.get("url")
        if embed and (url is None or url not in seen):
            yield embed
        seen.add(url)


def _embed(embed: Mapping[str, Any], now: float) -> Embed:
    author, footer, thumbnail = (_part(embed, key) for key in ("author", "footer", "thumbnail"))
    link = _link(embed.get("url"))
    return Embed(
        colour=_colour(embed.get("color")),
        author=_text(author, "name"),
        author_link=_link(author.get("url")),
        author_icon=_picture(author.get("icon_url")),
        title=render(_text(embed, "title"), now, in_link=bool(link)),
        link=link,
        description=render(_text(embed, "description"), now),
        rows=tuple(_rows(embed.get("fields") or (), now)),
        thumbnail=_picture(thumbnail.get("url")),
        has_thumbnail=bool(thumbnail),
        subject=_subject(_text(thumbnail, "url")),
        footer=_text(footer, "text"),
        time=_time(embed.get("timestamp"), now),
    )


def _rows(fields: Iterable[Mapping[str, Any]], now: float) -> Iterator[tuple[Field, ...]]:
    """Put inline fields side by side, up to three, and each other one into a row of its own."""
    row: list[Field] = []
    for field in fields:
        inline = field.get("inline") is True
        if row and (not inline or len(row) == FIELDS_A_ROW):
            yield tuple(row)
            row = []
        row.append((render(_text(field, "name"), now), render(_text(field, "value"), now)))
        if not inline:
            yield tuple(row)
            row = []
    if row:
        yield tuple(row)


def _part(embed: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = embed.get(key)
    return found if isinstance(found, dict) else {}


def _text(owner: Mapping[str, Any], key: str) -> str:
    """Discord takes numbers for texts, too, and trims both."""
    found = owner.get(key)
    return "" if found is None else str(found).strip()


def _picture(address: object) -> str:
    """Let only the game's image server through, in a form that cannot leave a url("…") of a style."""
    return address if isinstance(address, str) and _PICTURE.fullmatch(address) else ""


def _subject(address: str) -> str:
    return "pilot" if "/portrait" in address else "place" if "/icon" in address else "ship"


def _link(address: object) -> str:
    return address if isinstance(address, str) and _LINK.fullmatch(address) else ""


def _colour(found: object) -> str:
    return f"#{found:06x}" if isinstance(found, int) and 0 < found <= 0xFFFFFF else "#1e1f22"


def _time(found: object, now: float) -> str:
    if found is None:
        return ""
    moment = datetime.fromisoformat(str(found))
    try:
        return _when((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp(), now)
    except (ValueError, OverflowError):  # the calendar's first and last day, in another zone
        return ""


def _when(at: float, now: float) -> str:
    """Give "Today at 18:20", "Yesterday at 18:20", "23/11/2026 18:20", all in UTC, which is EVE's time."""
    moment, today = _moment(at), _moment(now)
    days = (today.date() - moment.date()).days
    if days in (0, 1):
        return f"{('Today', 'Yesterday')[days]} at {moment:%H:%M}"
    return f"{moment:%d/%m/%Y %H:%M}"


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
