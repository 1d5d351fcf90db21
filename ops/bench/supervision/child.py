"""The child of all measurements: writes its name, pid and the monotonic time (ns) into a FIFO when it is ready.

Run as a script, or called in a fork of a zygote. It imports little, as its start is measured.
"""

import os
import signal
import sys
import time


def main(arguments: list[str]) -> int:
    """Take FIFO NAME [WORD…]: `fail` exits 1 at once, any other word is a module to import first."""
    fifo, name, *words = arguments
    for word in words:
        if word != "fail":
            __import__(word)
    signal.signal(signal.SIGTERM, _obey)
    _report(fifo, name)
    if "fail" in words:
        return 1
    ready = os.environ.get("NOTIFY_FD")
    if ready:
        os.write(int(ready), b"READY\n")
    while True:
        signal.pause()


def _report(fifo: str, name: str) -> None:
    descriptor = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    os.write(descriptor, f"{name} {os.getpid()} {time.monotonic_ns()}\n".encode())
    os.close(descriptor)


def _obey(number: int, frame: object) -> None:  # noqa: ARG001 – a handler's arguments
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
