"""Asks a server whether it answers, without ever waiting for it."""

import contextlib
import socket
from collections.abc import Callable

from supervisor.loop import Loop
from supervisor.spec import Probe

FIRST_PAUSE, LONGEST_PAUSE = 0.005, 0.25
"""Seconds between two questions, growing."""


class Prober:
    """Probes for one process until `ready` was called, or it is cancelled; `again` arms a timer for `ask`."""

    def __init__(self, loop: Loop, probe: Probe, again: Callable[[float], None], ready: Callable[[], None]) -> None:
        self._loop, self._probe, self._again, self._ready = loop, probe, again, ready
        self._pause = FIRST_PAUSE
        self._socket: socket.socket | None = None

    def ask(self) -> None:
        """Ask once; an unanswered question of before is given up."""
        self.cancel()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            connection.connect(self._probe.socket)
            connection.sendall(self._probe.send.encode())
        except (OSError, ValueError):  # not there yet, or a path that can never be
            connection.close()
        else:
            self._socket = connection
            self._loop.watch(connection.fileno(), self._answered)
        self._again(self._pause)
        self._pause = min(self._pause * 1.5, LONGEST_PAUSE)

    def _answered(self) -> None:
        answer = b""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                answer = self._socket.recv(4096)
        self.cancel()
        if answer.startswith(self._probe.expect.encode()):
            self._ready()

    def cancel(self) -> None:
        """Ask no more."""
        if self._socket is not None:
            self._loop.unwatch(self._socket.fileno())
            self._socket.close()
            self._socket = None
