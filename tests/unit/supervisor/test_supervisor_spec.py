"""Reading trees: defaults, every mistake by its word, all at once, and nothing but SpecError for any input."""

import json
import signal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor.spec import (
    DEEPEST,
    Backoff,
    ChildSpec,
    Exec,
    Fork,
    Probe,
    SpecError,
    SupervisorSpec,
    TreeSpec,
    parse_child,
    parse_tree,
)

START = {"argv": ["true"]}


def worker(**more: Any) -> dict[str, Any]:
    return {"id": "a", "start": START, **more}


def words(table: object) -> list[str]:
    """The word of each mistake of a tree."""
    with pytest.raises(SpecError) as caught:
        parse_tree(table)
    return [mistake.split(": ")[1] for mistake in caught.value.mistakes]


def words_of_child(**more: Any) -> list[str]:
    return words({"auto_shutdown": "any_significant", "children": [worker(**more)]})


def test_the_defaults_are_those_of_otp():
    assert parse_tree({}) == TreeSpec(SupervisorSpec("root", (), "one_for_one", 1, 5, "never"))
    found = parse_child(worker())
    assert found == ChildSpec("a", Exec(("true",)), restart="permanent", shutdown=5000, significant=False)
    below = parse_child({"id": "sub", "children": [worker()]})
    assert below.shutdown == "infinity"
    assert below.supervisor == SupervisorSpec("sub", (found,))


def test_everything_that_can_be_said_is_read():
    table = {
        "id": "notifier",
        "strategy": "rest_for_one",
        "intensity": 0,
        "period": 60,
        "auto_shutdown": "all_significant",
        "quiet": True,
        "stop_timeout": 30,
        "marker": "TREE=1",
        "lock": "lock",
        "control": "socket",
        "log": "json",
        "unknown": "is ignored",
        "children": [
            worker(
                start={"argv": ["run", "it"], "env": {"X": "1"}},
                restart="transient",
                significant=True,
                shutdown="brutal_kill",
                start_timeout=2.5,
                ready="notify",
                liveness=9,
                stop_signal="SIGQUIT",
                shutdown_codes=[3, 4],
                backoff={"first": 1, "most": 8},
                forever=True,
            ),
            {"id": "b", "start": {"zygote": "z", "call": "m:f", "args": ["1"]}, "shutdown": "infinity"},
            {"id": "c", "start": START, "ready": {"socket": "s", "send": "PING", "expect": "+PONG"}, "shutdown": 0},
        ],
    }
    a = ChildSpec(
        "a",
        Exec(("run", "it"), {"X": "1"}),
        None,
        "transient",
        "brutal_kill",
        True,
        2.5,
        "notify",
        signal.SIGQUIT,
        (3, 4),
        9,
        Backoff(1.0, 8.0),
        True,
    )
    b = ChildSpec("b", Fork("z", "m:f", ("1",)), shutdown="infinity")
    c = ChildSpec("c", Exec(("true",)), shutdown=0, ready=Probe("s", "PING", "+PONG"))
    root = SupervisorSpec("notifier", (a, b, c), "rest_for_one", 0, 60, "all_significant", True)
    assert parse_tree(json.loads(json.dumps(table))) == TreeSpec(root, 30, "TREE=1", "lock", "socket", "json")


