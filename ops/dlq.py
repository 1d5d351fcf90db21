"""`notifier dlq`: the dead letters. List them, read them, put them back, take them out, move them to another place."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ops.dlq_desk import Desk, Pace, err, opened, out, print_json, print_rows, written
from ops.letter_page import facts, last_line, payload, printable, safe, when
from workers.dead_letters import LIFETIME, MOST_BYTES, MOST_LETTERS
from workers.letter import Fate, Filter, Letter, age, tally
from workers.letter_file import Refused, decode, encode
from workers.queues import QUEUES

EX_DATA = 65
PACE = 10.0

dlq = typer.Typer(
    help=f"""The dead letters: jobs that failed for good. List them, read them, put them back.

    They wait in Redis for {LIFETIME // 86_400} days.
    A queue keeps at most {MOST_LETTERS:,} letters and {MOST_BYTES // 2**20} MiB.
    What is beyond that leaves for files, the longest dead first:
    they lie in the folder dead-letters of the state directory, for `import`.

    Plain [bold]rq requeue[/] puts letters back on their queues as well.""",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


# -- options


def _age(text: str) -> float:
    try:
        return age(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _queue(name: str) -> str:
    if name not in QUEUES:
        raise typer.BadParameter(f"found {name!r}, expected one of {', '.join(QUEUES)}")
    return name


Ids = Annotated[list[str] | None, typer.Argument(metavar="ID", help="Ids of letters, as `list` prints them.")]
ToFile = Annotated[Path, typer.Argument(metavar="FILE", help="A new file, or - for stdout.", allow_dash=True)]
FromFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="What `export` or the janitor wrote, or - for stdin.", allow_dash=True)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
OfQueue = Annotated[
    str | None, typer.Option("--queue", metavar="NAME", parser=_queue, help=f"Only one of {', '.join(QUEUES)}.")
]
OfCategory = Annotated[
    str | None,
    typer.Option("--category", metavar="NAME", help="Only deaths of this kind; `stats` shows which are there."),
]
OfDestination = Annotated[
    str | None, typer.Option("--destination", metavar="ID", help="Only deliveries to this destination.")
]
OlderThan = Annotated[
    float | None, typer.Option(metavar="AGE", parser=_age, help="Dead for at least so long: 90s, 30m, 2h, 3d.")
]
NewerThan = Annotated[float | None, typer.Option(metavar="AGE", parser=_age, help="Dead for at most so long.")]
OfKillmail = Annotated[int | None, typer.Option("--killmail", metavar="ID", help="Only what is about this killmail.")]


# -- commands


@dlq.command("list")
def list_(
    queue: OfQueue = None,
    category: OfCategory = None,
    destination: OfDestination = None,
    older_than: OlderThan = None,
    newer_than: NewerThan = None,
    killmail: OfKillmail = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line instead of a table.")] = False,
) -> None:
    """List the dead letters, the longest dead first. Times are UTC."""
    which = Filter(queue, category, destination, older_than, newer_than, killmail)
    rows: list[Sequence[str]] = [("id", "queue", "died", "attempts", "category", "reason")]
    for letter in Desk.opened().letters.matching(which):
        if as_json:
            print_json(letter.as_dict())
            continue
        attempts = "?" if letter.attempts is None else str(letter.attempts)
        told = (letter.id, letter.queue, when(letter.dead_at), attempts, letter.category)
        rows.append([*map(printable, told), last_line(letter.reason)])
    if not as_json:
        print_rows(*rows)


@dlq.command()
def show(
    job_id: Annotated[str, typer.Argument(metavar="ID", help="As `list` prints it.")], as_json: AsJson = False
) -> None:
    """Show all that is known of one dead letter: why, when, how often, its payload, what a replay would do."""
    desk = Desk.opened()
    letter = desk.find(job_id)
    fate = desk.letters.fates([letter])[0]
    if as_json:
        print_json({**letter.as_dict(), "replay": str(fate)})
        return
    for label, value in facts(letter, fate):
        out.print(f"[bold]{label:<12}[/]  {safe(value)}")
    out.print(f"\n{safe(payload(letter))}")


@dlq.command()
def stats(
    queue: OfQueue = None,
    category: OfCategory = None,
    destination: OfDestination = None,
    older_than: OlderThan = None,
    newer_than: NewerThan = None,
    killmail: OfKillmail = None,
    as_json: AsJson = False,
) -> None:
    """Count the dead letters by queue, category and destination. Times are UTC."""
    which = Filter(queue, category, destination, older_than, newer_than, killmail)
    counted = tally(Desk.opened().letters.matching(which))
    rows = sorted(counted.counts.items(), key=lambda row: (QUEUES.index(row[0][0]), row[0][1], row[0][2] or ""))
    if as_json:
        names = ("queue", "category", "destination", "letters")
        counts = [dict(zip(names, (*key, count), strict=True)) for key, count in rows]
        shown = {"letters": counted.letters, "oldest": counted.oldest, "newest": counted.newest, "counts": counts}
        print_json(shown)
        return
    shown_rows = [(name, printable(kind), printable(to or "-"), str(count)) for (name, kind, to), count in rows]
    print_rows(("queue", "category", "destination", "letters"), *shown_rows)
    if rows:
        out.print(f"{counted.letters} letters, the oldest {when(counted.oldest)}, the newest {when(counted.newest)}")


@dlq.command()
def replay(
    ids: Ids = None,
    everything: Annotated[bool, typer.Option("--all", help="All letters that the filters admit.")] = False,
    queue: OfQueue = None,
    category: OfCategory = None,
    destination: OfDestination = None,
    older_than: OlderThan = None,
    newer_than: NewerThan = None,
    killmail: OfKillmail = None,
    pace: Annotated[
        float, typer.Option(min=0, metavar="N", help="Letters a second, so that not all fail at once; 0: all at once.")
    ] = PACE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen to each.")] = False,
) -> None:
    """Put dead letters back on their queues, with fresh attempts; their history is kept.

    What the ledger says was delivered is not sent again:
    with --all such letters are discarded, by id they are passed over.
    A letter that cannot be read stays.
    """
    desk = Desk.opened()
    which = Filter(queue, category, destination, older_than, newer_than, killmail)
    letters = desk.chosen(ids, which, everything=everything)
    fates = desk.letters.fates(letters)
    if dry_run:
        for letter, fate in zip(letters, fates, strict=True):
            discarded = "; discarded" if everything and fate is Fate.DELIVERED else ""
            out.print(f"{safe(letter.id)}  {fate}{discarded}")
        out.print(f"{sum(fate.is_put_back for fate in fates)} of {len(letters)} would be put back")
        return
    for fate, count in Counter(fate for fate in fates if not fate.is_put_back).items():
        out.print(f"{count} {fate}")
    if everything and (done := [letter for letter, fate in zip(letters, fates, strict=True) if fate is Fate.DELIVERED]):
        out.print(f"{desk.discard(done)} of them discarded")
    _put_back(desk, [letter for letter, fate in zip(letters, fates, strict=True) if fate.is_put_back], pace)


def _put_back(desk: Desk, letters: Sequence[Letter], rate: float) -> None:
    if rate and len(letters) > 2 * rate:
        err.print(f"{len(letters)} letters at {rate:g} a second: about {len(letters) / rate:.0f} s")
    pace, count = Pace(rate), 0
    try:
        for letter in letters:
            pace.step()
            count += desk.letters.replay(letter)
    finally:  # also at Ctrl-C: the others stay letters
        out.print(f"{count} of {len(letters)} put back")
        desk.tell("letters_replayed", count)


@dlq.command()
def discard(
    ids: Ids = None,
    everything: Annotated[bool, typer.Option("--all", help="All letters that the filters admit.")] = False,
    queue: OfQueue = None,
    category: OfCategory = None,
    destination: OfDestination = None,
    older_than: OlderThan = None,
    newer_than: NewerThan = None,
    killmail: OfKillmail = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask. Needed where nobody can be asked.")] = False,
) -> None:
    """Take dead letters out: what they were to do will not be done.

    They are first written to a file in the folder dead-letters of the state directory.
    `import` puts them back from there.
    """
    desk = Desk.opened()
    which = Filter(queue, category, destination, older_than, newer_than, killmail)
    letters = desk.chosen(ids, which, everything=everything or (not ids and which != Filter()))
    if not yes and letters:
        if not sys.stdin.isatty():
            raise typer.BadParameter(f"would discard {len(letters)} letters; expected --yes", param_hint="--yes")
        typer.confirm(f"Discard {len(letters)} letters?", abort=True)
    out.print(f"{desk.discard(letters)} of {len(letters)} discarded")


@dlq.command()
def export(
    file: ToFile,
    queue: OfQueue = None,
    category: OfCategory = None,
    destination: OfDestination = None,
    older_than: OlderThan = None,
    newer_than: NewerThan = None,
    killmail: OfKillmail = None,
) -> None:
    """Write dead letters to a new FILE, one JSON object a line, with all that `import` needs.

    The letters stay where they are.
    """
    which = Filter(queue, category, destination, older_than, newer_than, killmail)
    letters, count = Desk.opened().letters.matching(which), 0
    with written(file) as write:
        for letter in letters:
            write(encode(letter))
            count += 1
    err.print(f"{count} letters written to {safe('stdout' if str(file) == '-' else file)}")


@dlq.command("import")
def import_(file: FromFile) -> None:
    """Put the letters of FILE among the dead letters; `replay` then puts them on their queues.

    A letter whose job is there already, or that the ledger says was delivered, is passed over.
    So the same file may be imported again; but the ledger reaches back three days only:
    an older file may hold what was replayed and delivered since.

    A line that is no letter is named on stderr, and the others are imported all the same.
    The exit code is then 65.
    """
    desk, counts = Desk.opened(), Counter[str]()
    with opened(file) as lines:
        try:
            for found in decode(lines):
                counts[_bury(desk, found)] += 1
        finally:  # also at Ctrl-C
            desk.tell("letters_imported", counts["buried"])
            passed_over = f"{counts['exists']} there already, {counts['delivered']} delivered already"
            out.print(f"{counts['buried']} imported, {passed_over}, {counts['refused']} lines refused")
    if counts["refused"]:
        raise typer.Exit(EX_DATA)


def _bury(desk: Desk, found: tuple[int, Any] | Refused) -> str:
    if not isinstance(found, Refused):
        number, record = found
        try:
            became = desk.letters.bury(record)
        except (ValueError, OverflowError) as error:
            found = Refused(number, str(error))
        else:
            if became != "buried":
                reason = "its job is there already" if became == "exists" else "it was delivered already"
                err.print(f"line {number}: {safe(record.id)} is passed over: {reason}")
            return became
    err.print(f"line {found.line} is refused: {safe(found.reason)}")
    return "refused"
