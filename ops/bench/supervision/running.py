"""One run of one contender: started in an empty folder, followed by its children's reports, cleaned up by marker."""

import os
import secrets
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from ops.bench import machine
from ops.bench.machine import Life
from ops.bench.supervision.contenders import Contender, Scene
from supervisor import linux

PATIENCE = 30.0
"""Seconds after which something will not come any more."""


class MeasureError(Exception):
    """What was to be measured did not happen; says what."""


@dataclass(frozen=True, slots=True)
class Report:
    """A child was ready at `at` (monotonic ns). `life` is None when it has ended since."""

    name: str
    pid: int
    at: int
    life: Life | None


class Reports:
    """What the children write. A FIFO and no file: looking again and again would cost the time that is measured."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        # Also for writing: without any writer it would be at its end.
        self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._descriptor, select.POLLIN)
        self._rest = b""

    def take(self, seconds: float) -> list[Report]:
        """Give what has come; waits up to so many seconds for the first."""
        if not self._poll.poll(max(0.0, seconds) * 1000):
            return []
        *lines, self._rest = (self._rest + os.read(self._descriptor, 65536)).split(b"\n")
        return [_report(line.decode()) for line in lines]

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._descriptor)


def _report(line: str) -> Report:
    name, pid, at = line.split()
    return Report(name, int(pid), int(at), machine.life(int(pid)))


class Run:
    """A contender at work. `latest` is the last report of each child, `lives` is everyone that ever reported."""

    def __init__(self, contender: Contender, folder: Path, count: int, *, fails: bool) -> None:
        self.scene = Scene(folder, f"NOTIFIER_BENCH={secrets.token_hex(8)}", count, fails)
        self._reports = Reports(self.scene.fifo)
        self.latest: dict[str, Report] = {}
        self.lives: list[tuple[str, Life]] = []
        self.starts = 0
        self._command = contender.prepare(self.scene)
        self.start()

    def start(self) -> None:
        """Start the supervisor, for the first time or again."""
        empty = self.scene.folder / "empty"
        empty.mkdir(exist_ok=True)
        name, _, value = self.scene.marker.partition("=")
        with (self.scene.folder / "said").open("ab") as said:
            self.process = subprocess.Popen(  # noqa: S603 – ours or a pinned peer
                self._command,
                cwd=empty,
                env={**os.environ, name: value},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The supervisor's."""
        return self.process.pid

    def take(self, seconds: float) -> list[Report]:
        """Take in what children report within so many seconds, at least what is there."""
        found = self._reports.take(seconds)
        for report in found:
            self.starts += 1
            self.latest[report.name] = report
            if report.life is not None:
                self.lives.append((report.name, report.life))
        return found

    def until(self, condition: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
        """Take reports until something is true. Raises MeasureError."""
        give_up = time.monotonic() + patience
        while not condition():
            left = give_up - time.monotonic()
            if left <= 0 or self.process.poll() is not None:
                ended = f"exit {self.process.returncode}" if self.process.returncode is not None else "still waiting"
                raise MeasureError(f"{what} did not come within {patience:g} s ({ended}): {self._last_words()}")
            self.take(min(left, 1.0))

    def until_ready(self) -> None:
        """Wait until every child has reported since the last start. Raises MeasureError."""
        before = {name: report.pid for name, report in self.latest.items()}
        fresh: set[str] = set()

        def all_there() -> bool:
            fresh.update(name for name, report in self.latest.items() if before.get(name) != report.pid)
            return len(fresh) >= self.scene.count

        self.until(all_there, f"{self.scene.count} children")

    def alive(self) -> list[str]:
        """Give the names of all children that live, one twice when there are two of it."""
        return [name for name, life in self.lives if life.alive]

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Signal the supervisor and wait for its end."""
        self.process.send_signal(number)
        self.wait()

    def wait(self) -> int:
        """Wait for the supervisor's end; gives its exit code. Raises MeasureError."""
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise MeasureError(f"it did not end within {PATIENCE:g} s") from None

    def _last_words(self) -> str:
        lines = (self.scene.folder / "said").read_text(errors="replace").splitlines()
        return lines[-1] if lines else "it said nothing"

    def close(self) -> None:
        """End the supervisor and everything that carries this run's marker, by pid."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        give_up = time.monotonic() + PATIENCE
        while (left := list(linux.marked(self.scene.marker))) and time.monotonic() < give_up:
            for pid in left:
                linux.kill(pid)
            time.sleep(0.01)
        self._reports.close()

    def __enter__(self) -> "Run":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextmanager
def running(contender: Contender, count: int, *, fails: bool = False) -> Iterator[Run]:
    """Run a contender with so many children. Its folder has a short path, as a socket's must be."""
    with (
        tempfile.TemporaryDirectory(prefix="nb-", ignore_cleanup_errors=True) as folder,
        Run(contender, Path(folder), count, fails=fails) as run,
    ):
        yield run
