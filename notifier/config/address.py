"""Where a message is posted, which holds a secret: a webhook's address, or a bot's token and its channel.

Reading the secret from its place is `destinations`' part.
"""

import hashlib
import hmac
import re
from collections.abc import Collection
from typing import NoReturn, SupportsIndex, TypeAlias
from urllib.parse import SplitResult, urlsplit

from notifier.problem import Problem

LONGEST = 2048
EXPECTED = "a Discord webhook address: https://discord.com/api/webhooks/{id}/{token}"
EXPECTED_TOKEN = "a bot's token: one line, from discord.com/developers, Bot, Token"  # noqa: S105 - it tells of one
_PATH = re.compile(r"/api(?:/v10)?/webhooks/[0-9]{1,20}/[A-Za-z0-9_-]{1,200}")
_QUERY = re.compile(r"(?:thread_id=[0-9]{1,20})?")
_HOST = re.compile(r"[A-Za-z0-9.-]{1,60}(?::[0-9]{1,5})?")
_BOT = re.compile(r"bot\s+", re.IGNORECASE)


class _Secret:
    """Shows its fingerprint and never its text; is neither pickled nor copied."""

    __slots__ = ("_text", "fingerprint", "webhook")

    def __init__(self, text: str, shares: str) -> None:
        self._text = text
        self.fingerprint, self.webhook = _fingerprint(text), _fingerprint(shares)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.fingerprint})"

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self) or not isinstance(other, _Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} is not pickled or copied: it is a secret")


class WebhookAddress(_Secret):
    """An address that was checked. `url()` is the only door to its text; `fingerprint` tells addresses apart.

    `webhook` is the same for all threads that one webhook posts in: they share its rate limit.
    """

    __slots__ = ()

    enforces_nonce = False
    """Whether Discord knows a post by its nonce again, and does not save it twice."""

    def __init__(self, text: str) -> None:
        super().__init__(text, text.partition("?")[0])

    def url(self) -> str:
        """Give the address itself: for the HTTP client, for nothing else."""
        return self._text

    def message_url(self, message_id: str, thread: int | None = None) -> str:
        """Give the address of a message that was posted here; in `thread`, or in the thread of this address."""
        base, _, query = self._text.partition("?")
        query = query if thread is None else f"thread_id={thread}"
        return f"{base}/messages/{message_id}" + (f"?{query}" if query else "")

    def authorization(self) -> str | None:
        """Give what the header of that name must hold: nothing, the address says it all."""
        return None

    @property
    def has_thread(self) -> bool:
        """Whether it leads into a thread of the webhook's channel."""
        return "?thread_id=" in self._text

    def in_thread(self, thread: int) -> "WebhookAddress":
        """Give the address of a thread, by its id, in the channel of this one."""
        return WebhookAddress(f"{self._text.rstrip('?')}?thread_id={thread}")


class BotChannel(_Secret):
    """A channel or thread, by its id, that a bot posts in; `api` is the address of Discord's API, without a slash.

    `authorization()` is the only door to the token. `fingerprint` is another one for another token or channel;
    `webhook` is the channel's alone: whoever posts there as a bot shares its rate limit.
    """

    __slots__ = ("_token", "_url")

    enforces_nonce = True
    """Whether Discord knows a post by its nonce again, and does not save it twice."""

    def __init__(self, token: str, channel: int, api: str) -> None:
        self._token, self._url = token, f"{api}/channels/{channel}/messages"
        super().__init__(f"{self._url} {token}", self._url)

    def url(self) -> str:
        """Give the address of the channel's messages."""
        return self._url

    def message_url(self, message_id: str, thread: int | None = None) -> str:  # noqa: ARG002 - a thread is a channel
        """Give the address of a message that was posted here."""
        return f"{self._url}/{message_id}"

    def authorization(self) -> str | None:
        """Give what the header of that name must hold: for the HTTP client, for nothing else."""
        return f"Bot {self._token}"


Address: TypeAlias = WebhookAddress | BotChannel
"""Where a destination's messages are posted."""


def _fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def parse_token(text: str, where: str) -> str | Problem:
    """Check the text of a bot's token, which may begin with "Bot "; the problem shows nothing of it."""
    token = _BOT.sub("", text.strip(), count=1) if _BOT.match(text.strip()) else text.strip()
    if not token or token.lower() == "bot":
        return Problem(where, "an empty text", EXPECTED_TOKEN)
    if len(token) > LONGEST or any(not "!" <= char <= "~" for char in token):
        return Problem(where, "blanks or other characters that no token has", EXPECTED_TOKEN)
    if "/" in token:
        return Problem(where, "an address", f"{EXPECTED_TOKEN}; a webhook's address goes with the key webhook")
    return token


def parse_api(url: str, allowed_hosts: Collection[str]) -> Problem | None:
    """Check that a bot's token may be sent to Discord's API at `url`: the rules for hosts are those for webhooks."""
    found = _strange_host(urlsplit(url), {host.lower() for host in allowed_hosts})
    return None if found is None else Problem("NOTIFIER_DISCORD_URL", *found)


def parse_address(text: str, where: str, allowed_hosts: Collection[str]) -> WebhookAddress | Problem:
    """Check the text of an address; the problem names its host at most, never the rest.

    https is asked for, except where `allowed_hosts` names the host with its port ("127.0.0.1:8123").
    """
    text = text.strip()
    if not text:
        return Problem(where, "an empty text", EXPECTED)
    if len(text) > LONGEST or any(not "!" <= char <= "~" for char in text):
        return Problem(where, "more than one address, or none at all", EXPECTED)
    try:
        parts = urlsplit(text)
    except ValueError:
        return Problem(where, "a text that is no address", EXPECTED)
    allowed = {host.lower() for host in allowed_hosts}
    found = _strange_host(parts, allowed) or _strange_path(parts)
    return WebhookAddress(text) if found is None else Problem(where, *found)


def _strange_host(parts: SplitResult, allowed: Collection[str]) -> tuple[str, str] | None:
    host = parts.netloc.lower()
    plain = host.removesuffix(":443") if parts.scheme == "https" else host
    if parts.scheme not in ("http", "https") or not host:
        return "a text that is no https address", EXPECTED
    if plain not in allowed and host not in allowed:
        named = f"the host {host}" if _HOST.fullmatch(host) else "another host"
        return named, f"one of the allowed hosts ({', '.join(sorted(allowed))}); NOTIFIER_DISCORD_HOSTS sets them"
    if parts.scheme == "http" and ":" not in host:
        return "http", "https (http only for a host that NOTIFIER_DISCORD_HOSTS names with its port)"
    return None


def _strange_path(parts: SplitResult) -> tuple[str, str] | None:
    if not _PATH.fullmatch(parts.path):
        return "a path that is not a webhook's", EXPECTED
    if not _QUERY.fullmatch(parts.query) or parts.fragment:
        return "options at the end", "at most ?thread_id={id} after the token"
    return None
