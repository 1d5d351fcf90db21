"""Connections to Redis: from a URL (redis, rediss, unix, or Sentinel's), patient or failing at once."""

from typing import Any

from redis import Redis, Sentinel
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.exceptions import ReadOnlyError
from redis.retry import Retry

from notifier.config import parse_redis_url

_Sentinel: Any = Sentinel

TIMEOUT = 10.0
"""Seconds for an answer; above the longest blocking command (see rq_worker.BLOCK) there is a margin of its own."""


def connect(url: str, *, patient: bool = True, timeout: float = TIMEOUT) -> Redis:
    """A client of the server at `url`; nothing is sent before its first use.

    A patient one retries for about a second before it raises; the other raises at once (for blocking commands, whose
    repeat would not be the same command).
    """
    retry = Retry(ExponentialWithJitterBackoff(cap=0.3, base=0.02), 5) if patient else Retry(NoBackoff(), 0)
    options: dict[str, Any] = {"socket_timeout": timeout, "socket_connect_timeout": 5.0, "retry": retry}
    # A server that was demoted under us: the connection is dropped, and the next one goes where the name now leads.
    options["retry_on_error"] = [ReadOnlyError]
    address = parse_redis_url(url)
    if address.sentinels:
        sentinel = _Sentinel(
            list(address.sentinels),
            sentinel_kwargs={"socket_timeout": 2.0},
            username=address.username,
            password=address.password,
            db=address.db,
            **options,
        )
        master: Redis = sentinel.master_for(address.service)
        return master
    return Redis.from_url(url, **options)
