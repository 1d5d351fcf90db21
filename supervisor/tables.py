"""The tables of one step under way: what the state was made of, changed in place, and the effects so far."""

from collections import deque
from dataclasses import replace
from typing import Any, Final

from supervisor.model import (
    Child,
    Effect,
    Gone,
    Message,
    Node,
    Path,
    Plan,
    Proc,
    Report,
    Starting,
    State,
    Stopping,
    Timer,
    Undefined,
    Up,
)

REPORTS: Final = frozenset(
    "tree_up tree_stopping child_started child_exited child_stopped start_failed restarting retry_scheduled "
    "reached_max_restart_intensity shutdown_error unhealthy auto_shutdown".split()
)
TREE: Final[Timer] = ("tree",)


class Tables:
    """A copy of the state's tables. Methods without an underscore are for `calls` as well."""

    def __init__(self, state: State, now: float) -> None:
        self._before, self.now = state, now
        self.nodes, self.where = dict(state.nodes), dict(state.where)
        self.incarnation, self.ended = state.incarnation, state.ended
        self.stopping, self.asked = state.stopping, state.asked
        self.effects: list[Effect] = []
        self._dirty: deque[Path] = deque()

    def result(self) -> State:
        """Give the state as it is now."""
        return replace(
            self._before,
            nodes=self.nodes,
            where=self.where,
            incarnation=self.incarnation,
            stopping=self.stopping,
            asked=self.asked,
            ended=self.ended,
        )

    def _at(self, inc: int) -> tuple[Path, Child | None]:
        path, id_ = self.where.get(inc, ((), ""))
        child = self.child(path, id_)
        return path, child if child is not None and incarnation(child.proc) == inc else None

    def child(self, path: Path, id_: str) -> Child | None:
        """Find a child."""
        node = self.nodes.get(path)
        return None if node is None else next((one for one in node.children if one.spec.id == id_), None)

    def put(self, node: Node) -> None:
        """Put a node in its place."""
        self.nodes[node.path] = node

    def put_child(self, path: Path, child: Child) -> None:
        """Put a child in the place of the one with its id."""
        node = self.nodes[path]
        children = tuple(child if one.spec.id == child.spec.id else one for one in node.children)
        self.put(replace(node, children=children))

    def set_proc(self, path: Path, child: Child, proc: Proc) -> None:
        """Change what is known of a child's process; the rest stays as it is in the table now."""
        current = self.child(path, child.spec.id)
        if current is not None:
            self.put_child(path, replace(current, proc=proc))

    def _discard(self, path: Path, child: Child) -> None:
        """It is gone for good: its spec stays, but not a temporary one's, nor one that was made from a template."""
        node = self.nodes[path]
        if child.spec.restart == "temporary" or node.spec.strategy == "simple_one_for_one":
            self.drop(path, child.spec.id)
        else:
            self.set_proc(path, child, Undefined())

    def drop(self, path: Path, id_: str) -> None:
        """Forget a child."""
        node = self.nodes[path]
        self.put(replace(node, children=tuple(one for one in node.children if one.spec.id != id_)))

    def plan(self, path: Path, plan: Plan | None) -> None:
        """Replace what a supervisor is about to do."""
        self.put(replace(self.nodes[path], plan=plan))

    def send(self, path: Path, message: Message) -> None:
        """Put a message at the end of a mailbox."""
        node = self.nodes[path]
        self.put(replace(node, mailbox=(*node.mailbox, message)))
        self.touch(path)

    def touch(self, path: Path) -> None:
        """Let this supervisor look for what it has to do."""
        self._dirty.append(path)

    def emit(self, effect: Effect) -> None:
        """Add an effect."""
        self.effects.append(effect)

    def report(self, event: str, path: Path, **details: Any) -> None:
        """Add a report."""
        assert event in REPORTS, event
        self.emit(Report(event, path, details))


def incarnation(proc: Proc) -> int | None:
    """Give the incarnation of a process; None where there is none."""
    match proc:
        case Starting(inc=inc) | Up(inc=inc) | Gone(inc=inc) | Stopping(inc=inc):
            return inc
    return None
