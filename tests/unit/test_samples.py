"""The samples of notices: one of each kind, and all of them shown."""

from pathlib import Path
from typing import get_args

from typer.testing import CliRunner

from notifier.messages import KillNotice, Notice
from ops import samples
from ops.cli import app
from ops.simulators.discord.payload import refusal

NOW = 1_795_458_011


def test_there_is_one_of_every_kind_of_notice_but_the_kill() -> None:
    assert [type(one) for one in samples.notices(NOW)].count(KillNotice) == 0
    assert {type(one) for one in samples.notices(NOW)} == set(get_args(Notice)) - {KillNotice}


def test_they_are_one_message_that_discord_takes() -> None:
    payload = samples.message(NOW)
    assert refusal(payload) is None
    assert len(payload["embeds"]) == len(samples.notices(NOW))  # type: ignore[arg-type]


def test_the_command_shows_them_and_writes_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    result = CliRunner().invoke(app, ["preview", "samples", "--html", str(page)])
    assert result.exit_code == 0, result.output
    for told in ("New on the map: Home (J160941, C2)", "Now tracked", "Rally point", "Service status"):
        assert told in result.output
        assert told in page.read_text("utf-8")


def test_six_figures_stand_in_two_rows_of_three_as_in_discord() -> None:
    lines = CliRunner().invoke(app, ["preview", "samples"]).output.splitlines()
    [first] = [line for line in lines if "Evaluated" in line]
    [second] = [line for line in lines if "Processes" in line]
    assert "Delivered" in first
    assert "Feed" in second
