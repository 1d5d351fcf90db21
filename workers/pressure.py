"""Whether Redis may take more: how many deliveries wait, and how full its memory is. Backlog belongs into the feed."""

from typing import Any

from workers.queues import DELIVERY, Queues

FULLEST = 0.85
"""The share of Redis' memory limit above which the feed reads no further; the rest is for the work under way."""


def crowded(queues: Queues, most_deliveries: int) -> tuple[int, str]:
    """Give how many deliveries wait (also for their time), and why the feed should pause, "" if it need not."""
    pipe = queues.connection.pipeline(transaction=False)
    pipe.llen(queues[DELIVERY].key)
    pipe.zcard(queues[DELIVERY].scheduled_job_registry.key)
    pipe.info("memory")
    waiting, scheduled, memory = pipe.execute()
    deliveries = int(waiting) + int(scheduled)
    if deliveries > most_deliveries:
        return deliveries, "too many deliveries wait"
    return deliveries, "Redis' memory is nearly full" if _share(memory) > FULLEST else ""


def _share(memory: dict[str, Any]) -> float:
    limit = int(memory.get("maxmemory", 0))
    return int(memory.get("used_memory", 0)) / limit if limit else 0.0
