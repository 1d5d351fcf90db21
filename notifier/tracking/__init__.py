"""Whom a killmail concerns: rules, their reading from the configuration, and the index over many of them."""

from notifier.tracking.facts import Facts
from notifier.tracking.index import Index, Subscription
from notifier.tracking.parse import parse_rule
from notifier.tracking.rules import Rule, matches

__all__ = ["Facts", "Index", "Rule", "Subscription", "matches", "parse_rule"]
