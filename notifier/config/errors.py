"""What a configuration that cannot be used raises."""

from collections.abc import Sequence
from pathlib import Path

from notifier.problem import Problem


class ConfigError(Exception):
    """Every mistake of a configuration at once, in `problems`; as text one line a problem, with the file's name."""

    def __init__(self, problems: Sequence[Problem], file: Path | None = None) -> None:
        self.problems, self.file = list(problems), file
        prefix = "" if file is None else f"{file}: "
        super().__init__("\n".join(f"{prefix}{problem}" for problem in self.problems))
