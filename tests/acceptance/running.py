"""A demo as its user starts it, seen from outside: its processes, its Redis, its account at the end."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from ops.embedded_redis import EmbeddedRedis, runtime_folder
from supervisor import control, linux
from tests.servers import wait_until

COMMAND = [sys.executable, "-c", "from ops.cli import main; main()"]


class Demo:
    """One run of `notifier demo --headless` in `state`."""

    def __init__(self, state: Path, *arguments: str) -> None:
        self.state = state
        state.mkdir(exist_ok=True)
        command = [*COMMAND, "demo", "--headless", "--json", "--state-dir", str(state), *arguments]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, text=True
        )
        self.control = str(runtime_folder(state, os.environ) / "supervisor.sock")
        self.redis = Redis.from_url(EmbeddedRedis.of(state, os.environ).url)

    def tree(self):
        """The process tree, None while nobody answers."""
        try:
            return control.call(self.control, {"call": "tree"}, timeout=5.0)
        except (OSError, ValueError):
            return None

    def counter(self, name: str) -> int:
        try:
            return int(self.redis.hget("notifier:counters", name) or 0)
        except RedisError:
            return 0

    def until_delivered(self, count: int) -> None:
        wait_until(lambda: self.counter("delivered") >= count or self.ended(), 60, f"{count} deliveries")
        assert not self.ended(), self.account()

    def until_up(self):
        def up():
            tree = self.tree()
            return tree if tree and all(child["state"] == "running" for child in everyone(tree)) else None

        return wait_until(up, 30, "the whole tree")

    def ended(self) -> bool:
        return self.process.poll() is not None

    def account(self) -> dict:
        """Wait for the end; gives the last line's object, and the exit code and what was said as `exit`, `said`."""
        out, err = self.process.communicate(timeout=110)
        lines = out.strip().splitlines()
        found = json.loads(lines[-1]) if lines else {}
        return {**found, "exit": self.process.returncode, "said": err}

    def kill_child(self, name: str, number: int = signal.SIGKILL) -> int:
        """Send a signal to one child of the tree; gives its pid."""
        pid = next(child["pid"] for child in everyone(self.until_up()) if child["id"] == name)
        os.kill(pid, number)
        return pid

    def until_replaced(self, name: str, pid: int) -> None:
        """Wait until another process stands in the place of the one that was killed."""

        def replaced():
            tree = self.tree()
            found = [child for child in everyone(tree) if child["id"] == name] if tree else []
            return found and found[0]["state"] == "running" and found[0]["pid"] != pid

        wait_until(replaced, 30, f"a replacement of {name}")

    def marked(self) -> list[int]:
        """The pids of all processes that the tree has started."""
        tree = json.loads((self.state / "tree.json").read_text())
        return list(linux.marked(tree["marker"]))

    def end(self) -> None:
        """End it, whatever state it is in."""
        self.redis.close()
        if not self.ended():
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.communicate(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.communicate()


def everyone(node: dict) -> list[dict]:
    """All children below a node of the tree."""
    below = node.get("children", [])
    return [*below, *(one for child in below for one in everyone(child))]
