"""The HTTP client of every service: one TLS context a process, one User-Agent, no address in any log.

Importing this module makes the TLS context (37 ms), so that processes forked afterwards inherit it.
"""

import logging
import math
import ssl
from collections.abc import Mapping
from functools import lru_cache

import httpx

from notifier import __version__
from notifier.outcome import Category

LONGEST_WAIT = 86_400.0
"""No service is believed that asks for a longer pause than a day, in seconds."""

_CATEGORIES: tuple[tuple[type[httpx.HTTPError], Category], ...] = (
    (httpx.UnsupportedProtocol, "misconfigured"),
    (httpx.ConnectError, "dependency down"),
    (httpx.ConnectTimeout, "dependency down"),
    (httpx.PoolTimeout, "dependency down"),
    (httpx.ProxyError, "dependency down"),
    (httpx.HTTPError, "ambiguous"),
)
"""Of a request that changes something; the first row that fits. Only before a connection stands is it certain that
nothing was sent, so every other kind, also one that httpx may yet invent, is ambiguous.
"""

# httpx logs each request's URL at INFO and httpcore its target at DEBUG; a webhook's URL is its secret.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@lru_cache(maxsize=1)
def tls_context() -> ssl.SSLContext:
    """Give the process's one TLS context, made on the first call; it survives a fork, connections do not."""
    return httpx.create_ssl_context()


def user_agent(contact: str) -> str:
    """Give the User-Agent: zKillboard and ESI want a contact in it; what no header may hold is left out."""
    clean = "".join(char for char in contact if " " <= char <= "~").strip()
    return f"eve-killmail-notifier/{__version__}" + (f" (+{clean})" if clean else "")


def make_client(*, contact: str, timeout: float, transport: httpx.BaseTransport | None = None) -> httpx.Client:
    """Give a new client; `timeout` in seconds holds for connecting and for each read and write.

    Make it after the fork. Redirects are not followed: none of the services redirects an API call.
    """
    return httpx.Client(
        headers={"User-Agent": user_agent(contact)},
        timeout=timeout,
        verify=tls_context(),
        transport=transport,
        follow_redirects=False,
    )


def category(error: httpx.HTTPError) -> Category:
    """Give the category of a request without a reply, if it was one that changes something."""
    return next(found for kind, found in _CATEGORIES if isinstance(error, kind))


def lower(headers: Mapping[str, str]) -> dict[str, str]:
    """Give the same headers with lower-case names: proxies and HTTP/2 change their case."""
    return {name.lower(): value for name, value in headers.items()}


def seconds(value: object) -> float | None:
    """Read a pause in seconds from a header or a JSON number, within 0 … LONGEST_WAIT; None where it is none.

    A Retry-After that holds a date counts as none: neither ESI nor Discord sends one.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return min(max(found, 0.0), LONGEST_WAIT) if math.isfinite(found) else None


tls_context()
