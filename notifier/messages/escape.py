"""Foreign text on its way into a message: cleaned, shortened, and unable to mention, link or format anything.

Lengths are UTF-16 code units: Discord does not document its unit, and this count is never below code points.
"""

import re
import unicodedata

_MARKDOWN = re.compile(r"[\\*_~`|<>:#]")
_LIST = re.compile(r"^(\d*)([-+.)])")
# Discord looks for the end of a link's text before it heeds backslashes, so an escaped bracket still forges links.
_BRACKETS = str.maketrans({"[": "［", "]": "］", "@": "@\u200b"})
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and symbols that show nothing."""
_MARKS = frozenset({"Mn", "Me"})


def length(text: str) -> int:
    """Give the length in UTF-16 code units."""
    return len(text) + sum(char > "\uffff" for char in text)


def shorten(text: str, limit: int) -> str:
    """Cut to at most `limit` UTF-16 code units, ending in "…" if anything was cut; a limit of 0 or less gives ""."""
    if length(text) <= limit:
        return text
    kept, room = [], limit - 1
    for char in text:
        room -= length(char)
        if room < 0:
            break
        kept.append(char)
    return "".join(kept).rstrip() + "…" if limit > 0 else ""


def plain(text: str, limit: int) -> str:
    """Clean and cut a text for where Discord formats nothing (author, footer); "" when nothing visible is left.

    Line breaks, control characters, and invisible ones that turn the writing direction around are taken out.
    """
    if not text.isascii() or not text.isprintable():
        text = "".join(" " if char.isspace() or char in _BLANK else char for char in text)
        text = "".join(char for char in text if unicodedata.category(char) not in _UNSEEN)
        if all(char == " " or unicodedata.category(char) in _MARKS for char in text):
            return ""
    return shorten(" ".join(text.split()), limit)


def escape(text: str, limit: int) -> str:
    """Clean and cut a text, then escape it for titles, descriptions and fields; at most 2 × `limit` + 1 units."""
    escaped = _MARKDOWN.sub(r"\\\g<0>", plain(text, limit)).translate(_BRACKETS)
    return _LIST.sub(r"\1\\\2", escaped)
