"""`notifier destinations`: how they stand, a test message, disabling and enabling. No address, no token is shown."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import httpx
import msgspec
import typer
from loguru import logger
from redis import Redis
from redis.exceptions import RedisError
from rich.console import Console
from rich.markup import escape

from notifier.config import Address, AddressProblem, Config, Destination, Settings, duration, load_config
from notifier.messages import AdminNotice, compose
from notifier.outcome import Failed
from notifier.problem import did_you_mean
from notifier.services.discord import Discord, Posted, classify, classify_exception
from notifier.services.http import make_client
from notifier.universe import load
from ops.home import Home
from workers import circuits
from workers import destinations as standings
from workers.circuits import State
from workers.connection import connect
from workers.destinations import Standing
from workers.discord_circuits import WHOLE, webhook
from workers.outbox import WHATEVER

TIMEOUT = 10.0
"""Seconds for the test message."""
BY_OPERATOR = "by the operator"

out, err = Console(highlight=False, soft_wrap=True), Console(stderr=True, highlight=False, soft_wrap=True)
app = typer.Typer(help="The destinations: how they stand, a test message, disabling and enabling.")

Id = Annotated[str, typer.Argument(metavar="ID", help="A destination's id, as the configuration names it.")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="The rules; else NOTIFIER_CONFIG or the usual place.")
]


@dataclass(frozen=True, slots=True)
class Shown:
    """One destination as `list` shows it; `fingerprint` is None where its address is unreadable, `problem` says why.

    `messages` are the words of the configuration for how its messages come.
    """

    id: str
    kind: str
    kept: str
    messages: tuple[str, ...]
    fingerprint: str | None
    problem: str
    standing: Standing
    circuit: State

    @property
    def disabled(self) -> bool:
        """Whether nothing is posted there."""
        return self.standing.disabled(self.fingerprint)

    def as_dict(self) -> dict[str, Any]:
        """The destination as JSON shows it."""
        shown: dict[str, Any] = {"id": self.id, "kind": self.kind, "kept": self.kept, "fingerprint": self.fingerprint}
        shown["messages"] = self.messages
        shown |= {"problem": self.problem or None, "state": "disabled" if self.disabled else "enabled"}
        shown |= {"reason": self.standing.reason, "since": self.standing.since} if self.disabled else {}
        return shown | {"waiting": self.standing.waiting, "circuit": self.circuit.state}

    def words(self) -> list[str]:
        """The destination as a row of the table shows it."""
        state = "unusable" if self.problem else "disabled" if self.disabled else "enabled"
        by = f"{self.kind} {self.fingerprint or '?'}"
        return [self.id, by, state, f"{self.standing.waiting}", self.circuit.state]

    def details(self) -> Iterator[str]:
        """What stands below its row, a line each."""
        yield ", ".join([self.kept, *self.messages])
        if self.problem:
            yield self.problem
        if self.disabled:
            yield f"disabled since {_when(self.standing.since)}: {self.standing.reason}"
        if self.circuit.state != "closed":
            yield f"circuit {self.circuit.state} since {_when(self.circuit.since)}: {self.circuit.reason}"


@app.command("list")
def list_(
    config: ConfigFile = None, as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines.")] = False
) -> None:
    """List the destinations: by webhook or bot, where that is kept, how messages come, enabled or not, what waits."""
    settings = _settings(config)
    known, connection = _config(settings), _connection(settings)
    found = shown(known, connection)
    if as_json:
        for one in found:
            print(msgspec.json.encode(one.as_dict()).decode())  # noqa: T201
        return
    for line in _lines(found) if found else ["no destinations"]:
        out.print(escape(line))
    whole = circuits.read(connection).get(WHOLE, State("closed"))
    if whole.state != "closed":
        out.print(f"the circuit around Discord is {whole.state} since {_when(whole.since)}: {escape(whole.reason)}")
    if known.admin is not None:
        out.print(f"the operator is told in {known.admin}")


def _lines(found: list[Shown]) -> Iterator[str]:
    """The table of the destinations: a row for each, its details below it."""
    rows = [["id", "posts by", "state", "waiting", "circuit"], *(one.words() for one in found)]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    yield lines[0]
    for one, line in zip(found, lines[1:], strict=True):
        yield line
        yield from (f"    {detail}" for detail in one.details())


def shown(config: Config, connection: Redis) -> list[Shown]:
    """Every destination, in the configuration's order. Raises what redis-py raises."""
    read, around = standings.read(connection, config.destinations), circuits.read(connection)
    return [
        _shown(one, read[one.id], around.get(webhook(one.id), State("closed"))) for one in config.destinations.values()
    ]


def _shown(destination: Destination, standing: Standing, circuit: State) -> Shown:
    try:
        fingerprint, problem = destination.target(destination.address()), ""
    except AddressProblem as error:
        fingerprint, problem = None, str(error)
    to = destination
    return Shown(to.id, to.kind, to.kept, tuple(_messages(to)), fingerprint, problem, standing, circuit)


