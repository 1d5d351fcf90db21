"""What every table of notifier.toml is checked for: keys that are not known, keys that are missing. Pure."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

from notifier.problem import did_you_mean, shown

Add: TypeAlias = Callable[[str, str, str], None]
"""Notes a mistake: where, what was found, what was expected."""


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
