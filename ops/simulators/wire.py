"""What a simulator takes and gives: plain requests and responses, whichever adapter carries them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import parse_qsl

import msgspec

Clock: TypeAlias = Callable[[], float]
"""Gives the wall clock in epoch seconds; tests give one that they move."""


@dataclass(slots=True)
class Request:
    """One request: `path` as it came, without its query; header names in lower case; `client` is an IP address.

    `connection` is the number of the TCP connection that it came by, 0 without one.
    """

    method: str
    path: str
    query_string: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    client: str = "127.0.0.1"
    connection: int = 0

    def query(self) -> dict[str, str]:
        """Give the query's parameters; the last one wins where a name comes twice."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))


@dataclass(slots=True)
class Response:
    """One answer. The adapter waits `delay` seconds before it sends; with `drop` it closes the connection instead.

    After one with `deaf` the server listens no more for so many seconds, and all its connections are closed.
    """

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    drop: bool = False
    deaf: float = 0.0


def json_response(status: int, value: object, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with `value` as JSON."""
    body = value if isinstance(value, bytes) else msgspec.json.encode(value)
    return Response(status, body, {"Content-Type": "application/json", **(headers or {})})


def html_response(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with a page."""
    return Response(
        status, text.encode("utf-8", "replace"), {"Content-Type": "text/html; charset=utf-8", **(headers or {})}
    )
