"""`python -m supervisor.zygote MODULE…`: imports the modules once, then forks workers that call one of their functions.

The supervisor sends {"inc", "call", "args", "env"} and the worker's notification descriptor over the socket that
ZYGOTE_FD names; the reply is {"inc", "pid"}. The worker is forked twice, so that the supervisor, a subreaper, becomes
its parent and the zygote's own end does not matter to it. It runs only when it has been adopted.
"""

import contextlib
import errno
import gc
import importlib
import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from supervisor import notify
from supervisor.cold import run_call
from supervisor.spawn import settle_in

VARIABLE = "ZYGOTE_FD"
LARGEST = 256 * 1024
"""Bytes of a request."""


def main(modules: Sequence[str]) -> int:
    """Serve until the supervisor goes, or SIGTERM."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in modules:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=int(os.environ.pop(VARIABLE))) as supervisor:
        _announce()
        while True:
            request, descriptors, _, _ = socket.recv_fds(supervisor, LARGEST, 1)
            if not request:
                return 0
            _serve(supervisor, json.loads(request), descriptors)


def _announce() -> None:
    descriptor = os.environ.pop(notify.VARIABLE, None)
    if descriptor is not None:
        os.write(int(descriptor), notify.READY + b"\n")
        os.close(int(descriptor))


@dataclass(frozen=True, slots=True)
class _Birth:
    """What a worker needs on its way: `go` is the pipe by which it is told that it has been adopted."""

    request: dict[str, Any]
    descriptors: Sequence[int]
    go: tuple[int, int]
    parent: int


def _serve(supervisor: socket.socket, request: dict[str, Any], descriptors: list[int]) -> None:
    birth = _Birth(request, descriptors, os.pipe(), os.getppid())
    try:
        reply: dict[str, Any] = {"pid": _fork_twice(supervisor, birth)}
    except OSError as error:
        reply = {"error": f"no new process: {error.strerror}"}
    # First the pid, then the word to go: a worker of which the supervisor never heard never runs.
    supervisor.send(json.dumps({"inc": request["inc"], **reply}).encode())
    with contextlib.suppress(BrokenPipeError):
        os.write(birth.go[1], b"go")
    for descriptor in (*descriptors, *birth.go):
        os.close(descriptor)


def _fork_twice(supervisor: socket.socket, birth: _Birth) -> int:
    """Give the pid of the worker, adopted by now. Raises OSError."""
    reading, writing = os.pipe()
    try:
        between = os.fork()
        if between == 0:
            _be_between(supervisor, birth, writing)
        os.waitpid(between, 0)
        os.set_blocking(reading, False)
        try:
            found = os.read(reading, 32)
        except BlockingIOError:
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN)) from None
        return int(found)
    finally:
        os.close(reading)
        os.close(writing)


def _be_between(supervisor: socket.socket, birth: _Birth, writing: int) -> NoReturn:
    """Fork once more, tell the pid, and go: the worker is an orphan then."""
    try:
        worker = os.fork()
        if worker == 0:
            _be_worker(supervisor, birth)
        os.write(writing, b"%d" % worker)
    finally:
        os._exit(0)


def _be_worker(supervisor: socket.socket, birth: _Birth) -> NoReturn:
    code = 1
    try:
        supervisor.close()
        os.close(birth.go[1])
        adopted = os.read(birth.go[0], 2)
        os.close(birth.go[0])
        if adopted:
            settle_in(birth.parent)
            os.environ.update(birth.request["env"])
            if birth.descriptors:
                os.environ[notify.VARIABLE] = str(birth.descriptors[0])
            code = run_call(birth.request["call"], birth.request["args"])
    finally:
        os._exit(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
