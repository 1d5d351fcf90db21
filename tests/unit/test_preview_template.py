"""`notifier preview --template`."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

import ops
from ops.cli import app

SHIPPED = Path(ops.__file__).parent / "templates"
KILLMAIL = "74716733"
"""One of the demo's."""


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["preview", KILLMAIL, "--made-up", *arguments])
    assert result.exit_code == code, result.output
    return " ".join(result.output.split())


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain", "Tenebrex Cyno Jammer, lost by The Silent Banner"),
        ("fleet", "LOSS · Tenebrex Cyno Jammer · 1.74b ISK"),
    ],
)
def test_a_template_is_shown_in_the_terminal_and_as_a_page(name: str, shown: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert shown in run("--side", "loss", "--template", str(SHIPPED / f"{name}.j2"), "--html", str(page))
    assert shown in page.read_text("utf-8")


def test_a_template_without_a_title_is_shown_without_one(tmp_path: Path) -> None:
    file = tmp_path / "own.j2"
    file.write_text("{% block title %}{% endblock %}only this")
    assert "only this" in run("--template", str(file))
    file.write_text("{% block title %}only that{% endblock %}")
    assert "only that" in run("--template", str(file))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("\n{% if %}", "own.j2: line 2: Expected an expression"),
        ("\n\n{{ victim.nmae }}", "own.j2: line 3: 'Who' has no attribute 'nmae'"),
        ("", "own.j2: writes nothing"),
    ],
)
def test_a_broken_template_says_place_and_reason(content: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "own.j2"
    file.write_text(content)
    assert told in run("--template", str(file), code=65)
    assert "nothing readable" in run("--template", str(tmp_path / "none.j2"), code=65)
