"""What the zygote's workers do in the tests."""

import os
import signal
import sys


def main(arguments):
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    descriptor = int(os.environ.pop("NOTIFY_FD"))
    os.write(descriptor, b"READY\n")
    os.close(descriptor)
    while True:
        signal.pause()
