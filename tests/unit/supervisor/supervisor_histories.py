"""Random trees and histories from a tape of bytes: one draw for Hypothesis, and zeros are the simplest choice."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from supervisor_oracle import Ask, Birth, Death, Supervisor, World
from supervisor_run import child

from supervisor.model import Path
from supervisor.spec import ChildSpec, SupervisorSpec

T = TypeVar("T")
REASONS = ("abnormal", "abnormal", "normal", "shutdown", "killed")
OPS = (
    *("start_child", "terminate_child", "restart_child", "delete_child", "start_child", "terminate_child"),
    *("restart_child", "code_change", "which_children", "count_children", "get_childspec"),
)


class Tape:
    """Choices one after the other; at its end it goes on with the first of each."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    @property
    def ended(self) -> bool:
        return self._at >= len(self._data)

    def pick(self, options: Sequence[T]) -> T:
        self._at += 1
        number = self._data[self._at - 1] if self._at <= len(self._data) else 0
        return options[number % len(options)]

    def chance(self, one_in: int) -> bool:
        return self.pick(range(one_in)) == one_in - 1


def supervisor(tape: Tape, id_: str, levels: int) -> SupervisorSpec:
    """A supervisor with up to three children, down to so many levels."""
    strategy = tape.pick((*("one_for_one", "one_for_all", "rest_for_one") * 2, "simple_one_for_one"))
    auto_shutdown = "never"
    if strategy != "simple_one_for_one":
        auto_shutdown = tape.pick(("never", "never", "any_significant", "all_significant"))
    spec = SupervisorSpec(
        id_,
        (),
        strategy,
        tape.pick((1, 0, 2, 3, 5)),
        tape.pick((5, 1, 2)),
        auto_shutdown,  # type: ignore[arg-type]
    )
    if strategy == "simple_one_for_one":
        return replace(spec, children=(worker(tape, f"{id_}s", auto_shutdown),))
    return replace(
        spec, children=tuple(any_child(tape, id_, name, spec, levels) for name in "abcd"[: tape.pick((2, 1, 3, 4))])
    )


def any_child(tape: Tape, parent: str, name: str, spec: SupervisorSpec, levels: int) -> ChildSpec:
    found = worker(tape, parent[-2:] + name, spec.auto_shutdown)
    if levels > 1 and tape.chance(3):
        return replace(found, start=None, shutdown="infinity", supervisor=supervisor(tape, found.id, levels - 1))
    return found


def worker(tape: Tape, id_: str, auto_shutdown: str) -> ChildSpec:
    restart: Any = tape.pick(("permanent", "transient", "temporary", "permanent"))
    significant = restart != "permanent" and auto_shutdown != "never" and tape.chance(2)
    shutdown: Any = tape.pick((2000, 500, "infinity", "brutal_kill"))
    return child(id_, restart=restart, shutdown=shutdown, significant=significant)


def birth(tape: Tape) -> Birth:
    """Most starts go well."""
    outcome: Any = tape.pick(("ready",) * 9 + ("fails", "fails", "nothing", "ignores"))
    return Birth(outcome, tape.pick((0.0, 0.0, 0.25, 1.0)), tape.pick(("obeys", "obeys", "complains", "stays")))


@dataclass
class History:
    """Plays a tape to the oracle; `events` are those that came while nobody was busy, each with its time."""

    tape: Tape

    def __post_init__(self) -> None:
        self.asked = 0
        self.spec = supervisor(self.tape, "root", 3)
        self.world = World(lambda: birth(self.tape), self._meanwhile)
        self.events: list[tuple[float, Death | Ask]] = []

    def play(self) -> World:
        world = self.world
        root = Supervisor(world, self.spec, ("root",), None)
        world.actor = root
        if not root.init():
            world.trace.append(("exit", 71))
        world.run()
        while not self.tape.ended and world.supervisors:
            world.now += self.tape.pick((0.0, 0.25, 0.5, 1.0, 3.0))
            event = self._death(world, None) if self.tape.chance(2) else self._ask(world, self._anybody())
            if event is not None:
                self.events.append((world.now, event))
                world.take(event)
                world.run()
        return world

    def stop(self) -> None:
        """End the tree, if it has not ended by itself."""
        if self.world.supervisors:
            root = self.world.actor = self.world.supervisors[0]
            root.terminate()
            self.world.trace.append(("exit", 0))

    def _anybody(self) -> Path:
        return self.tape.pick([one.path for one in self.world.supervisors.values()] + [("root", "nobody")])

    def _meanwhile(self, world: World) -> list[Death | Ask]:
        """What happens to the supervisor that is busy: it must wait in its mailbox."""
        if world.actor is None or not self.tape.chance(5):
            return []
        event = self._ask(world, world.actor.path) if self.tape.chance(3) else self._death(world, world.actor)
        return [] if event is None else [event]

    def _death(self, world: World, of: Supervisor | None) -> Death | None:
        living = [pid for pid, parent in world.living.items() if of is None or parent is of]
        return Death(self.tape.pick(living), self.tape.pick(REASONS)) if living else None

    def _ask(self, world: World, path: Path) -> Ask:
        self.asked += 1
        op = self.tape.pick(OPS)
        return Ask(self.asked, path, op, self._arguments(world, path, op))

    def _arguments(self, world: World, path: Path, op: str) -> dict[str, Any]:
        found = [one for one in world.supervisors.values() if one.path == path]
        kids = [kid.spec.id for kid in found[0].kids] if found else []
        if op == "code_change":
            return {"spec": _changed(supervisor(self.tape, path[-1], 1), found[0] if found else None)}
        if op == "start_child":
            if found and found[0].simple:
                return {"args": ["more"]}
            name = self.tape.pick([f"{path[-1][-2:]}{letter}" for letter in "efg"] + kids)
            return {"spec": worker(self.tape, name, "any_significant")}
        return {} if op in ("which_children", "count_children") else {"id": self.tape.pick([*kids, "nobody"])}


def _changed(spec: SupervisorSpec, old: Supervisor | None) -> SupervisorSpec:
    """Children that are supervisors stay such: only their restart types change."""
    kids = {kid.spec.id: kid.spec for kid in old.kids if kid.spec.supervisor is not None} if old is not None else {}
    return replace(
        spec,
        children=tuple(
            replace(kids.get(one.id, one), restart=one.restart, significant=one.significant) for one in spec.children
        ),
    )
