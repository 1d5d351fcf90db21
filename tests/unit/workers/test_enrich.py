"""What a kill waits for while ESI is down, and for how long."""

import msgspec
import pytest

from notifier.killmail import decode_package, to_json
from notifier.messages import Item, Named, notice_from_json
from notifier.outcome import Done, Snooze
from notifier.universe import load
from tests.integration.samples import package
from workers import keys
from workers.enrich import BETWEEN_LATE, LONGEST_LATE, Enrich
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
    assert [job.id for job in jobs] == [f"kill-{MAIL.killmail_id}-intel", f"names-kill-{MAIL.killmail_id}"]
    assert notice_from_json(jobs[0].args[0]).degraded


def again(job, names, waited):
    """Run the follow-up that a degraded kill has left."""
    handed = Handed()
    stage = Enrich(handed, names, load(), PATIENCE, clock=lambda: 100.0 + waited)
    return stage.perform(job.id, *msgspec.json.decode(msgspec.json.encode(job.args))), handed.jobs


def test_when_the_names_come_later_each_message_is_edited_and_nothing_is_delivered_again():
    _, [_, follow_up] = enrich(3600.0, "throttled", waited=PATIENCE)
    outcome, jobs = again(follow_up, Known(), waited=600.0)
    assert outcome == Done("with all names")
    [job] = jobs
    assert (job.id, job.outbox) == (f"edit-names-kill-{MAIL.killmail_id}-intel", keys.EDITS)
    assert job.args[-1] == "names"
    assert not notice_from_json(job.args[0]).degraded


def test_names_that_are_still_missing_are_waited_for_for_hours_and_then_no_more():
    _, [_, follow_up] = enrich(3600.0, "throttled", waited=PATIENCE)
    down = Down(0.2, "dependency down")
    assert again(follow_up, down, waited=3600.0) == (Snooze(LONGEST_LATE, "ESI is away"), [])
    assert again(follow_up, down, waited=PATIENCE) == (Snooze(BETWEEN_LATE, "ESI is away"), [])
    assert again(follow_up, down, waited=6 * 3600.0) == (Done("goes without some names for good: ESI is away"), [])


def test_names_of_a_rewritten_killmail_are_asked_for_beside_those_of_the_first():
    handed = Handed()
    stage = Enrich(handed, Down(1.0, "dependency down"), load(), PATIENCE, clock=lambda: 100.0 + PATIENCE)
    stage.perform("rewrite-7-kill-1", KILL, [("intel", ["all"])], 1, 100.0, {}, {}, "7")
    follow_up = handed.jobs[-1]
    assert follow_up.id == f"names-7-kill-{MAIL.killmail_id}"
    _, [edit] = again(follow_up, Known(), waited=600.0)
    assert edit.id == f"edit-names-7-kill-{MAIL.killmail_id}-intel"


def test_a_rewritten_killmail_edits_what_was_delivered_and_is_delivered_where_it_was_not():
    handed = Handed()
    stage = Enrich(handed, Known(), load(), PATIENCE, clock=lambda: 100.0)
    routes = [("intel", ["all"])]
    assert stage.perform("rewrite-7-kill-1", KILL, routes, 1, 100.0, {}, {}, "7") == Done("with all names")
    kill = f"kill-{MAIL.killmail_id}-intel"
    assert [job.id for job in handed.jobs] == [kill, f"edit-7-{kill}"]
    assert all(job.ledger for job in handed.jobs), "the ledger keeps each from coming twice"


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


def test_a_job_of_an_older_form_has_neither_sides_nor_origins_and_still_runs():
    assert [(one.side, one.distances) for one in notices()] == [("neutral", ())] * 2


def test_each_destination_is_told_how_far_it_was_from_its_origins():
    here, far = notices({}, {"home": [30002187, 30000142]})
    assert here.distances == ()
    assert [(one.origin, one.jumps, round(one.light_years, 1)) for one in far.distances] == [("Amarr", 11, 20.3)]


def test_tickers_are_asked_for_by_the_organisations_that_are_shown():
    victim = msgspec.structs.replace(MAIL.victim, corporation_id=98000001)
    [one, _] = notices(text=to_json(msgspec.structs.replace(MAIL, victim=victim)))
    assert one.victim.corporation.ticker == "TICK"


def test_each_destination_is_told_of_the_notable_items_which_are_looked_for_once():
    class Prices:
        asked = 0

        def notable(self, killmail):
            self.asked += 1
            return (Item(Named(7, "Gist"), 2, dropped=True, value=6e7),)

    handed, known, prices = Handed(), Known(), Prices()
    stage = Enrich(handed, known, load(), PATIENCE, prices=prices)
    stage.perform("kill-1", KILL, [["intel", ["all"]], ["home", ["ours"]]], 1, 100.0)
    told = [notice_from_json(job.args[0]) for job in handed.jobs if job.queue == "delivery"]
    assert [one.items for one in told] == [(Item(Named(7, "Gist"), 2, dropped=True, value=6e7),)] * 2
    assert prices.asked == 1
