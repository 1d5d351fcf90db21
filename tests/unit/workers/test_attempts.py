from random import Random

import pytest

from notifier.outcome import Dead, Done, Retry, Snooze
from workers.attempts import Bury, Finish, Schedule, begin, decide, exhausted

MOST = 5


def test_an_attempt_is_charged_before_the_work():
    assert begin({}, 100.0) == {"attempts": 1, "first_at": 100.0, "last_at": 100.0}
    assert begin(begin({}, 100.0), 101.0)["attempts"] == 2


def test_a_letter_that_was_put_back_begins_anew_and_keeps_its_history():
    dead = {"attempts": 5, "dead_at": 90.0, "reason": "refused", "category": "permanent", "first_at": 80.0}
    begun = begin(dead, 100.0)
    assert begun["attempts"] == 1
    assert begun["history"] == [{"attempts": 5, "dead_at": 90.0, "reason": "refused", "category": "permanent"}]
    assert begun["round_at"] == 100.0
    assert "dead_at" not in begun
    assert "reason" not in begun


def test_the_history_is_bounded():
    meta = {}
    for round_number in range(30):
        meta = begin({**meta, "dead_at": float(round_number)}, 100.0)
    assert len(meta["history"]) == 10
    assert meta["history"][-1]["dead_at"] == 29.0


def test_done_finishes():
    move, meta = decide(Done("posted"), begin({}, 1.0), 2.0, MOST)
    assert move == Finish("posted")
    assert meta["attempts"] == 1


def test_a_snooze_gives_the_attempt_back():
    move, meta = decide(Snooze(1.5, "rate limit"), begin({"attempts": 2}, 1.0), 2.0, MOST)
    assert move == Schedule(1.5, "rate limit")
    assert meta["attempts"] == 2


def test_a_snooze_is_never_negative():
    move, _ = decide(Snooze(-3.0, "clock"), begin({}, 1.0), 2.0, MOST)
    assert move == Schedule(0.0, "clock")


def test_a_retry_keeps_its_charge_and_its_first_and_last_error():
    move, meta = decide(Retry("503", seconds=2.0), begin({}, 1.0), 2.0, MOST)
    assert move == Schedule(2.0, "503", "transient")
    move, meta = decide(Retry("504", seconds=2.0), begin(meta, 3.0), 4.0, MOST)
    assert meta["attempts"] == 2
    assert meta["errors"]["first"]["reason"] == "503"
    assert meta["errors"]["last"]["reason"] == "504"


def test_a_retry_without_seconds_backs_off_with_full_jitter():
    pauses = [decide(Retry("x"), {"attempts": 3}, 1.0, MOST, Random(seed))[0].seconds for seed in range(50)]
    assert 0.4 <= min(pauses) < max(pauses) <= 4.0
    assert len(set(pauses)) == 50


def test_the_last_attempt_dies_with_its_reason():
    move, meta = decide(Retry("500", "ambiguous"), {"attempts": MOST}, 9.0, MOST)
    assert move == Bury("500 (attempt 5 of 5)", "ambiguous")
    assert (meta["dead_at"], meta["category"]) == (9.0, "ambiguous")


def test_a_bug_is_tried_three_times_at_most():
    assert isinstance(decide(Retry("boom", "bug"), {"attempts": 2}, 1.0, MOST)[0], Schedule)
    assert isinstance(decide(Retry("boom", "bug"), {"attempts": 3}, 1.0, MOST)[0], Bury)


def test_a_snooze_without_seconds_backs_off_with_the_snoozes_before_it():
    outcome = Snooze(None, "503", "dependency down")

    def longest(count):
        meta = {"attempts": 1, "snoozed": count}
        return max(decide(outcome, meta, 1.0, MOST, Random(seed))[0].seconds for seed in range(99))

    assert 0.9 < longest(0) <= 1.0
    assert 7.0 < longest(3) <= 8.0
    assert 55.0 < longest(50) <= 60.0


def test_what_a_job_waits_for_can_be_read_though_nothing_is_charged():
    _, meta = decide(Snooze(5.0, "503", "dependency down"), begin({}, 1.0), 2.0, MOST)
    assert (meta["attempts"], meta["snoozed"]) == (0, 1)
    assert meta["errors"]["last"] == {"at": 2.0, "reason": "503", "category": "dependency down"}
    _, meta = decide(Snooze(5.0, "429"), begin({}, 1.0), 2.0, MOST)
    assert "errors" not in meta


@pytest.mark.parametrize(
    "value", [Retry("x", "lost"), Snooze(1.0, "x", "bug"), Dead("x", "?"), Retry("x", "permanent")]
)
def test_an_outcome_of_a_category_that_the_table_does_not_know_is_a_bug_and_dead(value):
    move, _ = decide(value, begin({}, 1.0), 2.0, MOST)
    assert isinstance(move, Bury)
    assert move.category == "bug"
    assert repr(value.category) in move.reason


@pytest.mark.parametrize("value", [None, True, "done", 7, Done])
def test_what_is_no_outcome_is_dead_never_success(value):
    move, meta = decide(value, begin({}, 1.0), 2.0, MOST)
    assert isinstance(move, Bury)
    assert move.category == "bug"
    assert meta["dead_at"] == 2.0


def test_dead_dies_at_once():
    move, meta = decide(Dead("unknown webhook", "misconfigured"), begin({}, 1.0), 2.0, MOST)
    assert move == Bury("unknown webhook", "misconfigured")
    assert meta["attempts"] == 1


def test_a_job_that_kills_its_worker_each_time_is_refused_after_the_last_attempt():
    assert exhausted({"attempts": MOST}, MOST) is None
    refused = exhausted({"attempts": MOST + 1}, MOST)
    assert refused is not None
    assert refused.category == "bug"
