"""The supervisor's own log: reports as lines of text or JSON on stderr, never waited for."""

import json
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
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + f".{time.time() % 1 * 1000:03.0f}Z"
        if self._json:
            found = {"time": moment, "level": level, "process": "supervisor", "message": event, **details}
            self._put(json.dumps(found))
        else:
            said = " ".join(f"{key}={value}" for key, value in details.items())
            self._put(f"{moment} {level: <7} supervisor: {event} {said}")

    def _put(self, line: str) -> None:
        line = line.encode()[:LONGEST].decode(errors="ignore")
        writable = select.poll()
        writable.register(sys.stderr, select.POLLOUT)
        if not any(events & select.POLLOUT for _, events in writable.poll(0)):
            self._lost += 1
            return
        if self._lost:
            line, self._lost = f"({self._lost} lines lost)\n{line}", 0
        print(line, file=sys.stderr, flush=True)  # noqa: T201 – the log