@pytest.mark.parametrize(
    ("table", "word"),
    [
        ([], "invalid_type"),
        (None, "invalid_type"),
        ({"id": 7}, "invalid_id"),
        ({"id": ""}, "invalid_id"),
        ({"id": "a/b"}, "invalid_id"),
        ({"strategy": "all_for_one"}, "invalid_strategy"),
        ({"strategy": ["one_for_one"]}, "invalid_strategy"),
        ({"intensity": -1}, "invalid_intensity"),
        ({"intensity": 1.0}, "invalid_intensity"),
        ({"intensity": True}, "invalid_intensity"),
        ({"period": 0}, "invalid_period"),
        ({"period": "5"}, "invalid_period"),
        ({"auto_shutdown": "always"}, "invalid_auto_shutdown"),
        ({"quiet": 1}, "invalid_quiet"),
        ({"children": "a"}, "invalid_children"),
        ({"children": None}, "invalid_children"),
        ({"children": {"a": worker()}}, "invalid_children"),
        ({"children": [7]}, "invalid_child_spec"),
        ({"children": [worker(), worker()]}, "duplicate_child_name"),
        ({"strategy": "simple_one_for_one", "children": []}, "bad_start_spec"),
        ({"strategy": "simple_one_for_one", "children": [worker(), worker(id="b")]}, "bad_start_spec"),
        (
            {"strategy": "simple_one_for_one", "auto_shutdown": "any_significant", "children": [worker()]},
            "bad_combination",
        ),
        ({"children": [worker(restart="transient", significant=True)]}, "bad_combination"),
        ({"stop_timeout": 0}, "invalid_stop_timeout"),
        ({"stop_timeout": float("nan")}, "invalid_stop_timeout"),
        ({"marker": "NAME"}, "invalid_marker"),
        ({"marker": "NAME="}, "invalid_marker"),
        ({"marker": "=value"}, "invalid_marker"),
        ({"marker": "A=\0"}, "invalid_marker"),
        ({"marker": None}, "invalid_marker"),
        ({"lock": 7}, "invalid_lock"),
        ({"control": ["x"]}, "invalid_control"),
        ({"log": "xml"}, "invalid_log"),
    ],
)
def test_a_mistake_of_the_tree_has_its_word(table: object, word: str):
    assert words(table) == [word]


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"id": None}, "missing_id"),
        ({"id": 7}, "invalid_id"),
        ({"id": "a/b"}, "invalid_id"),
        ({"start": None}, "missing_start"),
        ({"start": "true"}, "invalid_mfa"),
        ({"start": {"argv": []}}, "invalid_mfa"),
        ({"start": {"argv": "true"}}, "invalid_mfa"),
        ({"start": {"argv": ["true", 7]}}, "invalid_mfa"),
        ({"start": {"argv": ["true"], "env": {"X": 1}}}, "invalid_mfa"),
        ({"start": {"argv": ["true"], "env": "X=1"}}, "invalid_mfa"),
        ({"start": {"zygote": "z", "call": "m"}}, "invalid_mfa"),
        ({"start": {"zygote": "z", "call": ":f"}}, "invalid_mfa"),
        ({"start": {"zygote": "z", "call": "m:f", "args": "x"}}, "invalid_mfa"),
        ({"start": {"call": "m:f"}}, "invalid_mfa"),
        ({"restart": "always"}, "invalid_restart_type"),
        ({"shutdown": -1}, "invalid_shutdown"),
        ({"shutdown": 1.5}, "invalid_shutdown"),
        ({"shutdown": True}, "invalid_shutdown"),
        ({"shutdown": 2**32}, "invalid_shutdown"),
        ({"shutdown": [5000]}, "invalid_shutdown"),
        ({"type": "supervisor"}, "invalid_child_type"),
        ({"type": "boss"}, "invalid_child_type"),
        ({"type": "worker", "children": []}, "invalid_child_type"),
        ({"significant": "yes", "restart": "temporary"}, "invalid_significant"),
        ({"significant": True}, "bad_combination"),
        ({"start_timeout": 0}, "invalid_start_timeout"),
        ({"start_timeout": True}, "invalid_start_timeout"),
        ({"liveness": "9", "ready": "notify"}, "invalid_liveness"),
        ({"liveness": 9}, "bad_combination"),
        ({"ready": "soon"}, "invalid_ready"),
        ({"ready": {"socket": "s", "send": "x"}}, "invalid_ready"),
        ({"stop_signal": "TERM"}, "invalid_stop_signal"),
        ({"stop_signal": 15}, "invalid_stop_signal"),
        ({"shutdown_codes": 75}, "invalid_shutdown_codes"),
        ({"shutdown_codes": [0]}, "invalid_shutdown_codes"),
        ({"shutdown_codes": [256]}, "invalid_shutdown_codes"),
        ({"backoff": 5}, "invalid_backoff"),
        ({"backoff": {"first": 1}}, "invalid_backoff"),
        ({"backoff": {"first": 0, "most": 1}}, "invalid_backoff"),
        ({"forever": "yes"}, "invalid_forever"),
        ({"forever": True}, "bad_combination"),
    ],
)
def test_a_mistake_of_a_child_has_its_word(more: dict[str, Any], word: str):
    assert words_of_child(**more) == [word]


