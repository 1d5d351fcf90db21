"""supervisor.erl retold as it is written there: functions that block, one mailbox for each supervisor.

It knows nothing of the core. The world below it says how each start and each stop goes, and writes down what was done.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import floor
from typing import Any, Literal

from supervisor.spec import ChildSpec, Exec, SupervisorSpec

RESTARTING = "restarting"
BAD = ("abnormal", "killed")
Pid = int | Literal["restarting"] | None
Path = tuple[str, ...]
Trace = tuple[Any, ...]


@dataclass(frozen=True)
class Birth:
    """How one process fares: its start, after so many seconds, and what it does when it is told to stop."""

    outcome: Literal["ready", "fails", "nothing", "ignores"] = "ready"
    seconds: float = 0.0
    reaction: Literal["obeys", "complains", "stays"] = "obeys"


@dataclass(frozen=True)
class Death:
    """A worker ends by itself, for a reason such as "normal"."""

    pid: int
    reason: str


@dataclass(frozen=True)
class Ask:
    """A call to the supervisor at `path`."""

    ref: int
    path: Path
    op: str
    arguments: dict[str, Any]


@dataclass
class World:
    """Processes, a clock, and what happens while somebody waits (`meanwhile` gives it), noted in `happened`.

    `actor` is the supervisor that handles a message, perhaps by way of supervisors below that it starts or stops.
    """

    birth: Callable[[], Birth]
    meanwhile: Callable[["World"], Sequence[Death | Ask]]
    now: float = 1000.0
    pids: int = 0
    births: dict[int, Birth] = field(default_factory=dict)
    happened: dict[tuple[str, int], list[Death | Ask]] = field(default_factory=dict)
    living: dict[int, "Supervisor"] = field(default_factory=dict)
    supervisors: dict[int, "Supervisor"] = field(default_factory=dict)
    trace: list[Trace] = field(default_factory=list)
    actor: "Supervisor | None" = None

    def spawn(self) -> int:
        self.pids += 1
        return self.pids

    def wait(self, what: Literal["start", "stop"], pid: int) -> None:
        """Somebody waits until this process is ready, or gone: meanwhile things happen."""
        self.happened[what, pid] = []
        for event in self.meanwhile(self):
            self.happened[what, pid].append(event)
            self.take(event)

    def take(self, event: Death | Ask) -> None:
        """Bring a message to the mailbox that it is for."""
        if isinstance(event, Death):
            self.living.pop(event.pid).mailbox.append(event)
            return
        found = [one for one in self.supervisors.values() if one.path == event.path]
        if found:
            found[0].mailbox.append(event)
        else:
            self.trace.append(("reply", event.ref, None, "noproc"))

    def run(self) -> None:
        """Let every supervisor read its mail."""
        while busy := [one for one in self.supervisors.values() if one.mailbox]:
            (self.actor,) = busy
            self.actor.read()
        self.actor = None

    def start_worker(self, spec: ChildSpec, path: Path, parent: "Supervisor") -> tuple[str, int]:
        pid = self.spawn()
        birth = self.births[pid] = self.birth()
        self.trace.append(("start", path, spec.id, pid))
        self.wait("start", pid)
        self.now += birth.seconds
        if birth.outcome == "ready":
            self.living[pid] = parent
        return birth.outcome, pid

    def stop_worker(self, pid: int, child: "Kid", path: Path) -> None:
        """shutdown/1: signal, perhaps kill, wait."""
        del self.living[pid]
        if child.spec.shutdown == "brutal_kill":
            self.trace.append(("kill", pid))
            self.wait("stop", pid)
            return
        self.trace.append(("signal", pid))
        self.wait("stop", pid)
        if self.births[pid].reaction == "stays" and isinstance(child.spec.shutdown, int):
            self.now += child.spec.shutdown / 1000
            self.trace.append(("kill", pid))
        elif self.births[pid].reaction == "obeys":
            return
        self.trace.append(("shutdown_error", path, child.spec.id))


@dataclass
class Kid:
    """#child{}."""

    spec: ChildSpec
    pid: Pid = None
    extra: tuple[str, ...] = ()


