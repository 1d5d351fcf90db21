"""The supervisors of one tree as a pure machine: step(state, event, now) -> (state, effects). No clock, no OS.

Each supervisor is strictly serial, as in OTP: while it starts or stops a child (its plan), exits and calls wait in its
mailbox. Every start has a new incarnation number, so an event of a process that is no longer meant is dropped.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from math import floor
from typing import Any, Final

from supervisor import calls
from supervisor.model import (
    KILLED,
    SHUTDOWN,
    Answer,
    Arm,
    Asked,
    Begin,
    Boot,
    Call,
    Cancel,
    Child,
    Effect,
    Elapsed,
    End,
    Event,
    Exit,
    Exited,
    ExitTree,
    FailInit,
    Gone,
    Ignored,
    Init,
    Kill,
    Leave,
    Message,
    Node,
    NotStarted,
    Path,
    Plan,
    Proc,
    Ready,
    Reason,
    Recover,
    Reply,
    Report,
    Restarting,
    Signal,
    Spawn,
    Starting,
    State,
    Stop,
    Stopping,
    Terminate,
    Timer,
    TryAgain,
    Undefined,
    Unhealthy,
    Unready,
    Up,
)
from supervisor.reasons import of_exit
from supervisor.spec import ChildSpec, SupervisorSpec, TreeSpec

ASKED, ESCALATED, START_FAILURE, AUTO_SHUTDOWN = 0, 70, 71, 75
"""Exit codes of a tree."""

REPORTS: Final = frozenset(
    "tree_up tree_stopping child_started child_exited child_stopped start_failed restarting retry_scheduled "
    "reached_max_restart_intensity shutdown_error unhealthy auto_shutdown".split()
)
TREE: Final[Timer] = ("tree",)


def initial(tree: TreeSpec) -> State:
    """Give the state before Boot."""
    return State(tree.root, tree.stop_timeout)


def step(state: State, event: Event, now: float) -> tuple[State, tuple[Effect, ...]]:
    """Take one event at `now` (monotonic seconds); gives the state after it and what is to be done, in order."""
    if state.ended:
        return state, calls.refuse(event)
    work = Step(state, now)
    work.take(event)
    work.settle()
    return work.result(), tuple(work.effects)


class Step:
    """One step under way: a copy of the state's tables, and the effects so far. Used by `calls`, else private."""

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

    # -- events

    def take(self, event: Event) -> None:  # noqa: C901 – one line a kind
        """Note what has happened; `settle` then does what follows."""
        match event:
            case Boot():
                self._boot()
            case Ready(inc=inc):
                self._ready(inc)
            case Ignored(inc=inc):
                self._ignored(inc)
            case NotStarted(inc=inc, why=why):
                self._ended(inc, Reason("abnormal", why), why)
            case Unready(inc=inc, why=why):
                self._fail_start(inc, why)
            case Exited(inc=inc):
                self._exited(event)
            case Unhealthy(inc=inc, why=why):
                self._condemn(inc, why)
            case Elapsed(timer=timer):
                self._elapsed(timer)
            case Call():
                self._called(event)
            case Terminate():
                self._terminate()

    def _boot(self) -> None:
        if not self.nodes:
            self._open(self._before.spec, (self._before.spec.id,), 0)

    def _ready(self, inc: int) -> None:
        path, child = self._at(inc)
        if child is not None and child.proc == Starting(inc):
            self.emit(Cancel(("start", inc)))
            self.report("child_started", path, id=child.spec.id, incarnation=inc)
            self.set_proc(path, child, Up(inc, self.now))
            self.touch(path)

    def _ignored(self, inc: int) -> None:
        path, child = self._at(inc)
        if child is None:
            return
        if not isinstance(child.proc, Starting):
            self._ended(inc, Reason("normal", "it declined to run"), "")
            return
        self.where.pop(inc)
        self.emit(Cancel(("start", inc)))
        self._discard(path, child)
        self.touch(path)

    def _exited(self, event: Exited) -> None:
        _, child = self._at(event.inc)
        if child is not None:
            reason = of_exit(event, child.spec)
            self._ended(event.inc, reason, f"it ended before it was ready: {reason.text}")

    def _fail_start(self, inc: int, why: str) -> None:
        path, child = self._at(inc)
        if child is None or child.proc != Starting(inc):
            return
        self.set_proc(path, child, Starting(inc, failing=why))
        self._kill(path, child)

    def _condemn(self, inc: int, why: str) -> None:
        path, child = self._at(inc)
        if child is not None and isinstance(child.proc, Up) and not child.proc.condemned:
            self.report("unhealthy", path, id=child.spec.id, incarnation=inc, reason=why)
            self.set_proc(path, child, replace(child.proc, condemned=why))
            self._kill(path, child)

    def _elapsed(self, timer: Timer) -> None:
        match timer:
            case ("start", int(inc)):
                _, child = self._at(inc)
                seconds = child.spec.start_timeout if child is not None else None
                self._fail_start(inc, f"it was not ready within {seconds:g} s" if seconds else "start timeout")
            case ("stop", int(inc)):
                path, child = self._at(inc)
                if child is not None and isinstance(child.proc, Stopping):
                    self.set_proc(path, child, Stopping(inc, killed=True))
                    self._kill(path, child)
            case ("again", path, id_):
                child = self.child(path, id_)
                if child is not None and _is_due(child.proc, self.now):
                    self.set_proc(path, child, Restarting())
                    self.send(path, TryAgain(id_))
            case ("tree",):
                self._kill_below((self._before.spec.id,))

    def _called(self, call: Call) -> None:
        if call.path in self.nodes:
            self.send(call.path, Asked(call.ref, call.op, call.arguments))
        else:
            self.emit(Reply(call.ref, error="noproc"))

    def _terminate(self) -> None:
        root = (self._before.spec.id,)
        again, self.asked = self.asked, True
        if root not in self.nodes:
            self._exit_tree(ASKED)
        elif again:
            self._kill_below(root)
        elif not self.stopping:  # else it ends already, for a reason of its own
            self.leave(root, Leave(SHUTDOWN, ASKED))

    # -- the serial life of each supervisor

    def settle(self) -> None:
        """Let every supervisor go on that has something to do, until each waits."""
        while self._dirty:
            path = self._dirty.popleft()
            while (node := self.nodes.get(path)) is not None and self._advance(node):
                pass

    def _advance(self, node: Node) -> bool:
        """Do the next thing; False when there is none, or when it has to be waited for."""
        plan = node.plan
        if plan is None:
            if not node.mailbox:
                return False
            self.put(replace(node, mailbox=node.mailbox[1:]))
            self._handle(node.path, node.mailbox[0])
            return True
        if not plan.todo:
            self._finish(node, plan)
            return True
        todo = plan.todo[0]
        child = self.child(node.path, todo.id)
        if child is not None and not plan.begun:
            self.put(replace(node, plan=replace(plan, begun=True)))
            if isinstance(todo, Begin):
                self._begin(node.path, child)
            else:
                self._end(node.path, child)
            return True
        if child is not None and isinstance(child.proc, Starting if isinstance(todo, Begin) else Starting | Stopping):
            return False
        if child is not None and isinstance(todo, End):
            self._discard(node.path, child)
        self.put(replace(self.nodes[node.path], plan=Plan(plan.purpose, plan.todo[1:])))
        return True

    def _finish(self, node: Node, plan: Plan) -> None:
        match plan.purpose:
            case Init():
                self.put(replace(node, plan=None))
                self._opened(node)
            case FailInit(reason=why):
                self._close(node)
                self._failed_to_open(node, why)
            case Leave(reason=reason, code=code):
                self._close(node)
                self._left(node, reason, code)
            case Answer():
                self.put(replace(node, plan=None))
                self.emit(calls.answer(self, node.path, plan.purpose))
            case Recover():
                self.put(replace(node, plan=None))

    def _handle(self, path: Path, message: Message) -> None:
        match message:
            case Exit(id=id_, inc=inc, reason=reason):
                child = self.child(path, id_)
                if child is not None and child.proc == Gone(inc):
                    self._after_exit(path, child, reason)
            case TryAgain(id=id_):
                child = self.child(path, id_)
                if child is not None and child.proc == Restarting():  # void when it was stopped, or waits anew
                    self._restart(path, child)
            case Asked():
                calls.handle(self, path, message)
            case Stop():
                self.leave(path, Leave(SHUTDOWN))

    # -- restarts

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
        group = _group(node, child.spec.id)
        ends = tuple(End(one.spec.id) for one in reversed(group) if one.spec.id != child.spec.id)
        begins = tuple(Begin(one.spec.id) for one in group if one.spec.restart != "temporary")
        self.plan(path, Plan(Recover(), ends + begins))

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

    def _opened(self, node: Node) -> None:
        if len(node.path) == 1:
            self.report("tree_up", node.path)
        else:
            self._ready(node.inc)

    def _failed_to_open(self, node: Node, why: str) -> None:
        if len(node.path) == 1:
            self._exit_tree(START_FAILURE)
        else:
            self._ended(node.inc, Reason("shutdown", why), why)

    def _start_failed(self, path: Path, child: Child, why: str) -> None:
        """What a failed start means depends on what it was a part of."""
        self.report("start_failed", path, id=child.spec.id, reason=why)
        child = replace(child, proc=Undefined(), failures=child.failures + 1, last=Reason("abnormal", why))
        self.put_child(path, child)
        node = self.nodes[path]
        purpose = node.plan.purpose if node.plan is not None and node.plan.todo[:1] == (Begin(child.spec.id),) else None
        match purpose:
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

    # -- ending

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
                self.set_proc(path, child, Undefined())
            case Starting(inc=inc, failing=already) | Up(inc=inc, condemned=already):
                self._stop(path, child, inc, killed=bool(already))

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

    def _ended(self, inc: int, reason: Reason, why: str) -> None:
        """A process or a supervisor is gone; `why` is the reason of a failed start, if that is what it was."""
        path, child = self._at(inc)
        if child is None:
            return
        del self.where[inc]
        self.emit(Cancel(("start", inc)))
        match child.proc:
            case Stopping(killed=killed):
                self._stopped(path, child, reason, killed=killed)
            case Starting(failing=failing):
                self._start_failed(path, child, failing or why)
            case Up(since=since, condemned=condemned):
                if condemned:
                    reason = Reason("abnormal", f"unhealthy: {condemned}")
                self._gone(path, child, inc, reason, since)
        self.touch(path)

    def _stopped(self, path: Path, child: Child, reason: Reason, *, killed: bool) -> None:
        self.emit(Cancel(("stop", incarnation(child.proc) or 0)))
        details = {"id": child.spec.id, "reason": reason.text}
        surprising = reason.kind == "abnormal" if not killed else child.spec.shutdown != "brutal_kill"
        self.report("shutdown_error" if surprising else "child_stopped", path, **details)
        self.put_child(path, replace(child, proc=Undefined(), last=reason))

    def _gone(self, path: Path, child: Child, inc: int, reason: Reason, since: float) -> None:
        backoff = child.spec.backoff
        stable = backoff is None or self.now - since >= backoff.most
        failures = 1 if stable else child.failures + 1
        self.put_child(path, replace(child, proc=Gone(inc), failures=failures, last=reason))
        self.send(path, Exit(child.spec.id, inc, reason))

    def _close(self, node: Node) -> None:
        for message in node.mailbox:
            if isinstance(message, Asked):
                self.emit(Reply(message.ref, error="noproc"))
        del self.nodes[node.path]

    def _left(self, node: Node, reason: Reason, code: int) -> None:
        if len(node.path) == 1:
            self._exit_tree(code)
        else:
            self._ended(node.inc, reason, reason.text)

    def _exit_tree(self, code: int) -> None:
        self.ended = True
        self.emit(Cancel(TREE))
        self.emit(ExitTree(code))

    # -- the tables

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


def _is_due(proc: Proc, now: float) -> bool:
    """Whether its back-off is over; a timer that was set for an earlier pause may come too early."""
    return isinstance(proc, Restarting) and proc.due is not None and now >= proc.due


def _window(restarts: tuple[int, ...], now: int, period: int) -> tuple[int, ...]:
    """The restarts of the last `period` whole seconds, its edge included, with one more now."""
    return (now, *(at for at in restarts if at >= now - period))


def _group(node: Node, failed: str) -> tuple[Child, ...]:
    """Who is restarted with the failed child, in start order."""
    children = node.children
    if node.spec.strategy == "one_for_all":
        return children
    at = next(place for place, one in enumerate(children) if one.spec.id == failed)
    return children[at:] if node.spec.strategy == "rest_for_one" else children[at : at + 1]


def workers(state: State) -> Iterator[tuple[Path, ChildSpec, int]]:
    """Give every process that lives or is about to: its supervisor's path, its spec, its incarnation."""
    for path, node in state.nodes.items():
        for child in node.children:
            inc = incarnation(child.proc)
            if inc is not None and not isinstance(child.proc, Gone) and (*path, child.spec.id) not in state.nodes:
                yield path, child.spec, inc
