"""Whom a killmail concerns: rules, their reading from the configuration, and the index over many of them."""

from notifier.tracking.facts import Facts
from notifier.tracking.index import Index, Subscription
from notifier.tracking.near import only_origin, read_origin
from notifier.tracking.parse import parse_rule
from notifier.tracking.rules import Rule, matches
from notifier.tracking.side import Side, heaviest, side

__all__ = [
    "Facts",
    "Index",
    "Rule",
    "Side",
    "Subscription",
    "heaviest",
    "matches",
    "only_origin",
    "parse_rule",
    "read_origin",
    "side",
]
