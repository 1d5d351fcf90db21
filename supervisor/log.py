"""The supervisor's own log: reports as lines of text or JSON on stderr, never waited for."""

import json
import os
import select
import sys
import time
from collections.abc import Mapping
from typing import Any

from supervisor.model import Report

_LEVELS = {
    "start_failed": "ERROR",
    "reached_max_restart_intensity": "ERROR",
    "unhealthy": "ERROR",
    "child_exited": "WARNING",
    "restarting": "WARNING",
    "retry_scheduled": "WARNING",
    "shutdown_error": "WARNING",
}


LONGEST = 4000
"""Bytes of a line: a pipe that can be written at all takes 4096 without a wait."""


class Log:
    """Writes reports; a reader that does not read loses lines instead of holding up the supervisor."""

    def __init__(self, form: str) -> None:
        self._json = form == "json"
        self._lost = 0

    def report(self, report: Report) -> None:
        """Write one report."""
        details = {"supervisor": "/".join(report.path), **report.details}
        self.write(_LEVELS.get(report.event, "INFO"), report.event, details)

    def write(self, level: str, event: str, details: Mapping[str, Any]) -> None:
        """Write one line."""
        now = time.time()
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
        if self._json:
            found = {"time": moment, "level": level, "process": "supervisor", "message": event, **details}
            self._put(json.dumps(found))
        else:
            said = " ".join(f"{key}={value}" for key, value in details.items())
            self._put(f"{moment} {level: <7} supervisor: {event} {said}")

    def _put(self, line: str) -> None:
        if self._lost:
            line = f"({self._lost} lines lost) {line}"
        data = line.encode(errors="backslashreplace")[:LONGEST] + b"\n"
        poll = select.poll()
        poll.register(sys.stderr, select.POLLOUT)
        try:
            if not any(events & select.POLLOUT for _, events in poll.poll(0)):
                raise BlockingIOError
            os.write(sys.stderr.fileno(), data)
        except OSError:  # nobody reads, or the disk is full: a log is not worth the tree
            self._lost += 1
        else:
            self._lost = 0
