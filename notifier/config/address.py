"""A webhook's address, which is a secret: who holds it may post. Reading it from its place is `destinations`' part."""

import hashlib
import hmac
import re
from collections.abc import Collection
from typing import NoReturn, SupportsIndex
from urllib.parse import SplitResult, urlsplit

from notifier.problem import Problem

LONGEST = 2048
EXPECTED = "a Discord webhook address: https://discord.com/api/webhooks/{id}/{token}"
_PATH = re.compile(r"/api(?:/v10)?/webhooks/[0-9]{1,20}/[A-Za-z0-9_-]{1,200}")
_QUERY = re.compile(r"(?:thread_id=[0-9]{1,20})?")
_HOST = re.compile(r"[A-Za-z0-9.-]{1,60}(?::[0-9]{1,5})?")


class WebhookAddress:
    """An address that was checked. `url()` is the only door to its text; `fingerprint` tells addresses apart.

    `webhook` is the same for all threads that one webhook posts in: they share its rate limit.
    """

    __slots__ = ("_text", "fingerprint", "webhook")

    def __init__(self, text: str) -> None:
        self._text = text
        self.fingerprint, self.webhook = _fingerprint(text), _fingerprint(text.partition("?")[0])

    def url(self) -> str:
        """Give the address itself: for the HTTP client, for nothing else."""
        return self._text

    @property
    def has_thread(self) -> bool:
        """Whether it leads into a thread of the webhook's channel."""
        return "?thread_id=" in self._text

    def in_thread(self, thread: int) -> "WebhookAddress":
        """Give the address of a thread, by its id, in the channel of this one."""
        return WebhookAddress(f"{self._text.rstrip('?')}?thread_id={thread}")

    def __repr__(self) -> str:
        return f"WebhookAddress({self.fingerprint})"

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, WebhookAddress):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a webhook's address is not pickled or copied: it is a secret")


def _fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


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
    found = _mistake(parts, {host.lower() for host in allowed_hosts})
    return WebhookAddress(text) if found is None else Problem(where, *found)


def _mistake(parts: SplitResult, allowed: Collection[str]) -> tuple[str, str] | None:
    host = parts.netloc.lower()
    plain = host.removesuffix(":443") if parts.scheme == "https" else host
    if parts.scheme not in ("http", "https") or not host:
        return "a text that is no https address", EXPECTED
    if plain not in allowed and host not in allowed:
        named = f"the host {host}" if _HOST.fullmatch(host) else "another host"
        return named, f"one of the allowed hosts ({', '.join(sorted(allowed))}); NOTIFIER_DISCORD_HOSTS sets them"
    if parts.scheme == "http" and ":" not in host:
        return "http", "https (http only for a host that NOTIFIER_DISCORD_HOSTS names with its port)"
    if not _PATH.fullmatch(parts.path):
        return "a path that is not a webhook's", EXPECTED
    if not _QUERY.fullmatch(parts.query) or parts.fragment:
        return "options at the end", "at most ?thread_id={id} after the token"
    return None
