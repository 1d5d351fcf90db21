"""The `notifier` command. Each function reads its options, calls one thing, and prints what came of it."""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from redis.exceptions import RedisError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

import ops.chaos
from notifier import __version__
from notifier.config import ConfigError, Settings, load_config
from notifier.feeds.archive import ArchiveError
from notifier.universe import load
from ops import backfill, destinations, launch, preview
from ops.demo import DemoError, Options, run
from ops.dlq import dlq
from ops.drawing import draw_tree
from ops.embedded_redis import RuntimeFolderError
from ops.home import Home
from ops.matching import Matched, match_file
from ops.tree import ROLES
from supervisor import control
from workers.scrub import scrub

EX_DATA, EX_UNAVAILABLE, EX_CONFIG = 65, 69, 78
out, err = Console(highlight=False, soft_wrap=True), Console(stderr=True, highlight=False, soft_wrap=True)

app = typer.Typer(
    help="Tells Discord within a second of every EVE Online killmail that concerns you.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.add_typer(dlq, name="dlq")
app.add_typer(destinations.app, name="destinations", no_args_is_help=True)
backfill.register(app)
preview.register(app)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="The rules; else NOTIFIER_CONFIG or the usual place.")
]


def _settings(config: Path | None = None) -> Settings:
    environ = dict(os.environ)
    if config is not None:
        environ["NOTIFIER_CONFIG"] = str(config.absolute())
    return Settings.read(environ)


@app.command()
def up(
    config: ConfigFile = None,
    roles: Annotated[
        str, typer.Option(metavar="LIST", help="What this host runs, comma-separated; everything by default.")
    ] = ",".join(ROLES),
) -> None:
    """Run the notifier here: checks the configuration, then becomes the supervisor of all its processes.

    Stop it with Ctrl-C or SIGTERM: the feed stops first, what is under way is finished, at most 15 seconds.
    """
    wanted = [role.strip() for role in roles.split(",") if role.strip()]
    for role in wanted:
        if role not in ROLES:
            raise typer.BadParameter(f"found {role!r}, expected some of {', '.join(ROLES)}", param_hint="--roles")
    home, environ = launch.prepare(_settings(config), os.environ, wanted)
    launch.become(home, environ)


@app.command()
def check(config: ConfigFile = None) -> None:
    """Check settings, rules and webhook addresses as `up` would, and start nothing."""
    launch.check(_settings(config), os.environ, ROLES)
    out.print("all good")


@app.command()
def settings() -> None:
    """List every setting: its variable, what it may be, and what it is without being set."""
    table = Table("variable", "is", "expects", box=None, pad_edge=False)
    for name, field in Settings.model_fields.items():
        usual = "" if field.default is None or field.default_factory else field.default
        shown = ", ".join(usual) if isinstance(usual, tuple) else str(usual)
        table.add_row(f"NOTIFIER_{name.upper()}", escape(shown), escape(field.description or ""))
    out.print(table)


