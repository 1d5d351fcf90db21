"""How children, supervisors and the tree end: order, patience, hurry, exit codes."""

import pytest
from supervisor_run import Run, below, child

from supervisor.model import Boot, Elapsed, NotStarted, Reason
from supervisor.spec import Backoff

A, B, C = child("a"), child("b"), child("c")
ROOT, SUB = ("root",), ("root", "sub")


def last(run: Run, id_: str) -> Reason | None:
    return next(one.last for one in run.state.nodes[ROOT].children if one.spec.id == id_)


def test_children_end_in_reverse_each_only_when_the_one_before_is_gone():
    run = Run(A, B, C).boot("a", "b", "c")
    run.terminate()
    assert run.seen() == ["stop c"]
    run.exit("c")
    assert run.seen() == ["stop b"]
    run.exit("b", "a")
    assert run.seen() == ["stop a", "exit 0"]


def test_patience_is_in_milliseconds_and_then_it_is_killed_and_waited_for():
    run = Run(child("a", shutdown=1500)).boot("a")
    run.terminate()
    run.wait(1.4)
    assert run.seen() == ["stop a"]
    run.wait(0.2)
    assert run.seen() == ["kill a"]
    run.wait(3600.0)
    assert run.code is None
    run.killed("a")
    assert run.seen() == ["exit 0"]


def test_brutal_kill_kills_at_once():
    run = Run(child("a", shutdown="brutal_kill")).boot("a")
    run.terminate()
    run.killed("a")
    assert run.seen() == ["kill a", "exit 0"]
    assert ("shutdown_error", "a") not in run.reports()


def test_infinity_waits_for_ever():
    run = Run(child("a", shutdown="infinity")).boot("a")
    run.terminate()
    run.wait(1e6)
    assert run.seen() == ["stop a"]
    assert run.armed == {}


def test_no_patience_at_all_is_a_signal_and_then_a_kill():
    run = Run(child("a", shutdown=0)).boot("a")
    run.terminate()
    run.wait(0.0)
    assert run.seen() == ["stop a", "kill a"]


def test_a_child_that_dies_before_its_turn_is_not_restarted():
    run = Run(A, B, intensity=0).boot("a", "b")
    run.terminate()
    run.crash("a")
    run.exit("b")
    assert run.seen() == ["stop b", "exit 0"]


@pytest.mark.parametrize(("code", "told"), [(0, "child_stopped"), (143, "child_stopped"), (1, "shutdown_error")])
def test_a_bad_end_of_a_stop_is_reported_and_no_more(code: int, told: str):
    run = Run(A).boot("a")
    run.terminate()
    run.exit("a", code=code)
    assert (told, "a") in run.reports()
    assert run.code == 0


def test_a_sub_supervisor_ends_its_children_before_the_next_of_its_parent_hears_of_it():
    run = Run(A, below("sub", B, C)).boot("a", "b", "c")
    run.terminate()
    run.exit("c", "b", "a")
    assert run.seen() == ["stop c", "stop b", "stop a", "exit 0"]


def test_a_sub_supervisor_with_patience_is_killed_with_all_below_it_when_that_is_over():
    run = Run(A, below("sub", B, below("deep", C), as_child={"shutdown": 1000})).boot("a", "b", "c")
    run.terminate()
    run.wait(1.0)
    assert run.seen() == ["stop c", "kill c", "kill b"]
    run.killed("b", "c")
    assert run.seen() == ["stop a"]


def test_a_sub_supervisor_may_be_killed_brutally():
    run = Run(below("sub", A, B, as_child={"shutdown": "brutal_kill"})).boot("a", "b")
    assert run.ask("terminate_child", id="sub")
    assert sorted(run.seen()) == ["kill a", "kill b"]
    run.killed("a", "b")
    assert run.replies[1].value == "ok"
    assert run.procs() == {"sub": "Undefined"}


def test_a_supervisor_that_is_starting_a_child_hears_of_its_own_stop_only_after_it():
    run = Run(below("sub", A, B, intensity=5)).boot("a", "b")
    run.crash("a")
    run.ask("terminate_child", id="sub")
    assert run.seen() == ["start a"]
    run.ready("a")
    assert run.seen() == ["stop b"]


def test_a_quiet_supervisor_tells_all_at_once_and_each_has_its_own_patience():
    run = Run(child("a", shutdown=1000), child("b", shutdown=3000), C, quiet=True).boot("a", "b", "c")
    run.terminate()
    assert run.seen() == ["stop c", "stop b", "stop a"]
    run.wait(1.0)
    assert run.seen() == ["kill a"]
    run.killed("a")
    run.exit("b", "c")
    assert run.seen() == ["exit 0"]


def test_a_quiet_supervisor_tells_those_that_start_as_well():
    run = Run(A, B, quiet=True, intensity=9).boot("a", "b")
    run.crash("a")
    run.terminate()
    assert run.seen() == ["start a", "stop b", "stop a"]
    run.exit("b", "a")
    assert run.seen() == ["exit 0"]


# -- the whole tree


def test_a_stop_before_the_start_ends_at_once():
    run = Run(A)
    run.terminate()
    assert run.seen() == ["exit 0"]
    assert run.take(Boot()) == []


def test_a_second_stop_is_a_hurry_everything_is_killed():
    run = Run(A, below("sub", B, child("c", shutdown="infinity"))).boot("a", "b", "c")
    run.terminate()
    assert run.seen() == ["stop c"]
    run.terminate()
    assert sorted(run.seen()) == ["kill a", "kill b", "kill c"]
    run.killed("a", "b", "c")
    assert run.seen() == ["exit 0"]


