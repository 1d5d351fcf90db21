"""Starts a program as a child: in a session of its own, killed with its parent, with the usual signals."""

import contextlib
import os
import signal
from collections.abc import Mapping, Sequence

from supervisor import linux

_RESET = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGUSR1, signal.SIGUSR2)
_PYTHON_IGNORES = (signal.SIGPIPE, signal.SIGXFSZ)
"""Python turns these into exceptions and lives on; a program that is exec'd expects to find them as usual."""


class SpawnError(Exception):
    """The program could not be started; says why."""


def spawn(argv: Sequence[str], env: Mapping[str, str], inherited: Sequence[int]) -> int:
    """Start `argv` with exactly this environment; gives its pid. Raises SpawnError.

    A fork and not vfork: PR_SET_PDEATHSIG must be set between fork and exec. The supervisor is small, so it is cheap.
    """
    reading, writing = os.pipe2(os.O_CLOEXEC)
    parent = os.getpid()
    # Until the child has left our session and our wake-up pipe, no signal may reach it: it would count twice.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
    except OSError as error:
        os.close(reading)
        os.close(writing)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        raise SpawnError(f"no new process: {error.strerror}") from None
    if pid == 0:
        _become(argv, env, inherited, parent, writing)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    os.close(writing)
    with open(reading, "rb") as failures:  # noqa: PTH123 – a descriptor
        failure = failures.read()
    if failure:
        os.waitpid(pid, 0)
        raise SpawnError(f"{argv[0]}: {failure.decode(errors='replace')}")
    return pid


def _become(argv: Sequence[str], env: Mapping[str, str], inherited: Sequence[int], parent: int, failures: int) -> None:
    """In the child: never returns."""
    try:
        settle_in(parent)
        for number in _PYTHON_IGNORES:
            signal.signal(number, signal.SIG_DFL)
        for descriptor in inherited:
            os.set_inheritable(descriptor, True)
        os.execvpe(argv[0], list(argv), dict(env))  # noqa: S606 – what the spec says, no shell
    except BaseException as error:  # noqa: BLE001 – told to the parent, which raises it
        text = error.strerror if isinstance(error, OSError) and error.strerror else repr(error)
        with contextlib.suppress(OSError):
            os.write(failures, text.encode())
    finally:
        os._exit(127)


def settle_in(parent: int) -> None:
    """Make the process a good child: own session, dies with `parent`, signal handling as a new program expects it."""
    os.setsid()
    linux.die_with_parent()
    if os.getppid() != parent:  # it died before we asked to be told
        os._exit(127)
    signal.set_wakeup_fd(-1)
    for number in _RESET:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
