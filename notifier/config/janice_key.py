"""The key of Janice's API: a secret that lies in a file of its own and is shown nowhere."""

from pathlib import Path

from notifier.config.errors import ConfigError
from notifier.problem import Problem

WHERE = "NOTIFIER_JANICE_KEY_FILE"
EXPECTED = "a readable file with one line: the key of Janice's API"
LONGEST = 200


def read_janice_key(path: Path) -> str:
    """Give the key that the file holds. Raises ConfigError, which shows nothing of it."""
    try:
        text = path.read_text("utf-8").strip()
    except OSError as error:
        raise _wrong(error.strerror or type(error).__name__) from None
    except UnicodeDecodeError:
        raise _wrong("a file that is not UTF-8") from None
    if not text:
        raise _wrong("an empty file")
    if len(text) > LONGEST or any(not "!" <= char <= "~" for char in text):
        raise _wrong("more than one line, or characters that no key has")
    return text


def check_janice_key(path: Path | None) -> list[Problem]:
    """Read the key now and give what is wrong with it; nothing for no file."""
    try:
        if path is not None:
            read_janice_key(path)
    except ConfigError as error:
        return error.problems
    return []


def _wrong(found: str) -> ConfigError:
    return ConfigError([Problem(WHERE, found, EXPECTED)])
