"""The table and the JSON object of an outcome."""

import io
import json

import pytest
from rich.console import Console

from ops.bench import show
from ops.bench.figures import Figure, Target
from tests.unit.bench.bench_samples import CODE, FAST, PLAIN, measured, outcome


def printed(found):
    console = Console(width=180, file=io.StringIO())
    console.print(show.table(found))
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("figure", "text"),
    [
        (None, "–"),
        (Figure(0), "0"),
        (Figure(0.0333), "0.0333"),
        (Figure(8.274), "8.27"),
        (Figure(1022.4), "1022"),
        (Figure(1000000), "1000000"),
        (Figure("up"), "up"),
        (Figure(8.2, 6.97, 13.84, 50), "8.2 (6.97–13.8)"),
    ],
)
def test_a_cell_is_short_and_exact_enough(figure, text):
    assert show.cell(figure) == text


@pytest.mark.parametrize(
    ("target", "text"), [(None, ""), (Target("at_most", 0.05), "≤ 0.05"), (Target("equals", "exit 70"), "exit 70")]
)
def test_a_target_is_said_in_a_word(target, text):
    assert show.wanted(target) == text


def test_the_table_has_a_line_for_each_row_and_says_what_it_was_measured_on():
    text = printed(outcome(measured(FAST, 8.2, 1022.0), measured(PLAIN, None), notes=("the peer was slow",)))
    line = next(line for line in text.splitlines() if "kill -9 → ready, ms" in line)
    assert [cell.strip() for cell in line.split("│")[2:5]] == ["8.2", "1022", "≤ 25"]
    assert "cores 2" in text
    assert "the peer was slow" in text


def test_the_verdict_names_what_was_missed():
    assert show.verdict(outcome(measured(FAST, 8.2), measured(CODE, "exit 70"))) == "all 2 targets are met"
    missed = outcome(measured(FAST, 30.0), measured(CODE, None))
    assert show.verdict(missed) == (
        "missed: kill -9 → ready (30, expected ≤ 25 ms); the supervisor after that (–, expected exit 70)"
    )


def test_the_json_is_one_line_with_every_column():
    line = show.as_json(outcome(measured(FAST, 30.0), measured(CODE, "exit 70", "up"), notes=("a note",)))
    assert "\n" not in line
    found = json.loads(line)
    assert (found["ok"], found["missed"], found["columns"]) == (False, ["fast"], ["ours", "peer"])
    assert (found["versions"]["peer"], found["machine"], found["notes"]) == ("9", {"cores": 2}, ["a note"])
    fast, code = found["rows"]
    assert (fast["target"], fast["met"], fast["figures"]["peer"]) == ({"at_most": 25}, False, None)
    assert fast["figures"]["ours"] == {"value": 30.0, "least": None, "most": None, "count": 1}
    assert (code["target"], code["met"], code["figures"]["peer"]["value"]) == ({"equals": "exit 70"}, True, "up")