class Shutdown(Exception):  # noqa: N818 – {stop, shutdown, State}
    """The supervisor ends by itself; of the root that is the exit code."""

    def __init__(self, code: int) -> None:
        self.code = code


class Supervisor:
    """#state{} and the functions on it."""

    def __init__(self, world: World, spec: SupervisorSpec, path: Path, parent: "Supervisor | None") -> None:
        self.world, self.spec, self.path, self.parent = world, spec, path, parent
        self.pid = world.spawn() if parent is not None else 0
        self.simple = spec.strategy == "simple_one_for_one"
        self.kids = [] if self.simple else [Kid(one) for one in spec.children]
        self.restarts: list[int] = []
        self.past: set[str] = set()
        self.mailbox: deque[Any] = deque()
        world.supervisors[self.pid] = self

    # -- gen_server

    def init(self) -> bool:
        self.kids, failed = self.start_children(self.kids)
        if failed is None:
            return True
        self.terminate_children(self.kids)
        self.gone()
        return False

    def read(self) -> None:
        """Handle all messages; the last may be the end."""
        try:
            while self.mailbox and self.pid in self.world.supervisors:
                self.handle(self.mailbox.popleft())
        except Shutdown as end:
            self.terminate()
            if self.parent is None:
                self.world.trace.append(("exit", end.code))
            else:
                self.parent.mailbox.append(Death(self.pid, "shutdown"))

    def handle(self, message: Any) -> None:
        match message:
            case Death(pid=pid, reason=reason):
                found = [kid for kid in self.kids if kid.pid == pid]
                if found:
                    self.do_restart(found[0], reason)
            case ("try_again_restart", str(id_)):
                kid = self.find(id_)
                if kid is not None and kid.pid == RESTARTING:
                    self.restart(kid)
            case Ask():
                value, error = getattr(self, f"call_{message.op}")(**message.arguments)
                self.world.trace.append(("reply", message.ref, value, error))

    def terminate(self) -> None:
        if self.simple:
            self.terminate_dynamic_children()
        else:
            self.terminate_children(self.kids)
        self.gone()

    def gone(self) -> None:
        del self.world.supervisors[self.pid]
        for message in self.mailbox:
            if isinstance(message, Ask):
                self.world.trace.append(("reply", message.ref, None, "noproc"))
        self.mailbox.clear()

    # -- starting

    def start(self, spec: ChildSpec) -> tuple[str, int | None]:
        """do_start_child: ("ok", pid), ("ok", None) for ignore, or ("error", None)."""
        path = self.path
        if spec.supervisor is not None:
            other = Supervisor(self.world, spec.supervisor, (*path, spec.id), self)
            outcome, pid = ("ready" if other.init() else "fails"), other.pid
        else:
            outcome, pid = self.world.start_worker(spec, path, self)
        if outcome == "ready":
            return "ok", pid
        if outcome == "ignores":
            return "ok", None
        self.world.trace.append(("start_failed", path, spec.id))
        return "error", None

    def start_children(self, kids: list[Kid]) -> tuple[list[Kid], str | None]:
        done: list[Kid] = []
        for at, kid in enumerate(kids):
            said, pid = self.start(kid.spec)
            if said == "error":
                return [*done, *kids[at:]], kid.spec.id
            if pid is None and kid.spec.restart == "temporary":
                continue
            kid.pid = pid
            done.append(kid)
        return done, None

    # -- restarting

    def do_restart(self, kid: Kid, reason: str) -> None:
        if kid.spec.restart == "permanent" or (kid.spec.restart == "transient" and reason in BAD):
            self.restart(kid)
        else:
            self.del_child(kid)
            self.do_auto_shutdown(kid)

    def restart(self, kid: Kid) -> None:
        if not self.add_restart():
            self.world.trace.append(("reached_max_restart_intensity", self.path, kid.spec.id))
            self.del_child(kid)
            raise Shutdown(70)
        strategy = {
            "one_for_one": self.restart_one_for_one,
            "simple_one_for_one": self.restart_one_for_one,
            "rest_for_one": self.restart_rest_for_one,
            "one_for_all": self.restart_one_for_all,
        }[self.spec.strategy]
        failed = strategy(kid)
        if failed is not None:
            self.mailbox.append(("try_again_restart", failed))

    def add_restart(self) -> bool:
        now = floor(self.world.now)
        self.restarts = [now, *(at for at in self.restarts if at >= now - self.spec.period)]
        return len(self.restarts) <= self.spec.intensity

    def restart_one_for_one(self, kid: Kid) -> str | None:
        said, pid = self.start(kid.spec)
        if said == "error":
            kid.pid = RESTARTING
            return kid.spec.id
        kid.pid = pid
        # OTP keeps one that code_change has made temporary, and one of restart_child; here a temporary one never stays.
        if pid is None and (self.simple or kid.spec.restart == "temporary"):
            self.kids.remove(kid)
        return None

    def restart_rest_for_one(self, kid: Kid) -> str | None:
        at = self.kids.index(kid)
        kid.pid = None
        rest, failed = self.restart_multiple_children(self.kids[at:])
        self.kids = self.kids[:at] + rest
        return failed

    def restart_one_for_all(self, kid: Kid) -> str | None:
        kid.pid = None
        self.kids, failed = self.restart_multiple_children(self.kids)
        return failed

    def restart_multiple_children(self, kids: list[Kid]) -> tuple[list[Kid], str | None]:
        kids, failed = self.start_children(self.terminate_children(kids))
        for kid in kids:
            if kid.spec.id == failed:
                kid.pid = RESTARTING
        return kids, failed

    def do_auto_shutdown(self, kid: Kid) -> None:
        if self.spec.auto_shutdown == "never" or not kid.spec.significant:
            return
        active = [one for one in self.kids if one.spec.significant and one.pid is not None]
        if self.spec.auto_shutdown == "any_significant" or not active:
            self.world.trace.append(("auto_shutdown", self.path, kid.spec.id))
            raise Shutdown(75)

    # -- terminating

    def terminate_children(self, kids: list[Kid]) -> list[Kid]:
        """Give those that stay, without their pids."""
        for kid in reversed(kids):
            self.do_terminate(kid)
        kept = [kid for kid in kids if kid.spec.restart != "temporary"]
        for kid in kept:
            kid.pid = None
        return kept

    def do_terminate(self, kid: Kid) -> None:
        if not isinstance(kid.pid, int):
            return
        if kid.pid in self.world.supervisors:
            self.world.supervisors[kid.pid].terminate()
        elif kid.pid in self.world.living:
            self.world.stop_worker(kid.pid, kid, self.path)
        elif any(isinstance(one, Death) and one.pid == kid.pid and one.reason in BAD for one in self.mailbox):
            self.world.trace.append(("shutdown_error", self.path, kid.spec.id))
        # unlink and flush: its 'EXIT' is never seen.
        self.mailbox = deque(one for one in self.mailbox if not (isinstance(one, Death) and one.pid == kid.pid))

    def terminate_dynamic_children(self) -> None:
        """All at once, with one timer; which complaint comes first is not defined, so none is noted."""
        alive = [kid.pid for kid in reversed(self.kids) if isinstance(kid.pid, int) and kid.pid in self.world.living]
        patience = self.kids[0].spec.shutdown if self.kids else 0
        for pid in alive:
            del self.world.living[pid]
            self.world.trace.append(("kill" if patience == "brutal_kill" else "signal", pid))
        left = [pid for pid in alive if self.world.births[pid].reaction == "stays"]
        if left and isinstance(patience, int):
            self.world.now += patience / 1000
            self.world.trace += [("kill", pid) for pid in left]

    # -- the table

    def find(self, id_: str) -> Kid | None:
        return next((kid for kid in self.kids if kid.spec.id == id_), None)

    def del_child(self, kid: Kid) -> None:
        if kid.spec.restart == "temporary" or self.simple:
            self.kids.remove(kid)
        else:
            kid.pid = None

    # -- the API: (value, error)

    def call_start_child(self, spec: ChildSpec | None = None, args: Sequence[str] = ()) -> tuple[Any, str]:
        if self.simple:
            spec = self.from_template(args)
        assert spec is not None
        if spec.significant and self.spec.auto_shutdown == "never":
            return None, "bad_combination"
        existing = self.find(spec.id)
        if existing is not None:
            return None, "already_started" if isinstance(existing.pid, int) else "already_present"
        said, pid = self.start(spec)
        if said == "error":
            return None, "start error"
        if pid is None and (spec.restart == "temporary" or self.simple):
            return "ok", ""
        self.kids.append(Kid(spec, pid, tuple(args)))
        if self.simple:
            self.past.add(spec.id)
        return {"id": spec.id, "incarnation": pid or "undefined"}, ""

    def from_template(self, extra: Sequence[str]) -> ChildSpec:
        template = self.spec.children[0]
        assert isinstance(template.start, Exec)
        start = replace(template.start, argv=(*template.start.argv, *extra))
        return replace(template, id=f"{template.id}-{self.world.pids + 1}", start=start)

    def call_terminate_child(self, id: str) -> tuple[Any, str]:  # noqa: A002 – OTP's word
        kid = self.find(id)
        if kid is None:  # in simple_one_for_one an id stands for a pid, and a dead one is no mistake
            return ("ok", "") if id in self.past else (None, "not_found")
        self.do_terminate(kid)
        self.del_child(kid)
        return "ok", ""

    def call_restart_child(self, id: str) -> tuple[Any, str]:  # noqa: A002
        kid = self.find(id)
        if (error := self.not_down(id)) or kid is None:
            return None, error
        said, pid = self.start(kid.spec)
        if said == "error":
            return None, "start error"
        kid.pid = pid
        if pid is None and kid.spec.restart == "temporary":
            self.kids.remove(kid)
            return "ok", ""
        return {"id": id, "incarnation": pid or "undefined"}, ""

    def call_delete_child(self, id: str) -> tuple[Any, str]:  # noqa: A002
        if error := self.not_down(id):
            return None, error
        self.kids = [kid for kid in self.kids if kid.spec.id != id]
        return "ok", ""

    def not_down(self, id_: str) -> str:
        kid = self.find(id_)
        if self.simple:
            return "simple_one_for_one"
        if kid is None:
            return "not_found"
        return "" if kid.pid is None else "restarting" if kid.pid == RESTARTING else "running"

    def call_which_children(self) -> tuple[Any, str]:
        return [
            {
                "id": kid.spec.id,
                "pid": kid.pid or "undefined",
                "type": "supervisor" if kid.spec.supervisor else "worker",
            }
            for kid in reversed(self.kids)
        ], ""

    def call_count_children(self) -> tuple[Any, str]:
        supervisors = [kid for kid in self.kids if kid.spec.supervisor is not None]
        alive = self.world.living.keys() | self.world.supervisors.keys()
        return {
            "specs": 1 if self.simple else len(self.kids),
            "active": sum(kid.pid in alive for kid in self.kids),
            "supervisors": len(supervisors),
            "workers": len(self.kids) - len(supervisors),
        }, ""

    def call_get_childspec(self, id: str) -> tuple[Any, str]:  # noqa: A002
        kid = self.find(id)
        if self.simple and id == self.spec.children[0].id:
            return self.spec.children[0], ""
        return (None, "not_found") if kid is None else (kid.spec, "")

    def call_code_change(self, spec: SupervisorSpec) -> tuple[Any, str]:
        if self.simple != (spec.strategy == "simple_one_for_one"):
            return None, "bad_start_spec"
        if any(one.significant and spec.auto_shutdown == "never" for one in spec.children):
            return None, "bad_combination"
        if self.simple:
            self.spec = spec
            for kid in self.kids:
                kid.spec = replace(self.from_template(kid.extra), id=kid.spec.id)
            return "ok", ""
        pids = {kid.spec.id: kid.pid for kid in self.kids}
        new = [Kid(one, pids.get(one.id)) for one in spec.children]
        self.kids = new + [kid for kid in self.kids if all(kid.spec.id != one.id for one in spec.children)]
        self.spec = spec
        return "ok", ""
