"""A tree on the core with a clock of its own: events by the ids of children, effects in the order they came.

Every step checks what must hold at all times: see `Run.take`.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from supervisor import core
from supervisor.model import (
    Arm,
    Boot,
    Call,
    Cancel,
    Effect,
    Elapsed,
    Event,
    Exited,
    ExitTree,
    Ignored,
    Kill,
    NotStarted,
    Path,
    Ready,
    Reply,
    Report,
    Signal,
    Spawn,
    State,
    Terminate,
    Timer,
)
from supervisor.spec import ChildSpec, Exec, SupervisorSpec, TreeSpec

TERM, KILL, SEGV = 15, 9, 11


def child(id_: str, **more: Any) -> ChildSpec:
    """A worker."""
    return ChildSpec(id_, start=Exec((id_,)), **more)


def below(id_: str, *children: ChildSpec, restart: Any = "permanent", **flags: Any) -> ChildSpec:
    """A supervisor as a child; `as_child` is what concerns it as a child, the rest are its flags."""
    as_child = {"shutdown": "infinity", "restart": restart, **flags.pop("as_child", {})}
    return ChildSpec(id_, supervisor=SupervisorSpec(id_, children, **flags), **as_child)


class Run:
    """One tree, its clock, its timers and its processes."""

    def __init__(self, *children: ChildSpec, stop_timeout: float | None = None, **flags: Any) -> None:
        self.now = 1000.0
        self.state: State = core.initial(TreeSpec(SupervisorSpec("root", children, **flags), stop_timeout))
        self.armed: dict[Timer, float] = {}
        self.alive: dict[int, Spawn] = {}
        self.names: dict[int, str] = {}
        self.replies: dict[int, Reply] = {}
        self.effects: list[Effect] = []
        self.code: int | None = None
        self.asked = 0

    # -- what the shell would do

    def take(self, event: Event) -> list[Effect]:
        """Take an event; gives the effects. The state before it cannot be changed: its tables refuse."""
        if isinstance(event, Exited | NotStarted | Ignored):
            self.alive.pop(event.inc, None)
        shut = replace(
            self.state, nodes=MappingProxyType(dict(self.state.nodes)), where=MappingProxyType(dict(self.state.where))
        )
        before = (dict(shut.nodes), dict(shut.where))
        self.state, effects = core.step(shut, event, self.now)
        assert before == (shut.nodes, shut.where), "the state that was given has changed"
        for effect in effects:
            self._do(effect)
        self.effects += effects
        self._check()
        return list(effects)

    def _do(self, effect: Effect) -> None:
        match effect:
            case Spawn(inc=inc, path=path, spec=spec):
                assert self.code is None, "a process was started after the end of the tree"
                twins = [one for one in self.alive.values() if (one.path, one.spec.id) == (path, spec.id)]
                assert not twins, f"{spec.id} lives twice"
                self.alive[inc] = effect
                self.names[inc] = spec.id
            case Signal(inc=inc) | Kill(inc=inc):
                assert inc in self.alive, "a signal to a process that is gone"
            case Arm(timer=timer, seconds=seconds):
                assert timer not in self.armed, f"{timer} is armed twice"
                self.armed[timer] = self.now + seconds
            case Cancel(timer=timer):
                self.armed.pop(timer, None)
            case Reply(ref=ref):
                assert ref not in self.replies, "a call was answered twice"
                self.replies[ref] = effect
            case ExitTree(code=code):
                assert self.code is None, "the tree ended twice"
                self.code = code

    def _check(self) -> None:
        if self.code is not None:
            assert self.state.ended
            assert not self.armed, f"timers left: {self.armed}"
            assert not self.alive, "processes left"
            assert not self.state.nodes
            assert not self.state.where
            assert len(self.replies) == self.asked, "a call was not answered"
        assert {inc for _, _, inc in core.workers(self.state)} == set(self.alive)
        for timer in self.armed:
            assert self._is_meant(timer), f"{timer} is armed in vain"

    def _is_meant(self, timer: Timer) -> bool:
        match timer:
            case ("start" | "stop", int(inc)):
                return inc in self.state.where
            case ("again", path, id_):
                return self.proc(id_, path).startswith("Restarting")
        return self.state.stopping

    # -- events by name

    def boot(self, *ready: str) -> "Run":
        """Start the tree; these children become ready, in this order. The effects up to here are forgotten."""
        self.take(Boot())
        for id_ in ready:
            self.ready(id_)
        self.effects.clear()
        return self

    def inc(self, id_: str) -> int:
        """The incarnation of the one living process with this id."""
        (found,) = [inc for inc, spawn in self.alive.items() if spawn.spec.id == id_]
        return found

    def ready(self, *ids: str) -> None:
        for id_ in ids:
            self.take(Ready(self.inc(id_)))

    def ignored(self, id_: str) -> None:
        self.take(Ignored(self.inc(id_)))

    def exit(self, *ids: str, code: int = 0) -> None:
        for id_ in ids:
            self.take(Exited(self.inc(id_), code=code))

    def killed(self, *ids: str, by: int = KILL) -> None:
        for id_ in ids:
            self.take(Exited(self.inc(id_), signal=by))

    def crash(self, *ids: str) -> None:
        self.exit(*ids, code=1)

    def terminate(self) -> None:
        self.take(Terminate())

    def wait(self, seconds: float) -> None:
        """Let time pass; timers run down on the way."""
        end = self.now + seconds
        while self.armed and min(self.armed.values()) <= end:
            timer = min(self.armed, key=lambda one: self.armed[one])
            self.now = self.armed.pop(timer)
            self.take(Elapsed(timer))
        self.now = end

    def ask(self, op: str, path: Path = ("root",), **arguments: Any) -> int:
        """Call; gives the reference of the answer in `replies`."""
        self.asked += 1
        self.take(Call(self.asked, path, op, arguments))
        return self.asked

    def call(self, op: str, path: Path = ("root",), **arguments: Any) -> Any:
        """Call; gives the value, or the error as a text in a list."""
        reply = self.replies[self.ask(op, path, **arguments)]
        return [reply.error] if reply.error else reply.value

    # -- what happened

    def seen(self) -> list[str]:
        """What was done since the last look: "start a", "stop a", "kill a", "exit 0"; nothing else."""
        found = []
        for effect in self.effects:
            match effect:
                case Spawn(spec=spec):
                    found.append(f"start {spec.id}")
                case Signal(inc=inc):
                    found.append(f"stop {self.names[inc]}")
                case Kill(inc=inc):
                    found.append(f"kill {self.names[inc]}")
                case ExitTree(code=code):
                    found.append(f"exit {code}")
        self.effects.clear()
        return found

    def reports(self) -> list[tuple[str, str]]:
        """The reports since the last look, with the ids that they are about."""
        return [(one.event, str(one.details.get("id", ""))) for one in self.effects if isinstance(one, Report)]

    def proc(self, id_: str, path: Path = ("root",)) -> str:
        """What is known of a child's process: "Up", "Undefined", "" when there is no such child…"""
        node = self.state.nodes.get(path)
        found = [one for one in node.children if one.spec.id == id_] if node is not None else []
        return type(found[0].proc).__name__ if found else ""

    def procs(self, path: Path = ("root",)) -> Mapping[str, str]:
        return {one.spec.id: type(one.proc).__name__ for one in self.state.nodes[path].children}
