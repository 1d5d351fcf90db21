"""notifier.toml → Config: destinations and subscriptions, with every mistake in one report."""

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from notifier.config import duration
from notifier.config.destinations import AddressProblem, Destination
from notifier.config.errors import ConfigError
from notifier.config.read_destination import DestinationReader
from notifier.config.settings import DISCORD_URL
from notifier.messages import SAMPLE, TemplateFailed, read_template
from notifier.problem import Problem, check_keys, did_you_mean, shown
from notifier.tracking import Subscription, only_origin, parse_rule, read_origin
from notifier.universe import Universe

_ID = re.compile(r"[a-z0-9_-]{1,40}")
_HOW_TO_SUBSCRIBE = (
    'at least one: [[subscriptions]] id = "…" to = ["<id of a destination>"] where = { … } '
    "(ops/notifier.example.toml has examples)"
)


@dataclass(frozen=True, slots=True)
class Config:
    """What notifier.toml says: destinations by id and subscriptions, both in the file's order.

    `admin` is the id of the destination that is told what an operator should know, None for none; `status` how often
    it is told how the service fares, in seconds, None for never.
    """

    destinations: Mapping[str, Destination]
    subscriptions: tuple[Subscription, ...]
    admin: str | None = None
    status: float | None = None


def load_config(
    path: Path,
    environ: Mapping[str, str],
    universe: Universe,
    allowed_hosts: Collection[str],
    discord_url: str = DISCORD_URL,
) -> Config:
    """Read `path`; raises ConfigError with all mistakes at once. Addresses are not read (see `check_addresses`).

    `environ` and `allowed_hosts` are what the destinations read their addresses from and check them against;
    `discord_url` is where bots post.
    """
    reading = _Reading(path, environ, allowed_hosts, universe, discord_url)
    config = reading.config(_table(path))
    if reading.problems:
        raise ConfigError(reading.problems, path)
    return config


def check_addresses(config: Config) -> list[Problem]:
    """Read each destination's address now and give what is wrong with them, in the order of the destinations."""
    return [problem for destination in config.destinations.values() if (problem := _address_problem(destination))]


def check_templates(config: Config) -> list[Problem]:
    """Read each destination's template now, try it on a made-up kill, and give what is wrong with them."""
    return [problem for destination in config.destinations.values() if (problem := _template_problem(destination))]


def _template_problem(destination: Destination) -> Problem | None:
    if destination.template is None:
        return None
    try:
        read_template(destination.template).embed(SAMPLE)
    except TemplateFailed as failed:
        line = "" if failed.line is None else f", line {failed.line}"
        where = f"destinations.{destination.id}.template ({destination.template}{line})"
        return Problem(where, failed.reason, "a template; ops/templates/README.md says what it may hold")
    return None


def _address_problem(destination: Destination) -> Problem | None:
    try:
        destination.address()
    except AddressProblem as error:
        return error.problem
    return None


def _table(path: Path) -> dict[str, Any]:
    """Parse the file; what is wrong with its bytes or its syntax is one problem, and nothing else can be said."""
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        problem = Problem("the file", _words(error), "a readable file; NOTIFIER_CONFIG names it")
    except UnicodeDecodeError as error:
        problem = Problem(f"byte {error.start}", "a byte that is not UTF-8", "a TOML file in UTF-8")
    except tomllib.TOMLDecodeError as error:
        problem = Problem("the syntax", _said(error), "TOML")
    except RecursionError:
        problem = Problem("the syntax", "brackets nested too deep", "TOML")
    except ValueError:  # Python refuses to read a number of thousands of digits
        problem = Problem("the syntax", "a number with too many digits", "TOML")
    raise ConfigError([problem], path)


def _words(error: OSError) -> str:
    return error.strerror or type(error).__name__


def _said(error: tomllib.TOMLDecodeError) -> str:
    """Give tomllib's words with line and column; keys in them are left out, as one may be an address by mistake."""
    return re.sub(r"\(('.*|\".*)\) (?=twice)", "a key ", str(error))


