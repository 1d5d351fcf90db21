"""Discord's markdown as safe HTML, as far as messages of embeds use it: emphasis, code, links, times, mentions. Pure.

Rules and their order follow Discord's renderer (simple-markdown). Blocks such as lists and headings are left as text.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeAlias

from markupsafe import Markup, escape

DEEPEST = 8
"""Emphasis within emphasis; what lies deeper is shown as it was written."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a text stands: the present moment in epoch seconds, whether inside a link, how deep."""

    now: float
    in_link: bool = False
    depth: int = 0


_Show: TypeAlias = Callable[[re.Match[str], _Place], Markup]


def render(text: str, now: float, *, in_link: bool = False) -> Markup:
    """Give the HTML of a formatted text at `now` (epoch seconds); with `in_link` links are text: they do not nest."""
    return _render(text, _Place(now, in_link))


def _render(text: str, place: _Place) -> Markup:
    if place.depth > DEEPEST:
        return escape(text)
    parts, at = [], 0
    while at < len(text):
        part, at = _next(text, at, place)
        parts.append(part)
    return Markup("").join(parts)


def _next(text: str, at: int, place: _Place) -> tuple[Markup, int]:
    """Give the HTML of what begins at `at`, and where the rest begins."""
    for pattern, show in _RULES:
        found = pattern.match(text, at)
        if found is not None:
            return show(found, place), found.end()
    plain = _PLAIN.match(text, at)
    end = plain.end() if plain is not None else at + 1
    return escape(text[at:end]), end


def _within(tag: str, group: str | int = 1) -> _Show:
    """Show what the rule found inside a tag, itself rendered."""
    name = tag.split(" ", 1)[0]

    def show(found: re.Match[str], place: _Place) -> Markup:
        inner = _render(found[group], replace(place, depth=place.depth + 1))
        return Markup(f"<{tag}>") + inner + Markup(f"</{name}>")  # noqa: S704 – tags of the table below

    return show


def _code(found: re.Match[str], _: _Place) -> Markup:
    return Markup("<code>{}</code>").format(found[2].strip() or found[2])


def _block(found: re.Match[str], _: _Place) -> Markup:
    return Markup("<pre><code>{}</code></pre>").format(found[1].strip("\n"))


def _link(found: re.Match[str], place: _Place) -> Markup:
    inner = _render(found["text"], replace(place, in_link=True, depth=place.depth + 1))
    return inner if place.in_link else _anchor(found["href"], inner)


def _bare(found: re.Match[str], place: _Place) -> Markup:
    return escape(found["href"]) if place.in_link else _anchor(found["href"], escape(found["href"]))


def _anchor(href: str, inner: Markup) -> Markup:
    """Only http and https get here: the rules take no other scheme."""
    return Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>').format(href, inner)


def _mention(found: re.Match[str], _: _Place) -> Markup:
    return Markup('<span class="mention">{}</span>').format(found[0])


def _time(found: re.Match[str], place: _Place) -> Markup:
    seconds = int(found[1])
    shown, whole = moment(seconds, found[2] or "f", place.now), moment(seconds, "F", place.now)
    if not shown:
        return escape(found[0])
    return Markup('<time title="{} UTC">{}</time>').format(whole, shown)


def moment(seconds: int, style: str, now: float) -> str:
    """Give a moment in one of Discord's styles, in UTC; "" beyond what a calendar holds."""
    try:
        found = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return ""
    return relative(seconds, now) if style == "R" else f"{found:{_STYLES[style]}}"


def relative(seconds: float, now: float) -> str:
    """Give "3 minutes ago" or "in 2 days", with the steps of Discord's clients."""
    apart = abs(now - seconds)
    size, unit = next(((size, unit) for most, size, unit in _STEPS if apart < most), (_YEAR, "year"))
    count = max(round(apart / size), 1)
    span = f"{'an' if unit == 'hour' else 'a'} {unit}" if count == 1 else f"{count} {unit}s"
    if unit == "second":
        span = "a few seconds"
    return f"in {span}" if seconds > now else f"{span} ago"


_DAY, _MONTH, _YEAR = 86_400.0, 2_629_800.0, 31_557_600.0
_STEPS = (
    (45.0, 1.0, "second"),
    (45 * 60.0, 60.0, "minute"),
    (22 * 3600.0, 3600.0, "hour"),
    (26 * _DAY, _DAY, "day"),
    (11 * _MONTH, _MONTH, "month"),
)
_STYLES = {
    "t": "%H:%M",
    "T": "%H:%M:%S",
    "d": "%d/%m/%Y",
    "D": "%d %B %Y",
    "f": "%d %B %Y %H:%M",
    "F": "%A, %d %B %Y %H:%M",
}

# A link's end is looked for before backslashes are heeded: brackets only count.
_LINK = (
    r"\[(?P<text>(?:\[[^\[\]]*\]|[^\[\]])+)\]\(<?(?P<href>https?://[^\s()<>]+(?:\([^\s()<>]*\))?)>?(?: \"[^\"]*\")?\)"
)
_INSIDE = r"((?:\\[\s\S]|[^\\])+?)"
_RULES: tuple[tuple[re.Pattern[str], _Show], ...] = tuple(
    (re.compile(pattern), show)
    for pattern, show in (
        (r"\\([^0-9A-Za-z\s])", lambda found, _: escape(found[1])),
        (r"```(?:\w*\n)?([\s\S]+?)```", _block),
        (r"(?P<ticks>`+)([^`]|[^`][\s\S]*?[^`])(?P=ticks)(?!`)", _code),
        (r"<t:(-?\d{1,17})(?::([tTdDfFR]))?>", _time),
        (r"<(?:@[!&]?|#|/[^<>:\n]{1,32}:)\d{1,20}>|@everyone|@here", _mention),
        (_LINK, _link),
        (r"<(?P<href>https?://[^\s<>]+)>", _bare),
        (r"(?P<href>https?://[^\s<>\"'`*|]*[^\s<>\"'`*|.,:;!?)\]])", _bare),
        (rf"\*\*{_INSIDE}\*\*(?!\*)", _within("strong")),
        (rf"__{_INSIDE}__(?!_)", _within("u")),
        (rf"~~{_INSIDE}~~(?!~)", _within("s")),
        (rf"\|\|{_INSIDE}\|\|", _within('span class="spoiler"')),
        (r"\*(?=\S)((?:\\[\s\S]|\*\*|[^\\*])+?)(?<!\s)\*(?!\*)", _within("em")),
        (r"\b_((?:\\[\s\S]|__|[^\\_])+?)_(?!\w)", _within("em")),
        (r"\n", lambda *_: Markup("<br>")),
    )
)
_PLAIN = re.compile(r"(?:(?!https?://)[^\\`<@\[*_~|\n])+")
