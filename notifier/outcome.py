"""How an attempt at a job ends, the categories of failure, and the one table that says what follows from each. Pure.

Which reply or exception is of which category is said where it is known: `services.discord`, `services.esi`,
`services.http` for httpx, and `workers.executor` for Redis and RQ. What becomes of the job is `workers.attempts`' part.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, cast, get_args

Waits: TypeAlias = Literal["dependency down", "throttled"]
"""What is waited for, without an attempt being charged: the work surely was not done, and not for its own sake."""
Charged: TypeAlias = Literal["bug", "transient", "ambiguous"]
"""What is tried again at the price of an attempt."""
Hopeless: TypeAlias = Literal["malformed", "permanent", "misconfigured"]
"""What will not succeed as it is."""
Category: TypeAlias = Literal[Hopeless, Charged, Waits]
"""malformed: what came in cannot be read. bug: ours. dependency down: it cannot be reached, or says that it does
not work; nothing was done. throttled: not now, says the service. transient: it may pass. ambiguous: the request may
have had its effect. permanent: the service will never take it. misconfigured: a person must change something first.
"""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential from `base` to `cap` seconds; the jitter (full) is drawn by whoever waits, see `workers.backoff`."""

    base: float = 1.0
    cap: float = 300.0


@dataclass(frozen=True, slots=True)
class Strategy:
    """What follows from a failure of one category.

    `ends`: the Outcome. `backoff`: before the next try, where the service names no pause of its own (None: there is
    no next try). `most`: attempts at most, where that is fewer than the setting. `counts`: whether a circuit counts
    it. `told`: who hears of a job that dies of it, beyond the dead letters themselves.
    """

    ends: Literal["snooze", "retry", "dead"]
    backoff: Backoff | None = None
    most: int | None = None
    counts: bool = False
    told: Literal["log", "admin"] = "admin"

    @property
    def charged(self) -> bool:
        """Whether an attempt is used up."""
        return self.ends != "snooze"


STRATEGIES: Final[Mapping[Category, Strategy]] = MappingProxyType(
    {
        # Of a malformed package `package_malformed` tells already.
        "malformed": Strategy("dead", told="log"),
        "bug": Strategy("retry", Backoff(), most=3),
        "dependency down": Strategy("snooze", Backoff(cap=60.0), counts=True),
        "throttled": Strategy("snooze", Backoff(cap=60.0)),
        "transient": Strategy("retry", Backoff()),
        "ambiguous": Strategy("retry", Backoff(), counts=True),
        "permanent": Strategy("dead"),
        "misconfigured": Strategy("dead"),
    }
)


@dataclass(frozen=True, slots=True)
class Done:
    """The work is done, or needs no doing any more; `note` says which, for the log."""

    note: str = ""


@dataclass(frozen=True, slots=True)
class Snooze:
    """Not now: again after `seconds` or, if None, the usual back-off. Not an attempt.

    Also for what is no failure, such as a turn that has not come yet; the category is then the default.
    """

    seconds: float | None
    reason: str
    category: Waits = field(default="throttled", compare=False)


@dataclass(frozen=True, slots=True)
class Retry:
    """It failed in a way that may pass: one attempt charged, again after `seconds` or, if None, the usual back-off."""

    reason: str
    category: Charged = "transient"
    seconds: float | None = None

    @property
    def ambiguous(self) -> bool:
        """Whether the request may have had its effect all the same."""
        return self.category == "ambiguous"


@dataclass(frozen=True, slots=True)
class Dead:
    """It will not succeed as it is: into the dead letters, with this reason (no secret in it)."""

    reason: str
    category: Category


Outcome: TypeAlias = Done | Snooze | Retry | Dead
Failed: TypeAlias = Snooze | Retry | Dead


def failed(category: Category, reason: str, seconds: float | None = None) -> Failed:
    """Give the Outcome that the table has for a failure; `seconds` is the pause that the service asked for, if any."""
    match STRATEGIES[category].ends:
        case "snooze":
            return Snooze(seconds, reason, cast(Waits, category))
        case "retry":
            return Retry(reason, cast(Charged, category), seconds)
        case "dead":
            return Dead(reason, category)


def is_outcome(value: object) -> bool:
    """Tell whether `value` is an Outcome of a known category; anything else is a bug of whoever gave it."""
    match value:
        case Done():
            return True
        case Snooze(category=category):
            return category in get_args(Waits)
        case Retry(category=category):
            return category in get_args(Charged)
        case Dead(category=category):
            return category in STRATEGIES
    return False
