"""What the core speaks: the state of a tree, the events that change it, the effects that follow. All frozen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from supervisor.spec import ChildSpec, SupervisorSpec

Path: TypeAlias = tuple[str, ...]
"""A supervisor by the ids that lead to it, the root's first."""

Kind: TypeAlias = Literal["normal", "shutdown", "abnormal"]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a child is gone. `kind` decides what follows: "normal", "shutdown" (also {shutdown, _}) or "abnormal"."""

    kind: Kind
    text: str


SHUTDOWN: Final = Reason("shutdown", "shutdown")
KILLED: Final = Reason("abnormal", "killed")


# -- a child's process


@dataclass(frozen=True, slots=True)
class Undefined:
    """Not there: never started, ended for good, or stopped."""


@dataclass(frozen=True, slots=True)
class Starting:
    """Started and not ready yet; with `failing` it was killed for that reason and its end is awaited."""

    inc: int
    failing: str = ""


@dataclass(frozen=True, slots=True)
class Up:
    """Ready since `since`; with `condemned` it was killed as unhealthy and its end is awaited."""

    inc: int
    since: float
    condemned: str = ""


@dataclass(frozen=True, slots=True)
class Gone:
    """It has ended by itself, and its supervisor has yet to hear of it."""

    inc: int


@dataclass(frozen=True, slots=True)
class Stopping:
    """Told to stop; its end is awaited. `killed`: by SIGKILL, so that its reason is no surprise."""

    inc: int
    killed: bool = False


@dataclass(frozen=True, slots=True)
class Restarting:
    """Its restart failed, or waits for its back-off until `due`."""

    due: float | None = None


Proc: TypeAlias = Undefined | Starting | Up | Gone | Stopping | Restarting


@dataclass(frozen=True, slots=True)
class Child:
    """One child; `failures` in a row count only for the back-off, `starts` for the reader."""

    spec: ChildSpec
    proc: Proc = Undefined()
    failures: int = 0
    starts: int = 0
    last: Reason | None = None


# -- what a supervisor has yet to do


@dataclass(frozen=True, slots=True)
class Begin:
    """Start the child, and wait until it is ready."""

    id: str


@dataclass(frozen=True, slots=True)
class End:
    """Stop the child, and wait until it is gone; a temporary one is dropped."""

    id: str


Todo: TypeAlias = Begin | End


@dataclass(frozen=True, slots=True)
class Init:
    """The supervisor starts: when all its children are up, so is it."""


@dataclass(frozen=True, slots=True)
class FailInit:
    """A child failed to start while the supervisor did: what was started is stopped, then it fails."""

    reason: str


@dataclass(frozen=True, slots=True)
class Recover:
    """A restart by the strategy."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A call: its answer waits for the end of the work."""

    ref: int
    op: str
    id: str


@dataclass(frozen=True, slots=True)
class Leave:
    """The supervisor ends with `reason`; of the root `code` is the exit code."""

    reason: Reason
    code: int = 0


Purpose: TypeAlias = Init | FailInit | Recover | Answer | Leave


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in order, the first of them under way once `begun`; while there is a plan the mailbox waits."""

    purpose: Purpose
    todo: tuple[Todo, ...]
    begun: bool = False


# -- messages in a supervisor's mailbox


@dataclass(frozen=True, slots=True)
class Exit:
    """A child's process has ended unasked."""

    id: str
    inc: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Restart the child whose restart failed."""

    id: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A call of the API; see `calls`."""

    ref: int
    op: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stop:
    """The parent ends this supervisor."""


Message: TypeAlias = Exit | TryAgain | Asked | Stop


@dataclass(frozen=True, slots=True)
class Node:
    """One supervisor that lives; `restarts` are whole seconds of the window, newest first."""

    path: Path
    inc: int
    spec: SupervisorSpec
    children: tuple[Child, ...]
    restarts: tuple[int, ...] = ()
    mailbox: tuple[Message, ...] = ()
    plan: Plan | None = None


@dataclass(frozen=True, slots=True)
class State:
    """The whole tree. `where` finds a living process's or supervisor's place by its incarnation.

    `stopping`: it ends, for whatever reason; `asked`: a Terminate has come.
    """

    spec: SupervisorSpec
    stop_timeout: float | None = None
    nodes: Mapping[Path, Node] = field(default_factory=dict)
    where: Mapping[int, tuple[Path, str]] = field(default_factory=dict)
    incarnation: int = 0
    stopping: bool = False
    asked: bool = False
    ended: bool = False


# -- events


@dataclass(frozen=True, slots=True)
class Boot:
    """Start the tree."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The process is ready."""

    inc: int


@dataclass(frozen=True, slots=True)
class Ignored:
    """The process declined to run; not a failure."""

    inc: int


@dataclass(frozen=True, slots=True)
class NotStarted:
    """There is no process: the start itself failed."""

    inc: int
    why: str


@dataclass(frozen=True, slots=True)
class Unready:
    """The process runs and will never be ready: it closed its descriptor without a word."""

    inc: int
    why: str


@dataclass(frozen=True, slots=True)
class Exited:
    """The process is gone, by an exit code or by a signal."""

    inc: int
    code: int | None = None
    signal: int | None = None
    oom: bool = False


@dataclass(frozen=True, slots=True)
class Unhealthy:
    """The process has given no sign of life for too long."""

    inc: int
    why: str


@dataclass(frozen=True, slots=True)
class Elapsed:
    """A timer that was armed has run down."""

    timer: "Timer"


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the API to the supervisor at `path`; answered once by a Reply with its `ref`."""

    ref: int
    path: Path
    op: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Terminate:
    """Stop the tree; a second one means hurry. Of a tree that ends by itself the first changes nothing."""


Event: TypeAlias = Boot | Ready | Ignored | NotStarted | Unready | Exited | Unhealthy | Elapsed | Call | Terminate


# -- effects

Timer: TypeAlias = tuple[str, int] | tuple[str, Path, str] | tuple[str]
"""("start", inc), ("stop", inc), ("again", path, id) or ("tree",)."""


@dataclass(frozen=True, slots=True)
class Spawn:
    """Start a process for the child."""

    inc: int
    path: Path
    spec: ChildSpec


@dataclass(frozen=True, slots=True)
class Signal:
    """Send the child its stop signal."""

    inc: int
    number: int


@dataclass(frozen=True, slots=True)
class Kill:
    """SIGKILL to the process and all that came from it."""

    inc: int


@dataclass(frozen=True, slots=True)
class Arm:
    """Send Elapsed after so many seconds."""

    timer: Timer
    seconds: float


@dataclass(frozen=True, slots=True)
class Cancel:
    """Forget the timer."""

    timer: Timer


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a call: `error` is "" and `value` holds, or `error` is OTP's word."""

    ref: int
    value: Any = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """Something that a person may want to know; `event` is one of a fixed set, see `tables.REPORTS`."""

    event: str
    path: Path
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExitTree:
    """The tree has ended: leave with this code."""

    code: int


Effect: TypeAlias = Spawn | Signal | Kill | Arm | Cancel | Reply | Report | ExitTree
