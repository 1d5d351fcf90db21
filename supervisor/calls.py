"""The API of each supervisor, with OTP's names and error words. A call waits in the mailbox like everything else."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from supervisor.model import (
    Answer,
    Asked,
    Begin,
    Call,
    Child,
    Effect,
    End,
    Event,
    Gone,
    Path,
    Plan,
    Reply,
    Restarting,
    Starting,
    Stopping,
    Undefined,
    Up,
)
from supervisor.spec import ChildSpec, Exec, Fork, SupervisorSpec

if TYPE_CHECKING:
    from supervisor.core import Step

_Op = Callable[["Step", Path, Asked], Reply | None]
"""Gives the reply, or None when a plan was made that will give it."""


def refuse(event: Event) -> tuple[Effect, ...]:
    """Answer a call to a tree that has ended; there is nothing else to do for it."""
    return (Reply(event.ref, error="noproc"),) if isinstance(event, Call) else ()


def handle(step: "Step", path: Path, asked: Asked) -> None:
    """Do one call, or begin it."""
    op = _OPS.get(asked.op)
    reply = Reply(asked.ref, error=f"unknown call {asked.op}") if op is None else op(step, path, asked)
    if reply is not None:
        step.emit(reply)


def answer(step: "Step", path: Path, purpose: Answer) -> Reply:
    """Give the answer when the work of a call is done."""
    child = step.child(path, purpose.id)
    if purpose.op == "terminate_child" or child is None:
        return Reply(purpose.ref, "ok")
    return Reply(purpose.ref, {"id": purpose.id, "incarnation": _pid(child)})


def start_error(step: "Step", path: Path, purpose: Answer, why: str) -> Reply:
    """Give the answer when the child of a call did not start: a new spec is not kept."""
    if purpose.op == "start_child":
        step.drop(path, purpose.id)
    return Reply(purpose.ref, error=why)


def _start_child(step: "Step", path: Path, asked: Asked) -> Reply | None:
    node = step.nodes[path]
    if node.spec.strategy == "simple_one_for_one":
        spec = _from_template(node.spec.children[0], asked.arguments.get("args", ()), step.incarnation + 1)
    else:
        spec = asked.arguments["spec"]
        existing = step.child(path, spec.id)
        if existing is not None:
            there = isinstance(existing.proc, Starting | Up | Stopping | Gone)
            return Reply(asked.ref, error="already_started" if there else "already_present")
    step.put(replace(node, children=(*node.children, Child(spec))))
    step.plan(path, Plan(Answer(asked.ref, "start_child", spec.id), (Begin(spec.id),)))
    return None


def _from_template(template: ChildSpec, args: object, number: int) -> ChildSpec:
    extra = tuple(str(one) for one in args) if isinstance(args, list | tuple) else ()
    start = template.start
    if isinstance(start, Exec):
        start = replace(start, argv=start.argv + extra)
    elif isinstance(start, Fork):
        start = replace(start, args=start.args + extra)
    return replace(template, id=f"{template.id}-{number}", start=start)


def _terminate_child(step: "Step", path: Path, asked: Asked) -> Reply | None:
    id_ = str(asked.arguments.get("id"))
    if step.child(path, id_) is None:
        return Reply(asked.ref, error="not_found")
    step.plan(path, Plan(Answer(asked.ref, "terminate_child", id_), (End(id_),)))
    return None


def _restart_child(step: "Step", path: Path, asked: Asked) -> Reply | None:
    child = step.child(path, str(asked.arguments.get("id")))
    if (error := _not_down(step, path, child)) or child is None:
        return Reply(asked.ref, error=error)
    step.plan(path, Plan(Answer(asked.ref, "restart_child", child.spec.id), (Begin(child.spec.id),)))
    return None


def _delete_child(step: "Step", path: Path, asked: Asked) -> Reply | None:
    child = step.child(path, str(asked.arguments.get("id")))
    if (error := _not_down(step, path, child)) or child is None:
        return Reply(asked.ref, error=error)
    step.drop(path, child.spec.id)
    return Reply(asked.ref, "ok")


def _not_down(step: "Step", path: Path, child: Child | None) -> str:
    if step.nodes[path].spec.strategy == "simple_one_for_one":
        return "simple_one_for_one"
    if child is None:
        return "not_found"
    if isinstance(child.proc, Undefined):
        return ""
    return "restarting" if isinstance(child.proc, Restarting) else "running"


def _which_children(step: "Step", path: Path, asked: Asked) -> Reply:
    children = step.nodes[path].children
    return Reply(asked.ref, [{"id": c.spec.id, "pid": _pid(c), "type": _type(c.spec)} for c in reversed(children)])


def _count_children(step: "Step", path: Path, asked: Asked) -> Reply:
    node = step.nodes[path]
    supervisors = sum(child.spec.supervisor is not None for child in node.children)
    simple = node.spec.strategy == "simple_one_for_one"
    count = {
        "specs": 1 if simple else len(node.children),
        "active": sum(isinstance(child.proc, Starting | Up | Stopping) for child in node.children),
        "supervisors": supervisors,
        "workers": len(node.children) - supervisors,
    }
    return Reply(asked.ref, count)


def _get_childspec(step: "Step", path: Path, asked: Asked) -> Reply:
    child = step.child(path, str(asked.arguments.get("id")))
    return Reply(asked.ref, error="not_found") if child is None else Reply(asked.ref, child.spec)


def _code_change(step: "Step", path: Path, asked: Asked) -> Reply:
    """New flags and specs; what runs is left alone, new children are not started, old ones not stopped."""
    node = step.nodes[path]
    spec: SupervisorSpec = asked.arguments["spec"]
    if spec.strategy == "simple_one_for_one" or node.spec.strategy == "simple_one_for_one":
        if spec.strategy != node.spec.strategy:
            return Reply(asked.ref, error="bad_start_spec")
        step.put(replace(node, spec=spec))
        return Reply(asked.ref, "ok")
    old = {child.spec.id: child for child in node.children}
    new = tuple(replace(old.pop(one.id, Child(one)), spec=one) for one in spec.children)
    step.put(replace(node, spec=spec, children=(*new, *old.values())))
    return Reply(asked.ref, "ok")


def _pid(child: Child) -> int | str:
    """Stand-in for OTP's pid: the incarnation."""
    match child.proc:
        case Starting(inc=inc) | Up(inc=inc) | Gone(inc=inc) | Stopping(inc=inc):
            return inc
        case Restarting():
            return "restarting"
    return "undefined"


def _type(spec: ChildSpec) -> str:
    return "worker" if spec.supervisor is None else "supervisor"


_OPS: Final[Mapping[str, _Op]] = {
    "start_child": _start_child,
    "terminate_child": _terminate_child,
    "restart_child": _restart_child,
    "delete_child": _delete_child,
    "which_children": _which_children,
    "count_children": _count_children,
    "get_childspec": _get_childspec,
    "code_change": _code_change,
}
OPS: Final = frozenset(_OPS)
