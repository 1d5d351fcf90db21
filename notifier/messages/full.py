"""The full layout: everything about one kill in one embed, while there is room for it."""

from collections.abc import Callable, Sequence

from notifier.messages import isk, links, parts
from notifier.messages.escape import escape, plain
from notifier.messages.notice import Item, KillNotice, Named, Party, Share

NAME = 50
"""Code units of a name before escaping: EVE's corporations and alliances end there."""

_ITEM = 60
"""Code units of an item's name: with the rest of its line, five times, below Discord's 1,024 of a field."""

_SHARE = 36
_ORIGIN = 24
_TIMES = "\N{NO-BREAK SPACE}×"
"""A count does not begin a line of its own."""
_FOOTER = 200


def embed(notice: KillNotice) -> dict[str, object]:
    """Give the embed of one kill, at most some 5,500 code units, whatever the notice holds."""
    found = without_links(notice)
    if pages := _links(notice):
        found["fields"] = [*_fields(notice), *_notable(notice), _field("Links", pages, inline=False)]
    return found


def without_links(notice: KillNotice) -> dict[str, object]:
    """Give the embed without the line of links to other sites: a third shorter."""
    found = without_items(notice)
    found["fields"] = [*_fields(notice), *_notable(notice)]
    return found


def without_items(notice: KillNotice) -> dict[str, object]:
    """Give the embed also without the notable items."""
    found = parts.frame(notice, NAME, _FOOTER)
    found["description"] = _description(notice)
    found["fields"] = _fields(notice)
    if author := _author(notice.victim):
        found["author"] = author
    return found


def _description(notice: KillNotice) -> str:
    who = parts.victim(notice.victim, NAME, link=True)
    lines = [f"{who} in {parts.place(notice.place, NAME, link=True)}, {parts.when(notice)}"]
    if worth := parts.value(notice):
        split = parts.split(notice)
        lines.append(f"**{worth}**" + (f" ({split})" if split else ""))
    if far := parts.distances(notice, _ORIGIN):
        lines.append(far)
    return "\n".join(lines)


def _author(victim: Party) -> dict[str, object] | None:
    """Name the victim's corporation and alliance over the title, with the logo of the larger one."""
    known = (("alliance", victim.alliance), ("corporation", victim.corporation), ("faction", victim.faction))
    kind, largest = next(((kind, one) for kind, one in known if one is not None), ("", None))
    if largest is None:
        return None
    return {
        "name": " · ".join(_organisations(victim, plain)),
        "url": links.page(kind, largest.id),
        "icon_url": links.logo(kind, largest.id),
    }


def _fields(notice: KillNotice) -> list[dict[str, object]]:
    final, top = notice.final_blow, notice.top_damage
    fields: list[dict[str, object]] = []
    if final is not None:
        fields.append(_field("Final blow and top damage" if final == top else "Final blow", _attacker(final)))
    if top is not None and top != final:
        fields.append(_field("Top damage", _attacker(top)))
    if notice.attacker_count > 1:
        fields.append(_field(_counted(notice), _summary(notice), inline=False))
    elif notice.solo or notice.npc:
        fields.append(_field("Attackers", _counted(notice)))
    return fields


def _notable(notice: KillNotice) -> list[dict[str, object]]:
    lines = [_item(one) for one in notice.items[:5]]
    return [_field("Notable items", "\n".join(lines), inline=False)] if lines else []


def _item(item: Item) -> str:
    """Give "2 × Gist X-Type Shield Booster · 1.2b ISK (dropped)", without the value where there is none."""
    many = f"{item.quantity:,} × " if item.quantity > 1 else ""
    worth = isk.short(item.value or 0.0)
    value = f" · {worth} ISK" if worth != "0" else ""
    fate = "dropped" if item.dropped else "destroyed"
    return f"{many}{parts.label(item.named, 'Unknown item', _ITEM)}{value} ({fate})"


def _counted(notice: KillNotice) -> str:
    text = parts.attackers(notice)
    return text[:1].upper() + text[1:]


def _field(name: str, value: str, *, inline: bool = True) -> dict[str, object]:
    return {"name": name, "value": value, "inline": inline}


def _attacker(party: Party) -> str:
    name = parts.attacker(party, NAME, link=True)
    lines = [name, *(one for one in _organisations(party, escape) if one != name)]
    gear = [parts.label(one, "", NAME) for one in _gear(party)]
    if shown := " with ".join(one for one in gear if one and one != name):
        lines.append(shown)
    if party.damage > 0:
        lines.append(f"{party.damage:,} damage")
    return "\n".join(lines)


def _gear(party: Party) -> list[Named]:
    """Ship and weapon; ESI names the ship as its own weapon where it does not know better."""
    found = [party.ship, None if party.weapon == party.ship else party.weapon]
    return [one for one in found if one is not None]


def _organisations(party: Party, show: Callable[[str, int], str]) -> list[str]:
    """Name corporation and alliance, without both the faction; `show` is escape or plain."""
    known = [(party.corporation, "Unknown corporation"), (party.alliance, "Unknown alliance")]
    if party.corporation is None and party.alliance is None:
        known = [(party.faction, "Unknown faction")]
    return [parts.tagged(one, unknown, NAME, show) for one, unknown in known if one is not None]


def _links(notice: KillNotice) -> str:
    """Give "[Related kills](…) · [Battle report](…) · [DOTLAN](…) · [EVE Who](…)", as far as there are such pages."""
    system, at, pilot = notice.place.system, parts.moment(notice), notice.victim.character
    found = []
    if at is not None:
        found.append(("Related kills", links.related(system.id, at)))
        if notice.attacker_count > 1 and not notice.npc:
            found.append(("Battle report", links.battle_report(system.id, at)))
    if notice.place.space not in ("abyssal", "void"):
        found.append(("DOTLAN", links.dotlan(system.id, system.name)))
    if wormhole := links.anoikis(system.name or ""):
        found.append(("Anoikis", wormhole))
    if pilot is not None:
        found.append(("EVE Who", links.eve_who(pilot.id)))
    return " · ".join(f"[{name}]({address})" for name, address in found)


def _summary(notice: KillNotice) -> str:
    lines = [_shares(shares, notice.attacker_count) for shares in (notice.organisations, notice.ship_groups)]
    return "\n".join(line for line in lines if line) or "Nothing more is known of them."


def _shares(shares: Sequence[Share], everyone: int) -> str:
    """Give "Alliance ×8, Corporation ×3, 2 others"."""
    listed = [f"{escape(one.name, _SHARE) or 'Unknown'}{_TIMES}{one.count:,}" for one in shares[:5]]
    rest = everyone - sum(one.count for one in shares[:5])
    if listed and rest > 0:
        listed.append(f"{rest:,} other" + ("s" if rest > 1 else ""))
    return ", ".join(listed)
