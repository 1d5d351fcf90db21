"""How the service fares, told from time to time: what it did since the last time, and what needs somebody."""

from collections.abc import Sequence

import msgspec

from notifier.messages import parts
from notifier.messages.escape import escape, plain
from notifier.messages.room import ago, counted, joined, number

WELL, TROUBLED = 0x2ECC71, 0xF39C12
"""Green; orange where something needs a person."""
_NAME, _NAMES, _WAITING, _DESCRIPTION = 24, 64, 60, 270
"""Code units: of a name before escaping, of all names in a line, of the queues, of the description."""
_STEPS = ((120, 1, "s"), (7_200, 60, "min"), (172_800, 3_600, "h"), (0, 86_400, "days"))
"""Up to how many seconds one counts in units of how many."""


class Waiting(msgspec.Struct, frozen=True):
    """How many jobs of a queue are still on their way."""

    queue: str
    jobs: int


class StatusNotice(msgspec.Struct, frozen=True, tag="status"):
    """The service at `time`. Times in epoch seconds, 0 where not known; counts are since `since` (0: since ever).

    `running_since`: when the oldest of its processes began; `feed_delay`: seconds since the feed was last read, None
    where it never was; `feed_silent`: longer than it should be; `upkeep`: some host schedules and recovers.
    """

    time: int
    version: str
    running_since: int = 0
    since: int = 0
    evaluated: int = 0
    matched: int = 0
    delivered: int = 0
    waiting: tuple[Waiting, ...] = ()
    dead_letters: int = 0
    disabled: tuple[str, ...] = ()
    open_circuits: tuple[str, ...] = ()
    processes: int = 0
    processes_up: int = 0
    hosts: int = 0
    upkeep: bool = True
    feed_delay: int | None = None
    feed_silent: bool = False


def embed(notice: StatusNotice) -> dict[str, object]:
    """Give its embed, at most some 570 code units, whatever the notice holds."""
    troubles = _troubles(notice)
    found: dict[str, object] = {
        "title": "Service status: somebody should look" if troubles else "Service status: all is well",
        "color": TROUBLED if troubles else WELL,
        "description": joined([*troubles, _since(notice)], _DESCRIPTION),
        "fields": [_field(name, value) for name, value in _figures(notice)],
    }
    return parts.signed(found, plain(f"version {notice.version}", 30), notice.time)


def _troubles(notice: StatusNotice) -> list[str]:
    """Give what needs a person, a line each."""
    down = notice.processes - notice.processes_up
    lines = (
        (not notice.upkeep, "No host schedules and recovers"),
        (notice.feed_silent, f"Nothing read from the feed for {_span(notice.feed_delay or 0)}"),
        (down > 0, f"{number(down, 'process', 'processes')} down"),
        (bool(notice.disabled), f"Disabled: {_few(notice.disabled)}"),
        (bool(notice.open_circuits), f"Open circuits: {_few(notice.open_circuits)}"),
        (notice.dead_letters > 0, number(notice.dead_letters, "dead letter")),
    )
    return [line for true, line in lines if true]


def _few(names: Sequence[str]) -> str:
    """Give "intel, home +2"."""
    shown = [escape(one, _NAME) or "?" for one in names[:_NAMES]]
    return parts.few(shown, len(names), _NAMES)


def _since(notice: StatusNotice) -> str:
    """Give "Started 6 days ago. Figures of the last 24 h."."""
    started = ago(notice.running_since)
    span = f"of the last {_span(notice.time - notice.since)}" if notice.since else "of all time"
    return (f"Started {started}. " if started else "") + f"Figures {span}."


def _figures(notice: StatusNotice) -> list[tuple[str, str]]:
    return [
        ("Evaluated", counted(notice.evaluated)),
        ("Matched", counted(notice.matched)),
        ("Delivered", counted(notice.delivered)),
        ("On their way", _waiting(notice.waiting)),
        (
            "Processes",
            f"{counted(notice.processes_up)} of {counted(notice.processes)} on {number(notice.hosts, 'host')}",
        ),
        ("Feed", _feed(notice.feed_delay)),
    ]


def _waiting(waiting: Sequence[Waiting]) -> str:
    """Give "delivery 3", a line each; queues without a job are left out."""
    busy = [f"{escape(one.queue, _NAME) or '?'} {counted(one.jobs)}" for one in waiting if one.jobs > 0]
    return joined(busy, _WAITING) or ("many jobs" if busy else "nothing waits")


def _feed(delay: int | None) -> str:
    return "never read" if delay is None else f"read {_span(delay)} ago"


def _span(seconds: int) -> str:
    """Give "45 s", "12 min", "24 h", "5 days"."""
    _, size, unit = next(step for step in _STEPS if seconds < step[0] or step is _STEPS[-1])
    return f"{counted(seconds // size)} {unit}"


def _field(name: str, value: str) -> dict[str, object]:
    return {"name": name, "value": value, "inline": True}
