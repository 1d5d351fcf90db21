"""What Discord is told: from a killmail to a notice, from notices to one message. Pure."""

from notifier.messages.admin import AdminNotice
from notifier.messages.compose import LAYOUTS, MOST_EMBEDS, Layout, Message, compose
from notifier.messages.kill import kill_notice
from notifier.messages.names import Organisation, missing_from, names_wanted, tickers_wanted
from notifier.messages.notice import KillNotice, Named, Party, Place, Share
from notifier.messages.wire import Notice, notice_from_json, notice_to_json

__all__ = [
    "LAYOUTS",
    "MOST_EMBEDS",
    "AdminNotice",
    "KillNotice",
    "Layout",
    "Message",
    "Named",
    "Notice",
    "Organisation",
    "Party",
    "Place",
    "Share",
    "compose",
    "kill_notice",
    "missing_from",
    "names_wanted",
    "notice_from_json",
    "notice_to_json",
    "tickers_wanted",
]
