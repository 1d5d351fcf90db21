"""Who is measured: each writes the configuration that runs the same children, and gives the command that reads it."""

import json
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from ops.bench.supervision import child

MODULES = ("redis", "rq", "httpx", "pydantic")
"""What a worker of the product imports, near enough."""

HUGE = 1_000_000_000
"""A restart intensity that is never reached."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One run's folder, children and the marker (NAME=value) in the environment of all its processes."""

    folder: Path
    marker: str
    count: int
    fails: bool = False

    @property
    def fifo(self) -> Path:
        """Where the children report."""
        return self.folder / "reports"

    @property
    def control(self) -> Path:
        """Where ours listens."""
        return self.folder / "control"

    def argv(self, name: str) -> list[str]:
        """Give the command of a child; without site-packages, so that a start is as quick as Python's can be."""
        words = ["fail"] if self.fails else []
        return [sys.executable, "-I", "-S", child.__file__, str(self.fifo), name, *words]


class Contender(Protocol):
    """`label` is its column; `calm` are the least and the most seconds between a replacement and the next kill."""

    @property
    def label(self) -> str: ...  # noqa: D102

    @property
    def calm(self) -> tuple[float, float]: ...  # noqa: D102

    def prepare(self, scene: Scene) -> list[str]:
        """Write the configuration; gives the command."""


@dataclass(frozen=True, slots=True)
class Ours:
    """Ours. `start`: the bare child, with the imports in a new Python, or forked from a zygote that has them."""

    start: Literal["bare", "imports", "zygote"] = "bare"
    flags: Mapping[str, Any] = field(default_factory=lambda: {"intensity": HUGE, "period": 1})
    label: str = "ours"
    calm: tuple[float, float] = (0.03, 0.06)

    def prepare(self, scene: Scene) -> list[str]:
        """Write the tree."""
        children = [self._child(scene, f"c{number}") for number in range(scene.count)]
        if self.start == "zygote":
            children.insert(0, _zygote())
        return write_tree(scene, children, self.flags)

    def _child(self, scene: Scene, name: str) -> dict[str, Any]:
        # One that fails is "ready" once it runs, so that its end is a restart and not a failed start of the tree.
        more = {"ready": "exec"} if scene.fails else {"ready": "notify", "start_timeout": 30}
        return {"id": name, "start": self._start(scene, name), **more}

    def _start(self, scene: Scene, name: str) -> dict[str, Any]:
        arguments = [str(scene.fifo), name]
        match self.start:
            case "zygote":
                return {"zygote": "zygote", "call": f"{child.__name__}:main", "args": arguments}
            case "imports":
                return {"argv": [sys.executable, "-I", child.__file__, *arguments, *MODULES]}
            case "bare":
                return {"argv": scene.argv(name)}


def write_tree(scene: Scene, children: list[dict[str, Any]], flags: Mapping[str, Any]) -> list[str]:
    """Write a tree for ours; gives the command that runs it."""
    tree: dict[str, Any] = {"id": "bench", "children": children, **flags, "marker": scene.marker}
    tree |= {"lock": str(scene.folder / "lock"), "control": str(scene.control)}
    path = scene.folder / "tree.json"
    path.write_text(json.dumps(tree))
    return [sys.executable, "-m", "supervisor", str(path)]


def _zygote() -> dict[str, Any]:
    argv = [sys.executable, "-m", "supervisor.zygote", *MODULES, child.__name__]
    return {"id": "zygote", "start": {"argv": argv}, "ready": "notify", "start_timeout": 30}


@dataclass(frozen=True, slots=True)
class Supervisord:
    """supervisord with its defaults; a child counts as running after a second, so kills wait for longer than that."""

    python: Path
    label: str = "supervisord"
    calm: tuple[float, float] = (1.2, 2.2)

    def prepare(self, scene: Scene) -> list[str]:
        """Write supervisord.conf."""
        path = scene.folder / "supervisord.conf"
        path.write_text(self.configuration(scene))
        return [str(self.python), "-I", "-m", "supervisor.supervisord", "-n", "-c", str(path)]

    def configuration(self, scene: Scene) -> str:
        """Give its text."""
        command = shlex.join(scene.argv("NAME")).replace("%", "%%").replace("NAME", "c%(process_num)d")
        return (
            f"[supervisord]\nlogfile={scene.folder}/supervisord.log\npidfile={scene.folder}/supervisord.pid\n"
            f"childlogdir={scene.folder}\n\n"
            f"[program:bench]\ncommand={command}\nnumprocs={scene.count}\nprocess_name=c%(process_num)d\n"
        )


@dataclass(frozen=True, slots=True)
class Circus:
    """circusd, which looks after its children every `check_delay` seconds; its own default is 5."""

    python: Path
    label: str = "circus"
    check_delay: int = 5

    @property
    def calm(self) -> tuple[float, float]:
        """A whole period, so that kills come at any moment of it."""
        return 0.2, 0.2 + self.check_delay

    def prepare(self, scene: Scene) -> list[str]:
        """Write circus.ini."""
        path = scene.folder / "circus.ini"
        path.write_text(self.configuration(scene))
        return [str(self.python), "-I", "-m", "circus.circusd", str(path)]

    def configuration(self, scene: Scene) -> str:
        """Give its text."""
        program, *arguments = scene.argv("NAME")
        line = shlex.join(arguments).replace("NAME", "c$(circus.wid)")
        return (
            f"[circus]\ncheck_delay={self.check_delay}\n"
            f"endpoint=ipc://{scene.folder}/e\npubsub_endpoint=ipc://{scene.folder}/p\n\n"
            f"[watcher:bench]\ncmd={shlex.quote(program)}\nargs={line}\nnumprocesses={scene.count}\ncopy_env=True\n"
        )


@dataclass(frozen=True, slots=True)
class Gated:
    """Ours with one child that exits at once while the gate is there, and else sleeps."""

    label: str = "ours"
    calm: tuple[float, float] = (0.0, 0.0)

    def prepare(self, scene: Scene) -> list[str]:
        """Write the tree."""
        script = f"test -e {shlex.quote(str(gate(scene)))} && exit 1; exec sleep 100000"
        one = {"id": "gated", "start": {"argv": ["sh", "-c", script]}}
        return write_tree(scene, [one], {"intensity": HUGE, "period": 1})


def gate(scene: Scene) -> Path:
    """Give the file that makes the gated child fail."""
    return scene.folder / "gate"
