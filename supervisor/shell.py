"""Runs a tree: feeds the core with what happens, and does what it says. One loop, one thread."""

import os
import signal
import time
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from supervisor import core, linux, status
from supervisor.log import Log
from supervisor.loop import Loop
from supervisor.model import (
    Arm,
    Boot,
    Cancel,
    Effect,
    Elapsed,
    Event,
    ExitTree,
    Kill,
    Reply,
    Report,
    Signal,
    Spawn,
    Terminate,
)
from supervisor.processes import Processes
from supervisor.service import Service
from supervisor.spec import Fork, SupervisorSpec, TreeSpec

FAREWELL = 2.0
"""Seconds for what was killed at the very end to be gone."""


class Shell:
    """One tree, from its start to its end."""

    def __init__(self, tree: TreeSpec, log: Log, environ: Mapping[str, str]) -> None:
        self._tree, self._log = tree, log
        self._state = core.initial(tree)
        self._events: deque[Event] = deque()
        self._code: int | None = None
        self._sweep_due = False
        self._loop = Loop(self._signalled, self._elapsed)
        name, _, value = tree.marker.partition("=")
        everybody = {**environ, name: value} if name else dict(environ)
        self._processes = Processes(self._loop, self._events.append, zygotes(tree.root), everybody)
        self._service: Service | None = None

    def run(self) -> int:
        """Run the tree; gives the exit code when it has ended, and all its processes with it."""
        linux.become_subreaper()
        self._kill_leftovers()
        self._loop.catch(signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
        if self._tree.control is not None:
            self._service = Service(self._loop, self._tree.control, self._status, self._events.append, self._stop)
        self._events.append(Boot())
        self._settle()
        while self._code is None:
            self._loop.turn()
            self._settle()
            if self._sweep_due and not self._processes.awaits_births:
                self._sweep_due = False
                self._processes.sweep()
        self._bury()
        return self._code

    def _settle(self) -> None:
        while self._events:
            self._state, effects = core.step(self._state, self._events.popleft(), time.monotonic())
            for effect in effects:
                self._do(effect)

    def _do(self, effect: Effect) -> None:
        match effect:
            case Spawn():
                self._processes.start(effect)
            case Signal(inc=inc, number=number):
                self._processes.signal(inc, number)
            case Kill(inc=inc):
                self._processes.kill(inc)
            case Arm(timer=timer, seconds=seconds):
                self._loop.timers.arm(("core", timer), time.monotonic() + seconds)
            case Cancel(timer=timer):
                self._loop.timers.cancel(("core", timer))
            case Report():
                self._report(effect)
            case Reply():
                if self._service is not None:
                    self._service.replied(effect)
            case ExitTree(code=code):
                self._code = code

    def _report(self, report: Report) -> None:
        self._log.report(report)
        if self._service is not None:
            self._service.reported(report)

    def _status(self) -> dict[str, object]:
        self._settle()  # what has happened in this turn and was not taken yet
        return {**status.tree(self._state, self._processes.pids(), time.monotonic()), "pid": os.getpid()}

    def _stop(self) -> None:
        self._events.append(Terminate())

    def _signalled(self, number: int) -> None:
        if number in (signal.SIGTERM, signal.SIGINT):
            self._log.write("INFO", "signal", {"name": signal.Signals(number).name})
            self._stop()
        elif number == signal.SIGCHLD:
            self._sweep_due = True  # after what has happened was dealt with: a replacement comes first

    def _elapsed(self, timer: Any) -> None:
        match timer:
            case ("accept",):
                if self._service is not None:
                    self._service.accept_again()
            case ("core", inner):
                self._events.append(Elapsed(inner))
            case _:
                self._processes.elapsed(timer)

    def _kill_leftovers(self) -> None:
        """Processes of a tree that was killed before: each of them carries the marker."""
        if not self._tree.marker:
            return
        ours = set(_ancestors(os.getpid()))
        give_up = time.monotonic() + FAREWELL
        while left := [pid for pid in linux.marked(self._tree.marker) if pid not in ours]:
            killed = [pid for pid in left if linux.kill(pid)]
            if killed:
                self._log.write("WARNING", "leftovers_killed", {"pids": killed})
            if time.monotonic() > give_up:
                raise TimeoutError(f"processes {left} of an earlier tree do not die")
            time.sleep(0.01)

    def _bury(self) -> None:
        if self._service is not None:
            self._service.close()
        give_up = time.monotonic() + FAREWELL
        while self._processes.sweep() and time.monotonic() < give_up:
            time.sleep(0.005)
        self._log.write("INFO", "tree_ended", {"code": self._code})


def zygotes(spec: SupervisorSpec) -> frozenset[str]:
    """Give the ids of the children that others are forked from."""
    return frozenset(_zygotes(spec))


def _zygotes(spec: SupervisorSpec) -> Iterator[str]:
    for child in spec.children:
        if child.supervisor is not None:
            yield from _zygotes(child.supervisor)
        elif isinstance(child.start, Fork):
            yield child.start.zygote


def _ancestors(pid: int) -> Iterator[int]:
    while pid > 0:
        yield pid
        with open(f"/proc/{pid}/stat", "rb") as stat:  # noqa: PTH123 – pathlib is of no use to /proc
            pid = int(stat.read().rpartition(b")")[2].split()[1])
