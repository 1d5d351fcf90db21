"""What Discord is told: from a killmail to a notice, from notices to one message. Pure."""

from notifier.messages.admin import AdminNotice
from notifier.messages.character import CharacterNotice
from notifier.messages.compose import LAYOUTS, MOST_EMBEDS, Layout, Message, compose
from notifier.messages.digest import Digest, fold
from notifier.messages.digest import payload as digest_payload
from notifier.messages.kill import kill_notice
from notifier.messages.names import Organisation, missing_from, names_wanted, tickers_wanted
from notifier.messages.notice import Item, KillNotice, Named, Party, Place, Share
from notifier.messages.rally import RallyNotice
from notifier.messages.status import StatusNotice, Waiting
from notifier.messages.system import RecentKill, Static, SystemNotice
from notifier.messages.template import SAMPLE, Template, TemplateFailed, read_template
from notifier.messages.wire import Notice, notice_from_json, notice_to_json

__all__ = [
    "LAYOUTS",
    "MOST_EMBEDS",
    "SAMPLE",
    "AdminNotice",
    "CharacterNotice",
    "Digest",
    "Item",
    "KillNotice",
    "Layout",
    "Message",
    "Named",
    "Notice",
    "Organisation",
    "Party",
    "Place",
    "RallyNotice",
    "RecentKill",
    "Share",
    "Static",
    "StatusNotice",
    "SystemNotice",
    "Template",
    "TemplateFailed",
    "Waiting",
    "compose",
    "digest_payload",
    "fold",
    "kill_notice",
    "missing_from",
    "names_wanted",
    "notice_from_json",
    "notice_to_json",
    "read_template",
    "tickers_wanted",
]
