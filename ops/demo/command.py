"""Runs the demo: makes its world, waits until everything that concerns someone has arrived, and gives the account."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from notifier.config import Settings
from ops.demo.screen import Screen, summary
from ops.demo.watch import Watch, expect
from ops.demo.world import DemoError, Simulators, World, state_folder
from workers.connection import connect
from workers.queues import Queues

OPS = Path(__file__).parent.parent
KILLMAILS = OPS / "data" / "killmails.jsonl.gz"
RULES = OPS / "docker" / "demo" / "notifier.toml"


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


def run(options: Options) -> int:
    """Run it; gives the exit code. Raises ConfigError for rules with mistakes, DemoError when it cannot go on."""
    feed = options.feed or KILLMAILS
    if not feed.is_file():
        raise DemoError(f"found no file {feed}, expected killmails, one JSON object a line")
    if options.config is not None and not options.config.is_file():
        raise DemoError(f"found no file {options.config}, expected rules in TOML")
    with state_folder(options.state_dir, "demo") as state, _world(options, feed, state) as (world, settings):
        if options.headless:
            return _headless(options, feed, world, settings)
        return _watched(world, settings)


@contextmanager
def _world(options: Options, feed: Path, state: Path) -> Iterator[tuple[World, Settings]]:
    pace = "flat" if options.headless else str(options.rate)
    with World(Simulators(feed, state / "simulators", pace, options.kills, "--times", "now")) as world:
        paces = {"FEED_MIN_INTERVAL": "0", "FEED_IDLE": "0.5"} if options.headless else {}
        settings, _ = world.start(options.config or RULES, state, LOG_LEVEL="INFO", **paces)
        yield world, settings


def _headless(options: Options, feed: Path, world: World, settings: Settings) -> int:
    began = time.monotonic()
    expected = expect(feed, options.kills, world.config)
    system = world.running()
    queues = Queues(connect(system.redis_url, patient=False), settings.job_timeout)
    watch = Watch(world, queues, expected)
    watch.until_settled()
    account = watch.account(time.monotonic() - began)
    if options.as_json:
        print(msgspec.json.encode(account.as_dict()).decode(), flush=True)  # noqa: T201 – the result
    else:
        summary(account.as_dict())
    return 0 if account.good else 1


def _watched(world: World, settings: Settings) -> int:
    system = world.running()
    queues = Queues(connect(system.redis_url, patient=False), settings.job_timeout)
    screen = Screen(world, system, queues, f"http://127.0.0.1:{settings.dashboard_port}/")
    try:
        return screen.show()
    except KeyboardInterrupt:
        return 0
