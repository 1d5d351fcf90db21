"""Events in the middle of starts and stops, where OTP has no trace to compare with: what must hold all the same."""

from collections import Counter
from dataclasses import replace
from math import floor
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from supervisor_histories import Tape, supervisor
from supervisor_run import KILL, SEGV, TERM, Run, child

from supervisor.model import (
    Effect,
    Elapsed,
    Event,
    Exited,
    FailInit,
    Ignored,
    Leave,
    Node,
    NotStarted,
    Path,
    Ready,
    Report,
    Signal,
    Spawn,
    Starting,
    Terminate,
    Undefined,
    Unhealthy,
    Unready,
)
from supervisor.spec import Backoff, ChildSpec, SupervisorSpec

HISTORIES = 2500
CALLS = ("start_child", "terminate_child", "restart_child", "delete_child", "which_children", "count_children")


def extended(tape: Tape, spec: SupervisorSpec) -> SupervisorSpec:
    """The same tree with what is beyond OTP."""
    children = tuple(extended_child(tape, one) for one in spec.children)
    return replace(spec, children=children, quiet=tape.chance(4))


def extended_child(tape: Tape, spec: ChildSpec) -> ChildSpec:
    shutdown: Any = tape.pick((spec.shutdown, spec.shutdown, 1000, "brutal_kill"))
    backoff = tape.pick((None, None, Backoff(0.5, 2.0)))
    return replace(
        spec,
        supervisor=None if spec.supervisor is None else extended(tape, spec.supervisor),
        shutdown=shutdown,
        backoff=backoff,
        start_timeout=tape.pick((None, 1.5)),
        forever=backoff is not None and tape.chance(2),
    )


