"""On whose side a killmail is for those who watch: a kill, a loss, or neither. Pure."""

from collections.abc import Iterable, Iterator
from typing import Final, Literal, TypeAlias

from notifier.killmail import Killmail
from notifier.tracking.facts import Party
from notifier.tracking.rules import All, Any, Rule, Who, parties

Side: TypeAlias = Literal["kill", "loss", "neutral"]

_WEIGHT: Final[dict[Side, int]] = {"neutral": 0, "kill": 1, "loss": 2}


def side(rule: Rule, killmail: Killmail) -> Side:
    """Say whether a rule that is true of the killmail asks for its victim (a loss), or for an attacker (a kill).

    Only pilots, corporations, alliances and factions make a side: who watches a kind of ship or a region has none.
    `involved` asks for both, and a loss weighs more. What must not be (`none`) asks for nobody.
    """
    return heaviest(_side_of(who, killmail) for who in _asked(rule))


def heaviest(sides: Iterable[Side]) -> Side:
    """Give what several sides come to: a loss if there is one among them, else a kill, else neutral."""
    return max(sides, key=_WEIGHT.__getitem__, default="neutral")


def _asked(rule: Rule) -> Iterator[Who]:
    if isinstance(rule, Who):
        yield rule
    elif isinstance(rule, All | Any):
        for one in rule.rules:
            yield from _asked(one)


def _side_of(who: Who, killmail: Killmail) -> Side:
    if not any(ids is not None for ids in (who.characters, who.corporations, who.alliances, who.factions)):
        return "neutral"
    if who.role in ("victim", "involved") and _names(who, killmail.victim):
        return "loss"
    if who.role != "victim" and any(_names(who, one) for one in parties(who.role, killmail)):
        return "kill"
    return "neutral"


def _names(who: Who, party: Party) -> bool:
    """Whether the rule asks for this party, whatever it flies."""
    return (
        (who.characters is None or party.character_id in who.characters)
        and (who.corporations is None or party.corporation_id in who.corporations)
        and (who.alliances is None or party.alliance_id in who.alliances)
        and (who.factions is None or party.faction_id in who.factions)
    )
