"""From settings and configuration to a running tree: everything is checked first, all mistakes in one report."""

import os
import sys
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import msgspec
import tomli_w

from notifier.config import ConfigError, Settings, check_addresses, check_janice_key, check_templates, load_config
from notifier.universe import load
from ops.home import Home, write_private
from ops.tree import compile_tree

CONFIGURED_ROLES = frozenset({"sources", "delivery"})
"""Roles that read the configuration file."""


class _Compiled(msgspec.Struct):
    """What is read of a compiled tree."""

    roles: list[str]


def prepare(settings: Settings, environ: Mapping[str, str], roles: Collection[str]) -> tuple[Home, dict[str, str]]:
    """Check everything, write the compiled tree; gives the home and the environment for `python -m supervisor`.

    Raises ConfigError with all mistakes, OSError or RuntimeFolderError for a folder that cannot be used.
    """
    home = Home.of(settings, environ)
    inherited = dict(environ)
    if CONFIGURED_ROLES & set(roles):
        check(settings, environ, roles)
        _snapshot(settings.config, home)
        inherited["NOTIFIER_CONFIG"] = str(home.config)
    inherited["NOTIFIER_REDIS_URL"] = home.redis_url(settings)
    inherited["NOTIFIER_STATE_DIR"] = str(home.state)
    tree = compile_tree(settings, home, roles)
    write_private(home.tree, msgspec.json.format(msgspec.json.encode(tree)).decode())
    return home, inherited


def reload(settings: Settings, environ: Mapping[str, str]) -> Home:
    """Prepare again, for the roles that this host runs. Raises as `prepare` does."""
    running = msgspec.json.decode(Home.of(settings, environ).tree.read_bytes(), type=_Compiled)
    home, _ = prepare(settings, environ, running.roles)
    return home


def readers(tree: Mapping[str, Any]) -> list[str]:
    """Give the processes of a running tree that read the configuration, in the order of the tree."""
    found = []
    for child in tree.get("children", ()):
        name = str(child["id"])
        found += [name] if name in ("feed", "replay", "backfill") or name.startswith("delivery-") else readers(child)
    return found


def check(settings: Settings, environ: Mapping[str, str], roles: Collection[str]) -> None:
    """Load the configuration and, where this host needs them, every address, template and key. Raises ConfigError."""
    config = load_config(settings.config, environ, load(), settings.discord_hosts, settings.discord_url)
    problems = [*check_addresses(config), *check_templates(config)] if "delivery" in roles else []
    problems += check_janice_key(settings.janice_key_file) if "enrichment" in roles else []
    if problems:
        raise ConfigError(problems)


def command(home: Home) -> list[str]:
    """The command that runs the prepared tree."""
    return [sys.executable, "-m", "supervisor", str(home.tree)]


def become(home: Home, environ: Mapping[str, str]) -> None:
    """Replace this process by the supervisor."""
    line = command(home)
    os.execve(line[0], line, dict(environ))  # noqa: S606 – our own interpreter, no shell


def _snapshot(source: Path, home: Home) -> None:
    """Keep the configuration that was found good; paths in it are relative to where it stood."""
    table = tomllib.loads(source.read_bytes().decode("utf-8-sig"))
    for destination in table.get("destinations", ()):
        kept = destination["bot" if "bot" in destination else "webhook"]
        if "file" in kept:
            kept["file"] = str(source.parent.absolute() / Path(kept["file"]).expanduser())
        if template := destination.get("template"):
            template["file"] = str(source.parent.absolute() / Path(template["file"]).expanduser())
    write_private(home.config, tomli_w.dumps(table))
