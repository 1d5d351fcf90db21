"""One thread, one epoll: descriptors, signals and timers become calls. Time is the monotonic clock's."""

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable

from supervisor.timers import Timers

Handler = Callable[[], None]


class Loop:
    """Calls `on_signal` with each signal that was asked for, and `on_timer` with each timer that has run down."""

    def __init__(self, on_signal: Callable[[int], None], on_timer: Callable[[object], None]) -> None:
        self._epoll = select.epoll()
        self._handlers: dict[int, Handler] = {}
        self._on_signal, self._on_timer = on_signal, on_timer
        self.timers: Timers[object] = Timers()
        self._wakeup = -1

    def catch(self, *numbers: int) -> None:
        """Take these signals as events from now on; handlers do nothing but wake the loop."""
        self._wakeup, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        for number in numbers:
            signal.signal(number, _nothing)
        self.watch(self._wakeup, self._signals)

    def watch(self, descriptor: int, handler: Handler) -> None:
        """Call `handler` whenever the descriptor can be read, or is at its end."""
        self._handlers[descriptor] = handler
        self._epoll.register(descriptor, select.EPOLLIN)

    def want_write(self, descriptor: int, wanted: bool) -> None:
        """Call the handler also when the descriptor can be written, or no more."""
        if descriptor in self._handlers:
            self._epoll.modify(descriptor, select.EPOLLIN | (select.EPOLLOUT if wanted else 0))

    def unwatch(self, descriptor: int) -> None:
        """Stop watching; before the descriptor is closed."""
        if self._handlers.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    def turn(self) -> None:
        """Wait for what comes first, and handle all that has come: descriptors before timers."""
        deadline = self.timers.next()
        timeout = -1.0 if deadline is None else max(0.0, deadline - time.monotonic())
        # Rounded up, as epoll counts whole milliseconds: a timer is never early and the loop never spins.
        for descriptor, _ in self._epoll.poll(-1 if timeout < 0 else timeout + 0.0005):
            handler = self._handlers.get(descriptor)
            if handler is not None:
                handler()
        for timer in self.timers.due(time.monotonic()):
            self._on_timer(timer)

    def _signals(self) -> None:
        with contextlib.suppress(BlockingIOError):
            for number in os.read(self._wakeup, 512):
                self._on_signal(number)


def _nothing(number: int, frame: object) -> None:
    """A handler must exist for the wake-up to be written."""
