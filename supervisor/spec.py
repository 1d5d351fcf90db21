"""The tree as data: child specs and supervisor flags, read from JSON or TOML with every mistake, in OTP's words.

Defaults are OTP's. Beyond OTP: start_timeout, ready, stop_signal, shutdown_codes, liveness, quiet, backoff, forever.
"""

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

Restart: TypeAlias = Literal["permanent", "transient", "temporary"]
Strategy: TypeAlias = Literal["one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one"]
AutoShutdown: TypeAlias = Literal["never", "any_significant", "all_significant"]
Shutdown: TypeAlias = int | Literal["brutal_kill", "infinity"]
"""Milliseconds between the stop signal and SIGKILL."""

ASKED_TO_STOP: Final = 75
"""The usual exit code of a child that wants to be recycled; counts as {shutdown, _}."""


LONGEST_SHUTDOWN: Final = 2**32 - 1
"""Milliseconds; OTP's own bound."""

DEEPEST: Final = 32
"""Levels of supervisors."""


@dataclass(frozen=True, slots=True)
class Exec:
    """Run a program in a session of its own; `env` is added to the supervisor's environment."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fork:
    """Call `call` ("module:function") with `args` in a fork of the child `zygote`; in a new Python while it is down."""

    zygote: str
    call: str
    args: tuple[str, ...] = ()


Start: TypeAlias = Exec | Fork


@dataclass(frozen=True, slots=True)
class Probe:
    """Ready when the unix socket answers `send` with something that begins with `expect`."""

    socket: str
    send: str
    expect: str


Ready: TypeAlias = Literal["exec", "notify"] | Probe
"""exec: ready once it runs; notify: when it writes a line to the descriptor that NOTIFY_FD names."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds before the second attempt in a row, doubling up to `most`; the first attempt is always at once."""

    first: float
    most: float

    def delay(self, failures: int) -> float:
        """Give the pause before the attempt that follows `failures` failures in a row."""
        return 0.0 if failures <= 1 else min(self.most, self.first * 2.0 ** min(failures - 2, 60))


@dataclass(frozen=True, slots=True)
class SupervisorSpec:
    """A supervisor's flags and children, in start order; of simple_one_for_one the one child is the template."""

    id: str
    children: "tuple[ChildSpec, ...]" = ()
    strategy: Strategy = "one_for_one"
    intensity: int = 1
    period: int = 5
    auto_shutdown: AutoShutdown = "never"
    quiet: bool = False
    """At a stop tell all children at once, then wait for them in reverse start order."""


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """One child: a process (`start`) or a supervisor (`supervisor`). Durations in seconds but `shutdown` (ms)."""

    id: str
    start: Start | None = None
    supervisor: SupervisorSpec | None = None
    restart: Restart = "permanent"
    shutdown: Shutdown = 5000
    significant: bool = False
    start_timeout: float | None = None
    ready: Ready = "exec"
    stop_signal: int = signal.SIGTERM
    shutdown_codes: tuple[int, ...] = (ASKED_TO_STOP,)
    liveness: float | None = None
    """Longest silence on NOTIFY_FD after readiness before it is killed as unhealthy."""
    backoff: Backoff | None = None
    forever: bool = False
    """Its restarts are not counted: it is tried as long as it takes."""


@dataclass(frozen=True, slots=True)
class TreeSpec:
    """A whole tree. `marker` is NAME=value in every child's environment, by which a relaunch finds leftovers."""

    root: SupervisorSpec
    stop_timeout: float | None = None
    marker: str = ""
    lock: str | None = None
    control: str | None = None
    log: Literal["text", "json"] = "text"


