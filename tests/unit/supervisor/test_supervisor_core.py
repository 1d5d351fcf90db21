"""OTP's rules on the core: starting, restarting, the intensity, escalation."""

import pytest
from supervisor_run import KILL, SEGV, TERM, Run, below, child

from supervisor.model import Boot, Elapsed, Exited, NotStarted, Ready, Unhealthy, Unready
from supervisor.spec import Backoff
from supervisor.tables import REPORTS

A, B, C = child("a"), child("b"), child("c")
SUB = ("root", "sub")


# -- starting


def test_the_next_child_starts_only_when_the_one_before_is_ready():
    run = Run(A, B)
    run.take(Boot())
    assert run.seen() == ["start a"]
    run.ready("a")
    assert run.seen() == ["start b"]
    run.ready("b")
    assert run.seen() == []
    assert run.procs() == {"a": "Up", "b": "Up"}


def test_a_tree_without_children_is_up_at_once_and_reports_it():
    run = Run()
    run.take(Boot())
    assert run.reports() == [("tree_up", "")]


def test_a_second_boot_changes_nothing():
    run = Run(A).boot("a")
    run.take(Boot())
    assert run.seen() == []
    assert run.procs() == {"a": "Up"}


def test_a_sub_supervisor_is_ready_when_all_its_children_are():
    run = Run(below("sub", A, B), C)
    run.take(Boot())
    run.ready("a")
    assert run.seen() == ["start a", "start b"]
    run.ready("b")
    assert run.seen() == ["start c"]


def test_a_child_that_fails_while_its_supervisor_starts_ends_those_before_it_in_reverse_and_then_the_tree_with_71():
    run = Run(A, B, C, intensity=10).boot("a", "b")
    run.exit("c")  # any end before it is ready is a failure
    assert run.seen() == ["stop b"]
    run.exit("b")
    assert run.seen() == ["stop a"]
    run.exit("a")
    assert run.seen() == ["exit 71"]


def test_no_process_at_all_is_a_failed_start():
    run = Run(A)
    run.take(Boot())
    run.take(NotStarted(run.inc("a"), "no such file"))
    assert run.seen() == ["start a", "exit 71"]


def test_a_child_that_dies_after_it_was_ready_while_its_supervisor_starts_is_restarted_when_all_are_up():
    run = Run(A, B).boot("a")
    run.crash("a")
    assert run.seen() == []
    run.ready("b")
    assert run.seen() == ["start a"]


def test_a_total_deadline_holds_for_a_tree_that_fails_to_start():
    run = Run(child("a", shutdown="infinity"), B, stop_timeout=10.0).boot("a")
    run.crash("b")
    run.wait(10.0)
    assert run.seen() == ["stop a", "kill a"]
    run.killed("a")
    assert run.seen() == ["exit 71"]


@pytest.mark.parametrize(
    ("restart", "kept"), [("permanent", "Undefined"), ("transient", "Undefined"), ("temporary", "")]
)
def test_a_child_that_declines_to_run_keeps_its_spec_unless_it_is_temporary(restart: str, kept: str):
    run = Run(child("a", restart=restart), B)
    run.take(Boot())
    run.ignored("a")
    assert run.seen() == ["start a", "start b"]
    assert run.proc("a") == kept


def test_a_sub_supervisor_that_fails_to_start_in_a_restart_is_tried_again():
    run = Run(below("sub", A, B, intensity=0), intensity=2).boot("a", "b")
    run.crash("a")  # sub gives up
    run.killed("b")
    assert run.seen() == ["stop b", "start a"]
    run.crash("a")
    assert run.seen() == ["start a"]
    assert run.state.nodes[("root",)].restarts == (1000, 1000)
    run.ready("a", "b")
    assert run.procs(SUB) == {"a": "Up", "b": "Up"}


# -- exits

GOOD = [{"code": 0}, {"signal": TERM}, {"code": 75}, {"code": 143}, {"code": 130}, {"signal": 2}]
BAD = [{"code": 1}, {"signal": KILL}, {"signal": SEGV}, {"code": 137}]


