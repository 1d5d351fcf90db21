"""What a figure depends on: the machine, and what the kernel tells of its processes."""

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_MEGABYTE = 1024 * 1024


def about() -> dict[str, object]:
    """Tell what the figures of this moment were measured on. `load` is the load average of the last minute."""
    return {
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "kernel": platform.release(),
    }


@dataclass(frozen=True, slots=True)
class Life:
    """One process: a pid is given anew one day, the pair with its start (clock ticks since boot) is not."""

    pid: int
    started: int

    @property
    def alive(self) -> bool:
        """Whether it still runs; one that is dead and not reaped does not."""
        found = _stat(self.pid)
        return found is not None and found[0] != "Z" and found[1] == self.started


def life(pid: int) -> Life | None:
    """Give the process that has this pid now."""
    found = _stat(pid)
    return None if found is None else Life(pid, found[1])


def is_zombie(pid: int) -> bool:
    """Whether the process is dead and waits to be reaped."""
    found = _stat(pid)
    return found is not None and found[0] == "Z"


def _stat(pid: int) -> tuple[str, int] | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return fields[0], int(fields[19])


def memory(pid: int) -> tuple[float, float]:
    """Give RSS and PSS in MB (2**20 bytes)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {name: int(size.split()[0]) * 1024 / _MEGABYTE for name, _, size in (line.partition(":") for line in lines)}
    return sizes["Rss"], sizes["Pss"]


def cpu_seconds(pid: int) -> float:
    """Give the processor time of all its threads; to the nanosecond, where /proc/PID/stat counts in hundredths."""
    return sum(_spent(path) for path in Path(f"/proc/{pid}/task").iterdir()) / 1e9


def _spent(thread: Path) -> int:
    try:
        return int((thread / "schedstat").read_text().split()[0])
    except (FileNotFoundError, ProcessLookupError):  # it has ended between the two looks
        return 0


def descriptors(pid: int) -> int:
    """Count its open descriptors."""
    return sum(1 for _ in _entries(Path(f"/proc/{pid}/fd")))


def _entries(folder: Path) -> Iterator[Path]:
    yield from folder.iterdir()
