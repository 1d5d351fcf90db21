"""The benchmark `delivery`: a burst under Discord's limits, destinations beside a blocked one, the cost of a post.

The whole system runs on the simulators, its feed flat out on both sides (paced only where one kill a post is measured).
"""

import argparse
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import httpx
import msgspec
import tomli_w

from ops.bench import machine
from ops.bench.figures import OURS, Figure, Outcome, Row, Target
from ops.bench.supervision.running import MeasureError
from ops.demo.command import KILLMAILS
from ops.demo.world import (
    Simulators,
    World,
    state_folder,
    webhook_id,
)
from ops.simulators.discord.journal import killmails
from ops.simulators.discord.limiter import CHANNEL_POSTS, CHANNEL_SECONDS, POSTS, POSTS_SECONDS
from supervisor import control

T = TypeVar("T")
DIGEST, UNGROUPED, GAP = "with a digest", "a post a kill (computed)", "2 s apart (computed)"
BURST = 300
DESTINATIONS, KILLS_EACH = 50, 10
BLOCKED_SECONDS = 20.0
KILL_RATE, CHANNELS = 0.45, 25
"""Kills a second, each for so many channels, where the cost of a post is measured: no two wait together anywhere."""
WARM = 25
"""Posts before that measurement begins."""
PATIENCE = 180.0
LOOK = 0.02
"""Seconds between two looks at the simulators."""
FIRST = str(webhook_id(0))
"""The webhook that is blocked."""
_client = httpx.Client(timeout=10.0)
EVERYTHING = {"any": [{"npc": True}, {"npc": False}]}

