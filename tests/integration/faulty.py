"""A Redis client that fails at its n-th command, as a kill, a lost command, a lost reply or a repeat would make it."""

from collections.abc import Callable
from typing import Any

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ConnectionError as RedisConnectionError


class Killed(BaseException):
    """kill -9: nothing that comes after it is done by this process."""


class Faults:
    """What one process meets: `kind` happens at its command number `at` (from 1), on all of its clients together.

    killed: dies before the command is sent. lost: the connection breaks before it. reply lost: the server does it, and
    the connection breaks. sent twice: redis-py's own retry sends it again, for the reply was lost.
    """

    KINDS = ("killed", "lost", "reply lost", "sent twice")

    def __init__(self, kind: str = "", at: int = 0) -> None:
        self.kind, self.at, self.count, self.dead = kind, at, 0, False

    @property
    def happened(self) -> bool:
        return self.count >= self.at

    def around(self, send: Callable[[], Any], *, retried: bool) -> Any:
        if self.dead:
            raise Killed
        self.count += 1
        if self.count != self.at:
            return send()
        if self.kind == "killed":
            self.dead = True
            raise Killed
        if self.kind == "sent twice" and retried:
            send()
        elif self.kind == "reply lost":
            send()
            raise RedisConnectionError("the reply was lost")
        elif self.kind == "lost":
            raise RedisConnectionError("the command was lost")
        return send()


MADE: list["FaultyRedis"] = []
"""Whose connections are still to be closed: a process that was killed closes nothing itself."""


def close_all() -> None:
    """What the kernel does for killed processes."""
    while MADE:
        MADE.pop().connection_pool.disconnect()


class FaultyPipeline(Pipeline):
    faults: Faults

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        stack = list(self.command_stack)

        def send() -> Any:
            self.command_stack = list(stack)
            return super(FaultyPipeline, self).execute(raise_on_error)

        return self.faults.around(send, retried=True)


class FaultyRedis(Redis):
    faults: Faults
    retried = True

    @classmethod
    def at(cls, url: str, faults: Faults, *, retried: bool = True) -> "FaultyRedis":
        client = cls.from_url(url, retry=None)
        client.faults, client.retried = faults, retried
        MADE.append(client)
        return client

    def execute_command(self, *args: Any, **options: Any) -> Any:
        send = super().execute_command
        return self.faults.around(lambda: send(*args, **options), retried=self.retried)

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> FaultyPipeline:
        made = FaultyPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)
        made.faults = self.faults
        return made
