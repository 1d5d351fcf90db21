"""What Discord's codes and statuses mean, as tables; `discord` reads replies by them. Pure.

From docs/topics/opcodes-and-status-codes of discord-api-docs, and what its threads report.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from notifier.outcome import Category

GONE = 10008
"""Unknown Message."""

BLOCKED = 40333
"""Cloudflare blocks the request, in JSON (with "internal network error", issue 6473 of discord-api-docs)."""

OVERLOADED = 130000
"""API resource is currently overloaded."""

THREADS: Final = frozenset({10003, 50083, 160005})
"""Where a message is edited they speak of its thread: gone, archived, locked."""
EDITS: Final = frozenset({20022, 30046})
"""Limits on edits alone: in an announcement channel, of old messages."""

CODES: Final[Mapping[int, Category]] = MappingProxyType(
    {
        10003: "misconfigured",  # Unknown Channel: the thread in the address, or the bot's channel is gone
        GONE: "permanent",  # Unknown Message: it was deleted, or never was there; the destination is in order
        10015: "misconfigured",  # Unknown Webhook: deleted
        20016: "throttled",  # slowmode, which a bot may be subject to
        20022: "throttled",  # edits in an announcement channel
        20028: "throttled",  # the channel's write limit, which comes with status 400 too
        20029: "throttled",  # the server's
        30046: "throttled",  # too many edits of old messages
        40001: "misconfigured",  # Unauthorized
        40004: "throttled",  # Send messages has been temporarily disabled
        40005: "permanent",  # Request entity too large: a group is taken apart, one alone cannot be made smaller
        40058: "misconfigured",  # Cannot send a message in a forum channel
        50001: "misconfigured",  # Missing Access
        50005: "permanent",  # Cannot edit a message authored by another user
        50006: "permanent",  # Cannot send an empty message
        50008: "misconfigured",  # Cannot send messages in a non-text channel
        50013: "misconfigured",  # Missing Permissions
        50014: "misconfigured",  # Invalid authentication token
        50024: "misconfigured",  # Cannot execute action on this channel type
        50027: "misconfigured",  # Invalid Webhook Token
        50035: "permanent",  # Invalid Form Body
        50083: "misconfigured",  # Thread is archived, and locked: else the post would have opened it
        50109: "permanent",  # invalid JSON
        OVERLOADED: "throttled",
        160005: "misconfigured",  # Thread is locked
        200000: "permanent",  # Message was blocked by automatic moderation
        200001: "permanent",  # Title was blocked by automatic moderation
        # Forum channels want a thread, or a name for a new one; no others do.
        220001: "misconfigured",
        220002: "misconfigured",
        220003: "misconfigured",
        220004: "misconfigured",
        240000: "permanent",  # Message blocked by harmful links filter
    }
)
"""What Discord's own codes mean, whatever the status (below 500) that they come with."""

HINTS: Final[Mapping[int, str]] = MappingProxyType(
    {
        10003: "the channel or the thread is gone",
        GONE: "somebody has deleted the message",
        40001: "the bot's token is not valid",
        40058: "a bot cannot post in a forum itself: the channel must be one of its posts, by its id",
        50001: "the bot cannot see the channel: invite it to the server, and give it View Channel there",
        50008: "it is no text channel: give the destination another one",
        50013: "give the bot Send Messages and Embed Links there (in a thread: Send Messages in Threads)",
        50014: "the bot's token is not valid",
        50024: "it is no channel for messages: give the destination another one",
        50083: "the thread is locked: unlock it",
        160005: "the thread is locked: unlock it",
        200000: "the server's automatic moderation blocks the message: exempt the bot or the channel from the rule",
        200001: "the server's automatic moderation blocks the post's name: change post_name",
        220001: "it is a forum: the destination needs a post_name, or a thread",
        220002: "the destination has a post_name and its address a thread: it needs one of the two",
        220003: "it is no forum: the destination must have no post_name",
        220004: "Discord allows no webhook's messages in this forum",
    }
)
"""What an operator should know of a code, in our configuration's words."""

STATUSES: Final[Mapping[int, Category]] = MappingProxyType(
    {
        401: "misconfigured",
        403: "misconfigured",
        404: "misconfigured",
        408: "ambiguous",
        413: "permanent",
        # A gateway's: it did not pass the post on.
        502: "dependency down",
        503: "dependency down",
    }
)
"""What a status means without a known code. Others: 3xx is a stranger's and transient, 4xx permanent, 5xx ambiguous."""

UNAUTHORIZED_HINT = "the bot's token is not valid"
"""Of status 401 with code 0, Discord's word to a bot whose token it does not know."""
