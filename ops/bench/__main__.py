"""`python -m ops.bench NAME [--json] [arguments]`: runs a benchmark; without a NAME lists them.

Exit codes: 0 all targets are met, 1 one is missed, 64 the arguments are wrong.
"""

import argparse
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from rich.console import Console

import ops.bench.supervision.benchmark as supervision
from ops.bench import delivery, recovery, show
from ops.bench.figures import Outcome

EX_USAGE = 64


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One benchmark: what it measures, what it may be told, and how it is run."""

    summary: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], Outcome]


BENCHMARKS: Mapping[str, Benchmark] = {
    "supervisor": Benchmark(
        "our supervisor beside supervisord and circus (six minutes; --quick: two)",
        supervision.arguments,
        supervision.run,
    ),
    "recovery": Benchmark(
        "a killed worker's job, and a killmail's way through an idle system (a minute and a half)",
        recovery.arguments,
        recovery.run,
    ),
    "delivery": Benchmark(
        "a burst under Discord's limits, destinations beside a blocked one, the cost of a post (two minutes)",
        delivery.arguments,
        delivery.run,
    ),
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(EX_USAGE, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str]) -> int:
    """Run one benchmark and print what it found; gives the exit code."""
    top = _Parser(prog="ops/run bench", add_help=False)
    top.add_argument("name", metavar="NAME", nargs="?")
    chosen, rest = top.parse_known_args(arguments)
    if chosen.name is None:
        return _list(rest)
    benchmark = BENCHMARKS.get(chosen.name)
    if benchmark is None:
        known = ", ".join(BENCHMARKS)
        return _refuse(f"there is no benchmark {chosen.name!r}, expected one of: {known}")
    parser = _Parser(prog=f"ops/run bench {chosen.name}", description=benchmark.summary)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    benchmark.arguments(parser)
    options = parser.parse_args(rest)
    outcome = benchmark.run(options)
    _print(outcome, as_json=options.json)
    return 1 if outcome.missed else 0


def _list(rest: Sequence[str]) -> int:
    unknown = [one for one in rest if one not in ("-h", "--help")]
    if unknown:
        return _refuse(f"expected the NAME of a benchmark before {' '.join(unknown)}")
    out = Console(highlight=False, soft_wrap=True)
    out.print("ops/run bench NAME [--json] [--help]")
    for name, benchmark in BENCHMARKS.items():
        out.print(f"  {name}  {benchmark.summary}", markup=False)
    return 0


def _print(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        print(show.as_json(outcome), flush=True)  # noqa: T201 – the result, for a program
        return
    # A table that is folded to a pipe's 80 columns is of no use: there it has the width that it needs.
    out = Console(highlight=False, width=None if sys.stdout.isatty() else 180)
    out.print(show.table(outcome))
    out.print(show.verdict(outcome), style="bold red" if outcome.missed else "green", soft_wrap=True)


def _refuse(message: str) -> int:
    print(f"ops/run bench: {message}", file=sys.stderr)  # noqa: T201
    return EX_USAGE


if __name__ == "__main__":
    # An exit that unwinds: whoever is being measured runs in a session of its own and would live on.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    sys.exit(main(sys.argv[1:]))
