"""The history of a job's attempts, as it stands in `job.meta`, and what an Outcome makes of it. Pure.

meta: attempts (begun in this round), history (earlier rounds, newest last), errors (first and last reason),
dead_at, reason, category (only of dead letters), snoozed (how often, since the last attempt that counted).
"""

from dataclasses import dataclass
from random import Random
from typing import Any, TypeAlias

from notifier.outcome import Dead, Done, Retry, Snooze
from workers.backoff import full_jitter

Meta: TypeAlias = dict[str, Any]
HISTORY_LENGTH = 10
BUG_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Finish:
    """The job is done."""

    note: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """The job runs again after `seconds`; `charged` is the category of the failure, "" for a snooze."""

    seconds: float
    reason: str
    charged: str = ""


@dataclass(frozen=True, slots=True)
class Bury:
    """The job becomes a dead letter."""

    reason: str
    category: str


Move: TypeAlias = Finish | Schedule | Bury


def begin(meta: Meta, now: float) -> Meta:
    """The meta of an attempt that begins at `now` (epoch seconds): charged before the work, so that a kill counts too.

    A job that was dead has been put back by someone: its round goes to the history and attempts begin anew.
    """
    begun = dict(meta)
    if "dead_at" in begun:
        last = {key: begun.pop(key) for key in ("dead_at", "reason", "category", "attempts") if key in begun}
        begun["history"] = [*begun.get("history", []), last][-HISTORY_LENGTH:]
    begun["attempts"] = begun.get("attempts", 0) + 1
    begun.setdefault("first_at", round(now, 3))
    begun["last_at"] = round(now, 3)
    return begun


def exhausted(meta: Meta, most: int) -> Bury | None:
    """Refuse an attempt that comes after `most` without an outcome: the job kills its worker each time."""
    if meta["attempts"] <= most:
        return None
    return Bury(f"its worker died in each of {most} attempts", "bug")


def decide(outcome: object, meta: Meta, now: float, most: int, rng: Random | None = None) -> tuple[Move, Meta]:
    """What becomes of the job, and its meta, when an attempt ended with `outcome`; `most` attempts are allowed.

    What is no Outcome is a bug and Dead, never success.
    """
    match outcome:
        case Done(note=note):
            return Finish(note), meta
        case Snooze(seconds=seconds, reason=reason):
            waited = {**meta, "attempts": meta["attempts"] - 1, "snoozed": meta.get("snoozed", 0) + 1}
            return Schedule(max(seconds, 0.0), reason), waited
        case Retry():
            return _retry(outcome, meta, now, most, rng)
        case Dead(reason=reason, category=category):
            return _bury(reason, category, meta, now)
        case _:
            return _bury(f"ended with {type(outcome).__name__}, which is no Outcome", "bug", meta, now)


def _retry(outcome: Retry, meta: Meta, now: float, most: int, rng: Random | None) -> tuple[Move, Meta]:
    charged = _with_error(meta, outcome.reason, outcome.category, now)
    attempts = charged["attempts"]
    allowed = min(most, BUG_ATTEMPTS) if outcome.category == "bug" else most
    if attempts >= allowed:
        return _bury(f"{outcome.reason} (attempt {attempts} of {allowed})", outcome.category, charged, now)
    pause = full_jitter(attempts, rng=rng) if outcome.seconds is None else outcome.seconds
    return Schedule(pause, outcome.reason, outcome.category), charged


def _bury(reason: str, category: str, meta: Meta, now: float) -> tuple[Move, Meta]:
    buried = _with_error(meta, reason, category, now)
    buried.update(dead_at=round(now, 3), reason=reason, category=category)
    return Bury(reason, category), buried


def _with_error(meta: Meta, reason: str, category: str, now: float) -> Meta:
    error = {"at": round(now, 3), "reason": reason, "category": category}
    errors = meta.get("errors", {})
    return {**meta, "snoozed": 0, "errors": {"first": errors.get("first", error), "last": error}}
