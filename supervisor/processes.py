"""The living processes of a tree: started, told to stop, killed with all that came from them, and reaped.

Everything that happens to one is posted as an event of the core, with the incarnation that it belongs to.
"""

import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from supervisor import linux, notify
from supervisor.loop import Loop
from supervisor.model import Event, Exited, Ignored, NotStarted, Ready, Spawn, Unhealthy, Unready
from supervisor.notify import Notifications
from supervisor.nursery import Nursery, cold
from supervisor.probe import Prober
from supervisor.spawn import SpawnError, spawn
from supervisor.spec import ChildSpec, Exec, Fork, Probe
from supervisor.zygote import VARIABLE as ZYGOTE_VARIABLE

LAST_WORDS = 0.1
"""Seconds from the end of a child's pipe to the end of the child, which says more; an exit closes the pipe first."""


@dataclass
class Process:
    """One incarnation; without `pid` its zygote has yet to answer."""

    inc: int
    spec: ChildSpec
    pid: int | None = None
    pidfd: int = -1
    notifications: Notifications | None = None
    writing: int | None = None
    prober: Prober | None = None
    ready: bool = False
    declined: bool = False
    reaped: bool = False
    signals: list[int] = field(default_factory=list)
    """Sent before the pid was known."""


class Processes:
    """The table of them. `zygotes` are the ids of children that fork others, `environ` is everybody's."""

    def __init__(
        self, loop: Loop, post: Callable[[Event], None], zygotes: frozenset[str], environ: Mapping[str, str]
    ) -> None:
        self._loop, self._post, self._zygotes, self._environ = loop, post, zygotes, dict(environ)
        self._table: dict[int, Process] = {}
        self._pids: dict[int, int] = {}
        self._nursery = Nursery(loop, self._born, self._zygote_hangs)
        # A shell may have left us children of its own before it became us: they are not ours to kill.
        self._strangers = frozenset(linux.children(os.getpid()))
        _oom()  # what was killed before is not ours

    def pids(self) -> dict[int, int]:
        """Give the pid of each incarnation that has one."""
        return {inc: process.pid for inc, process in self._table.items() if process.pid is not None}

    # -- starting

    def start(self, effect: Spawn) -> None:
        """Start a process."""
        process = Process(effect.inc, effect.spec)
        self._table[effect.inc] = process
        try:
            self._start(process)
        except (SpawnError, OSError) as error:
            self._forget(process)
            self._post(NotStarted(effect.inc, str(error)))

    def _start(self, process: Process) -> None:
        spec = process.spec
        if spec.ready == "notify":
            process.notifications, process.writing = notify.pipe()
        if isinstance(spec.start, Exec):
            self._execute(process, spec.start.argv, spec.start.env)
        elif isinstance(spec.start, Fork) and not self._nursery.ask(process.inc, spec.start, {}, process.writing):
            self._execute(process, cold(spec.start), {})

    def _execute(self, process: Process, argv: "tuple[str, ...] | list[str]", more: Mapping[str, str]) -> None:
        env, inherited = {**self._environ, **more}, []
        if process.writing is not None:
            env[notify.VARIABLE] = str(process.writing)
            inherited.append(process.writing)
        if process.spec.id not in self._zygotes:
            self._live(process, spawn(argv, env, inherited))
            return
        with self._nursery.conceive(process.spec.id) as theirs:
            env[ZYGOTE_VARIABLE] = str(theirs.fileno())
            try:
                self._live(process, spawn(argv, env, [*inherited, theirs.fileno()]))
            except SpawnError:
                self._nursery.gone(process.spec.id)
                raise

    def _born(self, inc: int, pid: int | None) -> None:
        """A zygote's answer; without a pid the worker is started in a new Python."""
        process = self._table.get(inc)
        if process is None or process.pid is not None:
            if pid is not None:
                linux.kill(pid)
            return
        if process.signals and pid is None:  # it was told to stop before it was there
            self._end(process, signal_number=process.signals[0])
            return
        try:
            if pid is None:
                assert isinstance(process.spec.start, Fork)
                self._execute(process, cold(process.spec.start), {})
            else:
                self._live(process, pid)
                for number in process.signals:
                    linux.kill(pid, number)
        except (SpawnError, OSError) as error:
            self._forget(process)
            self._post(NotStarted(inc, str(error)))

    def _live(self, process: Process, pid: int) -> None:
        """Watch the process from now on: its end, and what it says."""
        try:
            process.pidfd = os.pidfd_open(pid)
        except OSError:  # no descriptor left: what cannot be watched must not run
            linux.kill(pid)
            os.waitpid(pid, 0)
            raise
        process.pid, self._pids[pid] = pid, process.inc
        self._loop.watch(process.pidfd, lambda: self._reap(process))
        if process.writing is not None:
            os.close(process.writing)
            process.writing = None
        if process.notifications is not None:
            self._loop.watch(process.notifications.descriptor, lambda: self._hear(process))
        elif isinstance(process.spec.ready, Probe):
            self._probe(process, process.spec.ready)
        else:
            self._is_ready(process)

    def _probe(self, process: Process, probe: Probe) -> None:
        def again(seconds: float) -> None:
            self._loop.timers.arm(("probe", process.inc), time.monotonic() + seconds)

        def answered() -> None:
            self._loop.timers.cancel(("probe", process.inc))
            self._is_ready(process)

        process.prober = Prober(self._loop, probe, again, answered)
        process.prober.ask()

    def elapsed(self, timer: object) -> None:
        """Take a timer that was armed here."""
        match timer:
            case ("probe", int(inc)):
                process = self._table.get(inc)
                if process is not None and process.prober is not None and not process.ready:
                    process.prober.ask()
            case ("alive", int(inc)):
                process = self._table.get(inc)
                if process is not None:
                    self._post(Unhealthy(inc, f"no sign of life for {process.spec.liveness:g} s"))
            case ("mute", int(inc)):
                self._post(Unready(inc, "it closed NOTIFY_FD without being ready"))
            case ("zygote", str(name), int(inc)):
                self._nursery.late(name, inc)

    # -- what it says

    def _hear(self, process: Process) -> None:
        assert process.notifications is not None
        lines = process.notifications.read()
        if lines is None:
            self._hear_no_more(process)
            return
        for line in lines:
            if line == notify.IGNORE:
                process.declined = True
            elif not process.ready:
                self._is_ready(process)
        if lines and process.ready:
            self._lives(process)

    def _hear_no_more(self, process: Process) -> None:
        if process.notifications is None:
            return
        self._loop.unwatch(process.notifications.descriptor)
        process.notifications.close()
        process.notifications = None
        if not process.ready and not process.declined and not process.reaped:
            self._loop.timers.arm(("mute", process.inc), time.monotonic() + LAST_WORDS)

    def _is_ready(self, process: Process) -> None:
        process.ready = True
        if process.spec.id in self._zygotes:
            self._nursery.is_ready(process.spec.id)
        self._lives(process)
        self._post(Ready(process.inc))

    def _lives(self, process: Process) -> None:
        if process.spec.liveness is not None:
            self._loop.timers.arm(("alive", process.inc), time.monotonic() + process.spec.liveness)

    def _zygote_hangs(self, name: str) -> None:
        for process in self._table.values():
            if process.spec.id == name and process.ready:
                self._post(Unhealthy(process.inc, "it does not fork"))

    # -- ending

    def signal(self, inc: int, number: int) -> None:
        """Send a signal to the process itself."""
        process = self._table.get(inc)
        if process is None:
            return
        if process.pid is None:
            process.signals.append(number)
        else:
            # By its pidfd, or rather: it is not reaped yet, so the pid is still its own.
            linux.kill(process.pid, number)

    def kill(self, inc: int) -> None:
        """SIGKILL to the process and to all that came from it."""
        process = self._table.get(inc)
        if process is None:
            return
        if process.pid is None:
            process.signals.append(signal.SIGKILL)
            self._end(process, signal_number=signal.SIGKILL)
            return
        below = _descendants(process.pid)
        linux.kill(process.pid)
        for pid in below:
            linux.kill(pid)

    def _reap(self, process: Process) -> None:
        found = os.waitid(os.P_PIDFD, process.pidfd, os.WEXITED | os.WNOHANG)
        if found is None:
            return
        process.reaped = True
        if process.notifications is not None and not process.ready:
            self._hear(process)  # its last words may have come together with its end
        if found.si_code == os.CLD_EXITED:
            self._end(process, code=found.si_status)
        else:
            self._end(process, signal_number=found.si_status)

    def _end(self, process: Process, code: int | None = None, signal_number: int | None = None) -> None:
        self._forget(process)
        if process.declined and code == 0:
            self._post(Ignored(process.inc))
        else:
            self._post(Exited(process.inc, code, signal_number, oom=signal_number == signal.SIGKILL and _oom()))

    def _forget(self, process: Process) -> None:
        """Give back all that belongs to it."""
        self._table.pop(process.inc, None)
        for name in ("probe", "alive", "mute"):
            self._loop.timers.cancel((name, process.inc))
        if process.prober is not None:
            process.prober.cancel()
        if process.notifications is not None:
            self._loop.unwatch(process.notifications.descriptor)
            process.notifications.close()
            process.notifications = None
        if process.writing is not None:
            os.close(process.writing)
            process.writing = None
        if process.pidfd >= 0:
            self._loop.unwatch(process.pidfd)
            os.close(process.pidfd)
            process.pidfd = -1
        if process.pid is not None:
            self._pids.pop(process.pid, None)
        if process.spec.id in self._zygotes:
            self._nursery.gone(process.spec.id)

    @property
    def awaits_births(self) -> bool:
        """Whether a worker may be there of which the pid is on its way: no orphan may be killed then."""
        return self._nursery.pending

    def sweep(self) -> bool:
        """Kill and reap orphans that have come to us, such as what a worker left; gives whether any are left."""
        orphans = [pid for pid in linux.children(os.getpid()) if pid not in self._pids]
        for pid in orphans:
            if pid not in self._strangers:
                linux.kill(pid)
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                continue
        return any(pid not in self._strangers for pid in orphans)


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    for child in linux.children(pid):
        found += [child, *_descendants(child)]
    return found


_oom_kills = 0


def _oom() -> bool:
    """Whether the kernel has killed for want of memory in our control group since we last looked."""
    global _oom_kills
    try:
        events = Path("/sys/fs/cgroup/memory.events").read_text("ascii")
    except OSError:
        return False
    counted = int(dict(line.split() for line in events.splitlines()).get("oom_kill", 0))
    grown, _oom_kills = counted > _oom_kills, counted
    return grown
