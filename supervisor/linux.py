"""The few calls of Linux that Python does not have, and what /proc tells of processes."""

import ctypes
import os
import signal
from collections.abc import Iterator
from pathlib import Path

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    """Be killed when the parent's thread that made us dies. It is forgotten at a fork, and kept over an exec."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def become_subreaper() -> None:
    """Become the parent of all orphans among the descendants."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def children(pid: int) -> list[int]:
    """Give the pids of a process's children, whichever of its threads made them; none when it is gone."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in path.read_bytes().split()]
        except OSError:  # the thread has ended between the two looks
            continue
    return found


def marked(marker: str) -> Iterator[int]:
    """Give the pids of all processes whose environment holds `marker` (NAME=value), as far as we may look."""
    wanted = b"\0" + marker.encode() + b"\0"
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                environ = Path(entry.path, "environ").read_bytes()
            except OSError:  # gone, or another user's
                continue
            if wanted in b"\0" + environ + b"\0":
                yield int(entry.name)


def kill(pid: int, number: int = signal.SIGKILL) -> bool:
    """Send a signal; gives whether the process was there and ours to signal."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True
