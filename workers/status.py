"""What the whole system looks like now, read from Redis in two round trips: for the dashboard, the demo and the CLI."""

from dataclasses import dataclass
from typing import Any

import msgspec
from rq.registry import FailedJobRegistry, ScheduledJobRegistry, StartedJobRegistry

from workers import keys
from workers.queues import QUEUES, Queues
from workers.replies import text


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """One queue: jobs that wait, run, are scheduled, are dead."""

    waiting: int
    started: int
    scheduled: int
    dead: int

    @property
    def busy(self) -> int:
        """Jobs that are still on their way."""
        return self.waiting + self.started + self.scheduled


@dataclass(frozen=True, slots=True)
class Status:
    """Totals and events since the beginning, the queues by name, each live host's process tree by host id.

    `upkeep` is the host that schedules, None while no live host does: then nothing is scheduled and nothing recovered.
    """

    counters: dict[str, int]
    events: dict[str, int]
    queues: dict[str, QueueStatus]
    hosts: dict[str, dict[str, Any]]
    upkeep: str | None


def read(queues: Queues) -> Status:
    """The status now. Raises what redis-py raises."""
    connection = queues.connection
    hosts = [text(host) for host in connection.zrange(keys.HOSTS, 0, -1)]
    pipe = connection.pipeline(transaction=False)
    pipe.hgetall(keys.COUNTERS)
    pipe.hgetall(keys.EVENTS)
    for name in QUEUES:
        pipe.llen(queues[name].key)
        for registry in (StartedJobRegistry, ScheduledJobRegistry, FailedJobRegistry):
            pipe.zcard(registry.key_template.format(name))
    pipe.get(keys.lease("scheduler"))
    for host in hosts:
        pipe.get(keys.host(host))
    answers = pipe.execute()
    counters, events, *answers = answers
    figures = [QueueStatus(*answers[4 * n : 4 + 4 * n]) for n in range(len(QUEUES))]
    upkeep, *found = answers[4 * len(QUEUES) :]
    trees = zip(hosts, found, strict=True)
    return Status(
        {text(name): int(value) for name, value in counters.items()},
        {text(name): int(value) for name, value in events.items()},
        dict(zip(QUEUES, figures, strict=True)),
        {host: msgspec.json.decode(tree) for host, tree in trees if tree is not None},
        text(upkeep) if upkeep else None,
    )
