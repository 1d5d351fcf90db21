"""What a channel is told of a rally point on a map. Whom it pings is the destination's to say."""

import msgspec

from notifier.messages import links, parts
from notifier.messages.escape import escape, length, plain
from notifier.messages.notice import Named, Place
from notifier.messages.room import MOST, joined
from notifier.messages.system import pages

COLOUR = 0xFF6B00
_NAME, _PLACE, _TEXT, _FOOTER = 28, 44, 120, 30
"""Code units before escaping."""


class RallyNotice(msgspec.Struct, frozen=True, tag="rally"):
    """A rally point that was made at `time` (epoch seconds), by whom, and the words that were left with it."""

    place: Place
    time: int
    map: str = ""
    character: Named | None = None
    corporation: Named | None = None
    text: str = ""


def embed(notice: RallyNotice) -> dict[str, object]:
    """Give its embed, at most MOST code units; links are left out first."""
    title = f"Rally point: {parts.system(notice.place, _PLACE, link=False)}"
    footer = plain(notice.map, _FOOTER)
    lines = [escape(notice.text, _TEXT), _maker(notice), _links(notice.place)]
    found: dict[str, object] = {
        "title": title,
        "color": COLOUR,
        "description": joined(lines, MOST - length(title) - length(footer)),
    }
    return parts.signed(found, footer, notice.time)


def _maker(notice: RallyNotice) -> str:
    """Give "by Pilot, Corporation [TICK]"."""
    by = parts.label(notice.character, "an unknown pilot", _NAME)
    if notice.corporation is None:
        return f"by {by}"
    return f"by {by}, {parts.tagged(notice.corporation, 'Unknown corporation', _NAME)}"


def _links(where: Place) -> str:
    known = [("zKillboard", links.page("system", where.system.id)), *pages(where)]
    return " · ".join(f"[{name}]({address})" for name, address in known)
