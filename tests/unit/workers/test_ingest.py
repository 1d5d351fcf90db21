"""Where a killmail goes, and whose side it is on there."""

from notifier.killmail import decode_package
from notifier.tracking import Subscription
from notifier.tracking.rules import Systems, Who
from tests.integration.samples import package
from workers.ingest import routes, sides

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
