"""The killmails that the simulated zKillboard publishes: which ones, as which bytes, and when."""

import bisect
import gzip
import hashlib
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec

from ops.simulators.prices import computed_zkb

BASE = 96_088_891
"""The first killmail's sequence number."""

MEAN_INTERVAL = 5.5
"""EVE's average seconds between two killmails."""

_KILLMAIL_ID = re.compile(rb'"killmail_id"\s*:\s*\d+')
_KILLMAIL_TIME = re.compile(rb'"killmail_time"\s*:\s*"[^"]*"')
_DAY = re.compile(rb'"killmail_time"\s*:\s*"(\d{4})-(\d\d)-(\d\d)T')


class _Line(msgspec.Struct):
    killmail: msgspec.Raw
    hash: str | None = None
    zkb: dict[str, Any] | None = None


class _Identified(msgspec.Struct):
    # Room is left above for the ids of later rounds.
    killmail_id: Annotated[int, msgspec.Meta(ge=1, le=2**53)]


_lines = msgspec.json.Decoder(_Line)
_identified = msgspec.json.Decoder(_Identified)


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail of the file; a malformed line has no id, and `esi` is published in the place of a package."""

    killmail_id: int | None
    hash: str
    esi: bytes
    zkb: dict[str, object]


@dataclass(frozen=True, slots=True)
class Pace:
    """When the n-th killmail (from 0) is published: all at once, a fixed number a second, or as in EVE."""

    kind: str
    per_second: float = 0.0

    @classmethod
    def parse(cls, text: str) -> "Pace":
        """Read "flat", "live" or a number of kills a second. Raises ValueError for anything else."""
        if text in ("flat", "live"):
            return cls(text)
        rate = float(text)
        if not 0 < rate < 1e6:
            raise ValueError(f"found a pace of {text}, expected flat, live or kills a second above 0")
        return cls("rate", rate)


FLAT = Pace("flat")


def read_mails(path: Path) -> list[Mail]:
    """Read a .jsonl or .jsonl.gz file of {"killmail", "hash", "zkb"} lines; empty lines are none."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    return [read_mail(line.strip()) for line in data.split(b"\n") if line.strip()]


def read_mail(line: bytes) -> Mail:
    """Read one line. JSON of another shape is published as it stands, what is no JSON as one JSON text.

    R2Z2 never publishes what is no JSON: a reader may take that for a file that is not there yet, and wait for it.
    """
    try:
        found = _lines.decode(line)
        esi = bytes(found.killmail)
        killmail_id = _identified.decode(esi).killmail_id
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return Mail(None, "", _as_json(line), {})
    killmail_hash = found.hash or _hash(killmail_id)
    return Mail(killmail_id, killmail_hash, esi, _zkb(found.zkb, esi, killmail_hash))


def _as_json(line: bytes) -> bytes:
    try:
        msgspec.json.decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return msgspec.json.encode(line.decode("utf-8", "replace"))
    return line


def _zkb(given: dict[str, Any] | None, esi: bytes, killmail_hash: str) -> dict[str, object]:
    try:
        computed = computed_zkb(msgspec.json.decode(esi), killmail_hash)
    except (TypeError, KeyError, ValueError, AttributeError):
        computed = {"hash": killmail_hash}
    if given is None:
        return computed
    # zKillboard's REST and its archive lack these two; its feed has them.
    return {"hash": killmail_hash, **{key: computed[key] for key in ("attackerCount",) if key in computed}, **given}


def _hash(killmail_id: int) -> str:
    return hashlib.sha1(b"killmail %d" % killmail_id, usedforsecurity=False).hexdigest()


