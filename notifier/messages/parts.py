"""The phrases that the layouts are made of. Every name passes through `escape` here; none is trusted."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from notifier.messages import isk, links
from notifier.messages.escape import escape, length, plain, shorten
from notifier.messages.notice import Distance, KillNotice, Named, Party, Place
from notifier.tracking.side import Side

COLOURS: Final[dict[Side, int]] = {"kill": 0x2ECC71, "loss": 0xE74C3C, "neutral": 0x3498DB}
"""Green, red, blue."""

LATE = 3600
"""Seconds after which a kill counts as one that became known late."""

_LONG = 48
"""Hours from which on one counts days."""

_NO_DELAY = 1 << 32
_TOO_FAR = 1000
_TICKER = 5
_SPACES = {"abyssal": "Abyssal", "pochven": "Pochven", "void": "Void", "wormhole": "Wormhole"}


def label(named: Named | None, unknown: str, limit: int) -> str:
    """Give the escaped name, or `unknown` where nobody knew it."""
    return (escape(named.name, limit) if named is not None and named.name else "") or unknown


def linked(named: Named, kind: str, unknown: str, limit: int) -> str:
    """Give the name as a link to zKillboard; a thing without a name can still be looked up there."""
    return f"[{label(named, unknown, limit)}]({links.page(kind, named.id)})"


def tagged(named: Named, unknown: str, limit: int, show: Callable[[str, int], str] = escape) -> str:
    """Give "Name [TICK]", the name alone where no ticker is known; `show` is escape or plain."""
    return (show(named.name or "", limit) or unknown) + tag(named, show)


def tag(named: Named, show: Callable[[str, int], str] = escape) -> str:
    """Give " [TICK]", "" where no ticker is known."""
    # Never before a bracket: it must not become the text of a link.
    ticker = show(named.ticker or "", _TICKER)
    return f" [{ticker}]" if ticker else ""


def title(notice: KillNotice, limit: int, *, ticker: bool = False) -> str:
    """Give "Victim lost a Ship", with `ticker` "Victim [TICK] lost a Ship"; names take `limit` code units each."""
    ship = label(notice.victim.ship, "", limit)
    lost = f"{_article(ship)} {ship}" if ship else "a ship"
    who, flies_for = notice.victim, notice.victim.corporation
    # A structure is named by its owner, who has a ticker already.
    own = tag(flies_for) if ticker and who.character is not None and flies_for is not None else ""
    return f"{victim(who, limit, link=False)}{own} lost {lost}"


def victim(party: Party, limit: int, *, link: bool) -> str:
    """Name who lost the ship: the pilot; for a structure without one its owner."""
    return _pilot(party, limit, link=link) or organisation(party, limit, link=link) or "Unknown owner"


def attacker(party: Party, limit: int, *, link: bool) -> str:
    """Name an attacker: the pilot, else the NPC's or structure's type, else whom it belongs to."""
    return _pilot(party, limit, link=link) or label(party.ship, "", limit) or organisation(party, limit) or "Unknown"


def organisation(party: Party, limit: int, *, link: bool = False) -> str:
    """Name whom a party flies for, the corporation first; "" when the killmail does not say."""
    known = (("corporation", party.corporation), ("alliance", party.alliance), ("faction", party.faction))
    kind, found = next(((kind, one) for kind, one in known if one is not None), ("", None))
    if found is None:
        return ""
    unknown = f"Unknown {kind}"
    return linked(found, kind, unknown, limit) if link else tagged(found, unknown, limit)


def _pilot(party: Party, limit: int, *, link: bool) -> str:
    if party.character is None:
        return ""
    unknown = "Unknown pilot"
    return linked(party.character, "character", unknown, limit) if link else label(party.character, unknown, limit)


def place(where: Place, limit: int, *, link: bool) -> str:
    """Give "System (0.9), Region", with links the constellation between; "Home (J123456, C5)" by a map's name."""
    text = system(where, limit, link=link)
    if where.region is None or not where.region.name or where.space in ("abyssal", "void"):
        return text
    if not link:
        return f"{text}, {label(where.region, '', limit)}"
    constellation = escape(where.constellation or "", limit)
    return ", ".join(one for one in (text, constellation, linked(where.region, "region", "", limit)) if one)


def system(where: Place, limit: int, *, link: bool) -> str:
    """Give "System (0.9)", or "Home (J123456, C5)" by a map's name for it: both names share the `limit`.

    In wormholes the class and in the abyss the word stand for the security.
    """
    detail = escape(where.wormhole_class or "", 20) or _SPACES.get(where.space or "") or _security(where)
    own, unknown = limit // 3, "Unknown system"
    name = escape(where.custom_name or "", limit - own - 2)
    if name:
        detail = ", ".join(one for one in (label(where.system, "", own), detail) if one)
    else:
        name = label(where.system, unknown, limit)
    if link:
        name = f"[{name}]({links.page('system', where.system.id)})"
    return f"{name} ({detail})" if detail else name


