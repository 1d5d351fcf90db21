"""What a configuration that cannot be used raises, and how a found value is shown without showing a secret."""

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path

from notifier.problem import Problem

LONGEST_SHOWN = 60


class ConfigError(Exception):
    """Every mistake of a configuration at once, in `problems`; as text one line a problem, with the file's name."""

    def __init__(self, problems: Sequence[Problem], file: Path | None = None) -> None:
        self.problems, self.file = list(problems), file
        prefix = "" if file is None else f"{file}: "
        super().__init__("\n".join(f"{prefix}{problem}" for problem in self.problems))


def shown(value: object) -> str:
    """Say what was found, short and on one line; a text that looks like an address or a secret is not repeated."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
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
