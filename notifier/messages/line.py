"""The line layout: a title, and one line of what it was worth and where, for channels of many kills."""

from notifier.messages import links, parts
from notifier.messages.escape import length
from notifier.messages.notice import KillNotice

MOST = 200
"""Code units of one embed."""

_NAMES = (40, 32, 24, 16, 10)
"""Code units that each name may take: of the first with which all of it fits."""


def embed(notice: KillNotice) -> dict[str, object]:
    """Give the embed of one kill: nothing but title, link, colour, value, place, and whether it is late news."""
    for limit in _NAMES:
        title, description = parts.title(notice, limit, ticker=True), _description(notice, limit)
        if length(title) + length(description) <= MOST:
            break
    return {
        "title": title,
        "url": links.kill(notice.killmail_id),
        "color": parts.COLOURS[notice.side],
        "description": description,
    }


def _description(notice: KillNotice, limit: int) -> str:
    worth, where = parts.value(notice), parts.place(notice.place, limit, link=False)
    told = f"**{worth}** in {where}" if worth else where
    return told + parts.late(notice)