def _messages(to: Destination) -> Iterator[str]:
    """How its messages come, in the words of the configuration, each only where it was set."""
    yield to.layout if to.template is None else f"template {to.template.name}"
    for key, value in (("channel", to.channel), ("thread", to.thread), ("post_name", to.manners.post_name)):
        if value is not None:
            yield f"{key} {value}"
    if to.digest is not None:
        yield f"digest above {to.digest.above}"
    if to.rewrites == "edit":
        yield "rewrites edit"
    if to.manners.mentions is not None:
        yield f"mentions every {duration.words(to.manners.mentions.at_most_every)}"
    if (quiet := to.manners.quiet) is not None:
        yield f"quiet {quiet.begin:%H:%M}-{quiet.end:%H:%M} {quiet.zone}"


@app.command()
def test(destination: Id, config: ConfigFile = None) -> None:
    """Post a small test message there, and say what Discord answered; exit code 0 only if it is in the channel.

    It goes out whether or not the destination is disabled, and changes nothing.
    """
    settings = _settings(config)
    found = _find(_config(settings), destination)
    try:
        address = found.address()
    except AddressProblem as error:
        err.print(escape(str(error)))
        raise typer.Exit(1) from None
    with make_client(contact=settings.contact, timeout=TIMEOUT) as client:
        verdict = post_test(Discord(client), address, found)
    if not isinstance(verdict, Posted):
        err.print(escape(f"{verdict.reason} ({verdict.category}): the message is {_where(verdict)}"))
        raise typer.Exit(1)
    out.print(f"Discord took it: message {verdict.message_id or '(no id said)'} is in the channel of {destination}")
    if _is_disabled(settings, destination, found.target(address)):
        out.print(f"{destination} is still disabled: notifier destinations enable {destination}")


def post_test(service: Discord, address: Address, destination: Destination) -> Posted | Failed:
    """Post the test message once, mentioning nobody, and give what Discord's answer means."""
    text = f"A test of the destination {destination.id}: killmails will be told here."
    notice = AdminNotice("test_message", text, level="INFO", time=int(time.time()))
    try:
        payload = destination.manners.dressed(compose([notice], 1).payload, time.time())
        return classify(service.post(address, payload), time.time())
    except httpx.HTTPError as error:
        return classify_exception(error)


def _where(verdict: Failed) -> str:
    return "perhaps in the channel, perhaps not" if verdict.category == "ambiguous" else "not in the channel"


def _is_disabled(settings: Settings, destination: str, fingerprint: str) -> bool:
    """Whether it is, as far as Redis says so: the test needs no Redis."""
    try:
        return standings.read(_connection(settings), [destination])[destination].disabled(fingerprint)
    except RedisError:
        return False


@app.command()
def enable(destination: Id, config: ConfigFile = None) -> None:
    """Post there again. What died meanwhile waits in the dead letters: `notifier dlq replay` puts it back."""
    settings = _settings(config)
    _find(_config(settings), destination)
    with _quietly():
        was_disabled = standings.enable(_connection(settings), destination)
    if was_disabled:
        out.print(f"{destination} is enabled; its dead letters: notifier dlq replay --all --destination {destination}")
    else:
        out.print(f"{destination} was not disabled")


@app.command()
def disable(
    destination: Id,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; `list` shows it.")] = BY_OPERATOR,
    config: ConfigFile = None,
) -> None:
    """Post there no more, until `enable`. Its notifications wait in the dead letters."""
    settings = _settings(config)
    _find(_config(settings), destination)
    with _quietly():
        standings.disable(_connection(settings), destination, WHATEVER, " ".join(reason.split())[:200])
    out.print(f"{destination} is disabled; its notifications will wait in the dead letters")


def _find(config: Config, destination: str) -> Destination:
    found = config.destinations.get(destination)
    if found is None:
        hint = did_you_mean(destination, config.destinations)
        raise typer.BadParameter(
            f"found {destination!r}, expected one of {', '.join(config.destinations)}{hint}", param_hint="ID"
        )
    return found


def _settings(config: Path | None) -> Settings:
    environ = dict(os.environ)
    if config is not None:
        environ["NOTIFIER_CONFIG"] = str(config.absolute())
    return Settings.read(environ)


def _config(settings: Settings) -> Config:
    return load_config(settings.config, os.environ, load(), settings.discord_hosts, settings.discord_url)


def _connection(settings: Settings) -> Redis:
    return connect(Home.of(settings, os.environ).redis_url(settings))


@contextmanager
def _quietly() -> Iterator[None]:
    """The events are the log's; here the command says what it did."""
    logger.disable("workers.telemetry")
    try:
        yield
    finally:
        logger.enable("workers.telemetry")


def _when(moment: float | None) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S") if moment else "?"
