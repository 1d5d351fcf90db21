"""How a destination's messages come: as posts of a forum, with which mentions, in which hours without a sound. Pure."""

import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from notifier.config import duration
from notifier.problem import Add, check_keys, shown

KEYS: Final = ("post_name", "mentions", "quiet")
"""The keys of a destination that are read here."""
SUPPRESS_NOTIFICATIONS: Final = 1 << 12
"""Discord's flag for a message that makes no sound."""
MOST_MENTIONED: Final = 20
"""Roles, and users, of one destination: their mentions stay far below the 2,000 characters of a message's content."""
AT_MOST_EVERY: Final = 600.0
"""Seconds between two messages that mention somebody, where the destination says nothing else."""

_MENTIONS = 'a table: mentions = { roles = [<id>], users = [<id>], here = true, at_most_every = "10m" }'
_QUIET = 'a table: quiet = { from = "23:00", to = "07:00", zone = "Europe/Berlin" }'
_IDS = f"a list of at most {MOST_MENTIONED} ids of Discord"
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_SNOWFLAKE = re.compile(r"[1-9][0-9]{0,18}")
_NAME = 'a text of 1 to 100 characters on one line, which may hold {date} and no other braces: "Killmails of {date}"'


@dataclass(frozen=True, slots=True)
class Mentions:
    """Whom a message mentions, at most once in `at_most_every` seconds: roles and users by id, `here` who is online."""

    roles: tuple[int, ...] = ()
    users: tuple[int, ...] = ()
    here: bool = False
    at_most_every: float = AT_MOST_EVERY

    def added_to(self, payload: Mapping[str, object]) -> dict[str, object]:
        """Give the message with the mentions as its only content: no text of a killmail is looked through for any."""
        texts = ["@here"] if self.here else []
        texts += [f"<@&{role}>" for role in self.roles] + [f"<@{user}>" for user in self.users]
        allowed: dict[str, object] = {"parse": ["everyone"] if self.here else []}
        allowed |= {kind: [str(one) for one in ids] for kind, ids in self._by_id().items() if ids}
        return {**payload, "content": " ".join(texts), "allowed_mentions": allowed}

    def _by_id(self) -> dict[str, tuple[int, ...]]:
        return {"roles": self.roles, "users": self.users}


@dataclass(frozen=True, slots=True)
class Quiet:
    """The hours of each day, by the clocks of `zone`, in which messages make no sound; over midnight if `to` is less.

    Where the clocks are put back, an hour that comes twice is quiet both times.
    """

    begin: time
    end: time
    zone: ZoneInfo

    def holds(self, now: float) -> bool:
        """Whether it is quiet at `now` (epoch seconds): from `begin`, and no longer at `end`."""
        clock = datetime.fromtimestamp(now, self.zone).time()
        if self.begin < self.end:
            return self.begin <= clock < self.end
        return clock >= self.begin or clock < self.end


@dataclass(frozen=True, slots=True)
class Manners:
    """How the messages of one destination come. `post_name`: each opens a post of a forum, so named."""

    post_name: str | None = None
    mentions: Mentions | None = None
    quiet: Quiet | None = None

    def dressed(self, payload: Mapping[str, object], now: float) -> dict[str, object]:
        """Give the message as it goes out at `now` (epoch seconds), as yet without mentions."""
        found = dict(payload)
        if self.post_name is not None:
            date = datetime.fromtimestamp(now, UTC).date().isoformat()
            found["thread_name"] = self.post_name.replace("{date}", date)
        if self._is_quiet(now):
            found["flags"] = SUPPRESS_NOTIFICATIONS
        return found

    def mentioned(self, now: float) -> Mentions | None:
        """Whom a message of `now` may mention: nobody while it is quiet."""
        return None if self._is_quiet(now) else self.mentions

    def _is_quiet(self, now: float) -> bool:
        return self.quiet is not None and self.quiet.holds(now)


