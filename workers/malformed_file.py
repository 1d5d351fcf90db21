"""The bodies of malformed packages that are too big for Redis: a file each, in the feed's state directory."""

import os
from pathlib import Path

from workers.letter_file import sync_folder, write_all

FOLDER = "malformed"


def name(sequence: int) -> str:
    """Where the body of package `sequence` lies, relative to the state directory."""
    return f"{FOLDER}/{sequence}.bin"


def write(state: Path, sequence: int, body: bytes) -> None:
    """Have `body` on the disk, readable by its owner only; a repeat writes the same again. Raises OSError."""
    path = state / name(sequence)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            write_all(descriptor, body)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def read(state: Path, sequence: int) -> bytes:
    """The body of package `sequence`. Raises OSError."""
    return (state / name(sequence)).read_bytes()
