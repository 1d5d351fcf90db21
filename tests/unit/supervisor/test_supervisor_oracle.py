"""The core against supervisor.erl: equal traces, answers, windows and final states for random trees and histories."""

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from supervisor_histories import History, Tape
from supervisor_oracle import Ask, Birth, Death, Trace, World
from supervisor_run import KILL, TERM, Run

from supervisor.model import (
    Boot,
    Call,
    Effect,
    Elapsed,
    Event,
    Exited,
    ExitTree,
    Ignored,
    Kill,
    NotStarted,
    Ready,
    Reply,
    Report,
    Restarting,
    Signal,
    Spawn,
    Terminate,
    Up,
)

TOLD = {"start_failed", "shutdown_error", "reached_max_restart_intensity", "auto_shutdown"}
WORDS = set(
    "noproc not_found already_started already_present running restarting simple_one_for_one bad_combination "
    "bad_start_spec".split()
)
EXITS: dict[str, Callable[[int], Event]] = {
    "normal": lambda inc: Exited(inc, code=0),
    "shutdown": lambda inc: Exited(inc, signal=TERM),
    "abnormal": lambda inc: Exited(inc, code=1),
    "killed": lambda inc: Exited(inc, signal=KILL),
}
STARTS: dict[str, Callable[[int], Event]] = {
    "ready": Ready,
    "fails": EXITS["abnormal"],
    "nothing": lambda inc: NotStarted(inc, "no such program"),
    "ignores": Ignored,
}
FLAGS = ("strategy", "intensity", "period", "auto_shutdown")
HISTORIES = 4000


class Replay:
    """The same history on the core: the same births, the same deaths and calls at the same moments."""

    def __init__(self, history: History) -> None:
        self.world = history.world
        spec = history.spec
        self.run = Run(*spec.children, **{name: getattr(spec, name) for name in FLAGS})
        self.trace: list[Trace] = []
        self.waiting: deque[tuple[str, int]] = deque()
        self.signalled: set[int] = set()

    def take(self, event: Event) -> None:
        for effect in self.run.take(event):
            self.note(effect)

    def note(self, effect: Effect) -> None:
        match effect:
            case Spawn(inc=inc, path=path, spec=spec):
                self.trace.append(("start", path, spec.id, inc))
                self.waiting.append(("start", inc))
            case Signal(inc=inc):
                self.trace.append(("signal", inc))
                self.signalled.add(inc)
                self.waiting.append(("stop", inc))
            case Kill(inc=inc):
                self.trace.append(("kill", inc))
                self.waiting.append(("kill" if inc in self.signalled else "stop at once", inc))
            case Reply(ref=ref, value=value, error=error):
                self.trace.append(("reply", ref, value, error if error in WORDS or not error else "start error"))
            case Report(event=event, path=path, details=details) if event in TOLD:
                self.trace.append((event, path, details["id"]))
            case ExitTree(code=code):
                self.trace.append(("exit", code))

    def settle(self) -> None:
        """Let every start and stop take the course that is meant for it."""
        while self.waiting or self.run.armed:
            if self.waiting:
                self.course(*self.waiting.popleft())
            else:
                self.run.now = min(self.run.armed.values())
                for timer in [one for one, due in self.run.armed.items() if due == self.run.now]:
                    del self.run.armed[timer]
                    self.take(Elapsed(timer))

    def course(self, what: str, inc: int) -> None:
        birth = self.world.births.get(inc, Birth())
        for event in self.world.happened.get((what.partition(" ")[0], inc), ()):
            self.happen(event)
        match what, birth.outcome, birth.reaction:
            case "start", outcome, _:
                self.run.now += birth.seconds
                self.take(STARTS[outcome](inc))
            case "stop", _, "complains":
                self.take(Exited(inc, code=1))
            case "stop", _, reaction:
                if reaction == "obeys" or ("stop", inc) not in self.run.armed:
                    self.take(EXITS["shutdown" if reaction == "obeys" else "abnormal"](inc))
            case _:
                self.take(Exited(inc, signal=KILL))

    def happen(self, event: Death | Ask) -> None:
        if isinstance(event, Ask):
            self.run.asked += 1
            self.take(Call(event.ref, event.path, event.op, event.arguments))
        else:
            self.take(EXITS[event.reason](event.pid))

    def play(self, history: History) -> None:
        self.take(Boot())
        self.settle()
        for now, event in history.events:
            assert now >= self.run.now, "the clocks differ"
            self.run.now = now
            self.happen(event)
            self.settle()


def states_of_oracle(world: World) -> dict[Any, Any]:
    return {
        one.path: ([(kid.spec.id, kid.pid or "undefined") for kid in one.kids], one.restarts)
        for one in world.supervisors.values()
    }


def states_of_core(run: Run) -> dict[Any, Any]:
    def pid(proc: object) -> object:
        return proc.inc if isinstance(proc, Up) else "restarting" if isinstance(proc, Restarting) else "undefined"

    return {
        path: ([(one.spec.id, pid(one.proc)) for one in node.children], list(node.restarts))
        for path, node in run.state.nodes.items()
    }


def defined(trace: list[Trace]) -> list[Trace]:
    """Without the complaints about children of simple_one_for_one, which have no order."""
    return [one for one in trace if one[0] != "shutdown_error" or "-" not in one[2]]


def compare(data: bytes) -> None:
    history = History(Tape(data))
    world = history.play()
    replay = Replay(history)
    replay.play(history)
    assert defined(replay.trace) == defined(world.trace)
    assert states_of_core(replay.run) == states_of_oracle(world)
    replay.run.now = world.now
    history.stop()
    if replay.run.code is None:
        replay.take(Terminate())
        replay.settle()
    assert defined(replay.trace) == defined(world.trace)
    assert replay.run.code is not None


@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.binary(min_size=240, max_size=240))
def test_the_core_does_what_supervisor_erl_does(data: bytes) -> None:
    compare(data)


@pytest.mark.parametrize("length", [120, 240, 900])
def test_the_core_does_what_supervisor_erl_does_in_thousands_of_histories(length: int) -> None:
    random = Random(length)
    for number in range(HISTORIES):
        data = random.randbytes(length)
        try:
            compare(data)
        except AssertionError as error:
            raise AssertionError(f"history {number}, {data!r}: {error}") from error
