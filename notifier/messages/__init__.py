"""What Discord is told: from a killmail to a notice, from notices to one message. Pure."""

from notifier.messages.admin import AdminNotice
from notifier.messages.compose import MOST_EMBEDS, Message, compose
from notifier.messages.kill import kill_notice
from notifier.messages.names import missing_from, names_wanted
from notifier.messages.notice import KillNotice, Named, Party, Place, Share
from notifier.messages.wire import Notice, notice_from_json, notice_to_json

__all__ = [
    "MOST_EMBEDS",
    "AdminNotice",
    "KillNotice",
    "Message",
    "Named",
    "Notice",
    "Party",
    "Place",
    "Share",
    "compose",
    "kill_notice",
    "missing_from",
    "names_wanted",
    "notice_from_json",
    "notice_to_json",
]
