"""The demo's world: simulators and tree as processes of ours, the configuration rewritten to post to the simulator.

Everything else is the system as `notifier up` runs it.
"""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import msgspec
import tomli_w

from notifier.config import Config, Settings, load_config
from notifier.universe import load
from ops import launch
from ops.home import write_private
from ops.tree import ROLES
from supervisor import control

PR_SET_PDEATHSIG = 1
FIRST_WEBHOOK = 1_300_000_000_000_000_000
JOURNAL_END = 200_000
"""Bytes of the journal that are read for the last messages."""
STOP_SECONDS = 4.0
"""For the tree to stop by itself; after that it is told to hurry."""

_libc = ctypes.CDLL(None, use_errno=True)


class DemoError(Exception):
    """The demo cannot go on; says why."""


def _die_with_parent() -> None:
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def webhook_id(number: int) -> int:
    """The simulator's webhook of the destination with this place in the configuration."""
    return FIRST_WEBHOOK + number


def _posted(line: bytes) -> dict[str, Any] | None:
    """Read a line of the journal; None for one that tells of an edit or a deletion."""
    found = msgspec.json.decode(line)
    if found["action"] != "post":
        return None
    return {"webhook_id": found["webhook"], "embeds": found["payload"].get("embeds") or []}


class Simulators:
    """The simulators' process. `base` is their address once they listen."""

    def __init__(self, feed: Path, state: Path, pace: str, kills: int | None, *more: str) -> None:
        state.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "ops.simulators", "--port", "0", "--feed", str(feed), "--state", str(state)]
        command += ["--pace", pace, *more] + (["--kills", str(kills)] if kills is not None else [])
        self._process = subprocess.Popen(  # noqa: S603 – our own interpreter and module
            command, stdout=subprocess.PIPE, start_new_session=True, preexec_fn=_die_with_parent
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise DemoError(f"the simulators ended at once (exit code {self._process.wait()}); their words are above")
        self.base = f"http://127.0.0.1:{msgspec.json.decode(line)['port']}"
        self._client = httpx.Client(base_url=self.base, timeout=10.0)
        self._journal = state / "discord.jsonl"

    def arrivals(self) -> dict[int, dict[int, int]]:
        """How often each killmail arrived, by webhook and killmail."""
        found: dict[str, dict[str, int]] = self._get("/simulator/arrivals")
        return {int(w): {int(k): n for k, n in kills.items()} for w, kills in found.items()}

    def published(self) -> int:
        """How many packages the feed holds by now."""
        count: int = self._get("/simulator/published")["published"]
        return count

    def name(self, webhooks: Mapping[str, int]) -> None:
        """Have the page show each destination's channel under its id; `webhooks` as in `Rewritten`."""
        self._ask("POST", "/simulator/names", {str(webhook): destination for destination, webhook in webhooks.items()})

    def forums(self, channels: Iterable[int]) -> None:
        """Make these channels forums."""
        self._ask("POST", "/simulator/kinds", {str(channel): "forum" for channel in channels})

    def last_messages(self, count: int) -> list[dict[str, Any]]:
        """The messages that were posted last, newest first, each with `embeds` and `webhook_id`."""
        posted = (_posted(line) for line in reversed(self._last_lines()))
        return list(islice((one for one in posted if one is not None), count))

    def _last_lines(self) -> list[bytes]:
        """The whole lines at the end of the simulator's journal."""
        try:
            with self._journal.open("rb") as journal:
                start = max(0, journal.seek(0, os.SEEK_END) - JOURNAL_END)
                journal.seek(start)
                lines = journal.read().split(b"\n")
        except FileNotFoundError:
            return []
        return lines[1 if start else 0 : -1]

    def _get(self, path: str) -> Any:
        return self._ask("GET", path)

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        try:
            reply = self._client.request(method, path, json=body)
            reply.raise_for_status()
        except httpx.HTTPError as error:
            raise DemoError(f"the simulators do not answer ({type(error).__name__})") from None
        return msgspec.json.decode(reply.content)

    def stop(self) -> None:
        """End them."""
        self._client.close()
        _end(self._process, 2.0)
        if self._process.stdout is not None:
            self._process.stdout.close()


class System:
    """The tree's process, started as `notifier up` would."""

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self.home, inherited = launch.prepare(settings, environ, ROLES)
        self.redis_url = inherited["NOTIFIER_REDIS_URL"]
        self._log = (self.home.state / "demo.log").open("ab")
        self._process = subprocess.Popen(  # noqa: S603 – the command that `up` becomes
            launch.command(self.home),
            env=inherited,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            # A session of its own: Ctrl-C reaches the demo alone, which stops the parts in order.
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )

    @property
    def log(self) -> Path:
        """Where its words go."""
        return self.home.state / "demo.log"

    @property
    def pid(self) -> int:
        """The supervisor's."""
        return self._process.pid

    def pid_of(self, name: str) -> int | None:
        """Give the pid of a child of the tree; None while it has none, or nobody answers."""
        try:
            tree = control.call(str(self.home.control), {"call": "tree"}, timeout=2.0)
        except (OSError, ValueError):
            return None
        return _pid_below(tree, name)

    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def stop(self) -> None:
        """Stop the tree in order; hurried after a while."""
        _end(self._process, STOP_SECONDS)
        self._log.close()


def _pid_below(node: Mapping[str, Any], name: str) -> int | None:
    for child in node.get("children", ()):
        if child["id"] == name:
            pid: int | None = child.get("pid")
            return pid
        if (found := _pid_below(child, name)) is not None:
            return found
    return None


def _end(process: "subprocess.Popen[bytes]", seconds: float) -> None:
    """SIGTERM; after `seconds` once more, which means hurry; at last SIGKILL."""
    for number, patience in ((signal.SIGTERM, seconds), (signal.SIGTERM, 2.0), (signal.SIGKILL, 2.0)):
        if process.poll() is None:
            process.send_signal(number)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
        return


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The configuration of the demo: `path` is the file, `webhooks` the simulator's webhook of each destination,
    `forums` those of them that must be forums.
    """

    path: Path
    webhooks: dict[str, int]
    forums: tuple[int, ...] = ()


def rewrite(config: Path, base: str, folder: Path) -> Rewritten:
    """Copy `config` into `folder` with every destination posting to the simulator at `base`, whatever its address.

    What is wrong in the file stays wrong: it is reported as `notifier up` would.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path, webhooks, forums = folder / "notifier.toml", {}, []
    text = config.read_text("utf-8")
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        path.write_text(text, "utf-8")  # for the one report of mistakes
        return Rewritten(path, {})
    destinations = table.get("destinations")
    for number, destination in enumerate(destinations if isinstance(destinations, list) else []):
        if isinstance(destination, dict) and isinstance(destination.get("id"), str):
            webhooks[destination["id"]] = webhook_id(number)
            _lead(destination, webhook_id(number), base, folder)
            forums += [webhook_id(number)] if "post_name" in destination else []
            _find_template(destination, config.parent)
    path.write_text(tomli_w.dumps(table), "utf-8")
    return Rewritten(path, webhooks, tuple(forums))


def _lead(destination: dict[str, Any], number: int, base: str, folder: Path) -> None:
    """Lead it to the webhook of this number, or as a bot to the channel of this number; their secrets mean nothing."""
    is_bot = "bot" in destination
    kept = folder / f"{'bot' if is_bot else 'webhook'}-{number}"
    write_private(kept, "simulated" * 8 if is_bot else f"{base}/api/webhooks/{number}/{'simulated' * 8}")
    destination["bot" if is_bot else "webhook"] = {"file": str(kept)}
    if "channel" in destination:
        destination["channel"] = number


def _find_template(destination: dict[str, Any], folder: Path) -> None:
    """Have its template found where it stands: beside the rules that are copied."""
    template = destination.get("template")
    if isinstance(template, dict) and isinstance(template.get("file"), str):
        template["file"] = str(folder.absolute() / template["file"])


def environment(environ: Mapping[str, str], base: str, state: Path, config: Path, **more: str) -> dict[str, str]:
    """The environment of a demo: none of the user's own settings, so that nothing real is ever posted to."""
    kept = {key: value for key, value in environ.items() if not key.startswith("NOTIFIER_")}
    settings = {
        "CONFIG": str(config),
        "STATE_DIR": str(state),
        "ZKILLBOARD_URL": base,
        "ESI_URL": f"{base}/esi",
        "ZKILLBOARD_API_URL": base,
        "JANICE_URL": base,
        "DISCORD_HOSTS": base.removeprefix("http://"),
        "DISCORD_URL": f"{base}/api/v10",
        "CONTACT": "a demo on this machine",
        **more,
    }
    return kept | {f"NOTIFIER_{key}": value for key, value in settings.items()}


class World:
    """Simulators and system together, ended together."""

    def __init__(self, simulators: Simulators) -> None:
        self.simulators = simulators
        self.webhooks: dict[str, int] = {}
        self.config = Config({}, ())
        self.system: System | None = None

    def start(self, rules: Path, state: Path, **more: str) -> tuple[Settings, dict[str, str]]:
        """Start the system in `state` by `rules`, rewritten to post to the simulators; gives how it was started.

        `more` are settings by their names without NOTIFIER_. Raises ConfigError.
        """
        rewritten = rewrite(rules, self.simulators.base, state / "configuration")
        self.webhooks = rewritten.webhooks
        self.simulators.name(rewritten.webhooks)
        self.simulators.forums(rewritten.forums)
        more = {"DASHBOARD_PORT": str(free_port()), **more}
        environ = environment(os.environ, self.simulators.base, state, rewritten.path, **more)
        settings = Settings.read(environ)
        self.config = load_config(settings.config, environ, load(), settings.discord_hosts, settings.discord_url)
        self.system = System(settings, environ)
        return settings, environ

    def running(self) -> System:
        """The system, once it was started."""
        assert self.system is not None
        return self.system

    def channel(self, webhook: object) -> str:
        """The destination behind a webhook of the simulator."""
        return next((name for name, known in self.webhooks.items() if str(known) == str(webhook)), "?")

    def __enter__(self) -> "World":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.system is not None:
            self.system.stop()
        self.simulators.stop()


@contextmanager
def state_folder(folder: Path | None, what: str) -> Iterator[Path]:
    """Give the folder for everything that a run keeps: the named one, or one that is gone afterwards."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder.absolute()
        return
    temporary = tempfile.mkdtemp(prefix=f"notifier-{what}-")
    try:
        yield Path(temporary)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def free_port() -> int:
    """Give a port of 127.0.0.1 that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
