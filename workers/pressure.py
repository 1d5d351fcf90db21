"""Whether Redis may take more: how many deliveries wait, and how full its memory is. Backlog belongs into the feed."""

import time
from typing import Any

from workers import keys
from workers.queues import DELIVERY, Queues

FULLEST = 0.85
"""The share of Redis' memory limit above which the feed reads no further; the rest is for the work under way."""


def crowded(queues: Queues, most_deliveries: int) -> tuple[int, str]:
    """Give how many deliveries wait (also for their time), and why the feed should pause, "" if it need not.

    Edits of what was posted are none: they may wait for hours where news goes first.
    """
    pipe = queues.connection.pipeline(transaction=False)
    pipe.zremrangebyscore(keys.EDITS, "-inf", time.time() - keys.EDITABLE_TTL)
    pipe.zcard(keys.EDITS)
    pipe.llen(queues[DELIVERY].key)
    pipe.zcard(queues[DELIVERY].scheduled_job_registry.key)
    pipe.info("memory")
    _, edits, waiting, scheduled, memory = pipe.execute()
    deliveries = max(int(waiting) + int(scheduled) - int(edits), 0)
    if deliveries > most_deliveries:
        return deliveries, "too many deliveries wait"
    return deliveries, "Redis' memory is nearly full" if _share(memory) > FULLEST else ""


def _share(memory: dict[str, Any]) -> float:
    limit = int(memory.get("maxmemory", 0))
    return int(memory.get("used_memory", 0)) / limit if limit else 0.0
