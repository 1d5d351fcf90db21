"""The API of each supervisor, with OTP's names and error words. A call waits in the mailbox like everything else."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

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
    Node,
    Path,
    Plan,
    Reply,
    Restarting,
    Starting,
    Stopping,
    Undefined,
    Up,
)
from supervisor.spec import AutoShutdown, ChildSpec, Exec, Fork, SupervisorSpec
from supervisor.tables import Tables

_Op = Callable[[Tables, Path, Asked], Reply | None]
"""Gives the reply, or None when a plan was made that will give it."""


def refuse(event: Event) -> tuple[Effect, ...]:
    """Answer a call to a tree that has ended; there is nothing else to do for it."""
    return (Reply(event.ref, error="noproc"),) if isinstance(event, Call) else ()


def handle(step: Tables, path: Path, asked: Asked) -> None:
    """Do one call, or begin it."""
    op = _OPS.get(asked.op)
    reply = Reply(asked.ref, error=f"unknown call {asked.op}") if op is None else op(step, path, asked)
    if reply is not None:
        step.emit(reply)


def answer(step: Tables, path: Path, purpose: Answer) -> Reply:
    """Give the answer when the work of a call is done."""
    child = step.child(path, purpose.id)
    if purpose.op == "terminate_child" or child is None:
        return Reply(purpose.ref, "ok")
    return Reply(purpose.ref, {"id": purpose.id, "incarnation": _pid(child)})


def start_error(step: Tables, path: Path, purpose: Answer, why: str) -> Reply:
    """Give the answer when the child of a call did not start: a new spec is not kept."""
    if purpose.op == "start_child":
        step.drop(path, purpose.id)
    return Reply(purpose.ref, error=why)


def _start_child(step: Tables, path: Path, asked: Asked) -> Reply | None:
    node = step.nodes[path]
    if node.spec.strategy == "simple_one_for_one":
        spec = _from_template(node.spec.children[0], asked.arguments.get("args", ()), step.incarnation + 1)
    else:
        spec, error = _new_child(node, asked.arguments.get("spec"))
        if error:
            return Reply(asked.ref, error=error)
    step.put(replace(node, children=(*node.children, Child(spec))))
    step.plan(path, Plan(Answer(asked.ref, "start_child", spec.id), (Begin(spec.id),)))
    return None


def _new_child(node: Node, spec: Any) -> tuple[ChildSpec, str]:
    if error := _child_mistake(spec, node.spec.auto_shutdown):
        return spec, error
    existing = next((child for child in node.children if child.spec.id == spec.id), None)
    if existing is None:
        return spec, ""
    there = isinstance(existing.proc, Starting | Up | Stopping | Gone)
    return spec, "already_started" if there else "already_present"


def _from_template(template: ChildSpec, args: object, number: int) -> ChildSpec:
    extra = tuple(str(one) for one in args) if isinstance(args, list | tuple) else ()
    return replace(_with_extra(template, extra), id=f"{template.id}-{number}")


def _with_extra(spec: ChildSpec, extra: tuple[str, ...]) -> ChildSpec:
    match spec.start:
        case Exec(argv=argv):
            return replace(spec, start=replace(spec.start, argv=argv + extra))
        case Fork(args=args):
            return replace(spec, start=replace(spec.start, args=args + extra))
    return spec


def _arguments(spec: ChildSpec) -> tuple[str, ...]:
    match spec.start:
        case Exec(argv=found) | Fork(args=found):
            return found
    return ()


def _terminate_child(step: Tables, path: Path, asked: Asked) -> Reply | None:
    id_ = str(asked.arguments.get("id"))
    if step.child(path, id_) is None:
        return Reply(asked.ref, "ok") if _was_there(step, path, id_) else Reply(asked.ref, error="not_found")
    step.plan(path, Plan(Answer(asked.ref, "terminate_child", id_), (End(id_),)))
    return None


def _was_there(step: Tables, path: Path, id_: str) -> bool:
    """Whether a child of simple_one_for_one had this id: as a pid that is dead, it may be terminated again."""
    spec = step.nodes[path].spec
    template, _, number = id_.rpartition("-")
    if spec.strategy != "simple_one_for_one" or template != spec.children[0].id:
        return False
    ours = number.isascii() and number.isdigit() and len(number) < 20 and 0 < int(number) <= step.incarnation
    return ours and int(number) not in step.where


def _restart_child(step: Tables, path: Path, asked: Asked) -> Reply | None:
    child = step.child(path, str(asked.arguments.get("id")))
    if (error := _not_down(step, path, child)) or child is None:
        return Reply(asked.ref, error=error)
    step.plan(path, Plan(Answer(asked.ref, "restart_child", child.spec.id), (Begin(child.spec.id),)))
    return None


def _delete_child(step: Tables, path: Path, asked: Asked) -> Reply | None:
    child = step.child(path, str(asked.arguments.get("id")))
    if (error := _not_down(step, path, child)) or child is None:
        return Reply(asked.ref, error=error)
    step.drop(path, child.spec.id)
    return Reply(asked.ref, "ok")


def _not_down(step: Tables, path: Path, child: Child | None) -> str:
    if step.nodes[path].spec.strategy == "simple_one_for_one":
        return "simple_one_for_one"
    if child is None:
        return "not_found"
    if isinstance(child.proc, Undefined):
        return ""
    return "restarting" if isinstance(child.proc, Restarting) else "running"


def _which_children(step: Tables, path: Path, asked: Asked) -> Reply:
    return Reply(asked.ref, [_shown(child) for child in reversed(step.nodes[path].children)])


def _which_child(step: Tables, path: Path, asked: Asked) -> Reply:
    child = step.child(path, str(asked.arguments.get("id")))
    return Reply(asked.ref, error="not_found") if child is None else Reply(asked.ref, _shown(child))


def _count_children(step: Tables, path: Path, asked: Asked) -> Reply:
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


def _get_childspec(step: Tables, path: Path, asked: Asked) -> Reply:
    node, id_ = step.nodes[path], str(asked.arguments.get("id"))
    template = node.spec.children if node.spec.strategy == "simple_one_for_one" else ()
    found = [spec for spec in (*(child.spec for child in node.children), *template) if spec.id == id_]
    return Reply(asked.ref, found[0]) if found else Reply(asked.ref, error="not_found")


def _code_change(step: Tables, path: Path, asked: Asked) -> Reply:
    """New flags and specs; what runs is left alone, new children are not started, old ones not stopped."""
    node, spec = step.nodes[path], asked.arguments.get("spec")
    if isinstance(spec, ChildSpec):  # one that describes a supervisor, as it would stand in its parent
        spec = spec.supervisor
    error = _flags_mistake(spec, node.spec)
    if error or not isinstance(spec, SupervisorSpec):
        return Reply(asked.ref, error=error)
    if spec.strategy == "simple_one_for_one":
        old_template, template = node.spec.children[0], spec.children[0]
        children = tuple(replace(one, spec=_moved(one.spec, old_template, template)) for one in node.children)
    else:
        old = {child.spec.id: child for child in node.children}
        new = tuple(replace(old.pop(one.id, Child(one)), spec=one) for one in spec.children)
        children = (*new, *old.values())
    step.put(replace(node, spec=replace(spec, id=node.spec.id), children=children))
    return Reply(asked.ref, "ok")


def _moved(spec: ChildSpec, old: ChildSpec, new: ChildSpec) -> ChildSpec:
    """Give a child of the old template the new one, with the arguments that it was started with."""
    return replace(_with_extra(new, _arguments(spec)[len(_arguments(old)) :]), id=spec.id)


def _child_mistake(spec: object, auto_shutdown: AutoShutdown) -> str:
    """What `spec.parse_child` cannot know: the supervisor that it is for."""
    if not isinstance(spec, ChildSpec):
        return "invalid_child_spec"
    return "bad_combination" if spec.significant and auto_shutdown == "never" else ""


def _flags_mistake(spec: object, old: SupervisorSpec) -> str:
    if not isinstance(spec, SupervisorSpec):
        return "bad_flags"
    simple = spec.strategy == "simple_one_for_one"
    if simple != (old.strategy == "simple_one_for_one") or (simple and len(spec.children) != 1):
        return "bad_start_spec"
    if len({child.id for child in spec.children}) < len(spec.children):
        return "duplicate_child_name"
    if simple and spec.auto_shutdown != "never":
        return "bad_combination"
    return next(filter(None, (_child_mistake(child, spec.auto_shutdown) for child in spec.children)), "")


def _shown(child: Child) -> dict[str, int | str]:
    return {"id": child.spec.id, "pid": _pid(child), "type": _type(child.spec)}


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
    "which_child": _which_child,
    "count_children": _count_children,
    "get_childspec": _get_childspec,
    "code_change": _code_change,
}
OPS: Final = frozenset(_OPS)
