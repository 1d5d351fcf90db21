"""`python -m supervisor TREE.json` (or .toml): runs the tree; see `spec` for its form, `core` for the exit codes."""

import fcntl
import json
import os
import platform
import sys
import tomllib
from pathlib import Path

from supervisor.log import Log
from supervisor.shell import Shell
from supervisor.spec import SpecError, TreeSpec, parse_tree

EX_USAGE, EX_UNAVAILABLE, EX_NOINPUT = 64, 69, 66


def main(arguments: list[str]) -> int:
    """Run the tree of a file; gives the exit code."""
    if len(arguments) != 1:
        return _refuse("expected one argument: the file of a tree, .json or .toml", EX_USAGE)
    if _kernel() < (5, 4):
        return _refuse(f"found Linux {platform.release()}, expected 5.4 or newer (pidfd)", EX_UNAVAILABLE)
    try:
        tree = _read(Path(arguments[0]))
    except SpecError as error:
        return _refuse(str(error), EX_USAGE)
    except (OSError, ValueError) as error:
        return _refuse(f"{arguments[0]}: {error}", EX_NOINPUT)
    try:
        lock = _lock(tree)
    except BlockingIOError:
        return _refuse(f"{tree.lock}: another supervisor runs this tree", EX_UNAVAILABLE)
    except OSError as error:
        return _refuse(f"{tree.lock}: {error.strerror}", EX_UNAVAILABLE)
    try:
        code = Shell(tree, Log(tree.log), os.environ).run()
    except OSError as error:
        return _refuse(f"the tree cannot run: {error}", EX_UNAVAILABLE)
    if lock >= 0:
        os.close(lock)
    return code


def _kernel() -> tuple[int, int]:
    if sys.platform != "linux":
        return (0, 0)
    major, minor, *_ = platform.release().split(".")
    return int(major), int("".join(char for char in minor if char.isdigit()) or 0)


def _read(path: Path) -> TreeSpec:
    text = path.read_text("utf-8")
    return parse_tree(tomllib.loads(text) if path.suffix == ".toml" else json.loads(text))


def _lock(tree: TreeSpec) -> int:
    """Hold the lock for as long as this process lives. Raises BlockingIOError when another one does."""
    if tree.lock is None:
        return -1
    descriptor = os.open(tree.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.ftruncate(descriptor, 0)
    os.write(descriptor, b"%d\n" % os.getpid())
    return descriptor


def _refuse(text: str, code: int) -> int:
    print(f"supervisor: {text}", file=sys.stderr)  # noqa: T201
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
