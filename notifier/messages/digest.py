"""The digest of a battle: what many kills come to, and the one embed that tells of them. Pure.

It is kept in Redis between two edits of its message, so it stays small: it counts kills and holds only the biggest.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from notifier.messages import isk, links, parts
from notifier.messages.escape import length
from notifier.messages.notice import KillNotice, Place
from notifier.tracking.side import Side

BIGGEST, SYSTEMS = 5, 5
"""How many kills, and how many systems, are named."""
MOST_SYSTEMS: Final = 50
"""Systems that are told apart; a fight that moves through more of them counts the others as elsewhere."""

_NAME = 40
_FIELD = 1_024
"""Discord's limit of a field, in code units."""
_SIDES: Final[tuple[tuple[Side, str], ...]] = (("kill", "Kills"), ("loss", "Losses"), ("neutral", "Others"))


class Sum(msgspec.Struct, frozen=True):
    """How many kills, and what they were worth in ISK."""

    count: int = 0
    value: float = 0.0

    def plus(self, value: float) -> "Sum":
        """Count one more."""
        return Sum(self.count + 1, self.value + max(value, 0.0))


class Scene(msgspec.Struct, frozen=True):
    """A system that was fought in: how often, and when last (epoch seconds)."""

    place: Place
    count: int
    last: int


class Digest(msgspec.Struct, frozen=True):
    """What the kills so far come to: times in epoch seconds, one sum a side, the systems, the biggest kills first."""

    first: int = 0
    last: int = 0
    sides: dict[Side, Sum] = {}
    scenes: tuple[Scene, ...] = ()
    elsewhere: int = 0
    biggest: tuple[KillNotice, ...] = ()

    @property
    def count(self) -> int:
        """How many kills there are in it."""
        return sum(one.count for one in self.sides.values())

    @property
    def value(self) -> float:
        """What they were worth together, in ISK."""
        return sum(one.value for one in self.sides.values())


def fold(digest: Digest, notices: Iterable[KillNotice]) -> Digest:
    """Give the digest with these kills in it, too; the order of several folds does not matter."""
    for notice in notices:
        digest = _with(digest, notice)
    return digest


def _with(digest: Digest, notice: KillNotice) -> Digest:
    sides = {**digest.sides, notice.side: digest.sides.get(notice.side, Sum()).plus(_worth(notice))}
    scenes, elsewhere = _scenes(digest.scenes, digest.elsewhere, notice)
    biggest = sorted((*digest.biggest, notice), key=lambda one: (-_worth(one), one.killmail_id))
    return Digest(
        first=notice.time if digest.count == 0 else min(digest.first, notice.time),
        last=notice.time if digest.count == 0 else max(digest.last, notice.time),
        sides=sides,
        scenes=scenes,
        elsewhere=elsewhere,
        biggest=tuple(biggest[:BIGGEST]),
    )


def _worth(notice: KillNotice) -> float:
    return max(notice.total_value or 0.0, 0.0)


def _scenes(scenes: tuple[Scene, ...], elsewhere: int, notice: KillNotice) -> tuple[tuple[Scene, ...], int]:
    for at, scene in enumerate(scenes):
        if scene.place.system.id == notice.place.system.id:
            more = Scene(scene.place, scene.count + 1, max(scene.last, notice.time))
            return (*scenes[:at], more, *scenes[at + 1 :]), elsewhere
    if len(scenes) == MOST_SYSTEMS:
        return scenes, elsewhere + 1
    return (*scenes, Scene(notice.place, 1, notice.time)), elsewhere


def payload(digest: Digest) -> dict[str, object]:
    """Give the message of a digest: one embed, nobody mentioned."""
    return {"embeds": [embed(digest)], "allowed_mentions": {"parse": []}}


def embed(digest: Digest) -> dict[str, object]:
    """Give its embed, at most some 4,500 code units. Raises ValueError for a digest of nothing."""
    if not digest.count:
        raise ValueError("a digest needs a kill")
    scenes = sorted(digest.scenes, key=lambda one: (-one.count, one.place.system.id))
    found: dict[str, object] = {
        "title": _title(scenes, digest.elsewhere),
        "color": parts.COLOURS[_leading(digest)],
        "description": _description(digest),
        "fields": _fields(digest, scenes),
    }
    if (report := _report(scenes[0])) is not None:
        found["url"] = report
    return found


def _title(scenes: list[Scene], elsewhere: int) -> str:
    busiest, others = parts.place(scenes[0].place, _NAME, link=False), len(scenes) - 1
    if not others:
        return f"Battle in {busiest}"
    more = f"over {others}" if elsewhere else f"{others}"
    return f"Battle in {busiest} and {more} other system{'s' if others > 1 else ''}"


def _leading(digest: Digest) -> Side:
    """Green or red by the ISK; blue where nobody's side is known, or both are even."""
    won, lost = (digest.sides.get(side, Sum()).value for side in ("kill", "loss"))
    return "neutral" if won == lost else "kill" if won > lost else "loss"


def _description(digest: Digest) -> str:
    ships = "1 ship" if digest.count == 1 else f"{digest.count:,} ships"
    worth = isk.short(digest.value)
    what = f"**{ships}**" if worth == "0" else f"**{ships}, {worth} ISK**"
    return f"{what}, from {_clock(digest.first)} to {_clock(digest.last)}, the last one <t:{digest.last}:R>"


def _clock(time: int) -> str:
    return f"<t:{time}:t>"


def _fields(digest: Digest, scenes: list[Scene]) -> list[dict[str, object]]:
    fields: list[dict[str, object]] = []
    for side, name in _SIDES:
        # Where nobody takes sides the description has said it all.
        if (one := digest.sides.get(side)) and (side != "neutral" or len(digest.sides) > 1):
            worth = isk.short(one.value)
            text = f"{one.count:,}" if worth == "0" else f"{one.count:,} · {worth} ISK"
            fields.append({"name": name, "value": text, "inline": True})
    fields.append({"name": "Systems", "value": _systems(scenes, digest.elsewhere), "inline": False})
    fields.append({"name": "Biggest", "value": _lines([_big(one) for one in digest.biggest]), "inline": False})
    return fields


def _systems(scenes: list[Scene], elsewhere: int) -> str:
    lines = [_scene(one) for one in scenes[:SYSTEMS]]
    rest = sum(one.count for one in scenes[SYSTEMS:]) + elsewhere
    return _lines([*lines, f"{rest:,} more elsewhere"] if rest else lines)


def _scene(scene: Scene) -> str:
    named = f"{parts.place(scene.place, _NAME, link=False)}: {scene.count:,}"
    report = _report(scene)
    return named if report is None else f"{named} · [Battle report]({report})"


def _report(scene: Scene) -> str | None:
    moment = parts.instant(scene.last)
    return None if moment is None else links.battle_report(scene.place.system.id, moment)


def _big(notice: KillNotice) -> str:
    """Give "[Naglfar](…) of Pilot, 3.2b ISK"; the brackets of a link hold nothing but an escaped name."""
    ship = parts.label(notice.victim.ship, "Unknown ship", _NAME)
    who = parts.victim(notice.victim, _NAME, link=False)
    worth = parts.value(notice)
    text = f"[{ship}]({links.kill(notice.killmail_id)}) of {who}"
    return f"{text}, {worth}" if worth else text


def _lines(lines: list[str]) -> str:
    """Join as many as find room."""
    while length(text := "\n".join(lines)) > _FIELD:
        lines = lines[:-1]
    return text
