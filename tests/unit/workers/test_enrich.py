"""What a kill waits for while ESI is down, and for how long."""

import msgspec
import pytest

from notifier.killmail import decode_package, to_json
from notifier.messages import notice_from_json
from notifier.outcome import Done, Snooze
from notifier.universe import load
from tests.integration.samples import package
from workers.enrich import Enrich
from workers.name_cache import NamesMissing

MAIL = decode_package(package(1)).killmail
KILL = to_json(MAIL)
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


class Known:
    """An ESI and a cache of tickers that know little."""

    def names(self, ids):
        return {}

    def tickers(self, wanted):
        return dict.fromkeys(wanted, "TICK")


def notices(*arguments, text=KILL):
    handed = Handed()
    known = Known()
    stage = Enrich(handed, known, load(), PATIENCE, tickers=known)
    assert stage.perform("kill-1", text, [["intel", ["all"]], ["home", ["ours"]]], 1, 100.0, *arguments) == Done(
        "with all names"
    )
    return [notice_from_json(job.args[0]) for job in handed.jobs]


def test_each_destination_is_told_whose_side_is_asked_for_there():
    assert [one.side for one in notices({"home": "loss"})] == ["neutral", "loss"]


def test_a_job_of_an_older_form_has_no_sides_and_still_runs():
    assert [one.side for one in notices()] == ["neutral", "neutral"]


def test_tickers_are_asked_for_by_the_organisations_that_are_shown():
    victim = msgspec.structs.replace(MAIL.victim, corporation_id=98000001)
    [one, _] = notices(text=to_json(msgspec.structs.replace(MAIL, victim=victim)))
    assert one.victim.corporation.ticker == "TICK"
