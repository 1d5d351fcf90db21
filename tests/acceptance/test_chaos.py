"""A short storm on the whole tree; `ops/run chaos` is the long one."""

import json
import subprocess

import pytest

from tests.acceptance.running import COMMAND

LONGEST = 240
"""Seconds: some 80 are usual, of which the storm and what faults leave behind take most."""


@pytest.mark.timeout(LONGEST + 20)
def test_a_storm_of_twenty_seconds_loses_nothing_and_repeats_nothing_that_could_be_known(state):
    command = [*COMMAND, "chaos", "--seconds", "20", "--seed", "4", "--json", "--state-dir", str(state)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST)
    account = json.loads(found.stdout.splitlines()[-1])
    assert account["lost"] == 0, account
    assert account["duplicates"] == account["duplicates_in_window"], account
    assert account["kills"] >= 20 and account["escalations"] >= 1, account
    assert found.returncode == 0, found.stderr
