"""`python -m ops.simulators`: zKillboard, ESI and Discord on one port of this machine."""

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path

import msgspec

from ops.simulators.feed import Pace, read_mails
from ops.simulators.server import serve
from ops.simulators.simulation import Options, Simulation

SAMPLE = Path(__file__).parent.parent / "data" / "killmails.jsonl.gz"


def _pace(text: str) -> Pace:
    try:
        return Pace.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: expected flat, live or kills a second") from error


def _count(text: str) -> int:
    count = int(text)
    if count < 0:
        raise argparse.ArgumentTypeError(f"{text}: expected 0 or more")
    return count


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ops.simulators", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 = any free one, which the line of JSON names")
    parser.add_argument("--feed", type=Path, default=SAMPLE, help=".jsonl or .jsonl.gz; default: a sample of real ones")
    parser.add_argument(
        "--state", type=Path, help="folder of discord.jsonl, read back at the start; default: keep nothing"
    )
    parser.add_argument("--pace", type=_pace, default=Pace("flat"), help="flat (all at once), live, or kills a second")
    parser.add_argument("--kills", type=_count, help="how many to publish; 0 = without end; default: the file once")
    parser.add_argument(
        "--limits", choices=("discord", "off"), default="discord", help="rate limits as in reality, or none"
    )
    parser.add_argument(
        "--feed-limits", choices=("zkillboard", "off"), default="zkillboard", help="the feed's own rate limits, or none"
    )
    parser.add_argument(
        "--times", choices=("file", "now"), default="file", help="killmail_time: the file's, or the present"
    )
    parser.add_argument(
        "--names", type=Path, help='names of channels as JSON, {"<id of a channel or webhook>": "big-kills"}'
    )
    parser.add_argument("--faults", type=Path, help="a fault plan as JSON, as POST /simulator/faults takes it")
    arguments = parser.parse_args(argv)
    if arguments.kills == 0 and arguments.pace.kind == "flat":
        parser.error("--kills 0 needs a pace that is not flat")
    return arguments


def _announce(port: int) -> None:
    print(json.dumps({"port": port}), flush=True)  # noqa: T201 – the contract with whoever started this
    notify = os.environ.pop("NOTIFY_FD", "")
    if notify:
        with os.fdopen(int(notify), "wb") as ready:
            ready.write(b"READY\n")


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; gives the exit code."""
    arguments = _arguments(argv)
    options = Options(
        pace=arguments.pace,
        kills=arguments.kills,
        limits=arguments.limits == "discord",
        feed_limits=arguments.feed_limits == "zkillboard",
        state=arguments.state,
        current_times=arguments.times == "now",
    )
    simulation = Simulation(read_mails(arguments.feed), options)
    if arguments.faults:
        simulation.faults.add(arguments.faults.read_bytes())
    if arguments.names:
        simulation.pages.name(msgspec.json.decode(arguments.names.read_bytes(), type=dict[str, str]))
    asyncio.run(serve(simulation.handle, arguments.host, arguments.port, _announce))
    simulation.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