def test_the_first_stop_of_a_tree_that_ends_by_itself_is_no_hurry():
    run = Run(A, B, C, intensity=0).boot("a", "b", "c")
    run.crash("c")
    assert run.seen() == ["stop b"]
    run.terminate()
    assert run.seen() == []
    run.terminate()
    assert sorted(run.seen()) == ["kill a", "kill b"]
    run.killed("a", "b")
    assert run.code == 70


def test_the_first_stop_of_a_tree_that_fails_to_start_is_no_hurry_either():
    run = Run(A, B).boot("a")
    run.crash("b")
    run.terminate()
    assert run.seen() == ["stop a"]
    run.exit("a")
    assert run.seen() == ["exit 71"]


def test_the_total_deadline_kills_what_is_left():
    run = Run(child("a", shutdown="infinity"), child("b", shutdown="infinity"), stop_timeout=8.0).boot("a", "b")
    run.terminate()
    run.wait(8.0)
    assert sorted(run.seen()) == ["kill a", "kill b", "stop b"]
    run.killed("b", "a")
    assert run.seen() == ["exit 0"]


def test_the_total_deadline_holds_for_a_tree_that_gives_up_as_well():
    run = Run(child("a", shutdown="infinity"), B, intensity=0, stop_timeout=8.0).boot("a", "b")
    run.crash("b")
    run.wait(8.0)
    assert run.seen() == ["stop a", "kill a"]


def test_a_stop_while_children_start_does_not_wait_for_them():
    run = Run(A, below("sub", B, C)).boot("a", "b")
    run.terminate()
    assert run.seen() == ["stop c"]
    run.killed("c", by=15)
    run.exit("b", "a")
    assert run.seen() == ["stop b", "stop a", "exit 0"]


def test_a_stop_interrupts_a_restart_of_a_group_in_the_middle():
    run = Run(A, B, C, strategy="one_for_all").boot("a", "b", "c")
    run.crash("a")
    run.terminate()
    assert run.seen() == ["stop c"]
    run.exit("c", "b")
    assert run.seen() == ["stop b", "exit 0"]


def test_a_stop_reaches_a_supervisor_that_was_to_be_stopped_after_a_start_that_hangs():
    run = Run(A, below("sub", B, C), strategy="one_for_all").boot("a", "b", "c")
    run.crash("b")  # b hangs in its restart …
    run.crash("a")  # … and sub is to be stopped after it
    assert run.seen() == ["start b"]
    run.terminate()
    assert run.seen() == ["stop c"]
    run.exit("c")
    run.killed("b", by=15)
    assert run.seen() == ["stop b", "exit 0"]


@pytest.mark.parametrize("fails", [True, False])
def test_a_start_that_fails_while_the_supervisor_ends_does_not_keep_it_alive(fails: bool):
    run = Run(A, B, C, intensity=9).boot("a", "b", "c")
    run.crash("a")
    run.terminate()
    assert run.seen() == ["start a", "stop c"]
    if fails:
        run.take(NotStarted(run.inc("a"), "no memory"))
    else:
        run.crash("a")
    run.exit("c", "b")
    assert run.seen() == ["stop b", "exit 0"]


def test_a_child_that_becomes_ready_while_the_supervisor_ends_is_stopped_in_its_turn():
    run = Run(A, B, intensity=9).boot("a", "b")
    run.crash("a")
    run.terminate()
    run.ready("a")
    run.exit("b", "a")
    assert run.seen() == ["start a", "stop b", "stop a", "exit 0"]


def test_a_child_that_waits_for_its_back_off_is_not_started_after_a_stop():
    run = Run(child("a", backoff=Backoff(1.0, 4.0), forever=True), B).boot("a", "b")
    run.crash("a", "a")
    run.terminate()
    run.wait(0.5)
    run.exit("b")
    assert run.seen() == ["start a", "stop b", "exit 0"]


def test_a_child_that_was_being_killed_for_its_slow_start_is_not_asked_politely():
    run = Run(child("a", start_timeout=1.0)).boot()
    run.wait(1.0)
    run.terminate()
    assert run.seen() == ["kill a", "kill a"]
    run.killed("a")
    assert run.seen() == ["exit 0"]


def test_a_stop_timer_of_one_that_is_gone_does_nothing():
    run = Run(A, B).boot("a", "b")
    run.terminate()
    timer = ("stop", run.inc("b"))
    run.exit("b")
    run.seen()
    run.take(Elapsed(timer))
    assert run.seen() == []


def test_why_a_child_ended_is_remembered():
    run = Run(A, B).boot("a", "b")
    run.killed("a")
    assert last(run, "a") == Reason("abnormal", "SIGKILL")


def test_calls_that_wait_when_their_supervisor_ends_are_answered():
    run = Run(A, below("sub", B, C)).boot("a", "b", "c")
    run.crash("b")
    started = run.ask("start_child", SUB, spec=child("d"))
    run.ready("b")
    waiting = run.ask("which_children", SUB)
    run.terminate()
    assert run.replies[started].error == "shutdown"
    run.killed("d", by=15)
    run.exit("c", "b", "a")
    assert run.replies[waiting].error == "noproc"
    assert run.call("which_children") == ["noproc"]


@pytest.mark.parametrize(("code", "told"), [(0, "child_stopped"), (1, "shutdown_error")])
def test_the_end_of_a_child_that_nobody_has_heard_of_is_told_when_it_was_to_be_stopped(code: int, told: str):
    run = Run(A, B).boot("a", "b")
    run.terminate()
    run.exit("a", code=code)
    run.exit("b")
    assert (told, "a") in run.reports()
