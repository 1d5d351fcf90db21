"""Where one installation keeps what it needs between starts: its state directory, and what lies in it."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from notifier.config import Settings
from ops.embedded_redis import EmbeddedRedis, runtime_folder


@dataclass(frozen=True, slots=True)
class Home:
    """The paths of one state directory. `sockets` is a short private folder elsewhere (see `embedded_redis`)."""

    state: Path
    sockets: Path
    redis: EmbeddedRedis

    @classmethod
    def of(cls, settings: Settings, environ: Mapping[str, str]) -> "Home":
        """The home of these settings; its folders are made, 0700. Raises OSError or RuntimeFolderError."""
        state = settings.state_dir
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(state, runtime_folder(state, environ), EmbeddedRedis.of(state, environ))

    @property
    def control(self) -> Path:
        """The supervisor's control socket."""
        return self.sockets / "supervisor.sock"

    @property
    def tree(self) -> Path:
        """The compiled tree of the last start."""
        return self.state / "tree.json"

    @property
    def lock(self) -> Path:
        """Held by the supervisor for as long as it lives: a second tree in the same state directory is refused."""
        return self.state / "lock"

    @property
    def config(self) -> Path:
        """The configuration as it was found good: a worker that restarts reads this, not a half-edited file."""
        return self.state / "notifier.toml"

    def redis_url(self, settings: Settings) -> str:
        """The address of the Redis in use: the operator's, else the embedded one's."""
        return settings.redis_url or self.redis.url

    def host_id(self) -> str:
        """The random id of this state directory, made once; it names this host's workers in Redis."""
        path = self.state / "host"
        try:
            found = path.read_text("ascii").strip()
        except FileNotFoundError:
            found = ""
        if not found:
            found = secrets.token_hex(4)
            write_private(path, found)
        return found


def write_private(path: Path, text: str) -> None:
    """Write `text` to `path`, readable by its owner only; a reader sees the old text or the new, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.touch(mode=0o600)
    temporary.write_text(text, "utf-8")
    temporary.replace(path)