def when(notice: KillNotice) -> str:
    """Give how long ago it was, as Discord counts it, and how late it became known where that was late."""
    return f"<t:{notice.time}:R>{late(notice)}"


def late(notice: KillNotice) -> str:
    """Give ", reported 5 h later"; "" for what was known within the hour."""
    return f", reported {_span(notice.delay)} later" if LATE <= notice.delay < _NO_DELAY else ""


def distances(notice: KillNotice, limit: int) -> str:
    """Give "12 jumps, 5.3 ly from Jita"; of several origins all, "" for none."""
    told = [_distance(one, limit) for one in notice.distances]
    return " · ".join(one for one in told if one)


def _distance(distance: Distance, limit: int) -> str:
    jumps, light_years, origin = distance.jumps, distance.light_years, escape(distance.origin, limit)
    told = []
    if jumps is not None and 0 <= jumps < _TOO_FAR:
        told.append("1 jump" if jumps == 1 else f"{jumps} jumps")
    if light_years is not None and 0 <= light_years < _TOO_FAR:
        told.append(f"{light_years:.1f} ly")
    return f"{', '.join(told)} from {origin}" if told and origin else ""


def moment(notice: KillNotice) -> datetime | None:
    """Give the kill's time; None beyond what a calendar holds."""
    return instant(notice.time)


def instant(seconds: int) -> datetime | None:
    """Give a moment in epoch seconds; None beyond what a calendar holds."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def value(notice: KillNotice) -> str:
    """Give "1.25b ISK", "" where the killmail came without values (zero is what zKillboard never says)."""
    worth = _amount(notice.total_value)
    return f"{worth} ISK" if worth else ""


def split(notice: KillNotice) -> str:
    """Give "300m dropped, 950m destroyed", as far as it is known."""
    known = ((notice.dropped_value, "dropped"), (notice.destroyed_value, "destroyed"))
    return ", ".join(f"{text} {what}" for amount, what in known if (text := _amount(amount)))


def attackers(notice: KillNotice) -> str:
    """Give "solo", "12 attackers", "3 NPCs"."""
    count = max(notice.attacker_count, 0)
    if notice.npc:
        return "1 NPC" if count == 1 else f"{count:,} NPCs"
    if notice.solo:
        return "solo"
    return "1 attacker" if count == 1 else f"{count:,} attackers"


def frame(notice: KillNotice, name_limit: int, footer_limit: int) -> dict[str, object]:
    """Give what each embed has in any layout; its url is the kill's page."""
    embed: dict[str, object] = {
        "title": title(notice, name_limit),
        "url": links.kill(notice.killmail_id),
        "color": COLOURS[notice.side],
    }
    if notice.victim.ship is not None:
        embed["thumbnail"] = {"url": links.ship(notice.victim.ship.id)}
    return signed(embed, _footer(notice.subscriptions, footer_limit), notice.time)


def signed(embed: dict[str, object], footer: str, time: int | None) -> dict[str, object]:
    """End an embed with its footer, and the moment (epoch seconds) that it tells of; both only where there is one."""
    if footer:
        embed["footer"] = {"text": footer}
    if time is not None and (at := instant(time)) is not None:
        embed["timestamp"] = at.isoformat()
    return embed


def _footer(subscriptions: tuple[str, ...], limit: int) -> str:
    """Join the ids of subscriptions; those that find no room become a count."""
    ids = [text for one in subscriptions if (text := plain(one, limit))]
    return few(ids, len(ids), limit) or (shorten(ids[0], limit) if ids else "")


def few(texts: Sequence[str], count: int, limit: int) -> str:
    """Give "intel, home +2", the first of `count` in at most `limit` code units; "" where not even one finds room."""
    for kept in range(len(texts), 0, -1):
        rest = count - kept
        text = ", ".join(texts[:kept]) + (f" +{rest:,}" if rest else "")
        if length(text) <= limit:
            return text
    return ""


def _article(noun: str) -> str:
    return "an" if noun[:1].lower() in tuple("aeiou") else "a"


def _security(where: Place) -> str:
    return "" if where.security is None else f"{where.security:.1f}"


def _amount(amount: float | None) -> str:
    text = "0" if amount is None else isk.short(amount)
    return "" if text == "0" else text


def _span(seconds: int) -> str:
    hours = seconds // 3600
    return f"{hours} h" if hours < _LONG else f"{hours // 24:,} days"
