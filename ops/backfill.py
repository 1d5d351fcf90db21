"""`notifier backfill` and `notifier skipped`: killmails that the feed lost, out of the history; and what it gave up."""

import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

import msgspec
import typer
from redis import Redis
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from notifier.config import Settings, load_config
from notifier.feeds.cursor import Cursor, numbers
from notifier.feeds.history import History, HistoryError, NoFileError
from notifier.killmail import Malformed, decode_killmail
from notifier.services.http import make_client
from notifier.tracking import Index
from notifier.universe import load
from ops.home import Home
from workers import backfill_requests, keys, log, skipped
from workers.backfill import Backfill, BusyError, Guard, Progress, alone
from workers.connection import connect
from workers.feed import CURSOR
from workers.ingest import Ingest
from workers.persistence import Stopped
from workers.process import StopSignal
from workers.queues import Queues
from workers.replies import text
from workers.roles import HTTP_TIMEOUT
from workers.scrub import scrub
from workers.telemetry import flush

EX_DATA, EX_UNAVAILABLE = 65, 69
REMEMBERED = keys.SEEN_TTL // 3600
EACH = 2.0
"""Seconds between two lines of progress."""
out, err = Console(highlight=False, soft_wrap=True), Console(stderr=True, highlight=False, soft_wrap=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, an object a line, instead of text.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("backfill", help=HELP)(backfill)
    app.command("skipped")(show_skipped)


HELP = f"""Hand over the killmails of past days that were not seen, out of zKillboard's history.

For what the feed has lost: it keeps files for 24 hours, and what `skipped` shows was not in it any more.
The history has a day from about 06:00 UTC of the next day on.

It has killmails as EVE tells them, [bold]without what zKillboard adds[/]: a rule's `value` is true of none of them, and
none is `npc` or `solo` (so `npc = false` holds for all). Their notifications show no value.

[bold]What may come twice:[/] nothing, for days that began in the last {REMEMBERED} hours.
The ledger remembers for so long what was seen; older days are refused. With --force they are read, and what was seen
and delivered more than {REMEMBERED} hours ago comes again, once. What was seen and concerned nobody is not matched
again: this is no replay for new rules.

It waits while many killmails wait, so that live ones go first. Stop it with Ctrl-C; the same command goes on there.
"""


@dataclass(frozen=True, slots=True)
class Told:
    """What came of one day, for people and as JSON.

    new: handed over (or, dry, would be). seen: known. old: left out, as they might have come twice. missing: so many
    more are named by totals.json. concern: of the new ones, dry, how many concern someone; None where nothing tells.
    """

    day: str
    killmails: int
    new: int
    seen: int
    old: int = 0
    missing: int = 0
    bodies: bool = True
    concern: int | None = None


def backfill(
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], metavar="DAY", help="First day (UTC).")],
    last: Annotated[
        datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], metavar="DAY", help="Last day; the newest by default."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would be handed over.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Read days too that the ledger has forgotten.")] = False,
    as_json: AsJson = False,
) -> None:
    """Hand over the killmails of past days: see HELP."""
    settings = Settings.read(os.environ)
    log.configure(settings.log_format, "WARNING", "backfill")
    stop = StopSignal.installed()
    desk = _Desk(settings, Guard(forced=force), stop)
    tell = _as_json if as_json else _as_text
    try:
        with alone(desk.home.state):
            for day, expected in desk.days(first.date(), None if last is None else last.date()):
                tell(desk.look(day, expected) if dry_run else desk.do(day, expected), dry_run)
    except Stopped:
        err.print("stopped; the same command goes on from here")
        raise typer.Exit(130) from None
    except (RefusedError, NoFileError) as error:
        raise _failed(error, EX_DATA) from None
    except (HistoryError, BusyError) as error:
        raise _failed(error, EX_UNAVAILABLE) from None
    finally:
        desk.close()


def show_skipped(as_json: AsJson = False) -> None:
    """Show where the feed is, and what it gave up: files that never came, or were gone when it came back.

    The newest last. Then the days that it asked for from the history (NOTIFIER_BACKFILL_DAYS), not done yet.
    """
    settings = Settings.read(os.environ)
    connection = connect(Home.of(settings, os.environ).redis_url(settings))
    found = skipped.read(connection)
    if as_json:
        for one in found:
            print(msgspec.json.encode({**one._asdict(), "count": one.size}).decode())  # noqa: T201
        return
    out.print(_where(connection))
    table = Table("given up", "first", "last", "count", "not read since", "reason", box=None, pad_edge=False)
    for one in found:
        table.add_row(_when(one.at), str(one.first), str(one.last), str(one.size), _when(one.since), escape(one.reason))
    out.print(table if found else "nothing was skipped")
    asked = backfill_requests.pending(connection)
    if asked:
        out.print(f"asked for from the history: {', '.join(f'{one.day}' for one in asked)}")


class RefusedError(Exception):
    """Days that are not read, and why."""


