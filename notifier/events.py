"""Everything that happens to the work and that a person may want to know: one table of names, fields and levels. Pure.

Names and fields are fixed: logs, metrics and alarms are read by machines. `workers.telemetry` emits them; the
supervisor's own reports (child_exited, restarting, …) have a table of their own in `supervisor.core`.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

Level: TypeAlias = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of event. `runbook` names the page of ops/runbooks for those that need a person, else it is ""."""

    name: str
    fields: tuple[str, ...]
    level: Level
    runbook: str = ""


_KINDS = (
    Kind("job_done", ("job", "note"), "DEBUG"),
    Kind("job_snoozed", ("job", "seconds", "reason"), "DEBUG"),
    Kind("job_retried", ("job", "category", "attempt", "seconds", "reason"), "INFO"),
    Kind("job_dead", ("job", "category", "attempt", "reason"), "WARNING", "dead-letters"),
    Kind("jobs_recovered", ("slot", "jobs"), "WARNING"),
    Kind("job_mended", ("job", "reason"), "WARNING"),
    Kind("letters_replayed", ("jobs",), "INFO"),
    Kind("letters_discarded", ("jobs",), "WARNING"),
    Kind("letters_exported", ("jobs", "file"), "INFO"),
    Kind("letters_imported", ("jobs",), "INFO"),
    Kind("letters_not_exported", ("reason",), "ERROR", "dead-letters"),
    Kind("delivery_ambiguous", ("destination", "jobs", "reason"), "WARNING"),
    Kind("group_refused", ("destination", "jobs", "reason"), "WARNING"),
    Kind("circuit_opened", ("circuit", "reason"), "WARNING", "circuit-open"),
    Kind("circuit_closed", ("circuit",), "INFO"),
    Kind("destination_disabled", ("destination", "reason"), "ERROR", "destination-disabled"),
    Kind("destination_enabled", ("destination",), "INFO"),
    Kind("template_failed", ("destination", "reason"), "WARNING", "template-failed"),
    Kind("package_malformed", ("sequence", "reason"), "WARNING", "malformed-package"),
    Kind("packages_skipped", ("first", "last", "count", "reason"), "ERROR", "skipped-packages"),
    Kind("names_missing", ("job", "reason"), "WARNING"),
    Kind("feed_silent", ("seconds",), "ERROR", "feed-silent"),
    Kind("feed_heard", ("seconds",), "INFO"),
    Kind("feed_paused", ("backlog", "reason"), "INFO"),
    Kind("redis_away", ("what", "reason"), "WARNING", "redis-away"),
    Kind("redis_back", ("what", "seconds"), "INFO"),
    Kind("upkeep_missing", ("seconds",), "ERROR", "no-upkeep"),
    Kind("backfill_done", ("day", "killmails", "new"), "INFO"),
    Kind("backfill_given_up", ("day", "reason"), "ERROR", "skipped-packages"),
)
KINDS: Final = MappingProxyType({kind.name: kind for kind in _KINDS})


class UnknownEventError(Exception):
    """The table has no such event, or not these fields: a bug of whoever emits it."""


def checked(name: str, fields: frozenset[str]) -> Kind:
    """Give the kind of an event that has exactly these fields. Raises UnknownEventError."""
    kind = KINDS.get(name)
    if kind is None or frozenset(kind.fields) != fields:
        expected = "one of the table" if kind is None else f"the fields {', '.join(kind.fields)}"
        raise UnknownEventError(f"event {name} with {', '.join(sorted(fields)) or 'no fields'}: expected {expected}")
    return kind
