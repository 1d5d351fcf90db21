"""The process tree for a terminal."""

import pytest
from rich.console import Console

from ops.drawing import draw_tree, lasting


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0s"),
        (0, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (725, "12m 5s"),
        (3600, "1h"),
        (90061, "1d 1h"),
        (86400.0, "1d"),
    ],
)
def test_a_duration_is_told_in_its_two_largest_units(seconds, text):
    assert lasting(seconds) == text


def test_a_tree_shows_state_pid_age_restarts_and_the_last_exit_and_takes_no_markup_from_them():
    child = {"id": "feed", "type": "worker", "state": "restarting", "starts": 3, "last_exit": "[bold]SIGKILL"}
    up = {"id": "delivery-1", "type": "worker", "state": "running", "pid": 7, "since": 100.0, "starts": 1}
    console = Console(width=100, record=True)
    console.print(draw_tree({"id": "notifier", "state": "running", "children": [child, up]}, 165.0))
    shown = console.export_text()
    assert "feed  restarting · restarted 2× · last exit: [bold]SIGKILL" in shown
    assert "delivery-1  running · pid 7 · for 1m 5s" in shown