@pytest.mark.parametrize(
    ("restart", "exits", "seen", "left"),
    [
        ("permanent", GOOD + BAD, ["start a"], "Starting"),
        ("transient", GOOD, [], "Undefined"),
        ("transient", BAD, ["start a"], "Starting"),
        ("temporary", GOOD + BAD, [], ""),
    ],
)
def test_the_restart_type_and_the_reason_decide(restart: str, exits: list[dict[str, int]], seen: list[str], left: str):
    for end in exits:
        run = Run(child("a", restart=restart)).boot("a")
        run.take(Exited(run.inc("a"), **end))  # type: ignore[arg-type]
        assert run.seen() == seen
        assert run.proc("a") == left


def test_what_is_told_by_processes_of_the_past_or_of_nobody_is_ignored():
    run = Run(A).boot("a")
    old = run.inc("a")
    run.crash("a")
    run.seen()
    before = run.state
    for inc in (old, 77):
        for event in (
            Ready(inc),
            Exited(inc, code=1),
            NotStarted(inc, ""),
            Unready(inc, ""),
            Unhealthy(inc, ""),
            Elapsed(("start", inc)),
            Elapsed(("stop", inc)),
        ):
            assert run.take(event) == []
    assert run.take(Elapsed(("again", ("root",), "a"))) == []
    assert run.take(Elapsed(("again", ("root", "gone"), "a"))) == []
    assert run.state == before


# -- strategies


def test_one_for_one_restarts_the_child_alone_and_in_its_place():
    run = Run(A, B, C).boot("a", "b", "c")
    run.crash("b")
    assert run.seen() == ["start b"]
    assert list(run.procs()) == ["a", "b", "c"]


def test_one_for_all_ends_the_others_in_reverse_and_starts_all_in_order():
    run = Run(A, B, C, strategy="one_for_all").boot("a", "b", "c")
    run.crash("b")
    assert run.seen() == ["stop c"]
    run.exit("c")
    assert run.seen() == ["stop a"]
    run.exit("a")
    assert run.seen() == ["start a"]
    run.ready("a", "b")
    assert run.seen() == ["start b", "start c"]


def test_rest_for_one_ends_and_starts_only_those_after_it():
    run = Run(A, B, C, child("d"), strategy="rest_for_one").boot("a", "b", "c", "d")
    run.crash("b")
    run.exit("d", "c")
    run.ready("b", "c", "d")
    assert run.seen() == ["stop d", "stop c", "start b", "start c", "start d"]


@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
def test_a_group_drops_temporary_siblings_and_revives_what_had_ended_or_was_stopped(strategy: str):
    children = (A, child("t", restart="transient"), child("gone", restart="temporary"), B)
    run = Run(*children, strategy=strategy).boot("a", "t", "gone", "b")
    run.exit("t")
    run.ask("terminate_child", id="b")
    run.exit("b")
    run.seen()
    run.crash("a")
    run.exit("gone")
    run.ready("a", "t", "b")
    assert run.seen() == ["stop gone", "start a", "start t", "start b"]
    assert run.procs() == {"a": "Up", "t": "Up", "b": "Up"}


def test_a_transient_child_that_ends_normally_leaves_its_group_alone():
    run = Run(A, child("b", restart="transient"), C, strategy="one_for_all").boot("a", "b", "c")
    run.exit("b")
    assert run.seen() == []


def test_one_for_all_that_fails_at_x_tries_again_with_x_as_the_failed_child():
    run = Run(A, B, C, strategy="one_for_all", intensity=5).boot("a", "b", "c")
    run.crash("a")
    run.exit("c", "b")
    run.ready("a")
    run.crash("b")
    assert run.seen() == ["stop c", "stop b", "start a", "start b", "stop a"]
    assert run.procs() == {"a": "Stopping", "b": "Undefined", "c": "Undefined"}
    run.exit("a")
    run.ready("a", "b", "c")
    assert run.seen() == ["start a", "start b", "start c"]


def test_rest_for_one_that_fails_at_x_leaves_those_before_x_alone_when_it_tries_again():
    run = Run(A, B, C, strategy="rest_for_one", intensity=5).boot("a", "b", "c")
    run.crash("a")
    run.exit("c", "b")
    run.ready("a")
    run.crash("b")
    run.ready("b", "c")
    assert run.seen() == ["stop c", "stop b", "start a", "start b", "start b", "start c"]


