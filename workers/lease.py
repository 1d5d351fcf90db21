"""What only one host may do at a time. The holder is a host, not a process: a restarted process goes on at once."""

import time

from workers import keys
from workers.queues import Queues


class Lease:
    """The lease `name`, sought for `host`. Held by renewing it well within its lifetime."""

    def __init__(self, queues: Queues, name: str, host: str) -> None:
        self.key, self.holder = keys.lease(name), host
        self._renew = queues.scripts.renew
        self._fresh_until = 0.0

    def held(self) -> bool:
        """Take or prolong the lease if that is due; gives whether it is ours. Raises what redis-py raises."""
        now = time.monotonic()
        if now < self._fresh_until:
            return True
        ours = bool(self._renew(keys=[self.key], args=[self.holder, keys.LEASE_TTL * 1000]))
        self._fresh_until = now + keys.LEASE_TTL / 3 if ours else 0.0
        return ours
