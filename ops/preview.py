"""`notifier preview`: how the message for a killmail looks, in the terminal, as a page, as a picture."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, cast

import typer
from rich.console import Console
from rich.markup import escape

from notifier.killmail import Killmail
from notifier.messages import (
    LAYOUTS,
    KillNotice,
    Layout,
    Template,
    TemplateFailed,
    compose,
    read_template,
)
from notifier.messages.distances import MOST_ORIGINS, with_distances
from notifier.problem import Problem
from notifier.services.esi import EsiDown
from notifier.tracking import Side, read_origin
from notifier.universe import Universe, load
from ops import preview_known, sample_battle, samples
from ops.preview_known import Known
from ops.preview_page import PictureError, page, photograph
from ops.preview_source import EX_UNAVAILABLE, PreviewError, killmails
from ops.preview_text import drawn

SAMPLES, DIGEST = "samples", "digest"
"""Stand for what they name where a killmail is named; files of those names are ./samples and ./digest."""
SIDES: tuple[Side, ...] = ("kill", "loss", "neutral")

out, err = Console(highlight=False), Console(stderr=True, highlight=False, soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("preview")(preview)


def preview(
    killmail: Annotated[
        str,
        typer.Argument(
            metavar="ID|FILE|samples|digest",
            help="A killmail: one of the demo's, any with --esi; or a file: ESI's JSON, or an archive; or a word.",
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
    esi: Annotated[bool, typer.Option("--esi", help="Ask ESI for names and prices, zKillboard for the mail.")] = False,
    made_up: Annotated[bool, typer.Option("--made-up", help="Show invented ones.")] = False,
    origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SYSTEM", help=f"Measure distances from there; at most {MOST_ORIGINS} times.", show_default=False
        ),
    ] = None,
) -> None:
    """Show the message for a killmail; of a file with several, for the first ten of them.

    With samples it shows one of each other kind of notice: a map's system, pilot and rally point, an alarm, the
    status; with digest the digest of a battle, made of the demo's killmails.

    Nobody is asked for names unless you say so; without them pilots and organisations are unknown, and without prices
    no items are shown.
    """
    _one_of("--layout", layout, LAYOUTS)
    _one_of("--side", side, SIDES)
    if esi and made_up:
        raise typer.BadParameter("either --esi or --made-up", param_hint="--made-up")
    universe = load()
    origins = _origins(origin or [], universe)
    try:
        if killmail == SAMPLES:
            payload = samples.message(time.time())
        elif killmail == DIGEST:
            payload = sample_battle.message(time.time(), universe)
        else:
            found = killmails(killmail, ask=esi)
            known = _known(found, universe, esi=esi, made_up=made_up)
            told = [known.notice(one, universe, cast(Side, side)) for one in found]
            told = [with_distances(one, origins, universe) for one in told]
            payload = _payload(told, cast(Layout, layout), template)
        _show(payload, html, png)
    except PreviewError as error:
        err.print(escape(str(error)))
        raise typer.Exit(error.code) from None


def _origins(named: Sequence[str], universe: Universe) -> list[int]:
    """Give the systems that distances are measured from, by names or ids."""
    problems: list[Problem] = []
    if len(named) > MOST_ORIGINS:
        problems.append(Problem("--origin", f"{len(named)} systems", f"at most {MOST_ORIGINS}"))
    found = [
        read_origin(int(one) if one.isdecimal() else one, "--origin", universe, lambda *p: problems.append(Problem(*p)))
        for one in named
    ]
    if problems:
        raise typer.BadParameter(f"found {problems[0].found}, expected {problems[0].expected}", param_hint="--origin")
    return [one for one in found if one is not None]


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


def _known(killmails: Sequence[Killmail], universe: Universe, *, esi: bool, made_up: bool) -> Known:
    if made_up:
        return preview_known.made_up(killmails)
    try:
        return preview_known.from_esi(killmails, universe) if esi else Known()
    except EsiDown as down:
        raise PreviewError(f"no names or prices: {down.reason}", EX_UNAVAILABLE) from None
