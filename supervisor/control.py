"""The client of the control socket: a line of JSON there, a line back. {"call": "tree"} gives the status."""

import json
import socket
from collections.abc import Iterator
from typing import Any


class CallError(Exception):
    """The supervisor refuses; says why in OTP's word."""


def follow(path: str) -> Iterator[str]:
    """Give the events as lines of JSON, for ever. Raises OSError when nobody listens (any more)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(path)
        connection.sendall(b'{"call": "events"}\n')
        with connection.makefile("r", encoding="utf-8") as lines:
            yield from (line.rstrip("\n") for line in lines)
    raise ConnectionResetError("the supervisor has ended")


def call(path: str, request: dict[str, Any], timeout: float = 30.0) -> Any:
    """Give the answer to one call. Raises OSError when nobody listens, ValueError for no JSON, CallError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        connection.connect(path)
        connection.sendall(json.dumps(request).encode() + b"\n")
        with connection.makefile("rb") as answers:
            line = answers.readline()
    answer = json.loads(line)
    if isinstance(answer, dict) and set(answer) == {"error"}:
        raise CallError(answer["error"])
    return answer
