"""The API of a supervisor: results and error words of OTP, and that they wait in the mailbox."""

import pytest
from supervisor_run import Run, below, child

from supervisor.model import Boot, NotStarted
from supervisor.spec import ChildSpec, Exec, SupervisorSpec

A, B, C = child("a"), child("b"), child("c")
SUB = ("root", "sub")


def test_start_child_adds_a_child_at_the_end_and_answers_when_it_is_ready():
    run = Run(A).boot("a")
    ref = run.ask("start_child", spec=B)
    assert ref not in run.replies
    run.ready("b")
    assert run.replies[ref].value == {"id": "b", "incarnation": run.inc("b")}
    assert list(run.procs()) == ["a", "b"]


def test_start_child_knows_a_child_that_runs_from_one_that_is_down_or_restarting():
    run = Run(A, child("t", restart="transient"), intensity=9).boot("a", "t")
    assert run.call("start_child", spec=A) == ["already_started"]
    run.exit("t")
    assert run.call("start_child", spec=child("t")) == ["already_present"]
    run.crash("a")
    refs = [run.ask("start_child", spec=A), run.ask("restart_child", id="a"), run.ask("delete_child", id="a")]
    run.crash("a")
    assert [run.replies[ref].error for ref in refs] == ["already_present", "restarting", "restarting"]


def test_start_child_of_a_child_that_does_not_start_keeps_nothing():
    run = Run(A).boot("a")
    ref = run.ask("start_child", spec=B)
    run.take(NotStarted(run.inc("b"), "no such file"))
    assert run.replies[ref].error == "no such file"
    assert run.procs() == {"a": "Up"}
    assert run.seen() == ["start b"]


@pytest.mark.parametrize("restart", ["permanent", "temporary"])
def test_start_child_of_a_child_that_declines_is_no_error(restart: str):
    run = Run().boot()
    ref = run.ask("start_child", spec=child("b", restart=restart))
    run.ignored("b")
    assert run.replies[ref].error == ""
    assert run.procs() == ({"b": "Undefined"} if restart == "permanent" else {})


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, "invalid_child_spec"),
        ({"spec": {"id": "b"}}, "invalid_child_spec"),
        ({"spec": child("b", restart="transient", significant=True)}, "bad_combination"),
    ],
)
def test_start_child_refuses_a_bad_spec(arguments: dict[str, object], error: str):
    run = Run(A).boot("a")
    assert run.call("start_child", **arguments) == [error]


def test_a_whole_supervisor_can_be_started():
    run = Run(A).boot("a")
    ref = run.ask("start_child", spec=below("sub", B, C))
    run.ready("b", "c")
    assert run.replies[ref].error == ""
    assert run.procs(SUB) == {"b": "Up", "c": "Up"}


def test_a_supervisor_that_fails_to_start_by_a_call_is_an_error_and_leaves_nothing():
    run = Run(A).boot("a")
    ref = run.ask("start_child", spec=below("sub", B, C))
    run.ready("b")
    run.crash("c")
    run.exit("b")
    assert "failed_to_start_child c" in run.replies[ref].error
    assert run.procs() == {"a": "Up"}
    assert SUB not in run.state.nodes


def test_terminate_child_is_idempotent_and_keeps_the_spec():
    run = Run(A).boot("a")
    ref = run.ask("terminate_child", id="a")
    assert ref not in run.replies
    run.exit("a")
    assert run.replies[ref].value == "ok"
    assert run.call("terminate_child", id="a") == "ok"
    assert run.procs() == {"a": "Undefined"}
    assert run.call("terminate_child", id="b") == ["not_found"]
    assert run.call("terminate_child") == ["not_found"]


def test_terminate_child_of_a_temporary_child_drops_it():
    run = Run(child("a", restart="temporary")).boot("a")
    run.ask("terminate_child", id="a")
    run.exit("a")
    assert run.procs() == {}


def test_terminate_child_while_it_is_restarting_makes_the_try_again_void():
    run = Run(A, intensity=9).boot("a")
    run.crash("a")
    ref = run.ask("terminate_child", id="a")
    run.crash("a")
    assert run.replies[ref].value == "ok"
    assert run.procs() == {"a": "Undefined"}
    assert run.seen() == ["start a"]


def test_terminate_child_swallows_the_exit_of_one_that_is_gone_already():
    run = Run(A, B, intensity=9).boot("a", "b")
    run.crash("b")
    ref = run.ask("terminate_child", id="a")
    run.crash("a")
    run.ready("b")
    assert run.replies[ref].value == "ok"
    assert run.seen() == ["start b"]
    assert run.proc("a") == "Undefined"


