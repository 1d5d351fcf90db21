"""One mistake in what the operator wrote: where, what was found, what was expected; and how it is put into words."""

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

LONGEST_SHOWN = 60

Add: TypeAlias = Callable[[str, str, str], None]
"""Notes a mistake: where, what was found, what was expected."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A mistake to report; as text "where: found X, expected Y". Holds no secret."""

    where: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.where}: found {self.found}, expected {self.expected}"


def shown(value: object) -> str:
    """Say what was found, short and on one line; a text that looks like an address or a secret is not repeated."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if isinstance(value, int) and abs(value) >= 10**LONGEST_SHOWN:
        return "a number too large to be shown"
    if not isinstance(value, str):
        return _short(str(value).lower() if isinstance(value, bool) else repr(value))
    if "/" in value or "@" in value or len(value) > LONGEST_SHOWN:
        return "a text that is not repeated here, as it may be an address"
    return repr(value)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """Give "; did you mean …?" with the closest of `known`, or nothing where none is close."""
    closest = difflib.get_close_matches(found, sorted(known), n=1, cutoff=0.6)
    return f"; did you mean {closest[0]}?" if closest else ""


def check_keys(
    table: Mapping[str, Any], where: str, known: Collection[str], add: Add, required: Collection[str] = ()
) -> None:
    """Note each key of the table at `where` that is not `known`, and each `required` one that is not there."""
    for key in table:
        if key not in known:
            add(where, f"the unknown key {shown(key)}", f"one of {', '.join(known)}{did_you_mean(key, known)}")
    for key in required:
        if key not in table:
            add(where, f"no {key}", f"the key {key}")
