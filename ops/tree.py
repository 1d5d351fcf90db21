"""Who runs, how many, in which order: the process tree as the supervisor reads it.

Consumers start before producers, so a stop (in reverse order) shuts the tap first and drains after. The strategy
follows from one question: what does a crash of X make untrue in Y?
"""

import hashlib
import sys
from collections.abc import Collection
from typing import Any, TypeAlias

from notifier.config import Settings
from ops.home import Home

Spec: TypeAlias = dict[str, Any]
ROLES = ("sources", "enrichment", "delivery", "upkeep", "dashboard")
"""What a host may run; all of them by default."""

STOP_DEADLINE = 15.0
"""Seconds for the whole tree to stop; then everything is killed."""
DRAIN = 8_000
"""Milliseconds for a worker to end its job after SIGTERM."""
LIVENESS = 10.0
"""Seconds of silence after which a worker is killed; it gives a sign of life every two."""
ZYGOTE = "zygote"


def compile_tree(settings: Settings, home: Home, roles: Collection[str] = ROLES) -> Spec:
    """The tree of one host, ready for JSON. It holds no secret: workers read theirs from their environment."""
    host = home.host_id()

    def worker(name: str, role: str) -> Spec:
        arguments = [role, name, host, str(home.control)]
        return {
            "id": name,
            "start": {"zygote": ZYGOTE, "call": "workers.roles:main", "args": arguments},
            "restart": "permanent",
            "shutdown": DRAIN,
            "start_timeout": 20,
            "ready": "notify",
            "liveness": LIVENESS,
        }

    def pool(role: str, size: int) -> Spec:
        # A blip can kill a whole pool at once and each death counts, so the intensity is above the size.
        children = [worker(f"{role}-{n}", role) for n in range(1, size + 1)]
        return _supervisor(role, children, intensity=3 * size + 5)

    children: list[Spec] = []
    if "dashboard" in roles:
        children.append(_dashboard())
    if settings.redis_url is None:
        children.append(_redis(home))
    children.append(_zygote())
    # Without upkeep the host still mirrors its status, so that one dashboard sees all hosts.
    upkeep = ("scheduler", "janitor") if "upkeep" in roles else ("mirror",)
    children.append(_supervisor("upkeep", [worker(name, name) for name in upkeep]))
    if "delivery" in roles:
        children.append(pool("delivery", settings.delivery_workers))
    if "enrichment" in roles:
        children.append(pool("enrichment", settings.enrichment_workers))
    if "sources" in roles:
        sources = [worker("replay", "replay"), worker("feed", "feed")]
        if settings.backfill_days:
            sources.append(worker("backfill", "backfill"))
        children.append(_supervisor("sources", sources, strategy="rest_for_one"))
    return {
        **_supervisor("notifier", children),
        "roles": list(roles),
        "stop_timeout": STOP_DEADLINE,
        "marker": f"NOTIFIER_MARKER={_mark(home)}",
        "lock": str(home.lock),
        "control": str(home.control),
        "log": settings.log_format,
    }


def _supervisor(name: str, children: list[Spec], strategy: str = "one_for_one", intensity: int = 10) -> Spec:
    # `quiet`: at a stop all of its children are told at once, so a pool drains in the time of its slowest worker.
    shape: Spec = {"id": name, "strategy": strategy, "intensity": intensity, "period": 60, "quiet": name != "notifier"}
    return {**shape, "children": children}


def _redis(home: Home) -> Spec:
    return {
        "id": "redis",
        "start": {"argv": home.redis.argv()},
        "restart": "permanent",
        "shutdown": 5_000,
        "start_timeout": 60,
        "ready": {"socket": str(home.redis.socket), "send": "PING\r\n", "expect": "+PONG"},
        # A full disk may last: everything else waits for it, and the dashboard says so.
        "backoff": {"first": 0.1, "most": 5.0},
        "forever": True,
    }


def _zygote() -> Spec:
    return {
        "id": ZYGOTE,
        "start": {"argv": [sys.executable, "-m", "supervisor.zygote", "workers.preload"]},
        "restart": "permanent",
        "shutdown": 2_000,
        "start_timeout": 30,
        "ready": "notify",
    }


def _dashboard() -> Spec:
    return {
        "id": "dashboard",
        "start": {"argv": [sys.executable, "-m", "ops.dashboard"]},
        "restart": "permanent",
        "shutdown": 3_000,
        "start_timeout": 20,
        "ready": "notify",
    }


def _mark(home: Home) -> str:
    """What the environment of every process of this state directory holds, so that a relaunch finds what was left."""
    return hashlib.sha256(str(home.state.resolve()).encode()).hexdigest()[:16]
