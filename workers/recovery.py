"""Takes back the jobs of dead workers: at once by the replacement in the same slot, else by the janitor.

One Lua script checks status and owner and pushes to the head of the queue; RQ's own cleanup is never called.
"""

from rq.executions import ExecutionRegistry
from rq.job import Job
from rq.registry import StartedJobRegistry
from rq.worker import BaseWorker
from rq.worker_registration import REDIS_WORKER_KEYS, WORKERS_BY_QUEUE_KEY

from workers import keys
from workers.queues import Queues, intermediate_key


class Recovery:
    """Recovery on one connection."""

    def __init__(self, queues: Queues) -> None:
        self._queues = queues

    def take_back(self, queue: str, slot: str, living: str, *, given_up: bool = False) -> list[str]:
        """Put back what every incarnation of `slot` but `living` ('' for none) held; gives the job ids.

        With `given_up` only if the slot has no heartbeat at that moment, and it is forgotten then.
        """
        script_keys = [
            self._queues[queue].key,
            StartedJobRegistry.key_template.format(queue),
            intermediate_key(queue, slot),
            REDIS_WORKER_KEYS,
            WORKERS_BY_QUEUE_KEY % queue,
            keys.incarnation(slot),
            keys.SLOTS,
        ]
        prefixes = [
            Job.redis_job_namespace_prefix,
            "rq:execution:",
            ExecutionRegistry.key_template.format(""),
            BaseWorker.redis_worker_namespace_prefix,
        ]
        back = self._queues.scripts.recover(
            keys=script_keys, args=[f"{slot}-", living, *prefixes, slot if given_up else ""]
        )
        return [job_id.decode() for job_id in back]

    def is_alive(self, slot: str) -> bool:
        """Whether the newest incarnation of `slot` has a heartbeat that has not run out."""
        connection = self._queues.connection
        count = connection.get(keys.incarnation(slot))
        return count is not None and bool(
            connection.exists(f"{BaseWorker.redis_worker_namespace_prefix}{slot}-{int(count)}")
        )
