"""The job timeout: RQ's, by SIGALRM, so only in a process' main thread. It fires once and leaves no alarm behind."""

import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from rq.timeouts import JobTimeoutException, UnixSignalDeathPenalty

_penalty: Any = UnixSignalDeathPenalty
"""Untyped."""


def limited(seconds: int) -> AbstractContextManager[None]:
    """Within it JobTimeoutException is raised after `seconds` (0: never), wherever the code is just then."""
    limit: AbstractContextManager[None] = _penalty(seconds, JobTimeoutException)
    return limit


@contextmanager
def undisturbed() -> Iterator[None]:
    """No timeout strikes within: between a post and its ledger it would turn what is known into what is not.

    What is left of the time begins to run again afterwards.
    """
    left = signal.alarm(0)
    try:
        yield
    finally:
        if left:
            signal.alarm(left)
