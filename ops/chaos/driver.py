"""Lets a storm loose on a running system, and starts the tree again when it ends, as systemd would."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import httpx
import msgspec
from redis import Redis
from redis.exceptions import RedisError

from notifier.config import Settings
from ops.chaos.faults import FAULTS
from ops.chaos.storm import SUPERVISOR, Strike
from ops.demo.world import System, World
from supervisor import control

TICK = 0.02


class Recoveries:
    """Follows the supervisor's events: how long after a kill its child was ready again, in milliseconds."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._killed: dict[str, float] = {}
        self.milliseconds: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def killed(self, name: str) -> None:
        """Note a kill now; one before it that is not answered yet counts from then on."""
        self._killed.setdefault(name, time.monotonic())

    def forget(self) -> None:
        """The supervisor itself is gone: what it was about to replace is started otherwise."""
        self._killed.clear()

    def stop(self) -> None:
        """Follow no more."""
        self._over.set()

    def _follow(self) -> None:
        while not self._over.is_set():
            try:
                for line in control.follow(self._path):
                    self._take(msgspec.json.decode(line))
                    if self._over.is_set():
                        return
            except (OSError, ValueError):
                self._over.wait(0.05)

    def _take(self, event: dict[str, Any]) -> None:
        if event.get("event") == "child_started":
            at = self._killed.pop(str(event.get("id")), None)
            if at is not None:
                self.milliseconds.append((time.monotonic() - at) * 1000)


class Driver:
    """One storm on one world. What happened is counted in `done` by kind, kills in `kills` by child."""

    def __init__(self, world: World, settings: Settings, environ: Mapping[str, str]) -> None:
        self._world, self._settings, self._environ = world, settings, environ
        self.recoveries = Recoveries(str(world.running().home.control))
        self.done: Counter[str] = Counter()
        self.kills: Counter[str] = Counter()
        self.escalations = 0
        self._planned: list[str] = []
        self._stopped: list[tuple[float, int]] = []

    def run(self, storm: tuple[Strike, ...]) -> None:
        """Strike at the times of the storm, from now on."""
        began = time.monotonic()
        for strike in storm:
            while (wait := began + strike.at - time.monotonic()) > 0:
                self._look()
                time.sleep(min(wait, TICK))
            self._look()
            self._strike(strike)
        self._wake_all(time.monotonic() + 3600)

    def ended(self, code: int) -> None:  # noqa: ARG002 – whatever it was, it goes on
        """The tree has ended (killed, or it gave up): start it again on the same state."""
        self.escalations += 1
        self.recoveries.forget()
        self._world.running().stop()
        self._world.system = System(self._settings, self._environ)

    def calm(self, patience: float) -> Counter[str]:
        """End all faults, those that have not struck yet after some more seconds; gives how often each kind has."""
        give_up = time.monotonic() + patience
        while not all((struck := self._struck()).values()) and time.monotonic() < give_up:
            self._look()
            self._forget_names()
            time.sleep(TICK * 10)
        while self._simulators("DELETE", "/simulator/faults") is None:
            time.sleep(TICK)  # it refuses connections, for a second at most
        return struck

    def _struck(self) -> Counter[str]:
        plan = self._simulators("GET", "/simulator/faults") or []
        struck: Counter[str] = Counter(dict.fromkeys(self._planned, 0))
        for name, fault in zip(self._planned, plan, strict=False):
            struck[name] += fault.get("used", 0)
        return struck

    def _look(self) -> None:
        code = self._world.running().exit_code()
        if code is not None:
            self.ended(code)
        self._wake_all(time.monotonic())

    def _wake_all(self, now: float) -> None:
        for entry in [entry for entry in self._stopped if entry[0] <= now]:
            self._stopped.remove(entry)
            _signal(entry[1], signal.SIGCONT)

    def _strike(self, strike: Strike) -> None:
        self.done[strike.kind] += 1
        match strike.kind:
            case "fault":
                if strike.target.startswith("esi"):
                    self._forget_names()
                for fault in FAULTS[strike.target]:
                    while self._simulators("POST", "/simulator/faults", [fault]) is None:
                        time.sleep(TICK)  # it refuses connections, for a second at most
                    self._planned.append(strike.target)
            case "refuse":
                self._simulators("POST", "/simulator/deaf", {"seconds": strike.seconds})
            case _:
                self._hit(strike)

    def _forget_names(self) -> None:
        """The shared cache of names runs out; else ESI would soon be asked for nothing."""
        with Redis.from_url(self._world.running().redis_url) as redis, suppress(RedisError):
            for key in redis.scan_iter("notifier:names:*", count=1000):
                redis.delete(key)

    def _hit(self, strike: Strike) -> None:
        pid = _pid(self._world.running(), strike.target)
        if pid is None:  # it is being replaced at this very moment
            self.done["missed"] += 1
            return
        match strike.kind:
            case "kill":
                self.kills[strike.target] += 1
                if strike.target != SUPERVISOR:
                    self.recoveries.killed(strike.target)
                _signal(pid, signal.SIGKILL)
            case "stop":
                self._stopped.append((time.monotonic() + strike.seconds, pid))
                _signal(pid, signal.SIGSTOP)
            case "terminate":
                _signal(pid, signal.SIGTERM)

    def _simulators(self, method: str, path: str, body: object = None) -> Any:
        """Ask the simulators; None while they refuse connections."""
        try:
            reply = httpx.request(method, f"{self._world.simulators.base}{path}", json=body, timeout=5.0)
        except httpx.HTTPError:
            return None
        return reply.raise_for_status().json()


def _pid(system: System, target: str) -> int | None:
    return system.pid if target == SUPERVISOR else system.pid_of(target)


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