PLAIN: Final = Manners()
"""Messages as they are, with no mention, at any hour."""


def read(entry: Mapping[str, Any], where: str, add: Add) -> Manners:
    """Read the KEYS of a destination's table; every mistake goes to `add`, and what has one is left out."""
    return Manners(
        _post_name(entry, where, add),
        _mentions(entry["mentions"], f"{where}.mentions", add) if "mentions" in entry else None,
        _quiet(entry["quiet"], f"{where}.quiet", add) if "quiet" in entry else None,
    )


def snowflake(value: object) -> int | None:
    """Read an id of Discord, a number or a text of digits; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    if isinstance(value, int):
        return value if 0 < value < 1 << 63 else None
    return int(value) if _SNOWFLAKE.fullmatch(value) and int(value) < 1 << 63 else None


def _post_name(entry: Mapping[str, Any], where: str, add: Add) -> str | None:
    if "post_name" not in entry:
        return None
    found = entry["post_name"]
    if isinstance(found, str):
        rest = found.replace("{date}", "YYYY-MM-DD")
        if rest.strip() and len(rest) <= 100 and rest.isprintable() and not set(rest) & set("{}"):
            return found
    add(f"{where}.post_name", shown(found), _NAME)
    return None


def _is_table(found: object, known: Collection[str], where: str, expected: str, add: Add) -> bool:
    if not isinstance(found, dict):
        add(where, shown(found), expected)
        return False
    check_keys(found, where, known, add)
    return True


def _mentions(found: Any, where: str, add: Add) -> Mentions | None:
    if not _is_table(found, ("roles", "users", "here", "at_most_every"), where, _MENTIONS, add):
        return None
    roles, users = (_ids(found.get(kind, []), f"{where}.{kind}", add) for kind in ("roles", "users"))
    here = found.get("here", False)
    if not isinstance(here, bool):
        add(f"{where}.here", shown(here), "true or false")
    elif not (here or found.get("roles") or found.get("users")):
        add(where, "nobody", "roles, users, or here = true")
    every = duration.read(found, "at_most_every", where, add, AT_MOST_EVERY)
    return Mentions(roles, users, here is True, every)


def _ids(found: object, where: str, add: Add) -> tuple[int, ...]:
    ids = [snowflake(one) for one in found] if isinstance(found, list) else [None]
    if None in ids or len(ids) > MOST_MENTIONED:
        add(where, shown(found), _IDS)
    return tuple(dict.fromkeys(one for one in ids if one is not None))


def _quiet(found: Any, where: str, add: Add) -> Quiet | None:
    if not _is_table(found, ("from", "to", "zone"), where, _QUIET, add):
        return None
    begin, end = (_time(found, key, where, add) for key in ("from", "to"))
    zone = _zone(found.get("zone", "UTC"), f"{where}.zone", add)
    if begin is None or end is None or zone is None:
        return None
    if begin == end:
        add(where, f"from {found['from']} to the same", "two different times")
        return None
    return Quiet(begin, end, zone)


def _time(found: Mapping[str, Any], key: str, where: str, add: Add) -> time | None:
    if key not in found:
        add(where, f"no {key}", f"the key {key}")
        return None
    match = _TIME.fullmatch(found[key]) if isinstance(found[key], str) else None
    if match is None:
        add(f"{where}.{key}", shown(found[key]), 'a time of day from "00:00" to "23:59"')
        return None
    return time(int(match[1]), int(match[2]))


def _zone(found: object, where: str, add: Add) -> ZoneInfo | None:
    if isinstance(found, str):
        with suppress(ZoneInfoNotFoundError, ValueError, OSError):  # said below, with its place
            return ZoneInfo(found)
    said = repr(found) if isinstance(found, str) and re.fullmatch(r"[A-Za-z0-9_+/-]{1,40}", found) else shown(found)
    add(where, said, 'a time zone such as "Europe/Berlin"; "UTC" if unsaid')
    return None