class Feed:
    """`kills` killmails from `mails`, again and again with new ids; 0 = without end, None = the file once.

    `started` is the epoch second at which the first one is published. With `current_times` each killmail
    carries the moment of its publication as killmail_time.
    """

    def __init__(
        self,
        mails: list[Mail],
        pace: Pace,
        started: float,
        *,
        kills: int | None = None,
        current_times: bool = False,
        seed: int = 1,
    ) -> None:
        if kills == 0 and pace.kind == "flat":
            raise ValueError("a flat feed without end cannot be published at once; give --kills or another pace")
        self.mails, self.pace, self.started = mails, pace, started
        self._current_times = current_times
        self._kills = (len(mails) if kills is None else kills) if mails else 0
        self._endless = kills == 0 and bool(mails)
        self._beyond = max((mail.killmail_id or 0 for mail in mails), default=0) + 1
        self._rewritten: dict[int, dict[str, object]] = {}
        self._announced: dict[int, int] = {}
        self._moments, self._intervals = [0.0], _live_intervals(random.Random(seed))  # noqa: S311 – no secret

    def published(self, now: float) -> int:
        """How many killmails are out at `now`."""
        if self.pace.kind == "flat":
            return self._kills
        passed = now - self.started
        out = self._live(passed) if self.pace.kind == "live" else 1 + int(passed * self.pace.per_second)
        return max(out, 0) if self._endless else max(min(out, self._kills), 0)

    def _live(self, passed: float) -> int:
        while self._moments[-1] <= passed:
            self._moments.append(self._moments[-1] + next(self._intervals))
        return bisect.bisect_right(self._moments, passed)

    def published_at(self, position: int) -> float:
        """When the killmail at `position` came out, in epoch seconds; ask only for one that is out."""
        if self.pace.kind == "live":
            return self.started + self._moments[position]
        return self.started + (position / self.pace.per_second if self.pace.kind == "rate" else 0.0)

    def killmail_id(self, position: int) -> int | None:
        """Which killmail stands at `position`: the file's own in its first round, then new ids; None = malformed."""
        round_, index = divmod(position, len(self.mails))
        own = self.mails[index].killmail_id
        return own if own is None or round_ == 0 else self._beyond + position - len(self.mails)

    def hash(self, position: int) -> str:
        """Give the hash of the killmail at `position`."""
        mail, killmail_id = self.mails[position % len(self.mails)], self.killmail_id(position)
        return mail.hash if killmail_id is None or killmail_id == mail.killmail_id else _hash(killmail_id)

    def body(self, position: int) -> bytes:
        """Give the ESI body of the killmail at `position`."""
        mail, killmail_id = self.mails[position % len(self.mails)], self.killmail_id(position)
        esi = mail.esi
        if killmail_id is not None and killmail_id != mail.killmail_id:
            esi = _KILLMAIL_ID.sub(b'"killmail_id":%d' % killmail_id, esi, count=1)
        if killmail_id is not None and self._current_times:
            moment = datetime.fromtimestamp(self.published_at(position), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            esi = _KILLMAIL_TIME.sub(b'"killmail_time":"%s"' % moment.encode(), esi, count=1)
        return esi

    def rewrite(self, position: int, zkb: dict[str, object], now: float) -> int:
        """Change what zKillboard adds to the killmail at `position`; gives where the file is that will tell of it.

        A file tells of one other: of two that were rewritten the later is told of by the file after the next.
        """
        self._rewritten[position] = self._rewritten.get(position, {}) | zkb
        teller = max(self.published(now), max(self._announced, default=0) + 1)
        self._announced[teller] = position
        return teller

    def package(self, position: int) -> bytes:
        """The file that zKillboard publishes for `position`, fields in the order of its 9.queueSequences.php."""
        killmail_id = self.killmail_id(position)
        if killmail_id is None:
            return self.body(position)
        mail, at = self.mails[position % len(self.mails)], self.published_at(position)
        esi, killmail_hash = self.body(position), self.hash(position)
        zkb = mail.zkb if killmail_id == mail.killmail_id else {**mail.zkb, "hash": killmail_hash}
        zkb = zkb | self._rewritten.get(position, {})
        return b'{"killmail_id":%d,"hash":%s,"esi":%s,"zkb":%s,"uploaded_at":%d,"sequence_id":%d%s}' % (
            killmail_id,
            msgspec.json.encode(killmail_hash),
            esi,
            msgspec.json.encode({**zkb, "href": zkb.get("href", _href(killmail_id, killmail_hash))}),
            at,
            BASE + position,
            b',"sequence_updated":%d' % (BASE + self._announced[position]) if position in self._announced else b"",
        )


def day_of(body: bytes) -> str | None:
    """Give the day (YYYYMMDD) of an ESI body's killmail_time; None where it names none."""
    found = _DAY.search(body)
    return None if found is None else b"".join(found.groups()).decode()


def packages(feed: Path, kills: int | None, started: float = 0.0) -> Iterator[bytes]:
    """Give, in order, the bodies that a flat simulator publishes for this file and count.

    `started` is the simulator's start in epoch seconds, which a body shows as uploaded_at alone. Raises ValueError
    for 0 kills, which is without end, and OSError when the file cannot be read.
    """
    published = Feed(read_mails(feed), FLAT, started, kills=kills)
    return (published.package(position) for position in range(published.published(started)))


def _href(killmail_id: int, killmail_hash: str) -> str:
    return f"https://esi.evetech.net/killmails/{killmail_id}/{killmail_hash}/"


def _live_intervals(chance: random.Random) -> Iterator[float]:
    """Seconds between killmails: single ones as they come in EVE, and a fleet fight now and then."""
    while True:
        yield chance.expovariate(1 / MEAN_INTERVAL)
        if chance.random() < 0.01:
            yield from (0.02 for _ in range(chance.randint(10, 50)))


def organisations(mails: Iterable[Mail]) -> dict[int, str]:
    """Say which ids of the mails are characters, corporations, alliances: ids alone do not tell for old ones."""
    kinds: dict[int, str] = {}
    for mail in mails:
        for kind, found in re.findall(rb'"(character|corporation|alliance)_id"\s*:\s*(\d+)', mail.esi):
            kinds[int(found)] = kind.decode()
    return kinds
