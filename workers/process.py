"""What every process of the tree needs: the stop signal as a value, readiness, a quiet and clean log."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class StopSignal:
    """SIGTERM or SIGINT, asked for between two steps of a loop. Only a `wait` or `interrupting` block is cut short."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._interrupt: type[BaseException] | None = None

    @classmethod
    def installed(cls) -> "StopSignal":
        """The stop signal of this process: its handlers are set, any that a parent set are gone."""
        stop = cls()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop._handle)
        return stop

    @property
    def requested(self) -> bool:
        """Whether the process has been asked to stop."""
        return self._event.is_set()

    def request(self) -> None:
        """Ask for the stop (tests, and the signal handler)."""
        self._event.set()

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until the stop is requested; gives whether it was."""
        return self._event.wait(seconds)

    @contextmanager
    def interrupting(self, exception: type[BaseException]) -> Iterator[None]:
        """Within the block the signal raises `exception`; what it was about to do must be safe to break off."""
        self._interrupt = exception
        try:
            if self.requested:
                raise exception
            yield
        finally:
            self._interrupt = None

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 – a signal handler's arguments
        self.request()
        interrupt, self._interrupt = self._interrupt, None
        if interrupt is not None:
            raise interrupt


def announce_ready() -> None:
    """Tell the supervisor that this process is ready: one line to the descriptor that NOTIFY_FD names."""
    number = os.environ.pop("NOTIFY_FD", None)
    if number is None:
        return
    descriptor = int(number)
    os.write(descriptor, b"READY\n")
    os.close(descriptor)


def run(work: Callable[[StopSignal], None]) -> int:
    """Do `work` until the stop signal; gives the exit code."""
    work(StopSignal.installed())
    sys.stdout.flush()
    return 0
