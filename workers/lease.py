"""What only one host may do at a time. The holder is a host, not a process: a restarted process goes on at once."""

import time
from contextlib import suppress

from redis.exceptions import RedisError

from workers import keys
from workers.queues import Queues


class Lease:
    """The lease `name`, sought for `host`. Held by renewing it well within its lifetime."""

    def __init__(self, queues: Queues, name: str, host: str) -> None:
        self.key, self.holder = keys.lease(name), host
        self._renew, self._resign = queues.scripts.renew, queues.scripts.resign
        self._fresh_until = 0.0

    def held(self) -> bool:
        """Take or prolong the lease if that is due; gives whether it is ours. Raises what redis-py raises."""
        now = time.monotonic()
        if now < self._fresh_until:
            return True
        ours = bool(self._renew(keys=[self.key], args=[self.holder, keys.LEASE_TTL * 1000]))
        self._fresh_until = now + keys.LEASE_TTL / 3 if ours else 0.0
        return ours

    def resign(self) -> None:
        """Give it up at a clean stop, so that the next host need not wait for its end; not while Redis is away."""
        self._fresh_until = 0.0
        with suppress(RedisError):
            self._resign(keys=[self.key], args=[self.holder])
