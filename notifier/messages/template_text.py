"""The text that a template made, fitted into what Discord takes. Pure."""

import re

from notifier.messages.escape import length

_UNIT = re.compile(r"\\.|\[[^\[\]\n]*\]\([^()\s]*\)|<t:-?\d+(?::\w)?>|<a?:\w+:\d+>|.", re.DOTALL)
"""What is never cut through: something escaped, a link, a time, an emoji."""
_GAPS = re.compile(r"(?:[^\S\n]*\n){3,}")


def one_line(text: str) -> str:
    """Join the lines of a title or footer."""
    return " ".join(text.split())


def tidy(text: str) -> str:
    """Take out what the template's own statements left: blank lines at both ends, and more than one at a time."""
    return _GAPS.sub("\n\n", text.strip())


def cut(text: str, limit: int) -> str:
    """Cut to at most `limit` UTF-16 code units, ending in "…": behind a whole line where that leaves more than half.

    A limit of 0 or less gives "".
    """
    if length(text) <= limit:
        return text
    if limit <= 0:
        return ""
    kept = _as_much_as_fits(text, limit - 1)
    end_of_line = kept.rfind("\n")
    return f"{kept[:end_of_line].rstrip()}\n…" if end_of_line > len(kept) // 2 else f"{kept.rstrip()}…"


def _as_much_as_fits(text: str, room: int) -> str:
    end = 0
    for unit in _UNIT.finditer(text):
        room -= length(unit[0])
        if room < 0:
            break
        end = unit.end()
    return text[:end]
