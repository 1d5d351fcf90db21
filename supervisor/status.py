"""The state of a tree as JSON: for `ps`, health checks and dashboards."""

import time
from collections.abc import Mapping
from typing import Any

from supervisor.model import Child, Init, Node, Path, Restarting, Starting, State, Stopping, Up

_WORDS = {"Undefined": "undefined", "Starting": "starting", "Up": "running", "Gone": "exited", "Stopping": "stopping"}


def tree(state: State, pids: Mapping[int, int], now: float) -> dict[str, Any]:
    """Give the tree: id, type, state, and what is known of each; `pids` by incarnation, `since` in epoch seconds."""
    root = (state.spec.id,)
    node = state.nodes.get(root)
    found: dict[str, Any] = {
        "id": state.spec.id,
        "type": "supervisor",
        "state": "stopping" if state.stopping else "running",
    }
    if node is None:
        return {**found, "state": "exited" if state.ended else "undefined", "children": []}
    if node.plan is not None and isinstance(node.plan.purpose, Init):
        found["state"] = "starting"
    return {**found, **_supervisor(state, node, pids, now)}


def _supervisor(state: State, node: Node, pids: Mapping[int, int], now: float) -> dict[str, Any]:
    window = sum(at >= int(now) - node.spec.period for at in node.restarts)
    found: dict[str, Any] = {"strategy": node.spec.strategy, "restarts": window, "intensity": node.spec.intensity}
    return {**found, "period": node.spec.period, "children": _children(state, node, pids, now)}


def _children(state: State, node: Node, pids: Mapping[int, int], now: float) -> list[dict[str, Any]]:
    return [_child(state, node.path, child, pids, now) for child in node.children]


def _child(state: State, path: Path, child: Child, pids: Mapping[int, int], now: float) -> dict[str, Any]:
    proc = child.proc
    kind = "worker" if child.spec.supervisor is None else "supervisor"
    found: dict[str, Any] = {"id": child.spec.id, "type": kind, "starts": child.starts}
    found["state"] = _WORDS.get(type(proc).__name__, "restarting")
    if isinstance(proc, Starting | Up | Stopping):
        found["incarnation"] = proc.inc
        if proc.inc in pids:
            found["pid"] = pids[proc.inc]
    if isinstance(proc, Up):
        found["since"] = round(time.time() - (now - proc.since), 3)
    if isinstance(proc, Restarting) and proc.due is not None:
        found["next_try"] = round(time.time() + proc.due - now, 3)
    if child.last is not None:
        found["last_exit"] = child.last.text
    below = state.nodes.get((*path, child.spec.id))
    return found if below is None else {**found, **_supervisor(state, below, pids, now)}
