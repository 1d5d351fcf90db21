"""Dead letters in files: JSON lines with all that an import needs, and the folder of a state directory for them."""

import fcntl
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal

import msgspec

from workers.letter import Letter

FOLDER = "dead-letters"
_Text = Annotated[str, msgspec.Meta(max_length=10_000)]


class Record(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """One line. A job that cannot be read stands in it as `raw`, the fields of its hash (bytes are base64 in JSON).

    category, reason, dead_at and link are for those who read the file; an import takes them from `meta`.
    """

    version: Literal[1]
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    queue: Literal["ingestion", "enrichment", "delivery"]
    category: str = ""
    reason: str = ""
    dead_at: float | None = None
    link: str | None = None
    description: _Text = ""
    function: _Text = ""
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    meta: dict[str, Any] = {}
    timeout: int | None = None
    result_ttl: int | None = None
    created_at: datetime | None = None
    enqueued_at: datetime | None = None
    unreadable: str = ""
    raw: dict[str, bytes] = {}


class _Meta(msgspec.Struct):
    """What our worker relies on in a job's meta; the rest of it may be anything."""

    attempts: int = 0
    dead_at: float | None = None
    errors: dict[str, Any] = {}
    history: list[Any] = []


_record = msgspec.json.Decoder(Record)


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that is no letter: its number, from 1, and why."""

    line: int
    reason: str


def encode(letter: Letter) -> bytes:
    """The letter as one line, with its newline."""
    told: dict[str, Any] = {"version": 1, "id": letter.id, "queue": letter.queue, "description": letter.description}
    told |= {"category": letter.category, "reason": letter.reason, "dead_at": letter.dead_at, "link": letter.link}
    if letter.unreadable:
        record = Record(**told, unreadable=letter.unreadable, raw=dict(letter.raw))
    else:
        record = Record(
            **told,
            function=letter.function,
            args=list(letter.args),
            kwargs=dict(letter.kwargs),
            meta=dict(letter.meta),
            timeout=letter.timeout,
            result_ttl=letter.result_ttl,
            created_at=letter.created_at,
            enqueued_at=letter.enqueued_at,
        )
    return msgspec.json.encode(record) + b"\n"


def decode(file: BinaryIO) -> Iterator[tuple[int, Record] | Refused]:
    """Read lines that `encode` wrote, each with its number; empty ones are passed over."""
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            record = _record.decode(line)
            msgspec.convert(record.meta, _Meta)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            yield Refused(number, str(error))
            continue
        if record.unreadable and not record.raw:
            yield Refused(number, "nothing is left of its job, so there is nothing to import")
        else:
            yield number, record


class Archive:
    """The folder `dead-letters` of the state directory `state`: a file a day (UTC), 0600, only ever appended to."""

    def __init__(self, state: Path, clock: Callable[[], float] = time.time) -> None:
        self.folder, self._clock = state / FOLDER, clock

    def append(self, letters: Iterable[Letter]) -> Path:
        """Write `letters` to today's file, all or none, and have them on the disk; gives the file. Raises OSError."""
        day = datetime.fromtimestamp(self._clock(), UTC)
        path = self.folder / f"{day:%Y-%m-%d}.jsonl"
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            _append(descriptor, [encode(letter) for letter in letters])
        finally:
            os.close(descriptor)
        sync_folder(self.folder)
        return path


def _append(descriptor: int, lines: Sequence[bytes]) -> None:
    end = os.lseek(descriptor, 0, os.SEEK_END)
    # A writer that was killed may have left half a line: ours must not become a part of it.
    torn = end > 0 and os.pread(descriptor, 1, end - 1) != b"\n"
    try:
        write_all(descriptor, (b"\n" if torn else b"") + b"".join(lines))
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, end)
        raise


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of `content`. Raises OSError."""
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def sync_folder(folder: Path) -> None:
    """Have the names in `folder` on the disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
