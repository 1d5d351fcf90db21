"""Ending: one child, a supervisor with its children in reverse order, a whole branch by SIGKILL, the tree."""

from supervisor.model import (
    KILLED,
    SHUTDOWN,
    Answer,
    Arm,
    Asked,
    Cancel,
    Child,
    End,
    ExitTree,
    FailInit,
    Gone,
    Kill,
    Leave,
    Node,
    Path,
    Plan,
    Reply,
    Restarting,
    Signal,
    Starting,
    Stop,
    Stopping,
    Undefined,
    Up,
)
from supervisor.tables import TREE, Tables, incarnation

ASKED, ESCALATED, START_FAILURE, AUTO_SHUTDOWN = 0, 70, 71, 75
"""Exit codes of a tree."""


class Ending(Tables):
    """What ends children and supervisors; that a process is gone comes as an event, see `core`."""

    def leave(self, path: Path, leave: Leave) -> None:
        """End the supervisor: its children in reverse order, whatever it was about to do."""
        node = self.nodes[path]
        if len(path) == 1:
            self._tree_stops()
        if node.plan is not None and isinstance(node.plan.purpose, Answer):
            self.emit(Reply(node.plan.purpose.ref, error="shutdown"))
        self.plan(path, Plan(leave, tuple(End(one.spec.id) for one in reversed(node.children))))
        self.touch(path)
        if node.spec.quiet or node.spec.strategy == "simple_one_for_one":
            for child in reversed(node.children):
                if isinstance(child.proc, Starting | Up):
                    self._end(path, child)

    def _tree_stops(self) -> None:
        if not self.stopping:
            self.stopping = True
            self.report("tree_stopping", (self._before.spec.id,))
            if self._before.stop_timeout is not None:
                self.emit(Arm(TREE, self._before.stop_timeout))
            for path, node in tuple(self.nodes.items()):
                if Stop() in node.mailbox:  # it was to wait for what it is doing; now it does not
                    self._stop_supervisor(path)

    def _end(self, path: Path, child: Child) -> None:
        match child.proc:
            case Restarting(due=due):
                if due is not None:
                    self.emit(Cancel(("again", path, child.spec.id)))
                self.set_proc(path, child, Undefined())
            case Gone():
                self._report_end(path, child, surprising=child.last is not None and child.last.kind == "abnormal")
                self.set_proc(path, child, Undefined())
            case Starting(inc=inc, failing=already) | Up(inc=inc, condemned=already):
                self._stop(path, child, inc, killed=bool(already))

    def _report_end(self, path: Path, child: Child, *, surprising: bool) -> None:
        details = {"id": child.spec.id, "reason": "" if child.last is None else child.last.text}
        self.report("shutdown_error" if surprising else "child_stopped", path, **details)

    def _stop(self, path: Path, child: Child, inc: int, *, killed: bool) -> None:
        spec = child.spec
        killed = killed or spec.shutdown == "brutal_kill"
        self.emit(Cancel(("start", inc)))
        self.set_proc(path, child, Stopping(inc, killed))
        if killed:
            self._kill(path, child)
            return
        if isinstance(spec.shutdown, int):
            self.emit(Arm(("stop", inc), spec.shutdown / 1000))
        if (below := (*path, spec.id)) in self.nodes:
            self._stop_supervisor(below)
        else:
            self.emit(Signal(inc, spec.stop_signal))

    def _stop_supervisor(self, path: Path) -> None:
        """In OTP it hears of it after what it is doing; when the whole tree stops, at once."""
        node = self.nodes[path]
        purpose = None if node.plan is None else node.plan.purpose
        if not self.stopping:
            self.send(path, Stop())
        elif not isinstance(purpose, Leave | FailInit):
            self.leave(path, Leave(SHUTDOWN))

    def _kill(self, path: Path, child: Child) -> None:
        if (below := (*path, child.spec.id)) in self.nodes:
            self._kill_below(below)
        elif (inc := incarnation(child.proc)) is not None:
            self.emit(Kill(inc))

    def _kill_below(self, top: Path) -> None:
        """SIGKILL to everything below `top`; each supervisor there only waits for the ends."""
        for path in sorted((path for path in self.nodes if path[: len(top)] == top), key=len, reverse=True):
            node = self.nodes[path]
            for child in node.children:
                self._doom(path, child)
            node = self.nodes[path]
            purpose = None if node.plan is None else node.plan.purpose
            if not isinstance(purpose, Leave | FailInit):
                if isinstance(purpose, Answer):
                    self.emit(Reply(purpose.ref, error="shutdown"))
                purpose = Leave(KILLED, ASKED)
            self.plan(path, Plan(purpose, tuple(End(one.spec.id) for one in reversed(node.children))))
            self.touch(path)

    def _doom(self, path: Path, child: Child) -> None:
        inc = incarnation(child.proc)
        if inc is None or isinstance(child.proc, Gone):
            self._end(path, child)
            return
        self.emit(Cancel(("start", inc)))
        self.emit(Cancel(("stop", inc)))
        self.set_proc(path, child, Stopping(inc, killed=True))
        if (*path, child.spec.id) not in self.nodes:
            self.emit(Kill(inc))

    def _close(self, node: Node) -> None:
        for message in node.mailbox:
            if isinstance(message, Asked):
                self.emit(Reply(message.ref, error="noproc"))
        del self.nodes[node.path]

    def _exit_tree(self, code: int) -> None:
        self.ended = True
        self.emit(Cancel(TREE))
        self.emit(ExitTree(code))
