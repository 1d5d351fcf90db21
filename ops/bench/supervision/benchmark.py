"""The rows of the benchmark `supervisor`, their targets, and the order in which everything is measured."""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version

from ops.bench import machine, peers
from ops.bench.figures import OURS, Outcome, Row, Target
from ops.bench.supervision import measures
from ops.bench.supervision.contenders import HUGE, Circus, Contender, Ours, Supervisord
from ops.bench.supervision.measures import Effort, Figures
from ops.bench.supervision.running import MeasureError

TUNED = "circus, check_delay 1"
COLUMNS = (OURS, "supervisord", "circus", TUNED)
QUIET = Ours(flags={"intensity": HUGE, "period": 1, "quiet": True})
QUICK = Effort(kills=20, kills_of_peers=5, watch=5.0, idle=5.0, stops=1, restarts=300)


def _at_most(value: float) -> Target:
    return Target("at_most", value)


ROWS = (
    Row("zygote", "kill -9 → replacement ready: fork of a zygote that has the imports", "ms", _at_most(25)),
    Row("imports", "… new Python with the same imports", "ms", _at_most(400)),
    Row("bare", "… new Python, bare child, one of 20", "ms"),
    Row("detection", "kill -9 → child_exited on the stream of events", "ms", _at_most(2)),
    Row("orphans_at_once", "children alive 100 ms after kill -9 of the supervisor, of 20", "", _at_most(0)),
    Row("orphans_later", "… after 3 s", "", _at_most(0)),
    Row("doubled", "… there twice after a relaunch", "", _at_most(0)),
    Row("boot", "boot of 20 children, to the last one's readiness", "s"),
    Row("stop_quiet", "stop of 20 obedient children: ours all told at once (quiet)", "s", _at_most(0.3)),
    Row("stop_in_order", "… ours one after the other in reverse order", "s", _at_most(1)),
    Row("starts", "starts of a child that exits at once, within {watch:g} s", "", Target("equals", 4)),
    Row("fate", "… the supervisor after that", "", Target("equals", "exit 70")),
    Row("rss", "RSS of the supervisor with 20 idle children", "MB", _at_most(25)),
    Row("pss", "… PSS", "MB"),
    Row("cpu", "… CPU over {idle:g} s", "%", _at_most(0.05)),
    Row("descriptors", "descriptors more after {restarts} restarts", "", _at_most(0)),
    Row("zombies", "… zombies", "", _at_most(0)),
    Row("rss_before", "… RSS before them", "MB"),
    Row("rss_growth", "… RSS more", "MB", _at_most(1)),
    Row("restart_time", "… time of one, with a child that ends at once", "ms"),
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this benchmark may be told."""
    parser.add_argument("--quick", action="store_true", help="fewer and shorter measurements")
    parser.add_argument("--restarts", type=_count, metavar="N", help="restarts for the growth (1000; 10000 in full)")
    parser.add_argument("--only-ours", action="store_true", help="leave the peers out, and install nothing")


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number of at least 1")
    return int(text)


def effort_of(options: argparse.Namespace) -> Effort:
    """Give how much is to be measured."""
    effort = QUICK if options.quick else Effort()
    return effort if options.restarts is None else replace(effort, restarts=options.restarts)


def run(options: argparse.Namespace) -> Outcome:
    """Measure everyone, one after the other."""
    effort, about = effort_of(options), machine.about()
    notes: list[str] = []
    contenders = _contenders(notes, only_ours=options.only_ours)
    found = _measure(contenders, effort, notes)
    about["load afterwards"] = machine.about()["load"]
    versions = {
        OURS: version("eve-killmail-notifier"),
        "supervisord": peers.version("supervisor"),
        "circus": peers.version("circus"),
        TUNED: peers.version("circus"),
    }
    return Outcome("supervisor", COLUMNS, fill(found, effort), versions, about, tuple(notes))


def fill(found: Mapping[str, Figures], effort: Effort) -> tuple[Row, ...]:
    """Put the figures of each column into the rows."""
    sizes = {"watch": effort.watch, "idle": effort.idle, "restarts": effort.restarts}
    return tuple(
        replace(
            row,
            title=row.title.format(**sizes),
            figures={column: found.get(column, {}).get(row.key) for column in COLUMNS},
        )
        for row in ROWS
    )


def _contenders(notes: list[str], *, only_ours: bool) -> list[Contender]:
    if only_ours:
        notes.append("the peers were left out (--only-ours)")
        return [Ours()]
    try:
        python = peers.python_of_peers()
    except peers.PeersError as error:
        notes.append(f"the peers could not be installed, only ours was measured: {error}")
        _say(notes[-1])
        return [Ours()]
    return [Ours(), Supervisord(python), Circus(python), Circus(python, label=TUNED, check_delay=1)]


def _measure(contenders: Sequence[Contender], effort: Effort, notes: list[str]) -> dict[str, Figures]:
    found: dict[str, Figures] = {one.label: {} for one in contenders}

    def attempt(what: str, measure: Callable[[], Mapping[str, Figures]]) -> None:
        _say(what)
        try:
            for label, figures in measure().items():
                found[label] |= figures
        except (MeasureError, OSError) as error:
            notes.append(f"not measured: {what}: {error}")
            _say(notes[-1])

    for what, measure in _steps(contenders, effort):
        attempt(what, measure)
    _share_stops(found)
    return found


def _steps(
    contenders: Sequence[Contender], effort: Effort
) -> Iterator[tuple[str, Callable[[], Mapping[str, Figures]]]]:
    """Give everything that is measured, in order, with its name."""
    yield "kill -9, zygote: ours", lambda: {OURS: measures.replacements(Ours("zygote"), effort.kills, "zygote")}
    yield "kill -9, imports: ours", lambda: {OURS: measures.replacements(Ours("imports"), effort.kills, "imports")}
    yield "quiet stop: ours", lambda: {OURS: measures.stops(QUIET, effort.stops, "stop_quiet")}
    for one in contenders:
        yield from _shared_steps(one, effort)
    yield "growth: ours", lambda: {OURS: measures.growth(effort.restarts)}
    yield "a child that exits at once: all", lambda: measures.failing_child(contenders, effort.watch)


def _shared_steps(one: Contender, effort: Effort) -> Iterator[tuple[str, Callable[[], Mapping[str, Figures]]]]:
    yield f"20 children: {one.label}", lambda: {one.label: measures.twenty(one, effort)}
    yield f"killed supervisor: {one.label}", lambda: {one.label: measures.killed_supervisor(one)}
    yield f"boot and stop: {one.label}", lambda: {one.label: measures.stops(one, effort.stops, "stop_in_order")}


def _share_stops(found: Mapping[str, Figures]) -> None:
    """The peers have one way to stop, which stands beside both of ours."""
    for label, figures in found.items():
        if label != OURS and "stop_in_order" in figures:
            figures["stop_quiet"] = figures["stop_in_order"]


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)  # noqa: T201 – progress, beside the result
