"""The compact layout: one kill in at most 590 code units, so that ten always fit into one message."""

from notifier.messages import parts
from notifier.messages.escape import length
from notifier.messages.notice import KillNotice

MOST = 590
"""Code units of one embed: ten of them stay below Discord's 6,000 a message."""

_NAMES = (40, 32, 24)
"""Code units that each name may take: of the first which leaves room for everything."""
_FOOTER = 80
_ORIGIN = 24


def embed(notice: KillNotice) -> dict[str, object]:
    """Give the embed of one kill; distances and then the footer take what room the names leave."""
    for limit in _NAMES:
        description = _description(notice, limit)
        room = MOST - length(parts.title(notice, limit)) - length(description)
        if room >= 0:
            break
    far = parts.distances(notice, _ORIGIN)
    if far and room >= (more := length(far) + len("\n")):
        description, room = _description(notice, limit, far), room - more
    return {**parts.frame(notice, limit, min(_FOOTER, room)), "description": description}


def _description(notice: KillNotice, limit: int, far: str = "") -> str:
    where = f"{parts.place(notice.place, limit, link=False)}, {parts.when(notice)}"
    worth = parts.value(notice)
    lines = (f"**{worth}** in {where}" if worth else where, far, _who(notice, limit))
    return "\n".join(line for line in lines if line)


def _who(notice: KillNotice, limit: int) -> str:
    """Give "Corporation [TICK] · Final blow Pilot, Corporation [TICK] · 12 attackers"."""
    told = [parts.organisation(notice.victim, limit)] if notice.victim.character is not None else []
    if (by := notice.final_blow) is not None:
        name, flies_for = parts.attacker(by, limit, link=False), parts.organisation(by, limit)
        told.append(f"Final blow {name}" + (f", {flies_for}" if flies_for and flies_for != name else ""))
    told.append(parts.attackers(notice))
    return " · ".join(one for one in told if one)
