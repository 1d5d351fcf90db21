import gzip
import json
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from messages_samples import NASTY, FakeUniverse, killmail, nasty_names
from rich.console import Console
from typer.testing import CliRunner

from notifier.messages import compose, kill_notice
from notifier.services.http import make_client
from ops import preview, preview_page
from ops.cli import app
from ops.preview_text import drawn, text

KNOWN, WITH_VALUES = "435341", "74716733"
"""Two of the demo's killmails, one without zKillboard's block."""
BODY = {
    "killmail_id": 5,
    "killmail_time": "2026-11-01T10:00:00Z",
    "solar_system_id": 30000142,
    "victim": {"ship_type_id": 587, "damage_taken": 5, "character_id": 90000001, "corporation_id": 98000001},
    "attackers": [{"character_id": 91000000, "damage_done": 5, "final_blow": True, "ship_type_id": 587}],
}


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["preview", *arguments])
    assert result.exit_code == code, result.output
    return result.output


def test_a_killmail_of_the_demo_is_found_by_its_id_and_no_name_is_made_up_unasked() -> None:
    told = run(WITH_VALUES)
    assert "Unknown corporation lost a Tenebrex Cyno Jammer" in told
    assert "1.74b ISK" in told
    assert "12 attackers" in told


def test_names_and_tickers_are_made_up_when_asked_for() -> None:
    told = run(WITH_VALUES, "--made-up")
    assert "Unknown" not in told
    assert "Astral Meridian Industries II [EHYF] lost a Tenebrex Cyno Jammer" in told


@pytest.mark.parametrize(
    ("layout", "shown"), [("full", ["Final blow", "Links"]), ("compact", ["Final blow"]), ("line", [])]
)
def test_a_layout_is_shown_as_chosen(layout: str, shown: list[str]) -> None:
    told = run(WITH_VALUES, "--layout", layout)
    assert [word for word in ("Final blow", "Links") if word in told] == shown


def test_a_file_may_be_a_body_of_esi_or_an_archive(tmp_path: Path) -> None:
    body, line = tmp_path / "kill.json", tmp_path / "kills.jsonl.gz"
    body.write_text(json.dumps(BODY, indent=1))
    assert "lost a Rifter" in run(str(body))
    lines = [json.dumps({"killmail": {**BODY, "killmail_id": one}, "zkb": None}) for one in range(1, 13)]
    line.write_bytes(gzip.compress("\n".join(lines).encode()))
    assert run(str(line)).count("lost a Rifter") == 10


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["1"], 65, "none of the demo's"),
        ([KNOWN, "--layout", "huge"], 2, "expected one of full, compact, line"),
        ([KNOWN, "--side", "both"], 2, "expected one of kill, loss, neutral"),
        ([KNOWN, "--esi", "--made-up"], 2, "either --esi or --made-up"),
    ],
)
def test_a_mistake_is_one_message(arguments: list[str], code: int, told: str) -> None:
    assert told in " ".join(run(*arguments, code=code).replace("│", " ").split())


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"killmail": {}}', "[" * 100_000, "\xff"])
def test_what_is_no_killmail_is_one_message(tmp_path: Path, content: str) -> None:
    file = tmp_path / "kill.json"
    file.write_bytes(content.encode("latin-1"))
    assert "no killmail" in " ".join(run(str(file), code=65).split())


def test_an_archive_without_a_killmail_is_one_message(tmp_path: Path) -> None:
    file = tmp_path / "none.jsonl"
    file.write_text("\n")
    assert "found no killmail" in " ".join(run(str(file), code=65).split())


def test_esi_gives_names_and_tickers_where_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            rows = [{"id": one, "name": f"Name {one}"} for one in json.loads(request.content)]
            return httpx.Response(200, json=rows)
        return httpx.Response(200, json={"ticker": "TICK"})

    _esi(monkeypatch, answer)
    assert "[TICK]" in run(WITH_VALUES, "--esi")
    _esi(monkeypatch, lambda _: httpx.Response(503))
    assert "no names: ESI answers 503" in run(WITH_VALUES, "--esi", code=69)


def _esi(monkeypatch: pytest.MonkeyPatch, answer) -> None:  # type: ignore[no-untyped-def]
    def client(**more: object) -> httpx.Client:
        return make_client(contact="x", timeout=3, transport=httpx.MockTransport(answer))

    monkeypatch.setattr(preview, "make_client", client)


def test_the_page_looks_like_the_channel_and_stands_alone(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    run(KNOWN, "--made-up", "--side", "loss", "--html", str(file))
    page = file.read_text("utf-8")
    assert 'class="embed" style="border-color:#e74c3c"' in page
    assert "<script" not in page
    assert "lost a" in page


def test_without_chromium_there_is_one_clear_message(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(preview_page, "BROWSERS", ("no-such-browser",))
    told = run(KNOWN, "--png", str(tmp_path / "page.png"), code=69)
    assert "a picture needs one of no-such-browser, and none is installed" in " ".join(told.split())


def test_a_browser_that_shows_nothing_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(preview_page, "BROWSERS", ("false",))
    assert "did not show the page" in " ".join(run(KNOWN, "--png", str(tmp_path / "page.png"), code=69).split())


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("plain", "plain"),
        ("**1.25b ISK** in", "1.25b ISK in"),
        ("[Jita](https://zkillboard.com/system/1/) (0.9)", "Jita (0.9)"),
        (r"a\_b \*\*c\*\*", "a_b **c**"),
        ("Wolf Pack [WOLF]\nnext", "Wolf Pack [WOLF]\nnext"),
        ("<t:100:R>, later", "2 minutes ago, later"),
        (r"[\_x](https://zkillboard.com/character/1/)", "_x"),
    ],
)
def test_markdown_is_shown_as_what_it_means(markdown: str, shown: str) -> None:
    assert text(markdown, 220.0).plain == shown


@given(st.sampled_from(NASTY) | nasty_names)
def test_any_name_can_be_drawn(name: str) -> None:
    found = killmail()
    ids = (found.victim.character_id, found.victim.corporation_id)
    names = {one: name for one in ids if one is not None}
    payload = compose([kill_notice(found, names, FakeUniverse(), (name,), tickers=names)], 1).payload
    console = Console(width=80)
    with console.capture() as captured:
        console.print(drawn(payload, 0.0))
    assert "Rifter" in captured.get()
