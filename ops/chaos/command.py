"""Runs chaos: a feed under way, a storm, a drain, and what came of every notification."""

import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import quantiles
from typing import Any

import msgspec

from notifier.config import Settings
from notifier.feeds import archive
from ops.chaos.driver import Driver
from ops.chaos.storm import storm
from ops.demo.command import KILLMAILS, RULES
from ops.demo.screen import summary
from ops.demo.watch import Watch, expect
from ops.demo.world import Simulators, World, state_folder
from workers.connection import connect
from workers.queues import Queues

CHILDREN = (
    *("dashboard", "redis", "zygote", "scheduler", "janitor"),
    *("delivery-1", "delivery-2", "enrichment-1", "replay", "feed"),
)
RATE = 15.0
"""Killmails a second while the storm lasts; about one and a half notifications each."""
PATIENCE = 60.0
"""Seconds that a fault may wait for something to strike: an address that failed pauses for up to as long."""
AFTERMATH = 20.0
"""Seconds for which the feed goes on after the storm, so that every fault finds something to strike."""
REPEATED = 0.03
"""The share of killmails that the feed publishes twice, under two numbers."""


@dataclass(frozen=True, slots=True)
class Options:
    """What `notifier chaos` was asked for."""

    seconds: float = 60.0
    seed: int = 1
    feed: Path | None = None
    state_dir: Path | None = None
    as_json: bool = False


def run(options: Options) -> int:
    """Run it; gives the exit code: 0 only if nothing was lost, and every repeat is one that nothing can avoid."""
    with state_folder(options.state_dir, "chaos") as state:
        feed = _with_repeats(options.feed or KILLMAILS, state, options)
        with World(_simulators(feed, state, options)) as world:
            settings, environ = world.start(RULES, state, FEED_MIN_INTERVAL="0.02", FEED_IDLE="0.2")
            result = _storm(world, settings, environ, feed, options)
    if options.as_json:
        print(msgspec.json.encode(result).decode(), flush=True)  # noqa: T201 – the result
    else:
        summary(result)
    good = result["lost"] == 0 and result["duplicates"] == result["duplicates_in_window"]
    return 0 if good else 1


def _kills(options: Options) -> int:
    return int((options.seconds + AFTERMATH) * RATE)


def _simulators(feed: Path, state: Path, options: Options) -> Simulators:
    # The feed is read flat out on both sides: the storm is to meet a busy system.
    return Simulators(feed, state / "simulators", str(RATE), _kills(options), "--feed-limits", "off")


def _storm(world: World, settings: Settings, environ: dict[str, str], feed: Path, options: Options) -> dict[str, Any]:
    began = time.monotonic()
    expected = expect(feed, _kills(options), world.config)
    queues = Queues(connect(world.running().redis_url, patient=False), settings.job_timeout)
    driver = Driver(world, settings, environ)
    driver.run(storm(options.seed, options.seconds, CHILDREN))
    struck = driver.calm(PATIENCE)
    watch = Watch(world, queues, expected)
    watch.until_settled(driver.ended)
    driver.recoveries.stop()
    account = watch.account(time.monotonic() - began)
    recovery = driver.recoveries.milliseconds
    return {
        **account.as_dict(),
        "seed": options.seed,
        "kills": sum(driver.kills.values()),
        "recovery_ms_p50": _quantile(recovery, 50),
        "recovery_ms_p99": _quantile(recovery, 99),
        "escalations": driver.escalations,
        "strikes": dict(driver.done),
        "killed": dict(driver.kills),
        "faults": dict(struck),
    }


def _quantile(values: list[float], percent: int) -> float | None:
    return round(quantiles(values, n=100, method="inclusive")[percent - 1], 1) if len(values) > 1 else None


def _with_repeats(feed: Path, state: Path, options: Options) -> Path:
    """Copy the feed with some of its killmails a second time, a little later."""
    chance = Random(options.seed)  # noqa: S311 – to be played again
    lines = [line for _, line in archive.read(feed)]
    repeated = list(lines)
    for line in lines:
        if chance.random() < REPEATED:
            repeated.insert(chance.randrange(len(repeated)), line)
    path = state / "feed.jsonl"
    path.write_bytes(b"\n".join(repeated) + b"\n")
    return path