def test_a_back_off_that_defeats_the_intensity_must_be_announced():
    slow = {"first": 4.0, "most": 4.0}
    table = {"intensity": 3, "period": 5, "children": [worker(backoff=slow)]}
    assert words(table) == ["bad_combination"]
    parse_tree({**table, "children": [worker(backoff=slow, forever=True)]})
    parse_tree({**table, "period": 8})
    parse_tree({**table, "intensity": 2})


def test_all_mistakes_are_told_at_once_each_with_its_place():
    table = {
        "id": "tree",
        "period": 0,
        "children": [
            {"id": "sub", "strategy": "x", "children": [{"id": "a", "restart": "x", "shutdown": "x"}]},
            {"start": START},
        ],
    }
    with pytest.raises(SpecError) as caught:
        parse_tree(table)
    assert {mistake.rpartition(": ")[0].partition(": found")[0] for mistake in caught.value.mistakes} == {
        "tree: invalid_period",
        "tree/sub: invalid_strategy",
        "tree/sub/a: missing_start",
        "tree/sub/a: invalid_restart_type",
        "tree/sub/a: invalid_shutdown",
        "tree[2]: missing_id",
    }
    assert str(caught.value) == "\n".join(caught.value.mistakes)


def test_a_tree_of_too_many_levels_is_refused_before_python_is_at_its_end():
    table: dict[str, Any] = {"id": "x", "children": []}
    for _ in range(400):
        table = {"id": "x", "children": [table]}
    assert words(table) == ["invalid_children"]
    table = {"id": "x", "children": []}
    for _ in range(DEEPEST - 1):
        table = {"id": "x", "children": [table]}
    parse_tree(table)


def test_a_child_alone_is_read_for_the_supervisor_that_it_is_meant_for():
    assert parse_child(worker(restart="transient", significant=True), "c", "any_significant").significant
    with pytest.raises(SpecError, match="bad_combination"):
        parse_child(worker(restart="transient", significant=True))


KEYS = (
    "id strategy intensity period auto_shutdown quiet children start argv env zygote call args restart shutdown type "
    "significant start_timeout liveness ready socket send expect stop_signal shutdown_codes backoff first most forever "
    "stop_timeout marker lock control log"
).split()
VALUES = (
    "a b one_for_all simple_one_for_one any_significant transient temporary brutal_kill infinity notify SIGTERM m:f "
    "worker supervisor json X=1"
).split()
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([0, 1, 5, 10**400])
    | st.floats()
    | st.sampled_from(VALUES)
)
JSON = st.recursive(
    SCALARS | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS), inner, max_size=8)
        | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=30,
)
CHILDREN = st.fixed_dictionaries(
    {"id": st.sampled_from("abc"), "start": st.just(START)},
    optional={key: SCALARS | JSON for key in KEYS if key not in ("id", "start")},
)


@settings(max_examples=400, deadline=None)
@given(JSON | st.fixed_dictionaries({"children": st.lists(CHILDREN, max_size=3)}, optional={"intensity": SCALARS}))
def test_any_input_is_read_or_refused_with_mistakes(table: object):
    try:
        found = parse_tree(table)
    except SpecError as error:
        assert error.mistakes
    else:
        assert isinstance(found, TreeSpec)
        assert isinstance(hash(found.root.id), int)