class Watched(Run):
    """A run that looks at every effect once more; see also `Run.take`."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        spec = extended(tape, supervisor(tape, "root", 3))
        flags = {name: getattr(spec, name) for name in ("strategy", "intensity", "period", "auto_shutdown", "quiet")}
        super().__init__(*spec.children, stop_timeout=tape.pick((None, 4.0)), **flags)
        self.temporary: Counter[tuple[Path, int, str]] = Counter()
        self.attempts: dict[tuple[Path, int], list[int]] = {}
        self.hurried = False

    def take(self, event: Event) -> list[Effect]:
        flags = {path: (node.inc, node.spec, node.children) for path, node in self.state.nodes.items()}
        self.hurried = self.hurried or (isinstance(event, Terminate) and self.state.asked)
        ending = {path: node.inc for path, node in self.state.nodes.items() if ends(node)}
        effects = super().take(event)
        for path, inc in ending.items():
            node = self.state.nodes.get(path)
            assert node is None or node.inc != inc or ends(node), "a supervisor that was to end goes on"
        for effect in effects:
            match effect:
                case Spawn(path=path, spec=spec):
                    self._started(path, spec)
                case Signal(inc=inc):
                    self._signalled(inc)
                case Report(event="restarting", path=path, details={"id": id_}) if path in flags:
                    inc, spec, children = flags[path]
                    if not any(one.spec.id == id_ and one.spec.forever for one in children):
                        self._attempted(path, inc, spec)
        return effects

    def _started(self, path: Path, spec: ChildSpec) -> None:
        assert not self.hurried, "something was started after everything was to be killed"
        node = self.state.nodes.get(path)
        if node is None:
            return
        starting = [one for one in node.children if isinstance(one.proc, Starting)]
        assert len(starting) <= 1 or ends(node), "two start at once"
        if spec.restart == "temporary":
            self.temporary[path, node.inc, spec.id] += 1
            assert self.temporary[path, node.inc, spec.id] == 1, "a temporary child was started again"

    def _signalled(self, inc: int) -> None:
        """Whoever is told to stop as its supervisor ends is the last that lives, but for those killed before."""
        path, id_ = self.state.where[inc]
        node = self.state.nodes[path]
        if not ends(node) or node.spec.quiet or node.spec.strategy == "simple_one_for_one":
            return
        ids = [one.spec.id for one in node.children]
        assert all(isinstance(one.proc, Undefined) for one in node.children[ids.index(id_) + 1 :]), "not in reverse"

    def _attempted(self, path: Path, inc: int, spec: SupervisorSpec) -> None:
        attempts = self.attempts.setdefault((path, inc), [])
        attempts.append(floor(self.now))
        window = [at for at in attempts if at >= attempts[-1] - spec.period]
        assert len(window) <= spec.intensity, "more restarts than its intensity"

    # -- what may come at any time

    def one_event(self) -> None:
        kind = self.tape.pick(("exit", "ready", "ready", "exit", "call", "wait", "odd", "ready", "stale", "call"))
        if kind == "wait":
            self.wait(self.tape.pick((0.25, 0.5, 1.0, 3.0)))
        elif kind == "call":
            self._some_call()
        elif kind == "stale":
            self._stale()
        elif self.alive:
            inc = self.tape.pick((kind == "ready" and self._unready()) or sorted(self.alive))
            if kind == "exit":
                self.take(self.tape.pick((Exited(inc, code=1), Exited(inc, code=0), *signals(inc))))
            elif kind == "ready":
                self.take(Ready(inc))
            else:
                self.take(self.tape.pick((Unready(inc, "silent"), Unhealthy(inc, "hangs"), *self._unborn(inc))))

    def _unready(self) -> list[int]:
        procs = [one.proc for node in self.state.nodes.values() for one in node.children]
        return [proc.inc for proc in procs if isinstance(proc, Starting) and proc.inc in self.alive]

    def all_ready(self) -> None:
        while unready := self._unready():
            self.take(Ready(unready[0]))

    def _unborn(self, inc: int) -> tuple[Event, ...]:
        path, id_ = self.state.where[inc]
        procs = [one.proc for one in self.state.nodes[path].children if one.spec.id == id_]
        return (NotStarted(inc, "no memory"), Ignored(inc)) if isinstance(procs[0], Starting) else ()

    def _stale(self) -> None:
        inc = self.tape.pick(range(1, self.state.incarnation + 3))
        if inc not in self.alive and inc not in self.state.where:
            before = self.state
            stale: tuple[Event, ...] = (
                Ready(inc),
                Exited(inc, code=1),
                Elapsed(("start", inc)),
                Elapsed(("stop", inc)),
            )
            assert self.take(self.tape.pick(stale)) == []
            assert self.state == before

    def _some_call(self) -> None:
        paths = [*sorted(self.state.nodes), ("nobody",)]
        path = self.tape.pick(paths)
        node = self.state.nodes.get(path)
        op = self.tape.pick(CALLS)
        ids = [one.spec.id for one in node.children] if node is not None else []
        arguments: dict[str, Any] = {"id": self.tape.pick([*ids, "nobody"])}
        if op == "start_child":
            arguments = {"spec": child(f"new{self.asked}", restart=self.tape.pick(("permanent", "temporary")))}
        self.ask(op, path, **arguments)

    def end(self) -> None:
        """Asked to stop, the tree ends as soon as its processes do, in whatever order."""
        if self.code is None and not self.state.asked:
            self.terminate()
        most = 3 * len(self.alive) + 3
        while self.code is None:
            if self.alive:
                self.killed(self.names[self.tape.pick(sorted(self.alive))], by=TERM)
            most -= 1
            assert most > 0, "the tree does not end"


def ends(node: Node) -> bool:
    return node.plan is not None and isinstance(node.plan.purpose, Leave | FailInit)


def signals(inc: int) -> tuple[Event, ...]:
    return tuple(Exited(inc, signal=number) for number in (KILL, TERM, SEGV))


def live(data: bytes) -> None:
    tape = Tape(data)
    run = Watched(tape)
    run.boot()
    if not tape.chance(4):
        run.all_ready()
    most = 200
    while run.code is None and not tape.ended and most > 0:
        most -= 1
        if tape.chance(16):
            run.terminate()
        else:
            run.one_event()
    run.end()


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.binary(min_size=400, max_size=400))
def test_the_rules_hold_whenever_events_come(data: bytes) -> None:
    live(data)


@pytest.mark.parametrize("length", [200, 600])
def test_the_rules_hold_in_thousands_of_interleaved_histories(length: int) -> None:
    random = Random(length)
    for number in range(HISTORIES):
        data = random.randbytes(length)
        try:
            live(data)
        except Exception as error:
            raise AssertionError(f"history {number}, {data!r}: {error!r}") from error
