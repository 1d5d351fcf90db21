import pytest
from messages_samples import (
    ALLIANCE,
    COALITION,
    CORPORATION,
    FACTION,
    HUNTER,
    HUNTERS,
    JITA,
    PILOT,
    RIFTER,
    SABRE,
    killmail,
)

from notifier.tracking import Rule, Side, heaviest, side
from notifier.tracking.rules import All, Any, NotAny, Regions, Systems, Value, Who

OURS, THEIRS = frozenset({CORPORATION}), frozenset({HUNTERS})


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Who("victim", corporations=OURS), "loss"),
        (Who("attackers", corporations=THEIRS), "kill"),
        (Who("final_blow", characters=frozenset({HUNTER})), "kill"),
        (Who("attackers", factions=frozenset({FACTION})), "kill"),
        (Who("victim", alliances=frozenset({ALLIANCE})), "loss"),
        (Who("involved", characters=frozenset({PILOT})), "loss"),
        (Who("involved", corporations=THEIRS), "kill"),
        (Who("involved", corporations=OURS | THEIRS), "loss"),
        (Who("attackers", corporations=THEIRS, alliances=frozenset({COALITION})), "kill"),
        (Who("attackers", corporations=THEIRS, alliances=frozenset({ALLIANCE})), "neutral"),
        (Who("victim", ship_types=frozenset({RIFTER})), "neutral"),
        (Who("attackers", corporations=THEIRS, ship_types=frozenset({SABRE})), "kill"),
        (Systems(frozenset({JITA})), "neutral"),
        (All(()), "neutral"),
        (All((Regions(frozenset({1})), Who("attackers", corporations=THEIRS), Value(1.0))), "kill"),
        (Any((Who("attackers", corporations=THEIRS), Who("victim", corporations=OURS))), "loss"),
        (Any((Who("attackers", corporations=THEIRS), Who("victim", corporations=frozenset({1})))), "kill"),
        (NotAny((Who("victim", corporations=OURS),)), "neutral"),
        (All((NotAny((Who("victim", corporations=frozenset({5})),)), Who("attackers", corporations=THEIRS))), "kill"),
    ],
)
def test_the_side_is_that_of_the_party_that_the_rule_asks_for(rule: Rule, expected: Side) -> None:
    assert side(rule, killmail()) == expected


def test_a_loss_weighs_more_than_a_kill_and_a_kill_more_than_nothing() -> None:
    assert heaviest(["kill", "loss", "neutral"]) == "loss"
    assert heaviest(["neutral", "kill"]) == "kill"
    assert heaviest([]) == "neutral"
