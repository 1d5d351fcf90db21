"""The supervisors of one tree as a pure machine: step(state, event, now) -> (state, effects). No clock, no OS.

Each supervisor is strictly serial, as in OTP: while it starts or stops a child (its plan), exits and calls wait in its
mailbox. Every start has a new incarnation number, so an event of a process that is no longer meant is dropped.
"""

from collections.abc import Iterator
from dataclasses import replace

from supervisor import calls
from supervisor.ending import ASKED, START_FAILURE
from supervisor.model import (
    SHUTDOWN,
    Answer,
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
    FailInit,
    Gone,
    Ignored,
    Init,
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
    Restarting,
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
from supervisor.restarting import Restarts
from supervisor.spec import ChildSpec, TreeSpec
from supervisor.tables import incarnation


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


class Step(Restarts):
    """One step: an event is noted, and then every supervisor goes on."""

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

    # -- what it means that a process is gone

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
        child = replace(child, proc=Undefined(), last=reason)
        self.put_child(path, child)
        surprising = reason.kind == "abnormal" if not killed else child.spec.shutdown != "brutal_kill"
        self._report_end(path, child, surprising=surprising)

    def _gone(self, path: Path, child: Child, inc: int, reason: Reason, since: float) -> None:
        backoff = child.spec.backoff
        stable = backoff is None or self.now - since >= backoff.most
        failures = 1 if stable else child.failures + 1
        self.put_child(path, replace(child, proc=Gone(inc), failures=failures, last=reason))
        self.send(path, Exit(child.spec.id, inc, reason))

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

    def _left(self, node: Node, reason: Reason, code: int) -> None:
        if len(node.path) == 1:
            self._exit_tree(code)
        else:
            self._ended(node.inc, reason, reason.text)

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


def _is_due(proc: Proc, now: float) -> bool:
    """Whether its back-off is over; a timer that was set for an earlier pause may come too early."""
    return isinstance(proc, Restarting) and proc.due is not None and now >= proc.due


def workers(state: State) -> Iterator[tuple[Path, ChildSpec, int]]:
    """Give every process that lives or is about to: its supervisor's path, its spec, its incarnation."""
    for path, node in state.nodes.items():
        for child in node.children:
            inc = incarnation(child.proc)
            if inc is not None and not isinstance(child.proc, Gone) and (*path, child.spec.id) not in state.nodes:
                yield path, child.spec, inc
