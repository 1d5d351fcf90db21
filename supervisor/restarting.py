"""Starting and restarting: the window of the intensity, the strategies, what a failed start means."""

from dataclasses import replace
from math import floor

from supervisor import calls
from supervisor.ending import AUTO_SHUTDOWN, ESCALATED, Ending
from supervisor.model import (
    SHUTDOWN,
    Answer,
    Arm,
    Begin,
    Child,
    End,
    FailInit,
    Init,
    Leave,
    Node,
    Path,
    Plan,
    Reason,
    Recover,
    Restarting,
    Spawn,
    Starting,
    Todo,
    TryAgain,
    Undefined,
)
from supervisor.spec import SupervisorSpec


class Restarts(Ending):
    """What a supervisor does when a child has exited, and how it starts one."""

    def _after_exit(self, path: Path, child: Child, reason: Reason) -> None:
        details = {"id": child.spec.id, "reason": reason.text, "kind": reason.kind}
        self.report("child_exited", path, **details)
        if child.spec.restart == "permanent" or (child.spec.restart == "transient" and reason.kind == "abnormal"):
            if not self._delayed(path, child):
                self._restart(path, child)
            return
        self._discard(path, child)
        self._perhaps_auto_shutdown(path, child)

    def _restart(self, path: Path, child: Child) -> None:
        """One attempt: counted first, then done by the strategy."""
        node = self.nodes[path]
        if not child.spec.forever:
            restarts = _window(node.restarts, floor(self.now), node.spec.period)
            node = replace(node, restarts=restarts)
            self.put(node)
            if len(restarts) > node.spec.intensity:
                details = {"intensity": node.spec.intensity, "period": node.spec.period}
                self.report("reached_max_restart_intensity", path, id=child.spec.id, **details)
                self._discard(path, child)
                self.leave(path, Leave(SHUTDOWN, ESCALATED))
                return
        self.report("restarting", path, id=child.spec.id)
        self.set_proc(path, child, Undefined())
        self.plan(path, Plan(Recover(), _steps(node, child.spec.id)))

    def _delayed(self, path: Path, child: Child) -> bool:
        """Whether the next attempt waits for its back-off; then it is on its way."""
        backoff = child.spec.backoff
        delay = 0.0 if backoff is None else backoff.delay(child.failures)
        if delay <= 0:
            return False
        self.report("retry_scheduled", path, id=child.spec.id, seconds=delay)
        self.set_proc(path, child, Restarting(self.now + delay))
        self.emit(Arm(("again", path, child.spec.id), delay))
        return True

    def _perhaps_auto_shutdown(self, path: Path, child: Child) -> None:
        node = self.nodes[path]
        if node.spec.auto_shutdown == "never" or not child.spec.significant:
            return
        active = [one for one in node.children if one.spec.significant and not isinstance(one.proc, Undefined)]
        if node.spec.auto_shutdown == "any_significant" or not active:
            self.report("auto_shutdown", path, id=child.spec.id)
            self.leave(path, Leave(SHUTDOWN, AUTO_SHUTDOWN))

    # -- starting

    def _begin(self, path: Path, child: Child) -> None:
        self.incarnation += 1
        inc = self.incarnation
        self.where[inc] = (path, child.spec.id)
        self.put_child(path, replace(child, proc=Starting(inc), starts=child.starts + 1))
        if child.spec.start_timeout is not None:
            self.emit(Arm(("start", inc), child.spec.start_timeout))
        if child.spec.supervisor is not None:
            self._open(child.spec.supervisor, (*path, child.spec.id), inc)
        else:
            self.emit(Spawn(inc, path, child.spec))

    def _open(self, spec: SupervisorSpec, path: Path, inc: int) -> None:
        children = () if spec.strategy == "simple_one_for_one" else tuple(Child(one) for one in spec.children)
        begins = tuple(Begin(one.spec.id) for one in children)
        self.put(Node(path, inc, spec, children, plan=Plan(Init(), begins)))
        self.touch(path)

    def _start_failed(self, path: Path, child: Child, why: str) -> None:
        """What a failed start means depends on what it was a part of."""
        self.report("start_failed", path, id=child.spec.id, reason=why)
        child = replace(child, proc=Undefined(), failures=child.failures + 1, last=Reason("abnormal", why))
        self.put_child(path, child)
        node = self.nodes[path]
        purpose = None if node.plan is None else node.plan.purpose
        match purpose:  # a supervisor that ends goes on with that
            case Init():
                if len(path) == 1:
                    self._tree_stops()
                before = [one.spec.id for one in node.children]
                ends = tuple(End(one) for one in reversed(before[: before.index(child.spec.id)]))
                self.plan(path, Plan(FailInit(f"failed_to_start_child {child.spec.id}: {why}"), ends))
            case Answer():
                self.plan(path, None)
                self.emit(calls.start_error(self, path, purpose, why))
            case Recover():
                self.plan(path, None)
                if not self._delayed(path, child):
                    self.set_proc(path, child, Restarting())
                    self.send(path, TryAgain(child.spec.id))


def _window(restarts: tuple[int, ...], now: int, period: int) -> tuple[int, ...]:
    """The restarts of the last `period` whole seconds, its edge included, with one more now."""
    return (now, *(at for at in restarts if at >= now - period))


def _steps(node: Node, failed: str) -> tuple[Todo, ...]:
    """How the strategy restarts the failed child: itself, or all of a group, of which temporary ones are only ended."""
    if node.spec.strategy not in ("one_for_all", "rest_for_one"):
        return (Begin(failed),)
    ids = [one.spec.id for one in node.children]
    group = node.children[ids.index(failed) if node.spec.strategy == "rest_for_one" else 0 :]
    ends = tuple(End(one.spec.id) for one in reversed(group))
    return ends + tuple(Begin(one.spec.id) for one in group if one.spec.restart != "temporary")