@app.command()
def match(
    killmails: Annotated[Path, typer.Option(metavar="FILE", help="Killmails, one JSON object a line; may be gzipped.")],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show which subscriptions each killmail of a file would concern. A dry run: nothing is sent.

    A line that is no killmail is named on stderr; the others are matched all the same.
    """
    settings = _settings(config)
    universe = load()
    rules = load_config(settings.config, os.environ, universe, settings.discord_hosts)
    total = matched = 0
    for found in match_file(killmails, rules, universe):
        if not isinstance(found, Matched):
            err.print(escape(f"{killmails}:{found.line}: {found.malformed}"))
            continue
        ids = [subscription.id for subscription in found.subscriptions]
        total, matched = total + 1, matched + bool(ids)
        if as_json:
            print(msgspec.json.encode({"killmail_id": found.killmail.killmail_id, "subscriptions": ids}).decode())  # noqa: T201
        elif ids:
            out.print(f"{found.killmail.killmail_id}  {', '.join(ids)}")
    if not as_json:
        out.print(f"{matched} of {total} killmails concern someone")


@app.command("redis-url")
def redis_url() -> None:
    """Print the address of the Redis in use, for `rq info -u "$(notifier redis-url)"`."""
    settings = _settings()
    print(Home.of(settings, os.environ).redis_url(settings))  # noqa: T201 – exactly one line, for a shell


@app.command()
def ps(as_json: AsJson = False) -> None:
    """Draw the tree of processes that runs here: who is up, since when, how often restarted."""
    status = _tree()
    if as_json:
        print(msgspec.json.encode(status).decode())  # noqa: T201
        return
    out.print(draw_tree(status, time.time()))


@app.command()
def restart(name: Annotated[str, typer.Argument(help="A process or a pool, as `ps` names it.")]) -> None:
    """Stop one process (or pool) in order and start it again."""
    _call({"call": "restart", "id": name})
    out.print(f"{name} is running again")


@app.command()
def stop(name: Annotated[str, typer.Argument(help="A process or a pool, as `ps` names it.")]) -> None:
    """Stop one process (or pool) until `start`. To stop everything, send SIGTERM to what `up` runs."""
    _call({"call": "stop", "id": name})
    out.print(f"{name} is stopped")


@app.command()
def start(name: Annotated[str, typer.Argument(help="A process or a pool that was stopped.")]) -> None:
    """Start a process (or pool) that `stop` has stopped."""
    _call({"call": "start", "id": name})
    out.print(f"{name} is running")


@app.command()
def reload(config: ConfigFile = None) -> None:
    """Take over changed rules and destinations without a stop; nothing changes while there is a mistake in them.

    Workers that read them are restarted one after another, each when its job is done.
    """
    _call({"call": "tree"})
    home = launch.reload(_settings(config), os.environ)
    _call({"call": "reload", "tree": msgspec.json.decode(home.tree.read_bytes())})
    names = launch.readers(_tree())
    for name in names:
        _call({"call": "restart", "id": name})
    out.print(f"reloaded; restarted {', '.join(names) or 'nothing'}")


@app.command()
def scale(pool: Annotated[str, typer.Argument(metavar="POOL=N", help="For example delivery=4.")]) -> None:
    """Run N workers of a pool here, until the next `up`; NOTIFIER_DELIVERY_WORKERS and so on set it for good."""
    name, _, size = pool.partition("=")
    if not size.isdecimal():
        raise typer.BadParameter(f"found {pool!r}, expected a pool and a number, such as delivery=4")
    _call({"call": "scale", "id": name, "size": int(size)})
    out.print(f"{name} has {size} workers")


@app.command()
def events() -> None:
    """Follow what the supervisor does, one line of JSON an event, until Ctrl-C."""
    _call({"call": "tree"})
    for line in control.follow(str(Home.of(_settings(), os.environ).control)):
        print(line, flush=True)  # noqa: T201


@app.command()
def health() -> None:
    """Say whether everything that should run here runs; exit code 0 if so, 1 if not. For container health checks."""
    try:
        down = _down(_tree())
    except NotRunningError as error:
        err.print(escape(f"unhealthy: {error}"))
        raise typer.Exit(1) from None
    if down:
        err.print(f"unhealthy: {', '.join(down)}")
        raise typer.Exit(1)
    out.print("healthy")


@app.command()
def demo(
    headless: Annotated[
        bool, typer.Option("--headless", help="As fast as it goes, then a summary and the end.")
    ] = False,
    kills: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="How many killmails; the whole file by default.")
    ] = None,
    feed: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help='Your own: one {"killmail", "hash", "zkb"} a line; may be gzipped.'),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Your own rules; all post to the simulator.")
    ] = None,
    state_dir: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Keep everything there: a second run goes on where this one ended."),
    ] = None,
    rate: Annotated[float, typer.Option(min=0.01, metavar="KILLS/S", help="Pace of the feed, unless headless.")] = 2.0,
    as_json: Annotated[bool, typer.Option("--json", help="With --headless: the last line is one JSON object.")] = False,
) -> None:
    """Run everything here on real killmails and simulated services: no configuration, no Redis, no Docker needed."""
    raise typer.Exit(run(Options(headless, kills, feed, config, state_dir, rate, as_json)))


@app.command()
def chaos(
    seconds: Annotated[float, typer.Option(min=1, metavar="S", help="How long the storm lasts.")] = 60.0,
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed gives the same storm.")] = 1,
    feed: Annotated[Path | None, typer.Option(metavar="FILE", help="Your own killmails, as for the demo.")] = None,
    state_dir: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Keep everything there, the log too.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The last line is one JSON object.")] = False,
) -> None:
    """Run everything under load in a storm of kills and faults, then account for every notification.

    Exit code 0 only if nothing was lost, and nothing came twice but where Discord gives no way to know.
    """
    raise typer.Exit(ops.chaos.run(ops.chaos.Options(seconds, seed, feed, state_dir, as_json)))


@app.command()
def version() -> None:
    """Print the version."""
    out.print(__version__)


# -- the tree


def _tree() -> dict[str, Any]:
    tree: dict[str, Any] = _call({"call": "tree"})
    return tree


class NotRunningError(Exception):
    """No supervisor answers for this state directory."""


def _call(request: dict[str, Any]) -> Any:
    home = Home.of(_settings(), os.environ)
    try:
        return control.call(str(home.control), request)
    except (OSError, ValueError) as error:
        raise NotRunningError(
            f"no notifier answers for the state directory {home.state} ({type(error).__name__}); "
            "is it up, and is NOTIFIER_STATE_DIR right?"
        ) from None


def _down(status: dict[str, Any]) -> list[str]:
    children = status.get("children", [])
    own = [] if status.get("state") == "running" else [f"{status['id']} is {status.get('state')}"]
    return own + [line for child in children for line in _down(child)]


def main() -> None:
    """Run the command; every expected failure is one message on stderr and an exit code of sysexits.h."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        app(prog_name="notifier")
    except ConfigError as error:
        err.print(escape(str(error)))
        sys.exit(EX_CONFIG)
    except (RuntimeFolderError, ArchiveError) as error:
        err.print(escape(scrub(str(error))))
        sys.exit(EX_DATA)
    except RedisError as error:
        reason = scrub(str(error)).rstrip(".")
        err.print(escape(f"Redis does not answer: {reason}. Is the notifier up, or NOTIFIER_REDIS_URL right?"))
        sys.exit(EX_UNAVAILABLE)
    except DemoError as error:
        err.print(escape(f"demo: {error}"))
        sys.exit(EX_UNAVAILABLE)
    except NotRunningError as error:
        err.print(escape(str(error)))
        sys.exit(EX_UNAVAILABLE)
    except control.CallError as error:
        err.print(escape(f"the supervisor refuses: {error}"))
        sys.exit(EX_UNAVAILABLE)
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        err.print(escape(scrub(f"{error.strerror or error}: {error.filename or ''}")))
        sys.exit(EX_UNAVAILABLE)
