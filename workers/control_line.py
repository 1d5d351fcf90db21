"""One question to the supervisor's control socket: a line of JSON there, a line back. Its protocol, not its code."""

import socket
from pathlib import Path
from typing import Any

import msgspec


def ask(path: Path, request: dict[str, Any], timeout: float = 2.0) -> dict[str, Any]:
    """The supervisor's reply. Raises OSError when it cannot be reached, ValueError for a reply that is no object."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        connection.connect(str(path))
        connection.sendall(msgspec.json.encode(request) + b"\n")
        line = connection.makefile("rb").readline()
    return msgspec.json.decode(line, type=dict[str, Any])
