"""The process tree for a terminal."""

from collections.abc import Mapping
from typing import Any

from rich.markup import escape
from rich.tree import Tree

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


def draw_tree(node: Mapping[str, Any], now: float, into: Tree | None = None) -> Tree:
    """Draw the supervisor's status, green where it runs; `now` in epoch seconds."""
    colour = "green" if node.get("state") == "running" else "red"
    label = f"[{colour}]●[/] {escape(str(node['id']))}  [dim]{' · '.join(_details(node, now))}[/]"
    branch = Tree(label) if into is None else into.add(label)
    for child in node.get("children", ()):
        draw_tree(child, now, branch)
    return branch


def _details(node: Mapping[str, Any], now: float) -> list[str]:
    told = [str(node.get("state", ""))]
    if node.get("pid"):
        told.append(f"pid {node['pid']}")
    if node.get("since") and node.get("type") == "worker":
        told.append(f"for {lasting(now - node['since'])}")
    if node.get("starts", 1) > 1:
        told.append(f"restarted {node['starts'] - 1}×")
    if node.get("last_exit"):
        told.append(escape(f"last exit: {node['last_exit']}"))
    return told


def lasting(seconds: float) -> str:
    """Give a duration in its two largest units: 3d 4h, 12m 5s."""
    left, parts = max(0, int(seconds)), list[str]()
    for size, unit in _UNITS:
        if left >= size or (unit == "s" and not parts):
            parts.append(f"{left // size}{unit}")
        left %= size
    return " ".join(parts[:2])
