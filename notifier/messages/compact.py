"""The compact layout: one kill in at most 590 code units, so that ten always fit into one message."""

from notifier.messages import parts
from notifier.messages.escape import length
from notifier.messages.notice import KillNotice

MOST = 590
"""Code units of one embed: ten of them stay below Discord's 6,000 a message."""

_NAME = 32
_FOOTER = 80


def embed(notice: KillNotice) -> dict[str, object]:
    """Give the embed of one kill; the footer takes what room the names leave."""
    description = _description(notice)
    room = MOST - length(parts.title(notice, _NAME)) - length(description)
    return {**parts.frame(notice, _NAME, min(_FOOTER, room)), "description": description}


def _description(notice: KillNotice) -> str:
    where = f"{parts.place(notice.place, _NAME, link=False)}, <t:{notice.time}:R>"
    worth = parts.value(notice)
    return "\n".join([f"**{worth}** in {where}" if worth else where, _who(notice)])


def _who(notice: KillNotice) -> str:
    """Give "Corporation · Final blow Pilot (Corporation) · 12 attackers"."""
    told = [parts.organisation(notice.victim, _NAME)] if notice.victim.character is not None else []
    if (by := notice.final_blow) is not None:
        name, flies_for = parts.attacker(by, _NAME, link=False), parts.organisation(by, _NAME)
        told.append(f"Final blow {name}" + (f" ({flies_for})" if flies_for and flies_for != name else ""))
    told.append(parts.attackers(notice))
    return " · ".join(one for one in told if one)