def test_restart_child_starts_only_what_is_down():
    run = Run(A).boot("a")
    assert run.call("restart_child", id="a") == ["running"]
    assert run.call("restart_child", id="b") == ["not_found"]
    run.ask("terminate_child", id="a")
    run.exit("a")
    ref = run.ask("restart_child", id="a")
    run.ready("a")
    assert run.replies[ref].value == {"id": "a", "incarnation": run.inc("a")}


def test_restart_child_that_fails_keeps_the_spec_and_does_not_try_again():
    run = Run(A, intensity=9).boot("a")
    run.ask("terminate_child", id="a")
    run.exit("a")
    ref = run.ask("restart_child", id="a")
    run.seen()
    run.crash("a")
    assert run.replies[ref].error
    assert run.procs() == {"a": "Undefined"}
    assert run.seen() == []


def test_delete_child_forgets_only_what_is_down():
    run = Run(A, child("b", restart="transient")).boot("a", "b")
    assert run.call("delete_child", id="a") == ["running"]
    assert run.call("delete_child", id="c") == ["not_found"]
    run.exit("b")
    assert run.call("delete_child", id="b") == "ok"
    assert run.procs() == {"a": "Up"}


def test_the_lists_are_newest_first_and_count_the_dead():
    run = Run(A, child("t", restart="transient"), below("sub", B)).boot("a", "t", "b")
    run.exit("t")
    shown = [(one["id"], one["type"], one["pid"]) for one in run.call("which_children")]
    assert shown == [
        ("sub", "supervisor", run.state.nodes[SUB].inc),
        ("t", "worker", "undefined"),
        ("a", "worker", run.inc("a")),
    ]
    assert run.call("count_children") == {"specs": 3, "active": 2, "supervisors": 1, "workers": 2}
    assert run.call("which_child", id="t") == {"id": "t", "type": "worker", "pid": "undefined"}
    assert run.call("which_child", id="x") == ["not_found"]
    assert run.call("get_childspec", id="a") == A
    assert run.call("get_childspec", id="x") == ["not_found"]


def test_a_call_to_nobody_and_a_call_that_does_not_exist_are_answered():
    run = Run(A)
    assert run.call("which_children") == ["noproc"]
    run.take(Boot())
    run.ready("a")
    assert run.call("which_children", ("root", "a")) == ["noproc"]
    assert run.call("make_tea") == ["unknown call make_tea"]


def test_a_call_to_a_supervisor_that_is_starting_waits_until_it_has_started():
    run = Run(A, B).boot("a")
    ref = run.ask("count_children")
    assert ref not in run.replies
    run.ready("b")
    assert run.replies[ref].value["active"] == 2


def test_a_call_to_a_supervisor_that_fails_to_start_finds_nobody():
    run = Run(A, B).boot("a")
    ref = run.ask("count_children")
    run.crash("b")
    run.exit("a")
    assert run.replies[ref].error == "noproc"


# -- simple_one_for_one

TEMPLATE = ChildSpec("w", start=Exec(("work",)))


def simple(template: ChildSpec = TEMPLATE, **flags: int) -> Run:
    run = Run(template, strategy="simple_one_for_one", **flags).boot()
    for word in "xyz":
        run.ask("start_child", args=[word])
        run.ready(f"w-{run.state.incarnation}")
    return run


def test_simple_one_for_one_starts_none_by_itself_and_appends_the_arguments():
    run = Run(TEMPLATE, strategy="simple_one_for_one")
    run.take(Boot())
    assert run.seen() == []
    run.ask("start_child", args=["x", 7])
    run.ready("w-1")
    assert run.call("get_childspec", id="w-1").start.argv == ("work", "x", "7")
    assert run.call("get_childspec", id="w") == TEMPLATE
    assert run.call("count_children") == {"specs": 1, "active": 1, "supervisors": 0, "workers": 1}


def test_simple_one_for_one_restarts_with_the_same_arguments():
    run = simple()
    run.seen()
    run.crash("w-2")
    assert run.seen() == ["start w-2"]
    assert run.alive[run.inc("w-2")].spec.start.argv == ("work", "y")


def test_simple_one_for_one_keeps_nothing_of_one_that_declined_failed_or_ended_for_good():
    run = simple(ChildSpec("w", start=Exec(("work",)), restart="transient"), intensity=9)
    run.exit("w-1")
    run.crash("w-2")
    run.ignored("w-2")
    ref = run.ask("start_child")
    run.crash("w-5")
    assert run.replies[ref].error
    ref = run.ask("start_child")
    run.ignored("w-6")
    assert run.replies[ref].value == "ok"
    assert list(run.procs()) == ["w-3"]


