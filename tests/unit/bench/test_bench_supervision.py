"""The rows of the benchmark `supervisor`, and the configurations that it writes."""

import configparser
import json
import shlex
from pathlib import Path

import pytest

from ops.bench import peers
from ops.bench.figures import Figure
from ops.bench.supervision import benchmark, child
from ops.bench.supervision.contenders import Circus, Gated, Ours, Scene, Supervisord
from ops.bench.supervision.measures import Effort
from supervisor.spec import parse_tree


@pytest.fixture
def scene(tmp_path):
    return Scene(tmp_path, "NOTIFIER_BENCH=1", 3)


def parsed(text):
    found = configparser.RawConfigParser()
    found.read_string(text)
    return found


def test_figures_find_their_rows_and_columns():
    rows = {row.key: row for row in benchmark.fill({"ours": {"bare": Figure(12.0)}}, Effort())}
    assert rows["bare"].figures["ours"] == Figure(12.0)
    assert rows["bare"].figures["circus"] is None
    assert rows["zygote"].met is False


def test_titles_say_how_much_was_measured():
    rows = {row.key: row for row in benchmark.fill({}, Effort(watch=5, idle=3, restarts=42))}
    assert rows["starts"].title.endswith("within 5 s")
    assert rows["cpu"].title.endswith("over 3 s")
    assert "42 restarts" in rows["descriptors"].title


def test_every_row_has_a_key_of_its_own():
    keys = [row.key for row in benchmark.ROWS]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("ours", [Ours(), Ours("imports"), Ours("zygote"), Gated()])
def test_our_trees_are_without_mistake(ours, scene):
    command = ours.prepare(scene)
    tree = parse_tree(json.loads(Path(command[-1]).read_text()))
    assert tree.marker == scene.marker
    assert tree.root.children


def test_a_child_that_fails_is_no_failed_start_of_ours(tmp_path):
    tree = json.loads(Path(Ours().prepare(Scene(tmp_path, "A=1", 1, fails=True))[-1]).read_text())
    assert tree["children"][0]["ready"] == "exec"
    assert tree["children"][0]["start"]["argv"][-1] == "fail"


def test_supervisord_runs_the_same_command(scene):
    program = parsed(Supervisord(Path("python")).configuration(scene))["program:bench"]
    command = shlex.split(program["command"])
    assert command[-3:] == [child.__file__, str(scene.fifo), "c%(process_num)d"]
    assert program["numprocs"] == "3"


def test_circus_runs_the_same_command(scene):
    found = parsed(Circus(Path("python"), check_delay=1).configuration(scene))
    arguments = shlex.split(found["watcher:bench"]["args"])
    assert arguments[-3:] == [child.__file__, str(scene.fifo), "c$(circus.wid)"]
    assert (found["circus"]["check_delay"], found["watcher:bench"]["numprocesses"]) == ("1", "3")


def test_peers_are_started_isolated_as_one_has_the_name_of_our_package(scene):
    for one in (Supervisord(Path("/peers/python")), Circus(Path("/peers/python"))):
        assert one.prepare(scene)[:3] == ["/peers/python", "-I", "-m"]


def test_peers_that_cannot_be_installed_are_left_out_with_a_note(monkeypatch):
    def fail():
        raise peers.PeersError("ERROR: no network")

    monkeypatch.setattr(peers, "python_of_peers", fail)
    notes = []
    assert benchmark._contenders(notes, only_ours=False) == [Ours()]
    assert notes == ["the peers could not be installed, only ours was measured: ERROR: no network"]


def test_a_failed_installation_leaves_nothing_behind(monkeypatch, tmp_path):
    def fail(argv):
        Path(argv[-1]).mkdir(parents=True)
        raise peers.PeersError("ERROR: no network")

    monkeypatch.setattr(peers, "_command", fail)
    with pytest.raises(peers.PeersError):
        peers.python_of_peers({"XDG_CACHE_HOME": str(tmp_path)})
    assert list((tmp_path / "notifier-bench").iterdir()) == []


def test_a_cache_that_cannot_be_written_is_a_reason_too(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(peers.PeersError, match=r"Not a directory|File exists"):
        peers.python_of_peers({"XDG_CACHE_HOME": str(tmp_path / "file")})


def test_another_python_or_another_pin_has_another_environment(tmp_path):
    first = peers.environment_of(tmp_path, "3.11.7")
    assert first == peers.environment_of(tmp_path, "3.11.7")
    assert first != peers.environment_of(tmp_path, "3.12.1")
    assert first != peers.environment_of(tmp_path, "3.11.7", ("circus==0.18.0",))


def test_every_pin_is_exact():
    assert all(pin.partition("==")[2] for pin in peers.PINS)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("WARNING: x\nERROR: No matching distribution\n\n", "ERROR: No matching distribution"),
        ("odd\n", "odd"),
        ("", "exit 2"),
    ],
)
def test_the_reason_of_a_failed_installation_is_one_line(said, reason):
    assert peers.reason_of(said, 2) == reason
