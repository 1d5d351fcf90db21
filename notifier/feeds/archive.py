"""Killmails from a file, one a line, as plain or gzipped JSON lines. What a line means is `killmail.decode`'s part."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast


class ArchiveError(Exception):
    """An archive that cannot be read (further); says which file, after which line, and why."""


def read(path: Path) -> Iterator[tuple[int, bytes]]:
    """Give (line number from 1, line without its end) of a .jsonl or .jsonl.gz; blank lines are passed over.

    Raises ArchiveError where the file is missing, no gzip or cut off: after the lines that could be read.
    """
    number = 0
    try:
        with _opened(path) as file:
            for number, line in enumerate(file, 1):
                if stripped := line.strip():
                    yield number, stripped
    except EOFError:
        raise ArchiveError(f"{path}: cut off after line {number}") from None
    except (zlib.error, gzip.BadGzipFile) as error:
        raise ArchiveError(f"{path}: no sound gzip after line {number} ({error})") from None
    except OSError as error:
        raise ArchiveError(f"{path}: {error.strerror or error} (after line {number})") from None


def _opened(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")