@dataclass
class _Reading:
    """One pass over one file; mistakes gather in `problems`."""

    path: Path
    environ: Mapping[str, str]
    allowed_hosts: Collection[str]
    universe: Universe
    discord_url: str
    problems: list[Problem] = field(default_factory=list)

    def config(self, table: dict[str, Any]) -> Config:
        check_keys(table, "the file", ("destinations", "subscriptions", "admin"), self._add)
        reader = DestinationReader(self.path, self.environ, self.allowed_hosts, self._add, self.discord_url)
        named = [reader.destination(entry, where) for entry, where in self._entries(table, "destinations")]
        destinations = {destination.id: destination for destination in named if destination is not None}
        # An id whose destination has a mistake is still an id: no second complaint where it is used.
        named_by_mistake = (entry.get("id") for entry in _tables(table, "destinations"))
        known = set(destinations) | {name for name in named_by_mistake if isinstance(name, str)}
        made = [self._subscription(entry, where, known) for entry, where in self._entries(table, "subscriptions")]
        if not table.get("subscriptions"):
            self._add("subscriptions", "none", _HOW_TO_SUBSCRIBE)
        subscriptions = tuple(found for found in made if found is not None)
        return Config(MappingProxyType(destinations), subscriptions, self._admin(table, known), self._status(table))

    def _admin(self, table: dict[str, Any], known: set[str]) -> str | None:
        if "admin" not in table:
            return None
        admin = table["admin"]
        if not isinstance(admin, dict):
            self._add("admin", shown(admin), 'a table: [admin] to = "<id of a destination>"')
            return None
        check_keys(admin, "admin", ("to", "status"), self._add, required=("to",))
        to = admin.get("to")
        if "to" in admin and (not isinstance(to, str) or to not in known):
            hint = did_you_mean(to, known) if isinstance(to, str) else ""
            self._add("admin.to", shown(to), f"the id of a destination{hint}")
        return to if isinstance(to, str) else None

    def _status(self, table: dict[str, Any]) -> float | None:
        admin = table.get("admin")
        if not isinstance(admin, dict) or "status" not in admin:
            return None
        return duration.read(admin, "status", "admin", self._add, 0.0) or None

    def _add(self, where: str, found: str, expected: str) -> None:
        self.problems.append(Problem(where, found, expected))

    def _entries(self, table: dict[str, Any], name: str) -> Iterator[tuple[dict[str, Any], str]]:
        """Give each table of the array `name` with the words for its place, having checked its id."""
        entries = table.get(name, [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            self._add(name, shown(entries), f"tables, each headed [[{name}]]")
            entries = _tables(table, name)
        ids: set[str] = set()
        for number, entry in enumerate(entries, 1):
            yield entry, self._place(entry, f"{name}[{number}]", name, ids)

    def _place(self, entry: dict[str, Any], numbered: str, name: str, ids: set[str]) -> str:
        found = entry.get("id")
        if "id" not in entry:
            return numbered  # `_keys` reports it as missing
        if not isinstance(found, str) or not _ID.fullmatch(found):
            self._add(f"{numbered}.id", shown(found), "1 to 40 of the characters a-z 0-9 _ -")
            return numbered
        if found in ids:
            self._add(f"{numbered}.id", f"{found!r} a second time", "an id of its own")
        ids.add(found)
        return f"{name}.{found}"

    def _subscription(self, entry: dict[str, Any], where: str, known: set[str]) -> Subscription | None:
        check_keys(entry, where, ("id", "to", "where", "origin"), self._add, required=("id", "to", "where"))
        to = self._to(entry["to"], f"{where}.to", known) if "to" in entry else ()
        given = read_origin(entry["origin"], f"{where}.origin", self.universe, self._add) if "origin" in entry else None
        if "where" not in entry:
            return None
        rule, problems = parse_rule(entry["where"], f"{where}.where", self.universe)
        self.problems += problems
        name = entry.get("id")
        if rule is None or not isinstance(name, str):
            return None
        origin = given if "origin" in entry else only_origin(entry["where"], self.universe)
        return Subscription(name, to, rule, origin)

    def _to(self, value: object, where: str, known: set[str]) -> tuple[str, ...]:
        if not isinstance(value, list) or not value or not all(isinstance(name, str) for name in value):
            self._add(where, shown(value), 'a list of destination ids, such as ["intel"]')
            return ()
        for name in value:
            if name not in known:
                self._add(where, shown(name), f"the id of a destination{did_you_mean(name, known)}")
        if len(set(value)) < len(value):
            self._add(where, "a destination twice", "each destination once")
        return tuple(value)


def _tables(table: dict[str, Any], name: str) -> list[dict[str, Any]]:
    entries = table.get(name, [])
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
