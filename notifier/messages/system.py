"""What a channel is told when a system comes onto a map."""

from collections.abc import Iterator

import msgspec

from notifier.messages import isk, links, parts
from notifier.messages.escape import escape, length, plain
from notifier.messages.notice import Place
from notifier.messages.room import MOST, ago, joined

COLOURS = {"wormhole": 0x9D4EDD, "highsec": 0x2AB7A9, "lowsec": 0xF1C40F, "nullsec": 0xC2410C}
"""By space, none of them the green, red or blue of a kill: those say whose it was."""
OTHER = 0x95A5A6
_ICONS = {"wormhole": 45041, "highsec": 45038, "lowsec": 45039, "nullsec": 45040}
_KILLS, _STATICS = 3, 4
_NAME, _SHORT, _FOOTER = 44, 20, 40
"""Code units of a name before escaping."""


class Static(msgspec.Struct, frozen=True):
    """A wormhole that is always there: its type, such as "C247", and where it leads, such as "C3"."""

    name: str
    leads_to: str | None = None


class RecentKill(msgspec.Struct, frozen=True):
    """A kill in the system not long ago; `value` in ISK, `time` in epoch seconds."""

    killmail_id: int
    time: int
    ship: str | None = None
    value: float | None = None


class SystemNotice(msgspec.Struct, frozen=True, tag="system"):
    """A system that was added to a map at `time` (epoch seconds); `place` knows its own name and the map's for it.

    `map` is the map's name; `kills` are the last ones there, the latest first.
    """

    place: Place
    time: int
    map: str = ""
    effect: str | None = None
    statics: tuple[Static, ...] = ()
    shattered: bool = False
    kills: tuple[RecentKill, ...] = ()


def embed(notice: SystemNotice) -> dict[str, object]:
    """Give its embed, at most MOST code units: of the kills, as many as find room."""
    where = notice.place
    title = f"New on the map: {parts.system(where, _NAME, link=False)}"
    footer = plain(notice.map, _FOOTER)
    room = MOST - length(title) - length(footer)
    found: dict[str, object] = {
        "title": title,
        "url": links.page("system", where.system.id),
        "color": COLOURS.get(where.space or "", OTHER),
        "description": _description(notice, room),
    }
    if (icon := _ICONS.get(where.space or "")) is not None:
        found["thumbnail"] = {"url": links.icon(icon)}
    return parts.signed(found, footer, notice.time)


def _description(notice: SystemNotice, room: int) -> str:
    pages = _pages(notice.place)
    above = [_kind(notice), _statics(notice.statics)]
    kills = [_kill(one) for one in notice.kills[:_KILLS]]
    if kills:  # the heading goes with the first: neither stands without the other
        kills[0] = f"Recent kills:\n{kills[0]}"
    told = joined([*above, *kills], room - length(pages) - 1)
    return f"{told}\n{pages}" if told else pages


def _kind(notice: SystemNotice) -> str:
    """Give "Wolf-Rayet · shattered · B-R00004", "The Forge"."""
    where, effect = notice.place, escape(notice.effect or "", _SHORT)
    region = "" if where.region is None else parts.label(where.region, "", _SHORT)
    return " · ".join(one for one in (effect, "shattered" if notice.shattered else "", region) if one)


def _statics(statics: tuple[Static, ...]) -> str:
    """Give "Statics: C247 → C3, P060 → C1"."""
    shown = [found for one in statics[:_STATICS] if (found := _static(one))]
    more = f" +{len(statics) - _STATICS}" if len(statics) > _STATICS else ""
    return f"Static{'s' if len(statics) > 1 else ''}: {', '.join(shown)}{more}" if shown else ""


def _static(one: Static) -> str:
    return " → ".join(text for text in (escape(one.name, 6), escape(one.leads_to or "", 8)) if text)


def _kill(kill: RecentKill) -> str:
    """Give "[Sabre](…), 85m ISK, 3 hours ago"."""
    worth = isk.short(kill.value or 0.0)
    ship = f"[{escape(kill.ship or '', _SHORT) or 'A ship'}]({links.kill(kill.killmail_id)})"
    return ", ".join(one for one in (ship, "" if worth == "0" else f"{worth} ISK", ago(kill.time)) if one)


def _pages(where: Place) -> str:
    """Give "[DOTLAN](…) · [Anoikis](…)"; zKillboard's page is the embed's own."""
    return " · ".join(f"[{name}]({address})" for name, address in pages(where))


def pages(where: Place) -> Iterator[tuple[str, str]]:
    """Give the names and addresses of the pages about a system, but for zKillboard's."""
    name = where.system.name or ""
    yield "DOTLAN", links.dotlan(where.system.id, name)
    if wormhole := links.anoikis(name):
        yield "Anoikis", wormhole