def test_the_try_again_comes_after_what_is_already_in_the_mailbox():
    run = Run(A, B, intensity=9).boot("a", "b")
    run.crash("a")
    run.crash("b")
    run.crash("a")
    assert run.seen() == ["start a", "start b"]
    assert run.proc("a") == "Restarting"
    run.ready("b")
    assert run.seen() == ["start a"]


def test_exits_and_calls_wait_while_a_child_starts_and_keep_their_order():
    run = Run(A, B, C, intensity=9).boot("a", "b", "c")
    run.crash("a")
    first, second = run.ask("which_children"), run.ask("terminate_child", id="b")
    run.crash("c")
    assert run.seen() == ["start a"]
    assert run.replies == {}
    run.ready("a")
    assert first in run.replies
    assert second not in run.replies
    assert run.seen() == ["stop b"]
    run.exit("b")
    assert second in run.replies
    assert run.seen() == ["start c"]


# -- intensity


def restarts(times: list[float], **flags: int) -> int:
    """How many of the deaths at these times are followed by a start; all of one child."""
    run = Run(A, **flags).boot("a")
    for at in times:
        run.now = at
        run.crash("a")
        if run.code is not None:
            break
        run.ready("a")
    return run.seen().count("start a")


@pytest.mark.parametrize(
    ("times", "intensity", "period", "started"),
    [
        ([10.0], 0, 5, 0),
        ([10.0, 10.0], 1, 5, 1),
        ([10.0, 15.0], 1, 5, 1),  # exactly `period` old still counts
        ([10.0, 15.99], 1, 5, 1),  # whole seconds: 10 and 15
        ([10.99, 16.0], 1, 5, 2),  # whole seconds: 10 and 16
        ([10.0, 16.0, 22.0, 28.0], 1, 5, 4),
        ([10.0, 11.0, 12.0, 13.0], 3, 5, 3),
        ([10.0, 11.0, 12.0, 16.0, 17.0, 18.0], 3, 5, 6),
    ],
)
def test_the_window_counts_whole_seconds_and_includes_its_edge(
    times: list[float], intensity: int, period: int, started: int
):
    assert restarts(times, intensity=intensity, period=period) == started


def test_all_children_share_the_window_of_their_supervisor():
    run = Run(A, B, intensity=1).boot("a", "b")
    run.crash("a")
    run.ready("a")
    run.crash("b")
    assert run.seen() == ["start a", "stop a"]


def test_a_group_counts_once():
    run = Run(A, B, C, strategy="one_for_all", intensity=1).boot("a", "b", "c")
    run.crash("a")
    assert run.state.nodes[("root",)].restarts == (1000,)


def test_an_attempt_counts_before_it_is_made_and_so_does_each_further_one():
    run = Run(A, intensity=3).boot("a")
    run.crash("a", "a", "a")
    assert run.seen() == ["start a"] * 3
    run.crash("a")
    assert run.seen() == ["exit 70"]


def test_calls_do_not_count():
    run = Run(A, intensity=0).boot("a")
    for _ in range(5):
        run.ask("terminate_child", id="a")
        run.exit("a")
        run.ask("restart_child", id="a")
        run.ready("a")
    assert run.state.nodes[("root",)].restarts == ()


# -- escalation


def test_a_permanent_sub_supervisor_that_gives_up_is_restarted_and_counts_for_its_parent():
    run = Run(below("sub", A, B, intensity=0), C, intensity=1).boot("a", "b", "c")
    run.crash("a")
    run.exit("b")
    assert run.seen() == ["stop b", "start a"]
    assert run.state.nodes[("root",)].restarts == (1000,)
    assert run.state.nodes[SUB].restarts == ()


def test_a_transient_sub_supervisor_that_gives_up_is_not_restarted():
    run = Run(below("sub", A, intensity=0, restart="transient"), C).boot("a", "c")
    run.crash("a")
    assert run.seen() == []
    assert run.procs() == {"sub": "Undefined", "c": "Up"}


