"""The control socket: a line of JSON in, a line back; "events" goes on and on. For the owner only (0600).

tree · stop · restart {id} · events · and OTP's calls {path: [ids], id or spec}: start_child, terminate_child, …
"""

import contextlib
import dataclasses
import json
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from supervisor import calls
from supervisor.loop import Loop
from supervisor.model import Call, Reply, Report
from supervisor.spec import SpecError, parse_child

LONGEST_LINE = 1 << 20


class _Connection:
    """One client; its calls are answered in their order as they are done."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket, self.buffer, self.follows = connection, b"", False

    def send(self, answer: object) -> bool:
        """Send a line; False when the client does not read or is gone."""
        line = json.dumps(answer, default=_plain).encode() + b"\n"
        try:
            return self.socket.send(line) == len(line)
        except OSError:
            return False


class Service:
    """Serves the socket at `path`. `tree` gives the status, `post` takes calls, `stop` ends the tree."""

    def __init__(
        self,
        loop: Loop,
        path: str,
        tree: Callable[[], dict[str, Any]],
        post: Callable[[Call], None],
        stop: Callable[[], None],
    ) -> None:
        self._loop, self._path, self._tree, self._post, self._stop = loop, path, tree, post, stop
        self._references = 0
        self._waiting: dict[int, Callable[[Reply], None]] = {}
        self._connections: set[_Connection] = set()
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        Path(path).unlink(missing_ok=True)  # a predecessor's; the lock says that it is gone
        before = os.umask(0o177)
        try:
            self._listening.bind(path)
        finally:
            os.umask(before)
        self._listening.listen(32)
        loop.watch(self._listening.fileno(), self._accept)

    def close(self) -> None:
        """Serve no more."""
        for connection in tuple(self._connections):
            self._drop(connection)
        self._loop.unwatch(self._listening.fileno())
        self._listening.close()
        Path(self._path).unlink(missing_ok=True)

    def replied(self, reply: Reply) -> None:
        """Take the core's answer to a call."""
        waiting = self._waiting.pop(reply.ref, None)
        if waiting is not None:
            waiting(reply)

    def reported(self, report: Report) -> None:
        """Tell those who follow the events."""
        line = {"event": report.event, "supervisor": list(report.path), **report.details}
        for connection in tuple(self._connections):
            if connection.follows and not connection.send(line):
                self._drop(connection)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            accepted, _ = self._listening.accept()
            accepted.setblocking(False)
            connection = _Connection(accepted)
            self._connections.add(connection)
            self._loop.watch(accepted.fileno(), lambda: self._read(connection))

    def _drop(self, connection: _Connection) -> None:
        if connection in self._connections:
            self._connections.remove(connection)
            self._loop.unwatch(connection.socket.fileno())
            connection.socket.close()

    def _read(self, connection: _Connection) -> None:
        try:
            data = connection.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data or len(connection.buffer) > LONGEST_LINE:
            self._drop(connection)
            return
        *lines, connection.buffer = (connection.buffer + data).split(b"\n")
        for line in lines:
            self._serve(connection, line)

    def _serve(self, connection: _Connection, line: bytes) -> None:
        try:
            request = json.loads(line)
            name = request["call"]
        except (ValueError, KeyError, TypeError):
            connection.send({"error": 'expected one line of JSON with a "call"'})
            return
        match name:
            case "tree":
                connection.send(self._tree())
            case "events":
                connection.follows = connection.send({"event": "following"})
            case "stop":
                connection.send({"ok": "stopping"})
                self._stop()
            case "restart":
                self._restart(connection, str(request.get("id")))
            case _:
                self._ask(connection, name, request)

    def _ask(self, connection: _Connection, name: str, request: Mapping[str, Any]) -> None:
        path = request.get("path")
        if name not in calls.OPS or not isinstance(path, list):
            connection.send({"error": f"unknown call {name!r}, or no path"})
            return
        arguments = {key: value for key, value in request.items() if key not in ("call", "path")}
        try:
            if "spec" in arguments:
                arguments["spec"] = parse_child(arguments["spec"])
        except SpecError as error:
            connection.send({"error": str(error)})
            return
        self._call(tuple(path), name, arguments, lambda reply: connection.send(_answer(reply)))

    def _restart(self, connection: _Connection, name: str) -> None:
        """Stop a child in order and start it again; the window does not count it."""
        path = _find(self._tree(), name)
        if path is None:
            connection.send({"error": f"not_found: {name}"})
            return

        def start(reply: Reply) -> None:
            if reply.error:
                connection.send(_answer(reply))
            else:
                self._call(path, "restart_child", {"id": name}, lambda again: connection.send(_answer(again)))

        self._call(path, "terminate_child", {"id": name}, start)

    def _call(
        self, path: tuple[str, ...], name: str, arguments: Mapping[str, Any], then: Callable[[Reply], object]
    ) -> None:
        self._references += 1
        self._waiting[self._references] = lambda reply: _ignored(then(reply))
        self._post(Call(self._references, path, name, arguments))


def _ignored(value: object) -> None:
    """Drop a value on purpose: a client that is gone needs no answer."""


def _answer(reply: Reply) -> dict[str, Any]:
    return {"error": reply.error} if reply.error else {"ok": reply.value}


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return str(value)


def _find(node: Mapping[str, Any], name: str, path: tuple[str, ...] = ()) -> tuple[str, ...] | None:
    """Give the path of the supervisor that has a child of this name."""
    here = (*path, str(node["id"]))
    for child in node.get("children", ()):
        if child["id"] == name:
            return here
        if (found := _find(child, name, here)) is not None:
            return found
    return None
