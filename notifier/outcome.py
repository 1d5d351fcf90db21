"""The four ways in which an attempt at a job ends. Deciding what follows is the executor's part, not this module's."""

from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Done:
    """The work is done, or needs no doing any more; `note` says which, for the log."""

    note: str = ""


@dataclass(frozen=True, slots=True)
class Snooze:
    """Not now (a rate limit, an open circuit): again after `seconds`. Not an attempt."""

    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Retry:
    """It failed in a way that may pass: one attempt charged, again after `seconds` or, if None, the usual back-off."""

    reason: str
    category: str = "transient"
    seconds: float | None = None
    ambiguous: bool = field(default=False)
    """True when the request may have had its effect all the same."""


@dataclass(frozen=True, slots=True)
class Dead:
    """It will not succeed as it is: into the dead letters, with this reason (no secret in it)."""

    reason: str
    category: str


Outcome: TypeAlias = Done | Snooze | Retry | Dead
