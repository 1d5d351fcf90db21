"""The main job from end to end, with real processes: undisturbed, and with kill -9 for each of them."""

import os
import signal
import time

from tests.servers import wait_until

KILLS = "150"
CHILDREN = (
    "dashboard", "redis", "zygote", "scheduler", "janitor", "delivery-1", "enrichment-1", "replay", "feed",
)  # fmt: skip


def assert_nothing_lost(account):
    assert account["exit"] == 0, account
    assert account["lost"] == 0 and account["dead"] == 0, account
    assert account["delivered"] == account["matched"] > 0, account
    assert account["duplicates"] == account["duplicates_in_window"], account


def test_every_killmail_arrives_once(start):
    account = start("--kills", KILLS).account()
    assert_nothing_lost(account)
    assert account["published"] == account["evaluated"] == int(KILLS)
    assert account["duplicates"] == 0


def test_every_child_is_killed_in_turn_and_replaced_and_nothing_is_lost(start):
    demo = start("--kills", "300")
    for count, name in enumerate(CHILDREN, 1):
        demo.until_delivered(20 * count)
        demo.until_replaced(name, demo.kill_child(name))
    assert_nothing_lost(demo.account())


def test_a_worker_that_hangs_is_killed_and_its_job_is_done_by_its_replacement(start):
    demo = start("--kills", KILLS)
    demo.until_delivered(40)
    pid = demo.kill_child("enrichment-1", signal.SIGSTOP)
    demo.until_replaced("enrichment-1", pid)
    assert_nothing_lost(demo.account())


def test_after_kill_9_of_the_supervisor_no_process_is_left_and_a_second_run_delivers_the_rest(start):
    demo = start("--kills", KILLS)
    demo.until_delivered(40)
    os.kill(demo.until_up()["pid"], signal.SIGKILL)
    killed_at = time.monotonic()
    wait_until(lambda: not demo.marked(), 1.0, "the end of all processes")
    assert time.monotonic() - killed_at < 1.0
    assert demo.account()["exit"] != 0
    assert_nothing_lost(start("--kills", KILLS).account())
