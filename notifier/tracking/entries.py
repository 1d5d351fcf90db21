"""Names and ids in the configuration → the ids that they mean."""

from collections.abc import Mapping
from typing import Final, Protocol

from notifier.problem import Add, shown

LARGEST_ID: Final = 2**63 - 1

_ONLY_IDS: Final[Mapping[str, str]] = {"character": "a character", "alliance": "an alliance"}
"""Kinds whose names the static data do not hold, with their article."""


class Gazetteer(Protocol):
    """The part of the static data that names need; `notifier.universe.Universe` is one."""

    def find(self, kind: str, name: str, /) -> tuple[int, ...]:
        """Give the ids of that name."""

    def suggest(self, kind: str, name: str, /) -> str | None:
        """Give the closest name."""


def words(kind: str) -> str:
    """Say by what things of this kind are named."""
    return "ids" if kind in _ONLY_IDS else "names or ids"


def ids_of(entry: object, where: str, kind: str, universe: Gazetteer, add: Add) -> frozenset[int]:
    """Give the ids that the entry at `where` means, none for a mistake; several NPC types may share a name.

    An id that the static data do not know is fine: the game may be newer than they are.
    """
    if isinstance(entry, int) and not isinstance(entry, bool) and 0 < entry <= LARGEST_ID:
        return frozenset({entry})
    word = kind.replace("_", " ")
    if kind in _ONLY_IDS:
        why = ": their names are not in the game's static data" if isinstance(entry, str) else ""
        add(where, shown(entry), f"the id of {_ONLY_IDS[kind]}, a number{why}")
        return frozenset()
    if not isinstance(entry, str):
        add(where, shown(entry), f"a {word} by name or id")
        return frozenset()
    ids = frozenset(universe.find(kind, entry))
    if not ids:
        add(where, shown(entry), _known(kind, word, universe.suggest(kind, entry)))
    return ids


def _known(kind: str, word: str, close: str | None) -> str:
    hint = f"; did you mean {close}?" if close else ""
    if kind == "corporation":
        return f"the name of an NPC corporation, or an id: names of players' corporations are not known here{hint}"
    return f"the name of a {word}, or its id{hint}"
