"""The demo's bookkeeping: what should have arrived, what did, what is dead, what came twice and why."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TypeAlias

Notification: TypeAlias = tuple[int, str]
"""A killmail's id and a destination's."""


@dataclass(frozen=True, slots=True)
class Account:
    """The result. The first three count packages (`evaluated`: distinct killmails), the others notifications."""

    published: int
    evaluated: int
    malformed: int
    matched: int
    delivered: int
    dead: int
    lost: int
    duplicates: int
    duplicates_in_window: int
    seconds: float

    @property
    def good(self) -> bool:
        """Nothing lost, nothing dead, no repeat that Discord gave a way to avoid."""
        return self.lost == 0 and self.dead == 0 and self.duplicates == self.duplicates_in_window

    def as_dict(self) -> dict[str, int | float]:
        """The fields by name."""
        return asdict(self)


def reckon(
    expected: Iterable[Notification],
    arrived: Mapping[Notification, int],
    dead: Iterable[Notification],
    ambiguous: Mapping[Notification, int],
) -> dict[str, int]:
    """Hold what arrived against what was expected.

    `arrived` counts arrivals, `ambiguous` how often a notification was posted again after a post without a known end.
    A notification that arrived and is dead as well counts as delivered.
    """
    wanted = set(expected)
    delivered = {one for one in wanted if arrived.get(one)}
    lost_or_dead = wanted - delivered
    buried = lost_or_dead & set(dead)
    extra = {one: arrived[one] - 1 for one in delivered if arrived[one] > 1}
    # What nobody expected is an arrival too many as well, and nothing explains it.
    strangers = sum(count for one, count in arrived.items() if one not in wanted)
    return {
        "matched": len(wanted),
        "delivered": len(delivered),
        "dead": len(buried),
        "lost": len(lost_or_dead - buried),
        "duplicates": sum(extra.values()) + strangers,
        "duplicates_in_window": sum(min(count, ambiguous.get(one, 0)) for one, count in extra.items()),
    }
