"""Room in an embed that must be small whatever it holds: ten of them fit into one message."""

from collections.abc import Iterable

from notifier.messages.escape import length

MOST = 580
"""Code units of one embed: ten of them stay below Discord's 6,000 a message."""

_LAST = 1 << 40
_MOST_COUNTED = 10**9


def joined(lines: Iterable[str], room: int) -> str:
    """Join what is not empty, a line each; a line that finds no room (in code units) is left out."""
    kept: list[str] = []
    for line in lines:
        if line and length(line) + bool(kept) <= room:
            room -= length(line) + bool(kept)
            kept.append(line)
    return "\n".join(kept)


def ago(time: int) -> str:
    """Give a moment (epoch seconds) as Discord counts it, "3 hours ago"; "" for what is none."""
    return f"<t:{time}:R>" if 0 < time < _LAST else ""


def counted(count: int) -> str:
    """Give "12,345", at most 13 code units."""
    return f"{min(max(count, 0), _MOST_COUNTED):,}"


def number(count: int, one: str, many: str = "") -> str:
    """Give "1 host", "2 hosts"; `many` where that is not `one` with an s."""
    return f"{counted(count)} {one if count == 1 else many or one + 's'}"
