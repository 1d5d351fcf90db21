"""A message for a terminal: coloured panels, and Discord's markdown as far as our messages use it. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.style import Style
from rich.table import Table
from rich.text import Text

from ops.simulators.discord.markdown import moment
from ops.simulators.discord.view import FIELDS_A_ROW

WIDTH = 76

_TOKEN = re.compile(
    r"\\(?P<escaped>[^0-9A-Za-z\s])"
    r"|\*\*(?P<bold>(?:\\.|[^\\*])+)\*\*"
    r"|\[(?P<text>[^\[\]]+)\]\((?P<href>https://[^\s()]+)\)"
    r"|<t:(?P<time>-?\d{1,17}):(?P<style>[tTdDfFR])>"
)
_BAR = box.Box("    \n▌   \n    \n▌   \n    \n    \n▌   \n    \n")


def drawn(payload: Mapping[str, Any], now: float) -> RenderableType:
    """Give the message as of `now` in epoch seconds."""
    return Group(*(_embed(embed, now) for embed in payload["embeds"]))


def text(markdown: str, now: float, style: str = "") -> Text:
    """Give a formatted text: bold, links, times, and what was escaped as itself."""
    found, at = Text(style=style), 0
    for token in _TOKEN.finditer(markdown):
        found.append(markdown[at : token.start()])
        found.append_text(_shown(token, now))
        at = token.end()
    return found.append(markdown[at:])


def _shown(token: re.Match[str], now: float) -> Text:
    if token["escaped"]:
        return Text(token["escaped"])
    if token["bold"]:
        return text(token["bold"], now, "bold")
    if token["href"]:
        return _linked(token, now)
    shown = moment(int(token["time"]), token["style"], now)
    return Text(shown, "on grey23") if shown else Text(token[0])


def _linked(token: re.Match[str], now: float) -> Text:
    found = text(token["text"], now)
    found.stylize(Style(color="deep_sky_blue1", link=token["href"]))
    return found


def _embed(embed: Mapping[str, Any], now: float) -> RenderableType:
    colour = f"#{embed['color']:06x}"
    return Panel(Group(*_parts(embed, now)), box=_BAR, border_style=colour, width=WIDTH, padding=(0, 1, 0, 1))


def _parts(embed: Mapping[str, Any], now: float) -> Iterator[RenderableType]:
    if "author" in embed:
        yield Text(embed["author"]["name"], "bold")
    if "title" in embed:
        title = text(embed["title"], now)
        title.stylize(Style(bold=True, color="deep_sky_blue1", link=embed.get("url")))
        yield title
    if "description" in embed:
        yield text(embed["description"], now)
    for row in _rows(embed.get("fields", ())):
        yield Padding(_fields(row, now), (1, 0, 0, 0))
    told = [embed["footer"]["text"]] if "footer" in embed else []
    if "timestamp" in embed:
        told.append(embed["timestamp"].replace("T", " ").removesuffix(":00+00:00").removesuffix("+00:00"))
    if told:
        yield Padding(Text(" • ".join(told), "dim"), (1, 0, 0, 0))


def _rows(fields: Sequence[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """Put inline fields side by side, up to three, as Discord does."""
    row: list[Mapping[str, Any]] = []
    for field in fields:
        if row and not (field["inline"] and row[-1]["inline"] and len(row) < FIELDS_A_ROW):
            yield row
            row = []
        row.append(field)
    if row:
        yield row


def _fields(row: Sequence[Mapping[str, Any]], now: float) -> Table:
    table = Table.grid(padding=(0, 2), expand=True)
    for _ in row:
        table.add_column(ratio=1, overflow="fold")
    table.add_row(*(text(field["name"], now, "bold") for field in row))
    table.add_row(*(text(field["value"], now) for field in row))
    return table
