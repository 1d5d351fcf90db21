"""What is done to a contender and what is read off: each function gives figures by the key of their row."""

import json
import os
import random
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, TypeAlias

from ops.bench import machine
from ops.bench.figures import Figure
from ops.bench.supervision.contenders import Contender, Gated, Ours, gate
from ops.bench.supervision.running import PATIENCE, MeasureError, Run, running
from supervisor import control, linux

CHILDREN = 20
CALM = 1.5
"""Seconds after a boot; supervisord takes a child for running after one."""
WORKERS = 4
"""Children with the product's imports; each has some 40 MB of its own when it is not forked."""

Figures: TypeAlias = dict[str, Figure]


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured; seconds and counts."""

    kills: int = 50
    kills_of_peers: int = 20
    watch: float = 20.0
    idle: float = 10.0
    stops: int = 3
    restarts: int = 1000


def twenty(contender: Contender, effort: Effort) -> Figures:
    """Twenty children: idle costs, and kills."""
    with running(contender, CHILDREN) as run:
        run.until_ready()
        time.sleep(CALM)
        found = _idle(run, effort.idle)
        kills = effort.kills if isinstance(contender, Ours) else effort.kills_of_peers
        found["bare"] = Figure.of(_replacements(run, contender, kills))
        if isinstance(contender, Ours):
            found["detection"] = Figure.of(_detections(run, contender, kills))
        return found


def replacements(contender: Contender, kills: int, key: str) -> Figures:
    """Kill -9 to a replacement's readiness, in ms, for children with the product's imports."""
    with running(contender, WORKERS) as run:
        run.until_ready()
        time.sleep(0.5)
        return {key: Figure.of(_replacements(run, contender, kills))}


def _replacements(run: Run, contender: Contender, kills: int) -> list[float]:
    return [(_replacement(run, killed_at) - killed_at) / 1e6 for killed_at in _kills(run, contender, kills)]


def _replacement(run: Run, killed_at: int) -> int:
    run.until(lambda: _newest(run) > killed_at, "a replacement")
    return _newest(run)


def _newest(run: Run) -> int:
    return max(report.at for report in run.latest.values())


def _kills(run: Run, contender: Contender, count: int) -> Iterator[int]:
    """Kill one child after the other, each after a calm of random length; gives the moments (monotonic ns)."""
    names = sorted(run.latest)
    for number in range(count):
        time.sleep(random.uniform(*contender.calm))  # noqa: S311 – any moment of the contender's period
        pid = run.latest[names[number % len(names)]].pid
        killed_at = time.monotonic_ns()
        os.kill(pid, signal.SIGKILL)
        yield killed_at


def _detections(run: Run, contender: Contender, kills: int) -> list[float]:
    """Kill -9 to the line `child_exited` on the stream of events, in ms."""
    found = []
    with _events(run) as lines:
        for killed_at in _kills(run, contender, kills):
            while json.loads(next(lines))["event"] != "child_exited":
                pass
            found.append((time.monotonic_ns() - killed_at) / 1e6)
            _replacement(run, killed_at)
    return found


@contextmanager
def _events(run: Run) -> Iterator[IO[bytes]]:
    with socket.socket(socket.AF_UNIX) as follower:
        follower.settimeout(PATIENCE)
        follower.connect(str(run.scene.control))
        follower.sendall(b'{"call": "events"}\n')
        with follower.makefile("rb") as lines:
            next(lines)  # {"event": "following"}
            yield lines


def _idle(run: Run, seconds: float) -> Figures:
    before = machine.cpu_seconds(run.pid)
    time.sleep(seconds)
    spent = machine.cpu_seconds(run.pid) - before
    rss, pss = machine.memory(run.pid)
    return {"rss": Figure(rss), "pss": Figure(pss), "cpu": Figure(100 * spent / seconds)}


def stops(contender: Contender, times: int, key: str) -> Figures:
    """Twenty obedient children from the start to the last one's readiness, and from SIGTERM to the supervisor's end."""
    measured = [_boot_and_stop(contender) for _ in range(times)]
    return {"boot": Figure.of([boot for boot, _ in measured]), key: Figure.of([stop for _, stop in measured])}


def _boot_and_stop(contender: Contender) -> tuple[float, float]:
    begun = time.monotonic()
    with running(contender, CHILDREN) as run:
        run.until_ready()
        booted = time.monotonic()
        time.sleep(CALM)
        asked = time.monotonic()
        run.kill(signal.SIGTERM)
        stopped = time.monotonic()
        if left := run.alive():
            raise MeasureError(f"{len(left)} children are left after its stop")
        return booted - begun, stopped - asked


def killed_supervisor(contender: Contender) -> Figures:
    """Kill -9 of the supervisor: who lives on, and who is there twice after a relaunch."""
    with running(contender, CHILDREN) as run:
        run.until_ready()
        time.sleep(CALM)
        run.kill()
        killed = time.monotonic()
        time.sleep(0.1)
        at_once = len(run.alive())
        time.sleep(max(0.0, killed + 3.0 - time.monotonic()))
        later = len(run.alive())
        run.start()
        run.until_ready()
        time.sleep(0.5)
        doubled = sum(count > 1 for count in Counter(run.alive()).values())
        return {"orphans_at_once": Figure(at_once), "orphans_later": Figure(later), "doubled": Figure(doubled)}


def failing_child(contenders: Sequence[Contender], seconds: float) -> dict[str, Figures]:
    """All at the same time, as they mostly wait: how often each starts a child that exits at once, and what then."""
    with ExitStack() as stack:
        runs = {one.label: stack.enter_context(running(_strict(one), 1, fails=True)) for one in contenders}
        time.sleep(seconds)
        for run in runs.values():
            run.take(0.0)
        return {label: {"starts": Figure(run.starts), "fate": Figure(_fate(run))} for label, run in runs.items()}


def _strict(contender: Contender) -> Contender:
    """Three retries, as supervisord has by default."""
    return Ours(flags={"intensity": 3, "period": 60}) if isinstance(contender, Ours) else contender


def _fate(run: Run) -> str:
    code = run.process.poll()
    return "up" if code is None else f"exit {code}"


def growth(restarts: int) -> Figures:
    """What so many restarts of one child leave behind in ours."""
    with running(Gated(), 1) as run:
        _wait(lambda: _starts(run) > 0, "the tree")
        _storm(run, 100)  # what is made once and kept is no growth
        before, (rss_before, _) = machine.descriptors(run.pid), machine.memory(run.pid)
        begun, first = time.monotonic(), _starts(run)
        _storm(run, restarts)
        # Before anything is asked: a connection that is being closed would count.
        more = machine.descriptors(run.pid) - before
        each = (time.monotonic() - begun) / (_starts(run) - first) * 1000
        rss, _ = machine.memory(run.pid)
        zombies = sum(machine.is_zombie(pid) for pid in linux.children(run.pid))
        return {
            "descriptors": Figure(more),
            "zombies": Figure(zombies),
            "rss_before": Figure(rss_before),
            "rss_growth": Figure(rss - rss_before),
            "restart_time": Figure(each),
        }


def _storm(run: Run, restarts: int) -> None:
    """Let the child fail so many times, then let it run, and wait until it is quiet."""
    wanted = _starts(run) + restarts
    gate(run.scene).touch()
    for pid in linux.children(run.pid):
        linux.kill(pid)
    _wait(lambda: _starts(run) >= wanted, f"{restarts} restarts", restarts * 0.2 + PATIENCE)
    gate(run.scene).unlink()
    time.sleep(0.5)


def _starts(run: Run) -> int:
    try:
        tree = control.call(str(run.scene.control), {"call": "tree"}, PATIENCE)
    except OSError:  # it does not listen yet
        return 0
    return int(tree["children"][0]["starts"]) if tree["children"] else 0


def _wait(condition: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
    give_up = time.monotonic() + patience
    while not condition():
        if time.monotonic() > give_up:
            raise MeasureError(f"{what} did not come within {patience:g} s")
        time.sleep(0.05)