def test_a_permanent_child_that_ended_the_window_is_not_started_again_and_the_tree_ends_with_70():
    run = Run(A, B, intensity=0).boot("a", "b")
    run.crash("a")
    assert ("reached_max_restart_intensity", "a") in run.reports()
    run.exit("b")
    assert run.seen() == ["stop b", "exit 70"]


def test_the_worst_case_is_the_product_of_the_intensities():
    run = Run(below("sub", A, intensity=2), intensity=3).boot("a")
    while run.code is None:
        run.crash("a")
        if run.code is None:
            run.ready("a")
    assert run.code == 70
    assert run.seen().count("start a") == 2 * 4 + 3


def test_a_supervisor_that_gives_up_while_its_parent_stops_it_just_ends():
    run = Run(A, below("sub", B, C, intensity=0), strategy="one_for_all").boot("a", "b", "c")
    run.crash("b")
    assert run.seen() == ["stop c"]
    run.crash("a")
    run.exit("c")
    assert run.seen() == ["start a"]
    run.ready("a", "b", "c")
    assert run.state.nodes[("root",)].restarts == (1000,)


# -- auto_shutdown


def significant(id_: str, restart: str = "transient") -> object:
    return child(id_, restart=restart, significant=True)


def test_any_significant_ends_the_supervisor_with_the_first_that_ends():
    run = Run(A, significant("s"), significant("t"), auto_shutdown="any_significant").boot("a", "s", "t")
    run.exit("s")
    run.exit("t", "a")
    assert run.seen() == ["stop t", "stop a", "exit 75"]


def test_all_significant_waits_for_the_last():
    run = Run(A, significant("s"), significant("t", "temporary"), auto_shutdown="all_significant").boot("a", "s", "t")
    run.crash("t")
    assert run.seen() == []
    run.exit("s")
    assert run.seen() == ["stop a"]


def test_a_significant_child_that_is_restarting_is_still_active():
    flags = {"auto_shutdown": "all_significant", "intensity": 9}
    run = Run(child("x"), significant("s"), significant("t"), **flags).boot("x", "s", "t")
    run.crash("x")
    run.crash("s")
    run.exit("t")
    run.ready("x")
    run.crash("s")  # its restart failed when the end of t is read
    assert run.proc("s") == "Starting"
    assert run.proc("t") == "Undefined"
    assert run.code is None


def test_a_child_without_significance_ends_nothing():
    run = Run(child("a", restart="transient"), significant("s"), auto_shutdown="any_significant").boot("a", "s")
    run.exit("a")
    assert run.seen() == []


def test_a_stop_by_a_call_is_no_reason_for_an_auto_shutdown():
    run = Run(significant("s"), auto_shutdown="any_significant").boot("s")
    run.ask("terminate_child", id="s")
    run.exit("s")
    assert run.seen() == ["stop s"]


def test_an_auto_shutdown_goes_up_through_supervisors_that_are_significant_themselves():
    inner = below(
        "sub", significant("s"), A, auto_shutdown="any_significant", restart="transient", as_child={"significant": True}
    )
    run = Run(inner, B, auto_shutdown="all_significant").boot("s", "a", "b")
    run.exit("s")
    run.exit("a")
    run.exit("b")
    assert run.seen() == ["stop a", "stop b", "exit 75"]


def test_a_transient_supervisor_that_gives_up_may_end_its_parent():
    inner = below("sub", A, intensity=0, restart="transient", as_child={"significant": True})
    run = Run(B, inner, auto_shutdown="any_significant").boot("b", "a")
    run.crash("a")
    run.exit("b")
    assert run.seen() == ["stop b", "exit 75"]


# -- beyond OTP


def test_a_child_that_is_not_ready_in_time_is_killed_and_that_is_a_failed_start():
    run = Run(child("a", start_timeout=3.0), intensity=2).boot("a")
    run.crash("a")
    run.wait(2.9)
    assert run.seen() == ["start a"]
    run.wait(0.2)
    assert run.seen() == ["kill a"]
    run.killed("a")
    assert run.state.nodes[("root",)].restarts == (1003, 1000)
    assert run.seen() == ["start a"]


