"""Runs the demo: makes its world, waits until everything that concerns someone has arrived, and gives the account."""

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from redis.exceptions import RedisError

from notifier.config import Config, Settings, load_config
from notifier.killmail import Malformed, decode_package
from notifier.tracking import Index
from notifier.universe import load
from ops.demo.account import Account, Notification, reckon
from ops.demo.screen import Screen, summary
from ops.demo.world import DemoError, Simulators, System, World, environment, rewrite
from ops.simulators import packages
from workers import keys, status
from workers.connection import connect
from workers.dead_letters import DeadLetters
from workers.ingest import routes
from workers.queues import DELIVERY, ENRICHMENT, INGESTION, QUEUES, Queues
from workers.replies import text
from workers.status import Status

OPS = Path(__file__).parent.parent
KILLMAILS = OPS / "data" / "killmails.jsonl.gz"
RULES = OPS / "docker" / "demo" / "notifier.toml"
PATIENCE = 90.0
"""Seconds without any progress, after which a headless demo gives up and reports what is missing."""
LOOK = 0.1


@dataclass(frozen=True, slots=True)
class Options:
    """What `notifier demo` was asked for; `rate` in killmails a second."""

    headless: bool = False
    kills: int | None = None
    feed: Path | None = None
    config: Path | None = None
    state_dir: Path | None = None
    rate: float = 2.0
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the published packages should lead to, by a dry run with the same rules."""

    killmails: frozenset[int]
    malformed: int
    notifications: frozenset[Notification]


def run(options: Options) -> int:
    """Run it; gives the exit code. Raises ConfigError for rules with mistakes, DemoError when it cannot go on."""
    feed = options.feed or KILLMAILS
    if not feed.is_file():
        raise DemoError(f"found no file {feed}, expected killmails, one JSON object a line")
    if options.config is not None and not options.config.is_file():
        raise DemoError(f"found no file {options.config}, expected rules in TOML")
    with _state(options.state_dir) as state, _world(options, feed, state) as (world, settings):
        if options.headless:
            return _headless(options, feed, world, settings)
        return _watched(world, settings)


@contextmanager
def _state(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        yield folder.absolute()
        return
    temporary = tempfile.mkdtemp(prefix="notifier-demo-")
    try:
        yield Path(temporary)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _world(options: Options, feed: Path, state: Path) -> Iterator[tuple[World, Settings]]:
    pace = "flat" if options.headless else str(options.rate)
    with World(Simulators(feed, state / "simulators", pace, options.kills)) as world:
        rewritten = rewrite(options.config or RULES, world.simulators.base, state / "configuration")
        world.webhooks = rewritten.webhooks
        world.simulators.name(rewritten.webhooks)
        more = {"DASHBOARD_PORT": str(_free_port()), "LOG_LEVEL": "INFO"}
        if options.headless:
            more |= {"FEED_MIN_INTERVAL": "0", "FEED_IDLE": "0.5"}
        environ = environment(os.environ, world.simulators.base, state, rewritten.path, **more)
        settings = Settings.read(environ)
        world.config = load_config(settings.config, environ, load(), settings.discord_hosts)
        world.system = System(settings, environ)
        yield world, settings


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _headless(options: Options, feed: Path, world: World, settings: Settings) -> int:
    began = time.monotonic()
    expected = expect(feed, options.kills, world.config)
    system = world.running()
    queues = Queues(connect(system.redis_url, patient=False), settings.job_timeout)
    watch = _Watch(world, system, queues, expected)
    watch.until_settled()
    account = watch.account(time.monotonic() - began)
    if options.as_json:
        print(msgspec.json.encode(account.as_dict()).decode(), flush=True)  # noqa: T201 – the result
    else:
        summary(account)
    return 0 if account.good else 1


def expect(feed: Path, kills: int | None, config: Config) -> Expectation:
    """Match every package that the simulator publishes, as the dry run would."""
    index = Index(config.subscriptions, load())
    killmails, malformed, notifications = set(), 0, set()
    for body in packages(feed, kills):
        try:
            killmail = decode_package(body).killmail
        except Malformed:
            malformed += 1
            continue
        killmails.add(killmail.killmail_id)
        notifications |= {(killmail.killmail_id, to) for to, _ in routes(index.match(killmail))}
    return Expectation(frozenset(killmails), malformed, frozenset(notifications))


class _Watch:
    """Looks at the running demo from outside: the simulator's journal, and what everybody can read in Redis."""

    def __init__(self, world: World, system: System, queues: Queues, expected: Expectation) -> None:
        self._world, self._system, self._queues, self._expected = world, system, queues, expected
        self._letters = DeadLetters(queues)
        self._by_webhook = {webhook: destination for destination, webhook in world.webhooks.items()}

    def until_settled(self) -> None:
        """Wait until everything has arrived or died and no job is under way; or nothing moves any more."""
        last, moved_at = None, time.monotonic()
        while time.monotonic() - moved_at < PATIENCE:
            code = self._system.exit_code()
            if code is not None:
                raise DemoError(f"the system ended with exit code {code}; its last words:\n{_tail(self._system.log)}")
            now = self._progress()
            if now is not None and self._settled(now):
                return
            if now is not None and now.counters != last:
                last, moved_at = now.counters, time.monotonic()
            time.sleep(LOOK)

    def _progress(self) -> Status | None:
        try:
            return status.read(self._queues)
        except RedisError:  # not up yet, or killed: its supervisor brings it back
            return None

    def _settled(self, now: Status) -> bool:
        arrived = now.counters.get("evaluated", 0) >= len(self._expected.killmails)
        put_aside = now.queues[INGESTION].dead >= self._expected.malformed
        if not (arrived and put_aside) or any(now.queues[name].busy for name in QUEUES):
            return False
        waiting = now.queues[ENRICHMENT].dead + now.queues[DELIVERY].dead + now.counters.get("delivered", 0)
        return waiting >= len(self._expected.notifications)

    def account(self, seconds: float) -> Account:
        """The account as things stand."""
        counters = self._queues.connection.hgetall(keys.COUNTERS)
        figures = {text(name): int(value) for name, value in counters.items()}
        arrivals = self._world.simulators.arrivals()
        arrived = {
            (killmail, self._by_webhook.get(webhook, f"webhook {webhook}")): count
            for webhook, kills in arrivals.items()
            for killmail, count in kills.items()
        }
        ambiguous = {one: self._ambiguous(one) for one, count in arrived.items() if count > 1}
        result = reckon(self._expected.notifications, arrived, self._dead(), ambiguous)
        return Account(
            published=self._world.simulators.published(),
            evaluated=figures.get("evaluated", 0),
            malformed=figures.get("malformed", 0),
            seconds=round(seconds, 2),
            **result,
        )

    def _dead(self) -> set[Notification]:
        """Notifications that wait in the dead letters; an enrichment job stands for all of its own."""
        dead: set[Notification] = set()
        for letter in self._letters.letters(DELIVERY):
            kill, _, destination = letter.id.removeprefix("kill-").partition("-")
            dead.add((int(kill), destination))
        for letter in self._letters.letters(ENRICHMENT):
            kill_id = int(letter.id.removeprefix("kill-"))
            dead |= {one for one in self._expected.notifications if one[0] == kill_id}
        return dead

    def _ambiguous(self, one: Notification) -> int:
        found = self._queues.connection.hget(keys.delivery(f"kill-{one[0]}-{one[1]}"), "ambiguous")
        return int(found or 0)


def _tail(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text("utf-8", "replace").splitlines()[-lines:])


def _watched(world: World, settings: Settings) -> int:
    system = world.running()
    queues = Queues(connect(system.redis_url, patient=False), settings.job_timeout)
    screen = Screen(world, system, queues, f"http://127.0.0.1:{settings.dashboard_port}/")
    try:
        return screen.show()
    except KeyboardInterrupt:
        return 0
