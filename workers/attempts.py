"""The history of a job's attempts, as it stands in `job.meta`, and what an Outcome makes of it. Pure.

meta: attempts (begun in this round), history (earlier rounds, newest last), errors (first and last reason),
dead_at, reason, category (only of dead letters), snoozed (how often, since the last attempt that counted), first_at
(epoch seconds, as all times), last_at, round_at (only of what was put back: when this round began).
"""

from dataclasses import dataclass
from random import Random
from typing import Any, TypeAlias

from notifier.outcome import STRATEGIES, Backoff, Category, Dead, Done, Retry, Snooze, is_outcome
from workers.backoff import full_jitter

Meta: TypeAlias = dict[str, Any]
HISTORY_LENGTH = 10


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
    category: Category


Move: TypeAlias = Finish | Schedule | Bury


def begin(meta: Meta, now: float) -> Meta:
    """The meta of an attempt that begins at `now` (epoch seconds): charged before the work, so that a kill counts too.

    A job that was dead has been put back by someone: its round goes to the history and attempts begin anew.
    """
    begun = dict(meta)
    if "dead_at" in begun:
        last = {key: begun.pop(key) for key in ("dead_at", "reason", "category", "attempts") if key in begun}
        begun["history"] = [*begun.get("history", []), last][-HISTORY_LENGTH:]
        begun["round_at"] = round(now, 3)
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

    What is no Outcome, or one of a category that the table does not know, is a bug and Dead, never success.
    """
    if not is_outcome(outcome):
        return _bury(f"ended with {_named(outcome)}, which is no Outcome", "bug", meta, now)
    match outcome:
        case Snooze():
            return _snooze(outcome, meta, now, rng)
        case Retry():
            return _retry(outcome, meta, now, most, rng)
        case Dead(reason=reason, category=category):
            return _bury(reason, category, meta, now)
        case Done(note=note):
            return Finish(note), meta
    raise AssertionError("is_outcome knows no other")


def _named(outcome: object) -> str:
    category = getattr(outcome, "category", None)
    return type(outcome).__name__ + (f" of the category {category!r}" if category is not None else "")


def _snooze(outcome: Snooze, meta: Meta, now: float, rng: Random | None) -> tuple[Move, Meta]:
    count = meta.get("snoozed", 0) + 1
    waited = {**meta, "attempts": meta["attempts"] - 1, "snoozed": count}
    if outcome.category == "dependency down":
        # Charged or not: who looks at the job wants to know what it waits for, and since when.
        waited["errors"] = _errors(meta, outcome.reason, outcome.category, now)
    return Schedule(_pause(outcome.seconds, outcome.category, count, rng), outcome.reason), waited


def _pause(seconds: float | None, category: Category, tries: int, rng: Random | None) -> float:
    if seconds is not None:
        return max(seconds, 0.0)
    return full_jitter(tries, STRATEGIES[category].backoff or Backoff(), rng)


def _retry(outcome: Retry, meta: Meta, now: float, most: int, rng: Random | None) -> tuple[Move, Meta]:
    charged = _with_error(meta, outcome.reason, outcome.category, now)
    attempts = charged["attempts"]
    allowed = min(most, STRATEGIES[outcome.category].most or most)
    if attempts >= allowed:
        return _bury(f"{outcome.reason} (attempt {attempts} of {allowed})", outcome.category, charged, now)
    return Schedule(_pause(outcome.seconds, outcome.category, attempts, rng), outcome.reason, outcome.category), charged


def _bury(reason: str, category: Category, meta: Meta, now: float) -> tuple[Move, Meta]:
    buried = _with_error(meta, reason, category, now)
    buried.update(dead_at=round(now, 3), reason=reason, category=category)
    return Bury(reason, category), buried


def _with_error(meta: Meta, reason: str, category: Category, now: float) -> Meta:
    return {**meta, "snoozed": 0, "errors": _errors(meta, reason, category, now)}


def _errors(meta: Meta, reason: str, category: Category, now: float) -> Meta:
    error = {"at": round(now, 3), "reason": reason, "category": category}
    return {"first": meta.get("errors", {}).get("first", error), "last": error}
