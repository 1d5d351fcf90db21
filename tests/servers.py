"""Real servers for integration tests: the embedded Redis, as the tree starts it."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from ops.embedded_redis import EmbeddedRedis


def wait_until(condition, deadline: float = 20.0, what: str = "the condition"):
    """Ask `condition` until it gives something true; that is returned. The one waiting loop of all tests."""
    give_up = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > give_up:
            raise AssertionError(f"{what} did not come true within {deadline} s")
        time.sleep(0.005)


class RedisServer:
    """One embedded server; may be stopped, killed and started again with the same data."""

    def __init__(self, folder: Path) -> None:
        self.embedded = EmbeddedRedis(folder, folder / "redis.sock")
        self.process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        return self.embedded.url

    def start(self) -> None:
        self.process = subprocess.Popen(self.embedded.argv(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with Redis.from_url(self.url) as client:
            wait_until(lambda: self._answers(client), what="the server's PING")

    @staticmethod
    def _answers(client: Redis) -> bool:
        try:
            return bool(client.ping())
        except RedisError:
            return False

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """A server in a folder of its own, gone afterwards. The folder's path is short, as a socket's must be."""
    with tempfile.TemporaryDirectory(prefix="nt-") as folder:
        server = RedisServer(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.kill()
