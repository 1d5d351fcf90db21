"""The plainest form of a notice: a line of text and no embed, for what Discord refuses in every other form. Pure."""

from notifier.messages import links, parts
from notifier.messages.admin import AdminNotice
from notifier.messages.escape import escape, shorten
from notifier.messages.notice import KillNotice
from notifier.messages.wire import Notice

NAME = 40
MOST = 1_000
"""Code units of the whole, half of what Discord takes."""


def payload(notice: Notice) -> dict[str, object]:
    """Give a message that says what happened and where to read more, and mentions nobody."""
    return {"content": shorten(_text(notice), MOST), "allowed_mentions": {"parse": []}}


def _text(notice: Notice) -> str:
    match notice:
        case KillNotice():
            told = [parts.title(notice, NAME), parts.value(notice), parts.place(notice.place, NAME, link=False)]
            # The address stands first: whatever is cut off, it is not that.
            return f"{links.kill(notice.killmail_id)} {' · '.join(one for one in told if one)}"
        case AdminNotice():
            return f"{escape(notice.event.replace('_', ' '), NAME)}: {escape(notice.text, MOST // 3)}"
        case _:
            kind = type(notice).__name__.removesuffix("Notice").lower()
            return f"A {kind} notice, which Discord does not take in its own form."
