"""`notifier preview`: how the message for a killmail looks, in the terminal, as a page, as a picture."""

import os
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, cast

import msgspec
import typer
from rich.console import Console
from rich.markup import escape

from notifier.config import Settings
from notifier.feeds import archive
from notifier.killmail import Killmail, Malformed, decode_archived, decode_killmail
from notifier.messages import (
    LAYOUTS,
    MOST_EMBEDS,
    KillNotice,
    Layout,
    Template,
    TemplateFailed,
    compose,
    kill_notice,
    missing_from,
    names_wanted,
    read_template,
    tickers_wanted,
)
from notifier.services.esi import Esi, EsiDown
from notifier.services.http import make_client
from notifier.tracking import Side
from notifier.universe import Universe, load
from ops import samples
from ops.preview_page import PictureError, page, photograph
from ops.preview_text import drawn
from ops.simulators import names as made_up_names

EX_DATA, EX_UNAVAILABLE = 65, 69
SHIPPED = Path(__file__).parent / "data" / "killmails.jsonl.gz"
TIMEOUT = 10.0
"""Seconds for each question to ESI."""
SAMPLES = "samples"
"""Stands for the samples where a killmail is named; a file of that name is ./samples."""
SIDES: tuple[Side, ...] = ("kill", "loss", "neutral")

out, err = Console(highlight=False), Console(stderr=True, highlight=False, soft_wrap=True)


class PreviewError(Exception):
    """There is nothing to show; says why. `code` is the exit code."""

    def __init__(self, reason: str, code: int = EX_DATA) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True, slots=True)
class Known:
    """The names and tickers that a killmail's message may show."""

    names: dict[int, str]
    tickers: dict[int, str]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("preview")(preview)


def preview(
    killmail: Annotated[
        str,
        typer.Argument(
            metavar="ID|FILE|samples",
            help="One of the demo's killmails, or a file: ESI's JSON, or an archive; or the word samples.",
        ),
    ],
    layout: Annotated[str, typer.Option(metavar="|".join(LAYOUTS), help="As a destination's key `layout`.")] = "full",
    template: Annotated[
        Path | None, typer.Option(metavar="FILE", help="As a destination's key `template`.", show_default=False)
    ] = None,
    side: Annotated[str, typer.Option(metavar="|".join(SIDES), help="Whom the rules ask for.")] = "neutral",
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it as a page that looks like Discord.")
    ] = None,
    png: Annotated[Path | None, typer.Option(metavar="FILE", help="Photograph that page; needs Chromium.")] = None,
    esi: Annotated[bool, typer.Option("--esi", help="Ask ESI for the names of pilots and organisations.")] = False,
    made_up: Annotated[bool, typer.Option("--made-up", help="Show invented names for them.")] = False,
) -> None:
    """Show the message for a killmail; of a file with several, for the first ten of them.

    With samples it shows one of each other kind of notice: a map's system, pilot and rally point, an alarm, the status.

    Nobody is asked for names unless you say so; without them pilots and organisations are unknown.
    """
    _one_of("--layout", layout, LAYOUTS)
    _one_of("--side", side, SIDES)
    if esi and made_up:
        raise typer.BadParameter("either --esi or --made-up", param_hint="--made-up")
    try:
        if killmail == SAMPLES:
            payload = samples.message(time.time())
        else:
            found = _killmails(killmail)
            universe = load()
            told = [_notice(one, _known(one, universe, esi, made_up), universe, cast(Side, side)) for one in found]
            payload = _payload(told, cast(Layout, layout), template)
        _show(payload, html, png)
    except PreviewError as error:
        err.print(escape(str(error)))
        raise typer.Exit(error.code) from None


def _payload(told: list[KillNotice], layout: Layout, template: Path | None) -> dict[str, object]:
    message = compose(told, len(told), layout, None if template is None else _template(template))
    if message.failures:
        raise PreviewError(f"{template}: {'; '.join(message.failures)}")
    return message.payload


def _template(path: Path) -> Template:
    try:
        return read_template(path)
    except TemplateFailed as failed:
        raise PreviewError(f"{path}: {failed}") from None


def _one_of(option: str, found: str, known: tuple[str, ...]) -> None:
    if found not in known:
        raise typer.BadParameter(f"found {found!r}, expected one of {', '.join(known)}", param_hint=option)


def _show(payload: dict[str, object], html: Path | None, png: Path | None) -> None:
    now = time.time()
    out.print(drawn(payload, now))
    if html is not None:
        html.write_text(page(payload, now), "utf-8")
    if png is not None:
        try:
            photograph(page(payload, now), png)
        except PictureError as error:
            raise PreviewError(str(error), EX_UNAVAILABLE) from None


def _killmails(named: str) -> list[Killmail]:
    path = Path(named)
    if named.isdecimal() and not path.exists():
        return [_shipped(int(named))]
    if path.suffix in (".jsonl", ".gz"):
        found = [_read(path, line) for _, line in islice(archive.read(path), MOST_EMBEDS)]
        if not found:
            raise PreviewError(f"{path}: found no killmail in it")
        return found
    return [_read(path, path.read_bytes())]


def _shipped(killmail_id: int) -> Killmail:
    for _, line in archive.read(SHIPPED):
        found = decode_archived(line)
        if found.killmail_id == killmail_id:
            return found
    raise PreviewError(
        f"killmail {killmail_id} is none of the demo's ({SHIPPED.name}); put ESI's JSON of it into a file and name that"
    )


def _read(path: Path, body: bytes) -> Killmail:
    """Decode a line of an archive, or a body of ESI."""
    try:
        whole = msgspec.json.decode(body)
        return decode_archived(body) if isinstance(whole, dict) and "killmail" in whole else decode_killmail(body)
    except (Malformed, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PreviewError(f"{path}: no killmail: {error}") from None


def _notice(killmail: Killmail, known: Known, universe: Universe, side: Side) -> KillNotice:
    return kill_notice(killmail, known.names, universe, ("preview",), tickers=known.tickers, side=side)


def _known(killmail: Killmail, universe: Universe, esi: bool, made_up: bool) -> Known:
    if made_up:
        return _made_up(killmail)
    return _from_esi(killmail, universe) if esi else Known({}, {})


def _made_up(killmail: Killmail) -> Known:
    kinds: dict[int, str] = {}
    for party in (killmail.victim, *killmail.attackers):
        for kind in ("character", "corporation", "alliance"):
            if (found := getattr(party, f"{kind}_id")) is not None:
                kinds[found] = kind
    wanted = names_wanted(killmail)
    names = {one: made_up_names.name(one, kind) for one, kind in kinds.items() if one in wanted}
    return Known(names, {one: made_up_names.ticker(one) for one in tickers_wanted(killmail)})


def _from_esi(killmail: Killmail, universe: Universe) -> Known:
    settings = Settings.read(os.environ)
    esi = Esi(make_client(contact=settings.contact, timeout=TIMEOUT), settings.esi_url)
    try:
        names = esi.names(names_wanted(killmail) | missing_from(universe, killmail)).found
        tickers = {one: esi.ticker(kind, one, TIMEOUT) for one, kind in tickers_wanted(killmail).items()}
    except EsiDown as down:
        raise PreviewError(f"no names: {down.reason}", EX_UNAVAILABLE) from None
    return Known(names, {one: ticker for one, ticker in tickers.items() if ticker})
