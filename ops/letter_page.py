"""How a dead letter looks on a terminal; what others wrote into it does not steer the terminal. Pure."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from rich.markup import escape

from workers.letter import Fate, Letter

LONGEST_PAYLOAD = 4_000
"""Characters of a payload that `show` prints; --json has all of it."""


def printable(text: object) -> str:
    """`text` without control characters: each as its escape, such as \\x1b."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in str(text))


def safe(text: object) -> str:
    """`text` as `printable` gives it, and without rich's markup."""
    return escape(printable(text))


def when(at: object) -> str:
    """A time in epoch seconds, in UTC; "?" where there is none."""
    if not isinstance(at, int | float):
        return "?"
    try:
        return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"
    except (OverflowError, OSError, ValueError):
        return "?"


def last_line(text: str) -> str:
    """What a traceback says in the end; a short text as it is."""
    lines = text.strip().splitlines()
    return printable(lines[-1]) if lines else ""


def payload(letter: Letter) -> str:
    """What the job was to do, readable."""
    if letter.unreadable:
        stored = ", ".join(f"{name} ({len(value)} bytes)" for name, value in letter.raw.items())
        return printable(f"fields of the job: {stored or 'none'}; --json shows them in base64")
    body = letter.body()
    shown = [body.decode("utf-8", "backslashreplace")] if body is not None else [_pretty(one) for one in letter.args]
    text = "\n".join(shown)
    cut = len(text) - LONGEST_PAYLOAD
    return printable(text[:LONGEST_PAYLOAD]) + (
        f"\n… and {cut:,} characters more; --json shows them" if cut > 0 else ""
    )


def facts(letter: Letter, fate: Fate) -> Iterator[tuple[str, str]]:
    """All that is known of one letter but its payload: what a fact is called, and the fact."""
    meta = letter.meta
    yield "id", letter.id
    yield "queue", letter.queue
    yield "about", letter.description
    if letter.link:
        yield "killmail", letter.link
    if letter.destination:
        yield "destination", letter.destination
    if letter.body_file:
        file, size = letter.body_file
        yield "body", f"{size:,} bytes, the beginning below, the whole in {file} of the state directory"
    yield "category", letter.category
    yield "reason", letter.reason.strip()
    yield "died", f"{when(letter.dead_at)} UTC"
    attempts = "?" if letter.attempts is None else letter.attempts
    yield "attempts", f"{attempts}, the first {when(meta.get('first_at'))}, the last {when(meta.get('last_at'))}"
    errors = meta.get("errors")
    for which in ("first", "last"):
        error = errors.get(which) if isinstance(errors, Mapping) else None
        if isinstance(error, Mapping):
            yield f"{which} error", f"{when(error.get('at'))}  {_death(error)}"
    history = meta.get("history")
    for number, past in enumerate(history if isinstance(history, list) else (), 1):
        if isinstance(past, Mapping):
            died = f"died {when(past.get('dead_at'))} after {past.get('attempts', '?')} attempts"
            yield f"round {number}", f"{died}  {_death(past)}"
    yield "replay", f"would be {fate}"


def _death(told: Mapping[str, Any]) -> str:
    return f"{told.get('category', '')}: {last_line(str(told.get('reason', '')))}"


def _pretty(value: object) -> str:
    """An argument; one that is JSON itself (a killmail, a notice) is laid out."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return msgspec.json.format(value)
        except msgspec.DecodeError:
            return value
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
