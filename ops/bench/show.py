"""An outcome as a table for people and as one JSON object for programs."""

import dataclasses
import json

from rich.table import Table
from rich.text import Text

from ops.bench.figures import OURS, Figure, Outcome, Row, Target, Value

_COLOURS = {True: "green", False: "bold red", None: ""}


def table(outcome: Outcome) -> Table:
    """Lay out the rows."""
    found = Table(
        title=f"bench {outcome.name}", caption=_caption(outcome), title_justify="left", caption_justify="left"
    )
    found.add_column("")
    for column in outcome.columns:
        found.add_column(_headed(column, outcome), justify="right")
    found.add_column("target", justify="right")
    for row in outcome.rows:
        cells = [Text(cell(row.figures.get(one)), style=_style(row, one)) for one in outcome.columns]
        found.add_row(f"{row.title}, {row.unit}" if row.unit else row.title, *cells, wanted(row.target))
    return found


def verdict(outcome: Outcome) -> str:
    """Say in one line whether the targets are reached."""
    if not outcome.missed:
        return f"all {sum(row.met is not None for row in outcome.rows)} targets are met"
    return "missed: " + "; ".join(
        f"{row.title} ({cell(row.figures.get(OURS))}, expected {wanted(row.target)} {row.unit})".replace(" )", ")")
        for row in outcome.missed
    )


def as_json(outcome: Outcome) -> str:
    """Give everything in one line."""
    rows = [{**dataclasses.asdict(row), "target": _target(row.target), "met": row.met} for row in outcome.rows]
    for row in rows:
        row["figures"] = {column: row["figures"].get(column) for column in outcome.columns}
    missed = [row.key for row in outcome.missed]
    head = {"benchmark": outcome.name, "ok": not missed, "missed": missed, "columns": outcome.columns}
    about = {"versions": dict(outcome.versions), "machine": dict(outcome.machine), "notes": outcome.notes}
    return json.dumps({**head, **about, "rows": rows}, ensure_ascii=False)


def cell(figure: Figure | None) -> str:
    """Give a figure as text: the median, and the extremes when there was more than one measurement."""
    if figure is None:
        return "–"
    if figure.count == 1 or figure.least is None or figure.most is None:
        return _number(figure.value)
    return f"{_number(figure.value)} ({_number(figure.least)}–{_number(figure.most)})"


def wanted(target: Target | None) -> str:
    """Give a target as text."""
    if target is None:
        return ""
    return f"{'≤ ' if target.kind == 'at_most' else ''}{_number(target.value)}"


def _number(value: Value) -> str:
    """Three digits that count; none of a whole number is lost."""
    if isinstance(value, str):
        return value
    if value == int(value) or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"


def _style(row: Row, column: str) -> str:
    return _COLOURS[row.met] if column == OURS else ""


def _headed(column: str, outcome: Outcome) -> str:
    version = outcome.versions.get(column)
    return f"{column}\n{version}" if version else column


def _target(target: Target | None) -> dict[str, Value] | None:
    return None if target is None else {target.kind: target.value}


def _caption(outcome: Outcome) -> str:
    about = ", ".join(f"{name} {value}" for name, value in outcome.machine.items())
    return "\n".join((f"median (least–most); {about}", *outcome.notes))
