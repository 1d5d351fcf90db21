"""What strikes when: a storm is made from its seed alone, so that a failing one can be played again. Pure."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Literal, TypeAlias

from ops.chaos.faults import FAULTS

Kind: TypeAlias = Literal["kill", "stop", "terminate", "fault", "refuse"]
SUPERVISOR = "supervisor"
KILLS_PER_SECOND = 1.5
SUPERVISOR_EVERY = 12.0
STOP_EVERY, TERMINATE_EVERY, REFUSE_EVERY = 3.0, 4.0, 9.0
"""Mean seconds between two of a kind."""


@dataclass(frozen=True, slots=True, order=True)
class Strike:
    """At `at` seconds: kill -9, SIGSTOP for `seconds`, SIGTERM to the child `target`; a fault; refused connections."""

    at: float
    kind: Kind
    target: str = ""
    seconds: float = 0.0


def storm(seed: int, seconds: float, children: Sequence[str]) -> tuple[Strike, ...]:
    """Make the storm of a seed: at least a kill a second, every child and every fault at least once if time allows."""
    chance = random.Random(seed)  # noqa: S311 – to be played again
    strikes = [
        *_kills(chance, seconds, children),
        *(
            Strike(at, "stop", chance.choice(children), chance.uniform(0.2, 2.5))
            for at in _every(chance, STOP_EVERY, seconds)
        ),
        *(Strike(at, "terminate", chance.choice(children)) for at in _every(chance, TERMINATE_EVERY, seconds)),
        *(Strike(at, "refuse", "", chance.uniform(0.3, 1.0)) for at in _every(chance, REFUSE_EVERY, seconds)),
        *_faults(chance, seconds),
    ]
    return tuple(sorted(strikes))


def _kills(chance: random.Random, seconds: float, children: Sequence[str]) -> Iterator[Strike]:
    order = chance.sample(list(children), len(children))
    targets, supervisor_at = cycle(order), chance.uniform(0.3, 0.7) * min(SUPERVISOR_EVERY, seconds)
    for number in range(int(seconds * KILLS_PER_SECOND)):
        at = (number + chance.random()) / KILLS_PER_SECOND
        if at >= supervisor_at:
            supervisor_at += SUPERVISOR_EVERY
            yield Strike(at, "kill", SUPERVISOR)
        else:
            yield Strike(at, "kill", next(targets))


def _faults(chance: random.Random, seconds: float) -> Iterator[Strike]:
    """All kinds within the first 85 % of the time, then some of them again."""
    names = chance.sample(sorted(FAULTS), len(FAULTS))
    pause = min(1.0, 0.85 * seconds / len(names))
    for number in range(int(seconds / pause)):
        yield Strike((number + chance.random()) * pause, "fault", names[number % len(names)])


def _every(chance: random.Random, mean: float, seconds: float) -> Iterator[float]:
    at = chance.uniform(0.2, 1.0) * mean
    while at < seconds:
        yield at
        at += chance.uniform(0.5, 1.5) * mean
