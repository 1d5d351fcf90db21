"""The system's status as Prometheus reads it: all numbers come from Redis, so one page tells of every host."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from workers.status import Status

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(status: Status | None) -> bytes:
    """Give the page; without a status (Redis is away) it says only that."""
    registry = CollectorRegistry()
    registry.register(_Collector(status))
    return generate_latest(registry)


class _Collector(Collector):
    def __init__(self, status: Status | None) -> None:
        self._status = status

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily(
            "notifier_redis_up", "1 while Redis answers the dashboard", 0 if self._status is None else 1
        )
        yield up
        if self._status is not None:
            yield from _counters(self._status)
            yield from _queues(self._status)
            yield from _processes(self._status)


def _counters(status: Status) -> Iterator[Metric]:
    work = CounterMetricFamily(
        "notifier_killmails", "Killmails and notifications since the beginning, by stage", labels=["stage"]
    )
    for name, value in sorted(status.counters.items()):
        work.add_metric([name], value)
    yield work
    events = CounterMetricFamily("notifier_events", "Events of notifier.events since the beginning", labels=["event"])
    for name, value in sorted(status.events.items()):
        events.add_metric([name], value)
    yield events


def _queues(status: Status) -> Iterator[Metric]:
    jobs = GaugeMetricFamily("notifier_jobs", "Jobs now, by queue and state", labels=["queue", "state"])
    for name, queue in status.queues.items():
        states = {"waiting": queue.waiting, "running": queue.started, "scheduled": queue.scheduled, "dead": queue.dead}
        for state, value in states.items():
            jobs.add_metric([name, state], value)
    yield jobs
    yield GaugeMetricFamily(
        "notifier_upkeep", "1 while a live host schedules and recovers", int(status.upkeep is not None)
    )


def _processes(status: Status) -> Iterator[Metric]:
    running = GaugeMetricFamily("notifier_process_running", "1 while the process runs", labels=["host", "process"])
    starts = CounterMetricFamily("notifier_process_starts", "Starts of the process", labels=["host", "process"])
    for host, tree in status.hosts.items():
        for child in _workers(tree):
            running.add_metric([host, child["id"]], int(child.get("state") == "running"))
            starts.add_metric([host, child["id"]], child.get("starts", 0))
    yield running
    yield starts


def _workers(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for child in node.get("children", ()):
        if child.get("type") == "worker":
            yield child
        yield from _workers(child)
