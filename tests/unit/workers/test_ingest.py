"""Where a killmail goes, and whose side it is on there."""

import base64
from dataclasses import replace

import pytest

from notifier.killmail import decode_package
from notifier.tracking import Index, Subscription
from notifier.tracking.rules import Systems, Who
from tests.integration.samples import package
from tests.unit.real_killmails import universe
from workers.ingest import Ingest, origins, routes, sides

KILLMAIL = decode_package(package(1)).killmail
"""Pilot 90000001 lost against pilot 91000000."""
HERE = Subscription("here", ("intel", "home"), Systems(frozenset({30000142})))
HUNTS = Subscription("hunts", ("home", "kills"), Who("attackers", characters=frozenset({91000000})))
LOST = Subscription("lost", ("home",), Who("victim", characters=frozenset({90000001})))


def test_each_destination_is_told_once_and_by_which_subscriptions():
    assert routes([HERE, HUNTS, LOST]) == [
        ("intel", ["here"]),
        ("home", ["here", "hunts", "lost"]),
        ("kills", ["hunts"]),
    ]


def test_where_two_subscriptions_disagree_it_is_a_loss_whatever_their_order():
    assert sides([HERE, HUNTS, LOST], KILLMAIL) == sides([LOST, HUNTS], KILLMAIL) == {"home": "loss", "kills": "kill"}


def test_who_asks_for_nobody_has_no_side():
    assert sides([HERE], KILLMAIL) == {}


def test_each_destination_is_told_the_distance_from_each_origin_once_and_in_order():
    jita, amarr = replace(HERE, origin=30000142), replace(HUNTS, origin=30002187)
    assert origins([jita, amarr, LOST, replace(LOST, origin=30000142)]) == {
        "intel": [30000142],
        "home": [30000142, 30002187],
        "kills": [30002187],
    }
    assert origins([HERE, HUNTS]) == {}


class Handed:
    """Queues that keep what they are handed."""

    def hand_over(self, what):
        self.what, [self.job] = what, what.jobs
        return [], 1


def test_the_job_for_enrichment_carries_sides_and_origins():
    queues = Handed()
    index = Index([HERE, replace(HUNTS, origin=30002187)], universe())
    Ingest(index, queues, lambda: 100.0).offer(package(1), 1, "cursor", "2")
    assert queues.job.args[1:] == (
        [("intel", ["here"]), ("home", ["here", "hunts"]), ("kills", ["hunts"])],
        1,
        100.0,
        {"home": "kill", "kills": "kill"},
        {"home": [30002187], "kills": [30002187]},
    )


@pytest.mark.parametrize(("wanted", "expected"), [(True, 96), (False, None)])
def test_a_rewritten_file_that_a_package_names_is_remembered_if_somebody_wants_to_know(wanted, expected):
    body = package(1).replace(b'"sequence_id"', b'"sequence_updated": 96, "sequence_id"')
    queues = Handed()
    ingest = Ingest(Index([HERE], universe()), queues, lambda: 100.0, rewrites=wanted)
    ingest.offer(body, 1, "cursor", "2")
    assert (queues.what.rewritten, queues.what.noticed_at) == (expected, 100.0)
    ingest.perform("package-1", base64.b64encode(body).decode(), 1)
    assert queues.what.rewritten == expected, "also of one that was malformed before"
