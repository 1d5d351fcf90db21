"""A dead letter as a value: what it tells of itself, which filter admits it, what a replay of it would do. Pure."""

import base64
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from notifier.messages import links
from workers.queues import DELIVERY, INGESTION

_JOB = re.compile(r"(?:[a-z0-9-]+?-)??kill-([0-9]{1,19})(?:-(.+))?", re.DOTALL)
_KILLMAIL_ID = re.compile(rb'"killmail_id"\s*:\s*([0-9]{1,19})')
_SEARCHED = 16_384
"""Characters of base64 in which a malformed package's killmail id is looked for."""
_AGE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)([smhd])")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter. Times are epoch seconds, `meta` is as `attempts` describes it.

    `unreadable` says why the job cannot be read, "" if it can. `buried_at` is when it came among the letters. `raw` are
    the fields of its hash as they stand in Redis; there are none when the job is gone and only its id is left.
    """

    id: str
    queue: str
    description: str = ""
    function: str = ""
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)
    timeout: int | None = None
    result_ttl: int | None = None
    created_at: datetime | None = None
    enqueued_at: datetime | None = None
    unreadable: str = ""
    buried_at: float | None = None
    raw: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def reason(self) -> str:
        """Why it died."""
        if self.unreadable and "reason" not in self.meta:
            return self.unreadable
        return str(self.meta.get("reason", "failed by RQ's own cleaning"))

    @property
    def category(self) -> str:
        """What kind of death it was."""
        return str(self.meta.get("category", "unreadable" if self.unreadable else "unknown"))

    @property
    def dead_at(self) -> float | None:
        """When it died, None where nothing tells."""
        told = self.meta.get("dead_at")
        return float(told) if isinstance(told, int | float) and not isinstance(told, bool) else self.buried_at

    @property
    def attempts(self) -> int | None:
        """Attempts of its last round, None where nothing tells."""
        told = self.meta.get("attempts")
        return told if isinstance(told, int) else None

    @property
    def destination(self) -> str | None:
        """The destination's id, of a delivery; None for others, which may concern many."""
        if self.queue != DELIVERY:
            return None
        if not self.unreadable and len(self.args) > 1 and isinstance(self.args[1], str):
            return self.args[1]
        named = _JOB.fullmatch(self.id)
        return named[2] if named else None

    @property
    def killmail_id(self) -> int | None:
        """The killmail that it is about; for a malformed package what looks like its id."""
        if named := _JOB.fullmatch(self.id):
            return int(named[1])
        found = _KILLMAIL_ID.search(self.body(_SEARCHED) or b"")
        return int(found[1]) if found else None

    @property
    def link(self) -> str | None:
        """zKillboard's page of the killmail."""
        return links.kill(self.killmail_id) if self.killmail_id else None

    def body(self, most: int | None = None) -> bytes | None:
        """What the job holds of a malformed package, from the first `most` characters (of base64; a multiple of 4)."""
        if self.queue != INGESTION or not self.args or not isinstance(self.args[0], str):
            return None
        try:
            return base64.b64decode(self.args[0][:most])
        except ValueError:
            return None

    @property
    def body_file(self) -> tuple[str, int] | None:
        """The file that holds the whole of a big package, relative to the state directory, and its size in bytes."""
        match list(self.args[2:4]):
            case [str(path), int(size)] if self.queue == INGESTION:
                return path, size
        return None

    def as_dict(self) -> dict[str, Any]:
        """The letter as JSON shows it."""
        shown: dict[str, Any] = {"id": self.id, "queue": self.queue, "description": self.description}
        shown |= {"category": self.category, "reason": self.reason, "dead_at": self.dead_at}
        shown |= {"destination": self.destination, "killmail_id": self.killmail_id, "link": self.link}
        told = ("attempts", "first_at", "last_at", "errors", "history")
        shown |= {key: self.meta[key] for key in told if key in self.meta}
        if self.unreadable:
            return shown | {"unreadable": self.unreadable, "raw": dict(self.raw)}
        if self.body_file:
            shown |= dict(zip(("body_file", "body_bytes"), self.body_file, strict=True))
        return shown | {"args": list(self.args)}


def age(text: str) -> float:
    """Read an age such as 90s, 30m, 2h or 3d, in seconds. Raises ValueError for another text."""
    found = _AGE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"found {text!r}, expected a number and a unit, such as 90s, 30m, 2h or 3d")
    return float(found[1]) * _UNITS[found[2]]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which letters are meant: those that all of its fields admit, None admits any. Ages in seconds since the death."""

    queue: str | None = None
    category: str | None = None
    destination: str | None = None
    older_than: float | None = None
    newer_than: float | None = None
    killmail: int | None = None

    def admits(self, letter: Letter, now: float) -> bool:
        """Whether `letter` is meant at `now` (epoch seconds). One that does not tell its age has none."""
        wanted = (
            (self.queue, letter.queue),
            (self.category, letter.category),
            (self.destination, letter.destination),
        )
        if any(asked is not None and asked != found for asked, found in wanted):
            return False
        if self.killmail is not None and self.killmail != letter.killmail_id:
            return False
        if self.older_than is None and self.newer_than is None:
            return True
        if letter.dead_at is None:
            return False
        since = now - letter.dead_at
        return (self.older_than is None or since >= self.older_than) and (
            self.newer_than is None or since <= self.newer_than
        )


class Fate(StrEnum):
    """What a replay would do with a letter now."""

    PUT_BACK = "put back with fresh attempts"
    MAY_REPEAT = "put back with fresh attempts; an earlier post of it had no known end, so it may come twice"
    DELIVERED = "not put back: the ledger says that it was delivered"
    UNREADABLE = "not put back: its job cannot be read"
    GONE = "not put back: its job is gone from Redis, only its id is left"

    @property
    def is_put_back(self) -> bool:
        """Whether it goes back on its queue."""
        return self in (Fate.PUT_BACK, Fate.MAY_REPEAT)


def fate(letter: Letter, ledger: str | None) -> Fate:
    """What a replay would do; `ledger` is the state of the delivery in the ledger, None where it holds none."""
    if not letter.raw:
        return Fate.GONE
    if letter.queue == DELIVERY and ledger == "delivered":
        return Fate.DELIVERED
    if letter.unreadable:
        return Fate.UNREADABLE
    return Fate.MAY_REPEAT if letter.queue == DELIVERY and ledger == "sending" else Fate.PUT_BACK


@dataclass(frozen=True, slots=True)
class Tally:
    """How many letters, and when the longest and the shortest dead of them died (epoch seconds, None: not told)."""

    letters: int
    oldest: float | None
    newest: float | None
    counts: Mapping[tuple[str, str, str | None], int]
    """By queue, category and destination (None for what is no delivery)."""


def tally(letters: Iterable[Letter]) -> Tally:
    """Count `letters`."""
    counts: Counter[tuple[str, str, str | None]] = Counter()
    oldest: float | None = None
    newest: float | None = None
    for letter in letters:
        counts[letter.queue, letter.category, letter.destination] += 1
        died = letter.dead_at
        if died is not None:
            oldest = died if oldest is None else min(oldest, died)
            newest = died if newest is None else max(newest, died)
    return Tally(counts.total(), oldest, newest, counts)
