"""The templates of destinations as a worker uses them: read again when their file changes, told of when they fail."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from notifier.config import Destination
from notifier.messages import Message, Notice, Template, TemplateFailed, compose, read_template
from workers.telemetry import emit

LOOK = 1.0
"""Seconds between two looks at a file at least."""

_Stamp: TypeAlias = tuple[int, int, int] | None
"""What tells a file from an earlier state of it; None for no file."""


@dataclass(frozen=True, slots=True)
class _Read:
    """What was found in a file; `template` is None where that was none."""

    path: Path
    template: Template | None
    stamp: _Stamp
    looked_at: float


class Templates:
    """One process' own. `awake` gives seconds for durations."""

    def __init__(self, awake: Callable[[], float] = time.monotonic) -> None:
        self._awake = awake
        self._read: dict[str, _Read] = {}

    def compose(self, notices: Sequence[Notice], waiting: int, to: Destination) -> Message:
        """Make the message by the destination's template, in its layout where there is none or where it fails.

        What fails is told as `template_failed`: a file once for each state of it, a kill each time.
        """
        message = compose(notices, waiting, to.layout, self.of(to))
        for reason in message.failures:
            emit("template_failed", destination=to.id, reason=reason)
        return message

    def of(self, to: Destination) -> Template | None:
        """Give the destination's template as its file was LOOK seconds ago or later; None for none, or a broken one."""
        if to.template is None:
            return None
        known, now = self._read.get(to.id), self._awake()
        if known is not None and known.path == to.template and now - known.looked_at < LOOK:
            return known.template
        stamp = _stamp(to.template)
        if known is not None and known.path == to.template and known.stamp == stamp:
            template = known.template
        else:
            template = _template(to.id, to.template)
        self._read[to.id] = _Read(to.template, template, stamp, now)
        return template


def _template(destination: str, path: Path) -> Template | None:
    try:
        return read_template(path)
    except TemplateFailed as failed:
        emit("template_failed", destination=destination, reason=str(failed))
        return None


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
