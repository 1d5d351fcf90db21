"""The desk that the `dlq` commands work at: the letters and where those taken out go, the pace, output and files."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import msgspec
import typer
from rich.cells import cell_len
from rich.console import Console

from notifier.config import Settings
from ops.home import Home
from ops.letter_page import safe
from workers import log
from workers.connection import connect
from workers.dead_letters import DeadLetters
from workers.letter import Filter, Letter
from workers.letter_file import Archive, write_all
from workers.queues import Queues
from workers.telemetry import emit, flush

out, err = Console(highlight=False, soft_wrap=True), Console(stderr=True, highlight=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Desk:
    """The letters, and the folder that those taken out go to."""

    letters: DeadLetters
    archive: Archive
    queues: Queues

    @classmethod
    def opened(cls) -> "Desk":
        """The one of this installation. Raises ConfigError, OSError or RuntimeFolderError."""
        settings = Settings.read(os.environ)
        # Only counted here, not logged: what is done is printed.
        log.configure(settings.log_format, "ERROR", "notifier dlq")
        home = Home.of(settings, os.environ)
        queues = Queues(connect(home.redis_url(settings)), settings.job_timeout)
        return cls(DeadLetters(queues), Archive(home.state), queues)

    def find(self, job_id: str) -> Letter:
        """The letter with this id; a mistake of the caller's where there is none."""
        letter = self.letters.find(job_id)
        if letter is None:
            raise typer.BadParameter(f"found no dead letter {job_id!r}; `notifier dlq list` shows all", param_hint="ID")
        return letter

    def chosen(self, ids: Sequence[str] | None, which: Filter, *, everything: bool) -> list[Letter]:
        """The letters with `ids`, or those that `which` admits."""
        if ids and (everything or which != Filter()):
            raise typer.BadParameter("found ids and a choice of many, expected one of the two", param_hint="ID")
        if not ids and not everything:
            raise typer.BadParameter("expected ids of letters, or --all (filters choose among all)", param_hint="ID")
        return [self.find(job_id) for job_id in dict.fromkeys(ids)] if ids else list(self.letters.matching(which))

    def discard(self, letters: Sequence[Letter]) -> int:
        """Take `letters` out, into the archive first; gives how many, and says where they are now."""
        count = 0
        try:
            for gone, path in self.letters.move_out(letters, self.archive):
                count += len(gone)
                err.print(f"{len(gone)} kept in {safe(path)}")
        finally:
            self.tell("letters_discarded", count)
        return count

    def tell(self, event: str, jobs: int) -> None:
        """Emit `event` for so many letters; none is no event."""
        if jobs:
            emit(event, jobs=jobs)
            flush(self.queues.connection)


class Pace:
    """Spreads steps over time: at most `rate` a second, evenly; 0 for as fast as it goes."""

    def __init__(
        self,
        rate: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._interval, self._clock, self._sleep = 1 / rate if rate else 0.0, clock, sleep
        self._next = clock()

    def step(self) -> None:
        """Wait for the next step's time. What was late is not made up for."""
        wait = self._next - self._clock()
        if wait > 0:
            self._sleep(wait)
        self._next = max(self._next, self._clock()) + self._interval


def print_rows(*rows: Sequence[str]) -> None:
    """Print `rows`, the first of them the heads, a line each; the terminal wraps what is too long, nothing is cut."""
    if len(rows) == 1:
        out.print("no dead letters")
        return
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        padded = [text + " " * (width - cell_len(text)) for text, width in zip(row[:-1], widths, strict=False)]
        out.print("  ".join([*padded, row[-1]]), style="bold" if number == 0 else None, markup=False)


def print_json(value: object) -> None:
    """Print `value` as one line of JSON."""
    print(msgspec.json.encode(value).decode())  # noqa: T201


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Read from stdin (-) or a file. Raises OSError."""
    if str(path) == "-":
        yield sys.stdin.buffer
    else:
        with path.open("rb") as file:
            yield file


def _to_stdout(stdout: BinaryIO, line: bytes) -> None:
    stdout.write(line)


@contextmanager
def written(path: Path) -> Iterator[Callable[[bytes], None]]:
    """Write to stdout, or to a new private file, which is there whole or not at all."""
    if str(path) == "-":
        yield partial(_to_stdout, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise typer.BadParameter(f"{path} is there already, expected a new file", param_hint="FILE") from None
    try:
        yield partial(write_all, descriptor)
        os.fsync(descriptor)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