def test_simple_one_for_one_has_no_restart_and_no_delete():
    run = simple()
    assert run.call("restart_child", id="w-1") == ["simple_one_for_one"]
    assert run.call("delete_child", id="w-1") == ["simple_one_for_one"]


def test_simple_one_for_one_terminates_by_id_and_again_when_it_is_dead_but_not_a_stranger():
    run = simple()
    ref = run.ask("terminate_child", id="w-2")
    run.exit("w-2")
    assert run.replies[ref].value == "ok"
    assert run.call("terminate_child", id="w-2") == "ok"
    for stranger in ("w-9", "w-0", "w", "w-", "w-x", "v-2", "w-²", "w-" + "9" * 5000):
        assert run.call("terminate_child", id=stranger) == ["not_found"]


def test_simple_one_for_one_tries_again_and_gives_up_like_any_other():
    run = simple(intensity=1)
    run.seen()
    run.crash("w-1")
    run.crash("w-1")
    assert run.seen() == ["start w-1", "stop w-3", "stop w-2"]
    run.exit("w-2", "w-3")
    assert run.seen() == ["exit 70"]


def test_simple_one_for_one_ends_all_at_once_with_one_patience():
    run = simple()
    run.seen()
    run.terminate()
    assert run.seen() == ["stop w-3", "stop w-2", "stop w-1"]
    run.exit("w-1")
    run.wait(5.0)
    assert run.seen() == ["kill w-3", "kill w-2"]


# -- code_change


def test_code_change_replaces_flags_and_specs_and_touches_no_process():
    run = Run(A, B).boot("a", "b")
    run.crash("a")
    run.ready("a")
    run.seen()
    changed = child("a", restart="temporary")
    assert run.call("code_change", spec=SupervisorSpec("other", (C, changed), "one_for_all", 7, 9)) == "ok"
    assert run.seen() == []
    assert run.procs() == {"c": "Undefined", "a": "Up", "b": "Up"}
    node = run.state.nodes[("root",)]
    assert (node.spec.id, node.spec.intensity, node.restarts) == ("root", 7, (1000,))
    run.crash("a")
    assert run.procs() == {"c": "Undefined", "b": "Up"}


def test_code_change_of_a_worker_into_a_supervisor_takes_effect_at_its_next_start():
    run = Run(A).boot("a")
    run.call("code_change", spec=SupervisorSpec("root", (below("a", B),)))
    run.ask("terminate_child", id="a")
    run.exit("a")
    run.ask("restart_child", id="a")
    assert run.seen() == ["stop a", "start b"]
    run.ready("b")
    run.call("code_change", spec=SupervisorSpec("root", (A,)))
    run.terminate()
    run.exit("b")
    assert run.seen() == ["stop b", "exit 0"]


def test_code_change_takes_a_supervisor_as_it_stands_in_its_parent():
    run = Run(below("sub", A)).boot("a")
    assert run.call("code_change", SUB, spec=below("sub", A, intensity=8)) == "ok"
    assert run.state.nodes[SUB].spec.intensity == 8


def test_code_change_of_a_template_holds_for_the_next_start_of_each_child():
    run = simple()
    new = ChildSpec("w", start=Exec(("work", "--better")), restart="transient")
    assert run.call("code_change", spec=SupervisorSpec("root", (new,), "simple_one_for_one")) == "ok"
    run.crash("w-1")
    assert run.alive[run.inc("w-1")].spec.start == Exec(("work", "--better", "x"))
    assert run.proc("w-1") == "Starting"


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        (None, "bad_flags"),
        (child("a"), "bad_flags"),
        (SupervisorSpec("root", (TEMPLATE,), "simple_one_for_one"), "bad_start_spec"),
        (SupervisorSpec("root", (A, A)), "duplicate_child_name"),
        (SupervisorSpec("root", (child("a", restart="transient", significant=True),)), "bad_combination"),
    ],
)
def test_code_change_refuses_a_bad_spec_and_changes_nothing(spec: object, error: str):
    run = Run(A).boot("a")
    before = run.state.nodes
    assert run.call("code_change", spec=spec) == [error]
    assert run.state.nodes == before


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        (SupervisorSpec("root", (TEMPLATE,)), "bad_start_spec"),
        (SupervisorSpec("root", (), "simple_one_for_one"), "bad_start_spec"),
        (SupervisorSpec("root", (TEMPLATE,), "simple_one_for_one", auto_shutdown="any_significant"), "bad_combination"),
    ],
)
def test_code_change_of_simple_one_for_one_keeps_it_such(spec: object, error: str):
    assert simple().call("code_change", spec=spec) == [error]
