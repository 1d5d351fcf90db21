"""What a kill waits for while ESI is down, and for how long."""

import pytest

from notifier.killmail import decode_package, to_json
from notifier.outcome import Done, Snooze
from notifier.universe import load
from tests.integration.samples import package
from workers.enrich import Enrich
from workers.name_cache import NamesMissing

KILL = to_json(decode_package(package(1)).killmail)
PATIENCE = 20.0


class Down:
    """An ESI that is away, and asks for a pause."""

    def __init__(self, seconds, category):
        self._missing = NamesMissing("ESI is away", seconds, {}, category)

    def names(self, ids):
        raise self._missing


class Handed:
    def __init__(self):
        self.jobs = []

    def hand_over(self, what):
        self.jobs += what.jobs


def enrich(seconds, category, waited):
    handed = Handed()
    stage = Enrich(handed, Down(seconds, category), load(), PATIENCE, clock=lambda: 100.0 + waited)
    return stage.perform("kill-1", KILL, [("intel", ["all"])], 1, 100.0), handed.jobs


@pytest.mark.parametrize(
    ("category", "waits"),
    [("dependency down", "dependency down"), ("throttled", "throttled"), ("bug", "dependency down")],
)
def test_while_esi_is_down_the_kill_waits_and_no_attempt_is_charged(category, waits):
    outcome, jobs = enrich(3.0, category, waited=1.0)
    assert outcome == Snooze(3.0, "ESI is away")
    assert outcome.category == waits
    assert jobs == []


def test_it_waits_no_longer_than_its_patience_however_long_esi_wants_to_be_left_alone():
    assert enrich(3600.0, "throttled", waited=15.0)[0] == Snooze(5.0, "ESI is away")


def test_after_its_patience_it_goes_out_without_the_names():
    outcome, jobs = enrich(3600.0, "throttled", waited=PATIENCE)
    assert isinstance(outcome, Done)
    assert [job.id for job in jobs] == ["kill-1-intel"]
