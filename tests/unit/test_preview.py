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
from notifier.universe import load
from ops import preview_known, preview_page, preview_source, sample_battle
from ops.cli import app
from ops.preview_text import drawn, text

KNOWN, WITH_VALUES, WITH_ITEMS = "435341", "74716733", "132302304"
"""Three of the demo's killmails, the first without zKillboard's block, the last with dear and with mutated items."""
AMMUNITION = 27351
"""Of the last one, 832 torpedoes."""
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
    assert "The Silent Banner [SBAN] lost a Tenebrex Cyno Jammer" in told


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
        ([KNOWN, "--origin", "Jitta"], 2, "--origin: found 'Jitta', expected the name of a system, or its id; did you"),
        ([KNOWN, "--origin", "J160941"], 2, "found 'J160941', expected a system of known space"),
        ([KNOWN, *["--origin", "Jita"] * 4], 2, "--origin: found 4 systems, expected at most 3"),
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
        if request.url.path.endswith("/markets/prices"):
            asked.append(request.url.path)
            return httpx.Response(200, json=[{"type_id": AMMUNITION, "average_price": 1e6}])
        return httpx.Response(200, json={"ticker": "TICK"})

    asked: list[str] = []
    _esi(monkeypatch, answer)
    told = run(WITH_ITEMS, "--esi")
    assert "[TICK]" in told
    assert "832 × Caldari Navy Inferno Torpedo · 832m ISK (destroyed)" in told
    assert "Abyssal Damage Control (destroyed)" in told, "no price is known of what somebody mutated"
    assert "Missile Range Script" not in told
    assert len(asked) == 1
    _esi(monkeypatch, lambda _: httpx.Response(503))
    assert "no names or prices: ESI answers 503" in run(WITH_VALUES, "--esi", code=69)


def test_any_killmail_is_asked_for_at_zkillboard_where_that_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/killID/5/":
            return httpx.Response(200, json=[{**BODY, "zkb": {"hash": "a" * 40, "totalValue": 2e9}}])
        if request.url.path.startswith(("/api/", "/markets/")):
            return httpx.Response(200, json=[])
        rows = [{"id": one, "name": f"Name {one}"} for one in json.loads(request.content or b"[]")]
        return httpx.Response(200, json=rows if request.method == "POST" else {"ticker": "TICK"})

    _esi(monkeypatch, answer)
    told = run("5", "--esi", "--layout", "line")
    assert "Name 90000001 [TICK] lost a Rifter" in told
    assert "2b ISK" in told
    assert "--esi asks zKillboard for it" in " ".join(run("5", code=65).split())
    assert "not known there" in run("6", "--esi", code=65)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (httpx.Response(503), "answered by 503"),
        (httpx.Response(200, text="<html>"), "found no list of killmails"),
        (httpx.Response(200, json={"error": "Invalid"}), "found no list of killmails"),
    ],
)
def test_what_zkillboard_answers_else_is_said(
    monkeypatch: pytest.MonkeyPatch, reply: httpx.Response, said: str
) -> None:
    _esi(monkeypatch, lambda _: reply)
    assert said in " ".join(run("5", "--esi", code=69).split())


@pytest.mark.parametrize(
    ("threshold", "shown", "hidden"),
    [
        ("50m", "2 × Missile Range Script · 69.8m ISK (dropped)", "Capsule"),
        ("100m", "832 × Caldari Navy Inferno Torpedo · 328m ISK (destroyed)", "Missile Range Script"),
        ("off", "Final blow", "Notable items"),
    ],
)
def test_made_up_items_are_as_dear_as_the_demo_has_them_and_the_setting_says_which_are_shown(
    monkeypatch: pytest.MonkeyPatch, threshold: str, shown: str, hidden: str
) -> None:
    monkeypatch.setenv("NOTIFIER_NOTABLE_ITEMS", threshold)
    told = run(WITH_ITEMS, "--made-up")
    assert shown in told
    assert hidden not in told


def test_no_item_is_shown_where_nobody_was_asked_for_prices() -> None:
    assert "Notable items" not in run(WITH_ITEMS)


def test_distances_are_measured_from_up_to_three_systems_by_name_or_id() -> None:
    assert "15 jumps, 10.3 ly from Jita · 12 jumps, 11.1 ly from Amarr" in run(
        WITH_ITEMS, "--origin", "jita", "--origin", "30002187"
    )
    assert " from " not in run(WITH_ITEMS)


def test_the_digest_tells_of_a_battle_that_has_just_been() -> None:
    told = run("digest")
    assert "Battle in X47L-Q (-0.3), Pure Blind and 1 other system" in told
    assert "16 ships, 1.04t ISK" in told
    assert "the last one 2 minutes ago" in told
    assert "Unknown" not in told


def test_the_kills_of_the_digest_are_in_order_and_of_both_sides() -> None:
    found = sample_battle.notices(1_795_458_011, load())
    assert [one.time for one in found] == sorted({one.time for one in found})
    assert {one.side for one in found} == {"kill", "loss"}
    assert found[-1].time == 1_795_458_011 - sample_battle.SINCE


def _esi(monkeypatch: pytest.MonkeyPatch, answer) -> None:  # type: ignore[no-untyped-def]
    def client(**more: object) -> httpx.Client:
        return make_client(contact="x", timeout=3, transport=httpx.MockTransport(answer))

    monkeypatch.setattr(preview_known, "make_client", client)
    monkeypatch.setattr(preview_source, "make_client", client)


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
        ("from <t:100:t> to <t:4000:T>", "from 00:01 to 01:06:40"),
        ("<t:99999999999999999:t>", "<t:99999999999999999:t>"),
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
