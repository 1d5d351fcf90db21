"""Where a destination posts, by a webhook or as a bot in a channel, and where the secret for that is kept.

A secret itself never stands in notifier.toml. Pure but for "~".
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from notifier.config.manners import snowflake
from notifier.config.settings import PREFIX
from notifier.problem import Add, shown

KEYS: Final = ("webhook", "bot", "channel")
"""The keys of a destination that are read here."""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TOKEN = re.compile(r"[\w-]{20,}\.[\w-]{5,}\.[\w-]{20,}", re.ASCII)
"""What a bot's token looks like, which is neither a variable's name nor, one hopes, a file's."""
_SECRETS: Final = {"webhook": "address", "bot": "token"}
_CHANNEL = "the id of a channel or thread, a number of up to 19 digits"


class Place(NamedTuple):
    """Exactly one of `env` (a variable's name) and `file` says where the secret is kept; with a `channel` it is a
    bot's token, else a webhook's address.
    """

    env: str | None
    file: Path | None
    channel: int | None = None


def read(entry: Mapping[str, Any], where: str, folder: Path, add: Add) -> Place | None:
    """Read the KEYS of a destination's table; None where they have a mistake. Files are relative to `folder`."""
    channel = _channel(entry, where, add)
    if "webhook" in entry and "bot" in entry:
        add(where, "webhook and bot", "one of the two")
        return None
    if "bot" in entry:
        fits = _fits_a_bot(entry, where, add)
        kept = _kept(entry["bot"], "bot", f"{where}.bot", folder, add)
        return Place(*kept, channel) if fits and kept is not None and channel is not None else None
    if "channel" in entry:
        add(f"{where}.channel", "a channel without a bot", "bot = { … } as well: a webhook has its channel already")
    if "webhook" not in entry:
        add(where, "no webhook", "the key webhook (or bot and channel)")
        return None
    kept = _kept(entry["webhook"], "webhook", f"{where}.webhook", folder, add)
    return None if kept is None else Place(*kept)


def _channel(entry: Mapping[str, Any], where: str, add: Add) -> int | None:
    if "channel" not in entry:
        return None
    found = snowflake(entry["channel"])
    if found is None:
        add(f"{where}.channel", shown(entry["channel"]), _CHANNEL)
    return found


def _fits_a_bot(entry: Mapping[str, Any], where: str, add: Add) -> bool:
    if "channel" not in entry:
        add(where, "a bot without a channel", f"the key channel: {_CHANNEL}")
    if "thread" in entry:
        add(f"{where}.thread", "a thread of a bot", "channel = <the thread's id>")
    if "post_name" in entry:
        add(f"{where}.post_name", "posts of a forum by a bot", "a webhook: a bot's channel may be one post, by its id")
    return "channel" in entry and not {"thread", "post_name"} & entry.keys()


def _kept(found: object, kind: str, where: str, folder: Path, add: Add) -> tuple[str | None, Path | None] | None:
    secret = _SECRETS[kind]
    name = f"INTEL_{kind.upper()}"
    expected = f'a place where the {secret} is kept: {kind} = {{ env = "{name}" }} or {{ file = "/run/secrets/intel" }}'
    if isinstance(found, str):
        add(where, f"a plain text, perhaps the {secret} itself", f"{expected}: no secret in this file")
        return None
    if not isinstance(found, dict) or len(found) != 1 or not found.keys() <= {"env", "file"}:
        add(where, shown(found), expected)
        return None
    [(how, value)] = found.items()
    if how == "env":
        return _variable(value, secret, f"{where}.env", add)
    return _file(value, secret, f"{where}.file", folder, add)


def _variable(value: object, secret: str, where: str, add: Add) -> tuple[str, None] | None:
    if not isinstance(value, str) or not _VARIABLE.fullmatch(value):
        add(where, _hidden(value), f"the name of an environment variable, not the {secret} itself")
        return None
    if value.upper().startswith(PREFIX):
        add(where, repr(value), f"a name that does not begin with {PREFIX}: those are the settings'")
        return None
    return value, None


def _file(value: object, secret: str, where: str, folder: Path, add: Add) -> tuple[None, Path] | None:
    if not isinstance(value, str) or not value.strip() or "://" in value or "\0" in value or _TOKEN.search(value):
        add(where, _hidden(value), f"the path of a file, not the {secret} itself")
        return None
    try:
        return None, (folder / Path(value).expanduser()).absolute()
    except RuntimeError:  # "~" of a user who is not known
        add(where, "a home directory that is not known", "the path of a file")
        return None


def _hidden(value: object) -> str:
    """Say what was found; a text that may be a token is not repeated."""
    is_token = isinstance(value, str) and _TOKEN.search(value)
    return "a text that is not repeated here, as it may be a token" if is_token else shown(value)