ROWS = (
    Row(
        "burst",
        f"{BURST} kills at once for one channel, Discord's limits on → all are there",
        "s",
        Target("at_most", 60),
    ),
    Row("burst_messages", "… in so many messages", ""),
    Row("burst_edits", "… which were edited so often", ""),
    Row("burst_order", "… kills that came out of order", "", Target("equals", 0)),
    Row("burst_429", "… answers of 429", "", Target("equals", 0)),
    Row("burst_missing", "… kills lost or repeated", "", Target("equals", 0)),
    Row(
        "others",
        f"{DESTINATIONS} destinations of {KILLS_EACH} kills, one blocked for {BLOCKED_SECONDS:g} s → the rest done",
        "s",
        Target("at_most", 10),
    ),
    Row(
        "blocked", "… from its 429 to the first message of the blocked one", "s", Target("at_most", BLOCKED_SECONDS + 2)
    ),
    Row("blocked_early", "… posts to it before its time", "", Target("equals", 0)),
    Row("others_429", "… answers of 429 beside that one", "", Target("equals", 0)),
    Row("cpu", "one worker, one kill a message: CPU of a posted message", "ms", Target("at_most", 8)),
    Row("connections", "… TCP connections that carried its posts", "", Target("at_most", 2)),
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this benchmark may be told."""
    parser.add_argument("--posts", type=int, default=200, metavar="N", help="posts of which the cost is measured (200)")


def run(options: argparse.Namespace) -> Outcome:
    """Measure the three, one after the other."""
    about = machine.about()
    digest = _digest()
    found = {**_burst(), **_beside_a_blocked_one(), **_cost(options.posts)}
    computed = {UNGROUPED: {"burst": Figure(seconds_ungrouped(BURST)), "burst_messages": Figure(BURST)}}
    computed[GAP] = {"burst": Figure(2.0 * BURST), "burst_messages": Figure(BURST)}
    columns = {OURS: found, DIGEST: digest, **computed}
    rows = tuple(
        Row(row.key, row.title, row.unit, row.target, {name: of.get(row.key) for name, of in columns.items()})
        for row in ROWS
    )
    about["load afterwards"] = machine.about()["load"]
    return Outcome("delivery", tuple(columns), rows, {OURS: version("eve-killmail-notifier")}, about)


def seconds_ungrouped(posts: int) -> float:
    """When the last of so many single posts is admitted by both of Discord's limits, if none is ever refused."""
    windows, rest = divmod(posts - 1, CHANNEL_POSTS)
    return windows * CHANNEL_SECONDS + rest // POSTS * POSTS_SECONDS


@dataclass(frozen=True, slots=True)
class _Scene:
    """What one measurement runs on; `limits` are Discord's and ESI's."""

    destinations: int
    kills: int
    pace: str = "flat"
    limits: str = "discord"
    workers: int | None = None
    digest: bool = False
    faults: tuple[Mapping[str, Any], ...] = ()


@contextmanager
def _system(scene: _Scene) -> Iterator[World]:
    with state_folder(None, "bench") as state:
        more = ["--feed-limits", "off", "--limits", scene.limits, "--times", "now"]
        simulators = Simulators(KILLMAILS, state / "simulators", scene.pace, scene.kills, *more)
        with World(simulators) as world:
            if scene.faults:
                _client.post(f"{simulators.base}/simulator/faults", json=list(scene.faults)).raise_for_status()
            workers = {} if scene.workers is None else {"DELIVERY_WORKERS": str(scene.workers)}
            rules = _rules(state / "rules.toml", scene.destinations, digest=scene.digest)
            world.start(rules, state, FEED_MIN_INTERVAL="0", FEED_IDLE="0.05", **workers)
            yield world


def _rules(path: Path, destinations: int, *, digest: bool) -> Path:
    """Write rules that tell every one of so many destinations of every kill."""
    more: dict[str, object] = {"digest": {}} if digest else {}
    names = [f"channel-{number}" for number in range(destinations)]
    table = {
        "destinations": [{"id": name, "webhook": {"env": "REWRITTEN"}, **more} for name in names],
        "subscriptions": [{"id": "everything", "to": names, "where": EVERYTHING}],
    }
    path.write_text(tomli_w.dumps(table), "utf-8")
    return path


# -- 300 at once for one channel


def _burst() -> dict[str, Figure]:
    with _system(_Scene(destinations=1, kills=BURST)) as world:
        _wait(lambda: _notifications(world) >= BURST, f"{BURST} notifications")
        came = _messages(world)
        stats, timings = _control(world, "stats"), _control(world, "timings")
        fetched = {int(kill): one["fetched"] for kill, one in timings.items() if "fetched" in one}
        return {
            "burst": Figure(came[-1].at - min(fetched.values())),
            "burst_messages": Figure(len(came)),
            "burst_order": Figure(out_of_order([kill for one in came for kill in one.kills], fetched)),
            "burst_429": Figure(stats["requests"]["discord"].get("429", 0)),
            "burst_missing": Figure(BURST - stats["distinct"] + stats["repeated"]),
        }


def _digest() -> dict[str, Figure]:
    """The same burst where the channel wants a digest: its message, and whatever came before it as usual."""
    with _system(_Scene(destinations=1, kills=BURST, digest=True)) as world:
        lines = _wait(lambda: _told_of_all(_lines(world)), f"messages that tell of {BURST} kills")
        timings, requests = _control(world, "timings"), _control(world, "stats")["requests"]["discord"]
        fetched = min(one["fetched"] for one in timings.values() if "fetched" in one)
        return {
            "burst": Figure(lines[-1]["at"] - fetched),
            "burst_messages": Figure(sum(one["action"] == "post" for one in lines)),
            "burst_edits": Figure(sum(one["action"] == "edit" for one in lines)),
            "burst_429": Figure(requests.get("429", 0)),
        }


def _told_of_all(lines: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    return lines if told(lines) >= BURST else None


def told(lines: Iterable[Mapping[str, Any]]) -> int:
    """Count the kills that a channel tells of: each embed of a kill, and what a digest says as it stands now."""
    messages = {one["id"]: one["payload"] for one in lines}
    return sum(_ships(embed) for payload in messages.values() for embed in payload["embeds"])


def _ships(embed: Mapping[str, Any]) -> int:
    said = re.match(r"\*\*([\d,]+) ships?\b", embed["description"])
    return int(said[1].replace(",", "")) if said else 1


def out_of_order(came: list[int], fetched: Mapping[int, float]) -> int:
    """Count the kills that arrived after one that the feed gave later."""
    latest, found = 0.0, 0
    for kill in came:
        found += fetched[kill] < latest
        latest = max(latest, fetched[kill])
    return found


# -- 50 destinations, one of them blocked


def _beside_a_blocked_one() -> dict[str, Figure]:
    blocked = {
        "service": "discord",
        "match": {"method": "POST", "path": f"/webhooks/{FIRST}/"},
        "status": 429,
        "body": {"message": "You are being rate limited.", "retry_after": BLOCKED_SECONDS, "global": False},
        "headers": {"X-RateLimit-Scope": "user"},
    }
    once = {**blocked, "times": 1}
    with _system(_Scene(DESTINATIONS, KILLS_EACH, workers=1, faults=(once,))) as world:
        everything = DESTINATIONS * KILLS_EACH
        refused_at = _wait(lambda: _refused(world), "the 429")
        _wait(lambda: _notifications(world) >= everything, f"{everything} notifications")
        came = _messages(world)
        requests = _control(world, "stats")["requests"]["discord"]
        first_fetched = min(one["fetched"] for one in _control(world, "timings").values() if "fetched" in one)
    late = [one.at for one in came if one.webhook == FIRST]
    others = [one.at for one in came if one.webhook != FIRST]
    return {
        "others": Figure(max(others) - first_fetched),
        "blocked": Figure(min(late) - refused_at),
        "blocked_early": Figure(sum(at < refused_at + BLOCKED_SECONDS - LOOK for at in late)),
        "others_429": Figure(requests.get("429", 0) - 1),
    }


def _refused(world: World) -> float | None:
    return time.time() if _control(world, "stats")["requests"].get("discord", {}).get("429") else None


# -- What a post costs


def _cost(posts: int) -> dict[str, Figure]:
    scene = _Scene(CHANNELS, kills=0, pace=f"{KILL_RATE:g}", limits="off", workers=1)
    with _system(scene) as world:
        _wait(lambda: _posts(world) >= WARM, "the first messages")
        pid = _delivery_pid(world)
        spent, before = machine.cpu_seconds(pid), _control(world, "stats")
        _wait(lambda: _posts(world) >= before["messages"] + posts, f"{posts} messages", look=0.2)
        spent, after = machine.cpu_seconds(pid) - spent, _control(world, "stats")
    messages = after["messages"] - before["messages"]
    if after["notifications"] - before["notifications"] > 1.02 * messages:
        raise MeasureError("kills waited together, so this machine is too busy to tell the cost of a post")
    return {
        "cpu": Figure(1000 * spent / messages, count=messages),
        "connections": Figure(after["connections"]["discord"]),
    }


def _delivery_pid(world: World) -> int:
    tree = control.call(str(world.running().home.control), {"call": "tree"})
    [pool] = [pool for pool in tree["children"] if pool["id"] == "delivery"]
    pid: int = pool["children"][0]["pid"]
    return pid


# -- What the simulators know


@dataclass(frozen=True, slots=True)
class _Came:
    """One message: when, where, with which kills."""

    at: float
    webhook: str
    kills: tuple[int, ...]


def _messages(world: World) -> list[_Came]:
    """Give all messages from the simulator's journal, in the order of their arrival."""
    return [_Came(one["at"], one["webhook"], tuple(killmails(one["payload"]))) for one in _lines(world)]


def _lines(world: World) -> list[dict[str, Any]]:
    """Give the simulator's journal."""
    journal = world.running().home.state / "simulators" / "discord.jsonl"
    return [msgspec.json.decode(line) for line in journal.read_bytes().splitlines()]


def _notifications(world: World) -> int:
    return int(_control(world, "stats")["notifications"])


def _posts(world: World) -> int:
    return int(_control(world, "stats")["messages"])


def _control(world: World, what: str) -> Any:
    return _client.get(f"{world.simulators.base}/simulator/{what}").raise_for_status().json()


def _wait(condition: Callable[[], T | None], what: str, look: float = LOOK) -> T:
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        value = condition()
        if value:
            return value
        time.sleep(look)
    raise MeasureError(f"{what} did not come about within {PATIENCE:g} s")
