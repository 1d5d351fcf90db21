"""What every process of the tree needs: the stop signal as a value, readiness, a quiet and clean log."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class StopSignal:
    """SIGTERM or SIGINT, asked for between two steps of a loop. Only a `wait` or `interrupting` block is cut short."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.asked_at = time.monotonic()
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
        """Whether the process has been asked to stop. Whoever asks is alive: `asked_at` is for the heart."""
        self.asked_at = time.monotonic()
        return self._event.is_set()

    def request(self) -> None:
        """Ask for the stop (tests, and the signal handler)."""
        self._event.set()

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until the stop is requested; gives whether it was."""
        self.asked_at = time.monotonic()
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


BEAT = 2.0
"""Seconds between two signs of life; `ops.tree` says how long a silence may last."""


def announce_ready(stop: StopSignal | None = None, patience: float = 0.0) -> None:
    """Tell the supervisor that this process is ready: one line to the descriptor that NOTIFY_FD names.

    With `stop` it tells from now on that it lives, as long as its loop asks for the stop signal at least every
    `patience` seconds. So a stopped process and a loop that hangs both fall silent, and Redis' absence does not matter.
    """
    number = os.environ.pop("NOTIFY_FD", None)
    if number is None:
        return
    descriptor = int(number)
    os.write(descriptor, b"READY\n")
    if stop is None:
        os.close(descriptor)
    else:
        threading.Thread(target=_live, args=(descriptor, stop, patience), name="heart", daemon=True).start()


def _live(descriptor: int, stop: StopSignal, patience: float) -> None:
    while time.monotonic() - stop.asked_at < patience:
        try:
            os.write(descriptor, b"ALIVE\n")
        except OSError:  # the supervisor is gone, and so shall we be
            return
        time.sleep(BEAT)


def run(work: Callable[[StopSignal], None]) -> int:
    """Do `work` until the stop signal; gives the exit code."""
    work(StopSignal.installed())
    sys.stdout.flush()
    return 0