def test_a_supervisor_that_is_not_ready_in_time_is_killed_with_all_below_it():
    slow = below("sub", A, below("deep", B, C), as_child={"start_timeout": 3.0})
    run = Run(slow, intensity=1).boot("a", "b")
    run.wait(3.0)
    assert sorted(run.seen()) == ["kill a", "kill b", "kill c"]
    run.killed("a", "b", "c")
    assert run.seen() == ["exit 71"]


def test_a_child_that_will_never_be_ready_is_killed_once():
    run = Run(child("a", start_timeout=3.0))
    run.take(Boot())
    run.take(Unready(run.inc("a"), "it closed NOTIFY_FD"))
    run.take(Unready(run.inc("a"), "it closed NOTIFY_FD"))
    run.take(Ready(run.inc("a")))
    assert run.seen() == ["start a", "kill a"]
    run.wait(5.0)
    run.killed("a")
    assert run.seen() == ["exit 71"]


def test_an_unhealthy_child_is_killed_and_that_is_an_abnormal_end_however_it_ends():
    run = Run(child("a", restart="transient")).boot("a")
    run.take(Unhealthy(run.inc("a"), "no sign of life for 9 s"))
    run.take(Unhealthy(run.inc("a"), "no sign of life for 9 s"))
    assert run.seen() == ["kill a"]
    run.exit("a")
    assert run.seen() == ["start a"]


def test_the_back_off_begins_with_the_second_attempt_in_a_row_and_doubles():
    run = Run(child("a", backoff=Backoff(0.5, 4.0), forever=True)).boot("a")
    pauses = []
    for _ in range(6):
        run.crash("a")
        pauses.append(run.armed.get(("again", ("root",), "a"), run.now) - run.now)
        run.wait(10.0)
    assert pauses == [0.0, 0.5, 1.0, 2.0, 4.0, 4.0]


def test_the_back_off_begins_anew_after_a_life_that_was_long_enough():
    run = Run(child("a", backoff=Backoff(0.5, 4.0), forever=True)).boot("a")
    run.crash("a", "a")
    run.wait(0.5)
    run.ready("a")
    run.wait(4.0)
    run.seen()
    run.crash("a")
    assert run.seen() == ["start a"]


def test_while_it_waits_for_its_back_off_a_child_is_restarting_and_can_be_stopped():
    run = Run(child("a", backoff=Backoff(0.5, 4.0), forever=True)).boot("a")
    run.crash("a", "a")
    assert run.call("restart_child", id="a") == ["restarting"]
    assert run.call("terminate_child", id="a") == "ok"
    run.seen()
    run.wait(60.0)
    assert run.seen() == []


def test_a_timer_of_an_earlier_pause_does_not_cut_a_back_off_short():
    run = Run(child("a", backoff=Backoff(2.0, 4.0), forever=True)).boot("a")
    run.crash("a", "a")
    run.take(Elapsed(("again", ("root",), "a")))
    assert run.proc("a") == "Restarting"
    run.wait(2.0)
    assert run.proc("a") == "Starting"


def test_a_try_again_of_before_does_not_cut_a_back_off_short():
    patient = child("a", backoff=Backoff(2.0, 4.0), forever=True)
    run = Run(B, patient, strategy="rest_for_one").boot("b", "a")
    run.crash("a", "a")
    run.ask("start_child", spec=C)
    run.crash("b")
    run.wait(2.0)  # the try-again of a is in the mailbox, behind the exit of b
    run.ready("c")
    run.exit("c")
    run.ready("b")
    run.crash("a")  # this failure has a pause of its own
    assert run.proc("a") == "Restarting"
    assert list(run.armed) == [("again", ("root",), "a")]


def test_a_child_that_is_tried_forever_does_not_count():
    run = Run(child("a", forever=True), B, intensity=0).boot("a", "b")
    run.crash("a", "a", "a")
    assert run.state.nodes[("root",)].restarts == ()
    assert run.code is None


def test_reports_are_of_a_fixed_set():
    run = Run(A, B, intensity=0).boot("a", "b")
    run.crash("a")
    assert {event for event, _ in run.reports()} <= REPORTS
