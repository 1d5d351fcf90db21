"""The control socket: a line of JSON in, a line back; "events" goes on and on. For the owner only (0600).

tree · events · stop · start, stop, restart {id} · scale {id, size} · reload {tree} · and OTP's calls
{path: [ids], id or spec}: start_child, terminate_child, …
"""

import dataclasses
import json
import os
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from supervisor import calls
from supervisor.commands import Commands, answer
from supervisor.loop import Loop
from supervisor.model import Call, Reply, Report
from supervisor.spec import SpecError, parse_child

LONGEST_LINE = 1 << 20
LONGEST_UNSENT = 8 << 20
MOST_CLIENTS = 64
RESPITE = 0.5
"""Seconds without accepting anyone when there are no descriptors left."""


class _Connection:
    """One client; its calls are answered in their order as they are done."""

    def __init__(self, connection: socket.socket, loop: Loop) -> None:
        self.socket, self.buffer, self.follows = connection, b"", False
        self._loop, self._unsent = loop, b""

    def send(self, answer: object) -> bool:
        """Send a line, as fast as the client reads; False when it does not, or is gone."""
        self._unsent += json.dumps(answer, default=_plain).encode() + b"\n"
        return len(self._unsent) <= LONGEST_UNSENT and self.flush()

    def flush(self) -> bool:
        """Send what is left, as much as goes now; False when the client is gone."""
        if not self._unsent:
            return True
        try:
            self._unsent = self._unsent[self.socket.send(self._unsent) :]
        except OSError as error:
            if not isinstance(error, BlockingIOError):  # that one only means: not now
                return False
        self._loop.want_write(self.socket.fileno(), bool(self._unsent))
        return True


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
        self._commands = Commands(tree, self._call)
        self._references = 0
        self._waiting: dict[int, Callable[[Reply], object]] = {}
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
        followers = [connection for connection in self._connections if connection.follows]
        for connection in followers:
            if not connection.send(line):
                self._drop(connection)
        if followers:
            os.sched_yield()  # they hear of it now, and not when the next start waits for its exec

    def _accept(self) -> None:
        try:
            accepted, _ = self._listening.accept()
        except BlockingIOError:
            return
        except OSError:
            self._loop.unwatch(self._listening.fileno())
            self._loop.timers.arm(("accept",), time.monotonic() + RESPITE)
            return
        if len(self._connections) >= MOST_CLIENTS:
            accepted.close()
            return
        accepted.setblocking(False)
        connection = _Connection(accepted, self._loop)
        self._connections.add(connection)
        self._loop.watch(accepted.fileno(), lambda: self._read(connection))

    def accept_again(self) -> None:
        """The respite is over."""
        self._loop.watch(self._listening.fileno(), self._accept)

    def _drop(self, connection: _Connection) -> None:
        if connection in self._connections:
            self._connections.remove(connection)
            self._loop.unwatch(connection.socket.fileno())
            connection.socket.close()

    def _read(self, connection: _Connection) -> None:
        if not connection.flush():
            self._drop(connection)
            return
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
        except (ValueError, RecursionError):
            request = None
        name = request.get("call") if isinstance(request, dict) else None
        match name:
            case None:
                connection.send({"error": 'expected one line of JSON with a "call"'})
            case "tree":
                connection.send(self._tree())
            case "events":
                connection.follows = connection.send({"event": "following"})
            case "stop" if "id" in request:
                self._commands.do("stop", request, connection.send)
            case "stop":
                connection.send({"ok": "stopping"})
                self._stop()
            case "start" | "restart" | "scale" | "reload":
                self._commands.do(str(name), request, connection.send)
            case _:
                self._ask(connection, name, request)

    def _ask(self, connection: _Connection, name: object, request: Mapping[str, Any]) -> None:
        path = request.get("path")
        if (
            not isinstance(name, str)
            or name not in calls.OPS
            or not isinstance(path, list)
            or not all(isinstance(one, str) for one in path)
        ):
            connection.send({"error": f"unknown call {name!r}, or no path"})
            return
        arguments = {key: value for key, value in request.items() if key not in ("call", "path")}
        try:
            if "spec" in arguments:
                arguments["spec"] = parse_child(arguments["spec"], auto_shutdown="any_significant")
        except SpecError as error:
            connection.send({"error": str(error)})
            return
        self._call(tuple(path), name, arguments, lambda reply: connection.send(answer(reply)))

    def _call(
        self, path: tuple[str, ...], name: str, arguments: Mapping[str, Any], then: Callable[[Reply], object]
    ) -> None:
        self._references += 1
        self._waiting[self._references] = then
        self._post(Call(self._references, path, name, arguments))


def _answer(reply: Reply) -> dict[str, Any]:
    return {"error": reply.error} if reply.error else {"ok": reply.value}


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return str(value)