class _Desk:
    """Where the command works: everything that it needs, made from the settings."""

    def __init__(self, settings: Settings, guard: Guard, stop: StopSignal) -> None:
        self.home, self._guard, self._stop = Home.of(settings, os.environ), guard, stop
        self._queues = Queues(connect(self.home.redis_url(settings)), settings.job_timeout)
        self._queues.connection.ping()
        # What runs here has its rules from this copy; without one, the rules are those that `up` would take.
        rules = self.home.config if self.home.config.exists() else settings.config
        universe = load()
        config = load_config(rules, os.environ, universe, settings.discord_hosts)
        self._index = Index(config.subscriptions, universe)
        client = make_client(contact=settings.contact, timeout=HTTP_TIMEOUT)
        self._history = History(client, settings.zkillboard_url)
        self._backfill = Backfill(
            self._history,
            Ingest(self._index, self._queues, state=self.home.state),
            self._queues,
            self.home.host_id(),
            backlog=settings.feed_backlog // 2,
            report=_progress(),
        )

    def days(self, first: date, last: date | None) -> list[tuple[date, int]]:
        """The days to read, each with how many killmails it has. Raises HistoryError, RefusedError."""
        totals = self._backfill.totals(self._stop)
        newest = max((_day(name) for name in totals), default=None)
        last = last or newest or first
        if last < first:
            raise RefusedError(f"found no day from {first} to {last}; the newest day of the history is {newest}")
        wanted = [first + timedelta(days=index) for index in range((last - first).days + 1)]
        absent = [f"{day}" for day in wanted if f"{day:%Y%m%d}" not in totals]
        if absent:
            raise RefusedError(f"the history has no {', '.join(absent)}; its newest day is {newest}")
        old = [f"{day}" for day in wanted if not self._guard.admits_day(day, time.time())]
        if old:
            raise RefusedError(
                f"{', '.join(old)} began more than {REMEMBERED} hours ago. The ledger has forgotten what was seen, "
                "so it could be notified of again. Leave it out, or say --force"
            )
        return [(day, totals[f"{day:%Y%m%d}"]) for day in wanted]

    def do(self, day: date, expected: int) -> Told:
        """Hand the day over. Raises HistoryError, BusyError, Stopped."""
        try:
            done = self._backfill.day(day, expected, self._guard, self._stop)
        except NoFileError:
            told = self._count(day, expected)
            raise NoFileError(
                f"the history has no bodies of {day}, only the ids of {told.killmails} killmails, "
                f"of which {told.new} were not seen"
            ) from None
        return Told(f"{day}", done.of, done.new, done.seen, done.old, max(0, expected - done.of))

    def look(self, day: date, expected: int) -> Told:
        """Say what `do` would do. Raises HistoryError."""
        try:
            bodies = self._history.bodies(day)
        except NoFileError:
            return self._count(day, expected)
        unseen = self._backfill.unseen([killmail for killmail, _ in bodies])
        concern = sum(self._concerns(bytes(body)) for killmail, body in bodies if killmail in unseen)
        known, short = len(bodies) - len(unseen), max(0, expected - len(bodies))
        return Told(f"{day}", len(bodies), len(unseen), known, missing=short, concern=concern)

    def _count(self, day: date, expected: int) -> Told:
        ids = self._history.ids(day)
        unseen, short = len(self._backfill.unseen(ids)), max(0, expected - len(ids))
        return Told(f"{day}", len(ids), unseen, len(ids) - unseen, missing=short, bodies=False)

    def _concerns(self, body: bytes) -> bool:
        try:
            return bool(self._index.match(decode_killmail(body)))
        except Malformed:
            return False

    def close(self) -> None:
        """Let the next one begin at once."""
        flush(self._queues.connection)
        self._backfill.lease.resign()


def _progress() -> Callable[[date, Progress, int], None]:
    """Give what prints a line of progress on stderr now and then."""
    told_at = time.monotonic()

    def report(day: date, progress: Progress, waiting: int) -> None:
        nonlocal told_at
        if time.monotonic() - told_at < EACH:
            return
        told_at = time.monotonic()
        done = progress.new + progress.seen + progress.old
        rest = f"; {waiting} jobs wait for enrichment" if waiting else ""
        err.print(f"{day}: {done} of {progress.of} killmails, {progress.new} new{rest}")

    return report


def _as_json(told: Told, dry: bool) -> None:
    print(msgspec.json.encode({**asdict(told), "dry_run": dry}).decode(), flush=True)  # noqa: T201


def _as_text(told: Told, dry: bool) -> None:
    words = [f"{told.new} {'would be handed over' if dry else 'handed over'}", f"{told.seen} seen before"]
    words += [f"{told.concern} of the new ones concern someone"] if told.concern is not None else []
    words += [f"{told.old} left out, as they might come twice"] if told.old else []
    words += [f"{told.missing} missing from the file"] if told.missing else []
    words += [] if told.bodies else ["their bodies are not there"]
    out.print(f"{told.day}: {told.killmails} killmails, {', '.join(words)}")


def _failed(error: Exception, code: int) -> typer.Exit:
    err.print(escape(f"backfill: {scrub(str(error))}"))
    return typer.Exit(code)


def _day(name: str) -> date:
    return datetime.strptime(name, "%Y%m%d").date()  # noqa: DTZ007


def _where(connection: Redis) -> str:
    stored = connection.get(CURSOR)
    if not stored:
        return "the feed has not begun"
    cursor = Cursor.from_json(text(stored))
    left = len(numbers(cursor.holes))
    return (
        f"the feed asks for {cursor.next}; last file read {_when(cursor.read_at)}; {left} older ones still to be read"
    )


def _when(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S") if at else "?"
