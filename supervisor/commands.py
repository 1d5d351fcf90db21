"""What operators want of a tree, as chains of OTP's calls: start, stop, restart, scale, reload."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from supervisor.model import Path, Reply
from supervisor.spec import ChildSpec, Exec, Fork, SpecError, SupervisorSpec, parse_tree

LARGEST_POOL = 1000
Todo: TypeAlias = tuple[Path, str, Mapping[str, Any]]
"""A call: the supervisor's path, the operation, its arguments."""
Send: TypeAlias = Callable[[object], object]
Call: TypeAlias = Callable[[Path, str, Mapping[str, Any], Callable[[Reply], object]], None]


def answer(reply: Reply) -> dict[str, Any]:
    """Give a reply as the client reads it."""
    return {"error": reply.error} if reply.error else {"ok": reply.value}


class Commands:
    """Does them with `call`; `tree` gives the status. The answer goes to `send` when the last call is done."""

    def __init__(self, tree: Callable[[], dict[str, Any]], call: Call) -> None:
        self._tree, self._call = tree, call

    def do(self, name: str, request: Mapping[str, Any], send: Send) -> None:
        """Do a command."""
        if name == "reload":
            self._reload(request.get("tree"), send)
            return
        id_ = str(request.get("id"))
        path = _find(self._tree(), id_)
        if path is None:
            send({"error": f"not_found: {id_}"})
            return
        start, stop = (path, "restart_child", {"id": id_}), (path, "terminate_child", {"id": id_})
        match name:
            case "start":
                self._chain([start], send)
            case "stop":
                self._chain([stop], send)
            case "restart":
                self._chain([stop, start], send)
            case "scale":
                self._scale((*path, id_), request.get("size"), send)

    def _scale(self, path: Path, size: object, send: Send) -> None:
        """Grow a pool by copies of its first child under new numbers, or shrink it from the highest number on."""
        name = path[-1]
        if not isinstance(size, int) or not 1 <= size <= LARGEST_POOL:
            send({"error": f"expected a size of 1 to {LARGEST_POOL}"})
            return
        there = {child["id"] for child in _at(self._tree(), path).get("children", ())}
        if not there or there != {f"{name}-{number}" for number in range(1, len(there) + 1)}:
            send({"error": f"{name} is no pool: its children are not {name}-1, {name}-2, …"})
            return

        def change(reply: Reply) -> None:
            grow = [_renamed(reply.value, f"{name}-{number}") for number in range(len(there) + 1, size + 1)]
            todo: list[Todo] = [(path, "start_child", {"spec": spec}) for spec in grow]
            self._chain(todo + _removals(path, [f"{name}-{number}" for number in range(len(there), size, -1)]), send)

        self._call(path, "get_childspec", {"id": f"{name}-1"}, change)

    def _reload(self, table: object, send: Send) -> None:
        """Take a new tree: changed specs hold from each child's next start on, new children start, others go."""
        try:
            spec = parse_tree(table).root
        except SpecError as error:
            send({"error": str(error)})
            return
        tree = self._tree()
        if spec.id != tree["id"]:
            send({"error": f"found the tree {spec.id}, expected {tree['id']}"})
            return
        self._chain([todo for path, below in _supervisors(spec) for todo in _changes(tree, path, below)], send)

    def _chain(self, todo: Sequence[Todo], send: Send) -> None:
        """Do calls one after another; the first error, or the last reply, is the answer."""
        if not todo:
            send({"ok": "nothing to do"})
            return

        def then(reply: Reply) -> None:
            if reply.error or len(todo) == 1:
                send(answer(reply))
            else:
                self._chain(todo[1:], send)

        self._call(*todo[0], then)


def _changes(tree: Mapping[str, Any], path: Path, spec: SupervisorSpec) -> list[Todo]:
    """What makes the supervisor at `path` the one of the new tree; nothing for one that is not there yet."""
    node = _at(tree, path)
    if not node:
        return []
    before = [str(child["id"]) for child in node.get("children", ())]
    after = [child.id for child in spec.children]
    todo: list[Todo] = _removals(path, [one for one in reversed(before) if one not in after])
    todo.append((path, "code_change", {"spec": spec}))
    return todo + [(path, "restart_child", {"id": one}) for one in after if one not in before]


def _removals(path: Path, ids: Sequence[str]) -> list[Todo]:
    return [(path, op, {"id": one}) for one in ids for op in ("terminate_child", "delete_child")]


def _supervisors(spec: SupervisorSpec, path: Path = ()) -> Iterator[tuple[Path, SupervisorSpec]]:
    here = (*path, spec.id)
    yield here, spec
    for child in spec.children:
        if child.supervisor is not None:
            yield from _supervisors(child.supervisor, here)


def _renamed(spec: ChildSpec, name: str) -> ChildSpec:
    """A copy under another id; where its command names the old id as a whole argument, it names the new one."""

    def changed(words: Sequence[str]) -> tuple[str, ...]:
        return tuple(name if word == spec.id else word for word in words)

    start = spec.start
    if isinstance(start, Exec):
        start = dataclasses.replace(start, argv=changed(start.argv))
    elif isinstance(start, Fork):
        start = dataclasses.replace(start, args=changed(start.args))
    return dataclasses.replace(spec, id=name, start=start)


def _at(node: Mapping[str, Any], path: Sequence[str]) -> Mapping[str, Any]:
    """Give the node at a path; an empty one where there is none."""
    for name in path[1:]:
        node = next((child for child in node.get("children", ()) if child["id"] == name), {})
    return node


def _find(node: Mapping[str, Any], name: str, path: Path = ()) -> Path | None:
    """Give the path of the supervisor that has a child of this name."""
    here = (*path, str(node["id"]))
    for child in node.get("children", ()):
        if child["id"] == name:
            return here
        if (found := _find(child, name, here)) is not None:
            return found
    return None
