"""What an operator is told in Discord: one event of `notifier.events`, in words, with the page that says what to do."""

import msgspec

from notifier.messages import parts
from notifier.messages.escape import escape, plain

COLOURS = {"ERROR": 0xE74C3C, "WARNING": 0xF39C12}
OTHER = 0x95A5A6
TITLE, TEXT, FOOTER = 81, 400, 80
"""Most code units of each part as it is sent: ten such embeds fit into a message."""


class AdminNotice(msgspec.Struct, frozen=True, tag="admin"):
    """One notice: `event` is the event's name, `text` what is known of it (one line, no secret), `level` as in the log,
    `runbook` the name of a page ("" for none), `kept_back` how many events of the kind were not told since the last
    notice, `time` in epoch seconds.
    """

    event: str
    text: str
    level: str = "WARNING"
    runbook: str = ""
    kept_back: int = 0
    time: int = 0


def embed(notice: AdminNotice) -> dict[str, object]:
    """Give its embed, at most some 570 code units, whatever the notice holds."""
    found: dict[str, object] = {
        "title": escape(notice.event.replace("_", " ").capitalize(), (TITLE - 1) // 2) or "Notice",
        "description": _description(notice),
        "color": COLOURS.get(notice.level, OTHER),
    }
    footer = plain(f"what to do: ops/runbooks/{notice.runbook}.md", FOOTER) if notice.runbook else ""
    return parts.signed(found, footer, notice.time if notice.time > 0 else None)


def _description(notice: AdminNotice) -> str:
    more = f"\nand {notice.kept_back} more of this kind" if 0 < notice.kept_back < 1 << 40 else ""
    # Escaped, a text takes up to twice its length and one more.
    room = (TEXT - len(more) - 1) // 2
    return (escape(notice.text, room) or "no details") + more
