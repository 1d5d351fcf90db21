"""The descriptor by which a child tells that it is ready, and then that it lives: lines of text into a pipe.

READY: ready. IGNORE: it declines to run, and ends. Any later line is a sign of life.
"""

import os
from dataclasses import dataclass, field

VARIABLE = "NOTIFY_FD"
READY, IGNORE = b"READY", b"IGNORE"


@dataclass
class Notifications:
    """The reading end; `feed` gives the lines that have come whole."""

    descriptor: int
    _rest: bytes = field(default=b"")

    def read(self) -> list[bytes] | None:
        """Give the new lines, None at the end of the pipe; does not block."""
        try:
            data = os.read(self.descriptor, 4096)
        except BlockingIOError:
            return []
        if not data:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-256:]
        return [line.strip() for line in lines]

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.descriptor)


def pipe() -> tuple[Notifications, int]:
    """Make one; gives the reading end and the descriptor that the child inherits."""
    reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    os.set_blocking(writing, True)
    return Notifications(reading), writing