class SpecError(Exception):
    """Every mistake of a spec at once, in `mistakes`: "root/web: invalid_shutdown: found …, expected …"."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes))


def parse_tree(table: object) -> TreeSpec:
    """Read a tree; keys that are not known are ignored, as in OTP. Raises SpecError."""
    reading = _Reading()
    found = reading.tree(table)
    if reading.mistakes:
        raise SpecError(reading.mistakes)
    return found


def parse_child(table: object, where: str = "child", auto_shutdown: AutoShutdown = "never") -> ChildSpec:
    """Read one child spec, as check_childspecs does. Raises SpecError."""
    reading = _Reading()
    found = reading.child(table, where, 1, auto_shutdown)
    if reading.mistakes:
        raise SpecError(reading.mistakes)
    return found


def _count(value: object, least: int, most: float = float("inf")) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e9


class _Reading:
    """One pass over one spec; mistakes gather in `mistakes`."""

    def __init__(self) -> None:
        self.mistakes: list[str] = []
        self.depth = 0

    def wrong(self, where: str, word: str, found: object, expected: str) -> None:
        self.mistakes.append(f"{where}: {word}: found {found!r}, expected {expected}")

    def tree(self, table: object) -> TreeSpec:
        if not isinstance(table, Mapping):
            self.wrong("the tree", "invalid_type", type(table).__name__, "a table")
            return TreeSpec(SupervisorSpec("?"))
        name = table.get("id", "root")
        if not _id(name):
            self.wrong("root", "invalid_id", name, "a text without /")
            name = "root"
        root = self.supervisor(table, name)
        timeout, marker = table.get("stop_timeout"), table.get("marker", "")
        if timeout is not None and not _seconds(timeout):
            self.wrong(root.id, "invalid_stop_timeout", timeout, "seconds above 0")
        if not isinstance(marker, str) or (marker and not all(marker.partition("="))) or "\0" in marker:
            self.wrong(root.id, "invalid_marker", marker, "NAME=value")
        for key in ("lock", "control"):
            if not isinstance(table.get(key), str | None):
                self.wrong(root.id, f"invalid_{key}", table[key], "a path")
        log = self.choice(table, "log", ("text", "json"), root.id, "invalid_log")
        return TreeSpec(root, timeout, marker, table.get("lock"), table.get("control"), log)

    def choice(self, table: Mapping[str, Any], key: str, known: tuple[str, ...], where: str, word: str) -> Any:
        """The first of `known` is the default."""
        found = table.get(key, known[0])
        if found not in known:
            self.wrong(where, word, found, f"one of {', '.join(known)}")
        return found

    def supervisor(self, table: Mapping[str, Any], where: str) -> SupervisorSpec:
        strategies = ("one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one")
        strategy = self.choice(table, "strategy", strategies, where, "invalid_strategy")
        intensity, period = table.get("intensity", 1), table.get("period", 5)
        if not _count(intensity, 0):
            self.wrong(where, "invalid_intensity", intensity, "a whole number of at least 0")
        if not _count(period, 1):
            self.wrong(where, "invalid_period", period, "whole seconds, at least 1")
        known = ("never", "any_significant", "all_significant")
        auto_shutdown = self.choice(table, "auto_shutdown", known, where, "invalid_auto_shutdown")
        if strategy == "simple_one_for_one" and auto_shutdown != "never":
            self.wrong(where, "bad_combination", auto_shutdown, "auto_shutdown never with simple_one_for_one")
        quiet = self.flag(table, "quiet", where)
        children = self.children(table.get("children", []), where, auto_shutdown)
        if strategy == "simple_one_for_one" and len(children) != 1:
            self.wrong(where, "bad_start_spec", len(children), "exactly one child: the template")
        spec = SupervisorSpec(where.rpartition("/")[2], children, strategy, intensity, period, auto_shutdown, quiet)
        if _count(intensity, 0) and _count(period, 1):
            self.tripping(spec, where)
        return spec

    def tripping(self, spec: SupervisorSpec, where: str) -> None:
        """A back-off so slow that the intensity can never be reached must be announced by `forever`."""
        for child in spec.children:
            if child.forever and child.backoff is None:
                self.wrong(
                    f"{where}/{child.id}", "bad_combination", "forever", "a backoff: else it may restart in a hot loop"
                )
            if child.backoff is None or child.forever:
                continue
            needed = sum(child.backoff.delay(failures) for failures in range(1, min(spec.intensity, 10_000) + 1))
            if needed > spec.period:
                expected = f"forever = true, or {spec.intensity + 1} restarts within {spec.period} s to be possible"
                self.wrong(f"{where}/{child.id}", "bad_combination", "a backoff that defeats the intensity", expected)

    def flag(self, table: Mapping[str, Any], key: str, where: str) -> bool:
        found = table.get(key, False)
        if not isinstance(found, bool):
            self.wrong(where, f"invalid_{key}", found, "true or false")
        return found is True

    def children(self, tables: object, where: str, auto_shutdown: AutoShutdown) -> tuple[ChildSpec, ...]:
        if not isinstance(tables, Sequence) or isinstance(tables, str):
            self.wrong(where, "invalid_children", tables, "a list of child specs")
            return ()
        if self.depth >= DEEPEST:
            self.wrong(where, "invalid_children", "more levels", f"at most {DEEPEST} levels of supervisors")
            return ()
        self.depth += 1
        found = [self.child(table, where, number, auto_shutdown) for number, table in enumerate(tables, 1)]
        self.depth -= 1
        seen: set[str] = set()
        for child in found:
            if child.id in seen:
                self.wrong(f"{where}/{child.id}", "duplicate_child_name", child.id, "an id of its own")
            seen.add(child.id)
        return tuple(found)

    def child(self, table: object, parent: str, number: int, auto_shutdown: AutoShutdown) -> ChildSpec:
        where = f"{parent}[{number}]"
        if not isinstance(table, Mapping):
            self.wrong(where, "invalid_child_spec", table, "a table")
            return ChildSpec(where)
        name = table.get("id")
        if name is None:
            self.wrong(where, "missing_id", None, "an id")
        elif not _id(name):
            self.wrong(where, "invalid_id", name, "a text without /")
        else:
            where = f"{parent}/{name}"
        return self.described(table, where, auto_shutdown)

    def described(self, table: Mapping[str, Any], where: str, auto_shutdown: AutoShutdown) -> ChildSpec:
        kind = "supervisor" if "children" in table else "worker"
        if table.get("type", kind) != kind:
            expected = "supervisor (it has children)" if kind == "supervisor" else "worker (it has no children)"
            self.wrong(where, "invalid_child_type", table["type"], expected)
        below = self.supervisor(table, where) if kind == "supervisor" else None
        restart = self.choice(table, "restart", ("permanent", "transient", "temporary"), where, "invalid_restart_type")
        significant = self.flag(table, "significant", where)
        if significant and restart == "permanent":
            self.wrong(where, "bad_combination", "significant", "a child that is not permanent")
        if significant and auto_shutdown == "never":
            self.wrong(where, "bad_combination", "significant", "a supervisor with auto_shutdown")
        return ChildSpec(
            id=where.rpartition("/")[2],
            start=None if below is not None else self.start(table.get("start"), where),
            supervisor=below,
            restart=restart,
            shutdown=self.shutdown(table.get("shutdown", "infinity" if below is not None else 5000), where),
            significant=significant,
            **self.beyond_otp(table, where),
        )

    def shutdown(self, found: object, where: str) -> Shutdown:
        if found not in ("brutal_kill", "infinity") and not _count(found, 0, LONGEST_SHUTDOWN):
            self.wrong(where, "invalid_shutdown", found, "brutal_kill, infinity or milliseconds")
            return 5000
        return found  # type: ignore[return-value]

    def start(self, found: object, where: str) -> Start:
        if found is None:
            self.wrong(where, "missing_start", None, 'start = { argv = [...] } or { zygote = "…", call = "module:f" }')
        elif isinstance(found, Mapping) and _texts(found.get("argv")) and found["argv"]:
            env = found.get("env", {})
            if isinstance(env, Mapping) and all(isinstance(one, str) for pair in env.items() for one in pair):
                return Exec(tuple(found["argv"]), dict(env))
            self.wrong(where, "invalid_mfa", env, "env as a table of texts")
        elif isinstance(found, Mapping) and _call(found) and _texts(found.get("args", [])):
            return Fork(found["zygote"], found["call"], tuple(found.get("args", [])))
        else:
            self.wrong(where, "invalid_mfa", found, 'argv, a list of texts, or zygote and call "module:function"')
        return Exec(("false",))

    def beyond_otp(self, table: Mapping[str, Any], where: str) -> dict[str, Any]:
        found: dict[str, Any] = {"forever": self.flag(table, "forever", where)}
        for key in ("start_timeout", "liveness"):
            if (value := table.get(key)) is not None:
                found[key] = value
                if not _seconds(value):
                    self.wrong(where, f"invalid_{key}", value, "seconds above 0")
        if (ready := table.get("ready")) is not None:
            found["ready"] = self.ready(ready, where)
        if (name := table.get("stop_signal")) is not None:
            found["stop_signal"] = self.signal(name, where)
        if (codes := table.get("shutdown_codes")) is not None:
            if not isinstance(codes, list) or not all(_count(code, 1, 255) for code in codes):
                self.wrong(where, "invalid_shutdown_codes", codes, "a list of exit codes from 1 to 255")
            else:
                found["shutdown_codes"] = tuple(codes)
        if (backoff := table.get("backoff")) is not None:
            found["backoff"] = self.backoff(backoff, where)
        if found.get("liveness") is not None and found.get("ready") != "notify":
            self.wrong(where, "bad_combination", "liveness", 'ready = "notify": heartbeats come the same way')
        return found

    def ready(self, found: object, where: str) -> Ready:
        if isinstance(found, Mapping):
            if all(isinstance(found.get(key), str) for key in ("socket", "send", "expect")):
                return Probe(found["socket"], found["send"], found["expect"])
        elif found == "exec" or found == "notify":
            return found
        self.wrong(where, "invalid_ready", found, "exec, notify, or a table of socket, send, expect")
        return "exec"

    def signal(self, name: object, where: str) -> int:
        known = {one.name: one.value for one in signal.Signals}
        if not isinstance(name, str) or name not in known:
            self.wrong(where, "invalid_stop_signal", name, "a name such as SIGTERM")
            return signal.SIGTERM
        return known[name]

    def backoff(self, found: object, where: str) -> Backoff | None:
        if isinstance(found, Mapping) and _seconds(found.get("first")) and _seconds(found.get("most")):
            return Backoff(float(found["first"]), float(found["most"]))
        self.wrong(where, "invalid_backoff", found, "{ first = seconds, most = seconds }")
        return None


def _id(found: object) -> bool:
    return isinstance(found, str) and found != "" and "/" not in found


def _texts(found: object) -> bool:
    return isinstance(found, list | tuple) and all(isinstance(one, str) for one in found)


def _call(found: Mapping[str, Any]) -> bool:
    call = found.get("call")
    return isinstance(found.get("zygote"), str) and isinstance(call, str) and all(call.partition(":"))
