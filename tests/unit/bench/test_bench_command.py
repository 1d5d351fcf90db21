"""`python -m ops.bench`: what it lists, refuses and gives back."""

import json

import pytest

from ops.bench import __main__ as command
from ops.bench.supervision import benchmark
from tests.unit.bench.bench_samples import FAST, measured, outcome


@pytest.fixture
def sample(monkeypatch):
    """A benchmark that takes no time; gives the list of its runs' options, and takes what ours is to be."""
    calls = []

    def install(ours):
        def run(options):
            calls.append(options)
            return outcome(measured(FAST, ours, 1022.0))

        known = {"sample": command.Benchmark("a sample", benchmark.arguments, run)}
        monkeypatch.setattr(command, "BENCHMARKS", known)
        return calls

    return install


def test_without_a_name_the_benchmarks_are_listed(capsys):
    assert command.main([]) == 0
    assert "supervisor  our supervisor beside supervisord and circus" in capsys.readouterr().out


def test_an_unknown_name_is_one_clear_message(capsys):
    assert command.main(["speed"]) == 64
    said = capsys.readouterr().err
    assert said == "ops/run bench: there is no benchmark 'speed', expected one of: supervisor, recovery, delivery\n"


def test_arguments_without_a_name_are_refused(capsys):
    assert command.main(["--quick"]) == 64
    assert "expected the NAME of a benchmark before --quick" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--slow"], "unrecognized arguments: --slow"),
        (["--restarts", "many"], "found 'many', expected a whole number of at least 1"),
        (["--restarts", "0"], "found '0', expected a whole number of at least 1"),
        (["again"], "unrecognized arguments: again"),
    ],
)
def test_a_wrong_argument_is_one_clear_message_and_nothing_is_measured(arguments, word, sample, capsys):
    calls = sample(8.0)
    with pytest.raises(SystemExit) as left:
        command.main(["sample", *arguments])
    said = capsys.readouterr().err
    assert left.value.code == 64
    assert word in said
    assert said.count("\n") == 1
    assert calls == []


def test_a_reached_target_is_exit_0_and_a_missed_one_exit_1_and_named(sample, capsys):
    sample(8.0)
    assert command.main(["sample"]) == 0
    assert "all 1 targets are met" in capsys.readouterr().out
    sample(30.0)
    assert command.main(["sample"]) == 1
    assert "missed: kill -9 → ready (30, expected ≤ 25 ms)" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["sample", "--json"], ["--json", "sample"]])
def test_json_is_the_last_line(arguments, sample, capsys):
    sample(8.0)
    assert command.main(arguments) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["ok"] is True


def test_the_restarts_may_be_said(sample):
    calls = sample(8.0)
    command.main(["sample", "--quick", "--restarts", "10000"])
    effort = benchmark.effort_of(calls[0])
    assert (effort.restarts, effort.watch) == (10_000, 5.0)
