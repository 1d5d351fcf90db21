"""The supervisor's side of its zygotes: asks for forks, and says when none will come."""

import json
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from supervisor.loop import Loop
from supervisor.spec import Fork

PATIENCE = 2.0
"""Seconds for a zygote to answer; a fork takes a hundredth of a second."""


@dataclass
class _Zygote:
    connection: socket.socket
    ready: bool = False
    pending: set[int] = field(default_factory=set)
    """Incarnations that were asked for and not answered."""


class Nursery:
    """All zygotes by the ids of their children. `born` gets (incarnation, pid or None when there will be none)."""

    def __init__(self, loop: Loop, born: Callable[[int, int | None], None], hung: Callable[[str], None]) -> None:
        self._loop, self._born, self._hung = loop, born, hung
        self._zygotes: dict[str, _Zygote] = {}

    def conceive(self, name: str) -> socket.socket:
        """Give the end of a new zygote's socket that it inherits; close it when it has."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        self._zygotes[name] = _Zygote(ours)
        self._loop.watch(ours.fileno(), lambda: self._answered(name))
        return theirs

    def is_ready(self, name: str) -> None:
        """The zygote may be asked now."""
        self._zygotes[name].ready = True

    def gone(self, name: str) -> None:
        """The zygote's process is gone."""
        found = self._zygotes.pop(name, None)
        if found is not None:
            self._loop.unwatch(found.connection.fileno())
            found.connection.close()
            for inc in found.pending:
                self._born(inc, None)

    @property
    def pending(self) -> bool:
        """Whether a worker may be there of which nobody knows the pid yet."""
        return any(found.pending for found in self._zygotes.values())

    def ask(self, inc: int, start: Fork, env: Mapping[str, str], descriptor: int | None) -> bool:
        """Ask for a fork; False when there is no zygote that could be asked."""
        found = self._zygotes.get(start.zygote)
        if found is None or not found.ready:
            return False
        request = json.dumps({"inc": inc, "call": start.call, "args": start.args, "env": dict(env)}).encode()
        try:
            socket.send_fds(found.connection, [request], [] if descriptor is None else [descriptor])
        except OSError:  # it is dying, or does not read
            return False
        found.pending.add(inc)
        self._loop.timers.arm(("zygote", start.zygote, inc), time.monotonic() + PATIENCE)
        return True

    def _answered(self, name: str) -> None:
        found = self._zygotes.get(name)
        if found is None:
            return
        try:
            reply = found.connection.recv(4096)
        except BlockingIOError:  # an event of a descriptor of this number before
            return
        except OSError:  # reset: its end as well
            reply = b""
        if not reply:  # at its end: what was asked for will not come; its process' end follows
            self._loop.unwatch(found.connection.fileno())
            self._give_up(found)
            found.ready = False
            return
        answer = json.loads(reply)
        inc = answer["inc"]
        self._loop.timers.cancel(("zygote", name, inc))
        found.pending.discard(inc)
        self._born(inc, answer.get("pid"))

    def late(self, name: str, inc: int) -> None:
        """An answer did not come in time: the worker is started otherwise, and the zygote is reported."""
        found = self._zygotes.get(name)
        if found is not None and inc in found.pending:
            found.ready = False
            self._give_up(found)
            self._hung(name)

    def _give_up(self, found: _Zygote) -> None:
        pending, found.pending = found.pending, set()
        for inc in pending:
            self._born(inc, None)


def cold(start: Fork) -> list[str]:
    """The command that does without a zygote what a fork of it would do."""
    return [sys.executable, "-m", "supervisor.cold", start.call, *start.args]
