"""The index against a reading of the raw tables that knows neither rules nor anchors, on every real killmail."""

import random
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any

import msgspec
import pytest
import real_killmails as real
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.killmail import Attacker, Killmail, Victim, Zkb
from notifier.tracking import Index, Subscription, matches, parse_rule
from notifier.tracking.anchors import ALWAYS, NEVER, Anchors, Key, anchors
from notifier.tracking.rules import All, NotAny, Npc, Rule, Solo, Spaces, Systems, Value, Who
from notifier.tracking.rules import Any as AnyOf

Table = dict[str, Any]
Raw = dict[str, Any]
Choose = Callable[[Sequence[Any]], Any]

KINDS = ("characters", "corporations", "alliances", "factions", "ship_types", "ship_groups")
PARTY_KINDS = tuple(kind.removesuffix("s") for kind in KINDS)
UNITS = {"k": 10**3, "m": 10**6, "b": 10**9}
AMOUNTS = (0, 1, "500k", "5m", 50_000_000.0, "250m", "1b", 20_000_000_000, "1000b")


# The plain reading: of a table as it stands in the file, on a killmail as it stands in the archive.


def reads(table: Table, mail: Raw) -> bool:
    """Every key of the table is true of the mail."""
    return all(READINGS[key](value, mail) for key, value in table.items())


def in_system(values: list[Any], mail: Raw) -> bool:
    system = real.universe().system(mail["killmail"]["solar_system_id"])
    return one_of(values, mail["killmail"]["solar_system_id"], system and system.name)


def in_constellation(values: list[Any], mail: Raw) -> bool:
    system = real.universe().system(mail["killmail"]["solar_system_id"])
    found = system and real.universe().constellation(system.constellation_id)
    return one_of(values, found and found.id, found and found.name)


def in_region(values: list[Any], mail: Raw) -> bool:
    system = real.universe().system(mail["killmail"]["solar_system_id"])
    found = system and real.universe().region(system.region_id)
    return one_of(values, found and found.id, found and found.name)


def in_space(values: list[str] | str, mail: Raw) -> bool:
    system = real.universe().system(mail["killmail"]["solar_system_id"])
    return system is not None and system.space in ([values] if isinstance(values, str) else values)


def one_of(values: list[Any], entity: int | None, name: str | None) -> bool:
    """An id or a name; names in any letter case."""
    return entity in values or (name is not None and name.lower() in lowered(tuple(values)))


@cache
def lowered(values: tuple[Any, ...]) -> frozenset[str]:
    return frozenset(value.lower() for value in values if isinstance(value, str))


def victim(table: Table, mail: Raw) -> bool:
    return fits(table, mail["killmail"]["victim"])


def attackers(table: Table, mail: Raw) -> bool:
    return any(fits(table, attacker) for attacker in mail["killmail"]["attackers"])


def final_blow(table: Table, mail: Raw) -> bool:
    return any(attacker.get("final_blow") and fits(table, attacker) for attacker in mail["killmail"]["attackers"])


def involved(table: Table, mail: Raw) -> bool:
    return victim(table, mail) or attackers(table, mail)


def fits(table: Table, party: Raw) -> bool:
    """One and the same party fits every key."""
    return all(one_of(values, *entity(kind, party)) for kind, values in table.items())


def entity(kind: str, party: Raw) -> tuple[int | None, str | None]:
    """Give id and name; a name only where the static data hold some of this kind."""
    return named(kind, party.get("ship_type_id" if kind == "ship_groups" else f"{kind.removesuffix('s')}_id") or None)


@cache
def named(kind: str, number: int | None) -> tuple[int | None, str | None]:
    known = real.universe()
    if number is None or kind in ("characters", "alliances"):
        return number, None
    if kind in ("ship_types", "ship_groups"):
        found = known.type(number)
        if kind == "ship_types" or found is None:
            return (number, found and found.name) if kind == "ship_types" else (None, None)
        return found.group_id, known.group_name(found.group_id)
    return number, known.faction_name(number) if kind == "factions" else known.npc_corporation_name(number)


def worth(table: Table, mail: Raw) -> bool:
    if mail["zkb"] is None:
        return False
    value = mail["zkb"].get("totalValue") or 0
    return ("min" not in table or amount(table["min"]) <= value) and (
        "max" not in table or value <= amount(table["max"])
    )


def amount(value: float | str) -> float:
    return int(value[:-1]) * UNITS[value[-1]] if isinstance(value, str) else value


def judged(name: str) -> Callable[[bool, Raw], bool]:
    return lambda wanted, mail: wanted is bool((mail["zkb"] or {}).get(name))


READINGS: dict[str, Callable[[Any, Raw], bool]] = {
    "systems": in_system,
    "constellations": in_constellation,
    "regions": in_region,
    "space": in_space,
    "victim": victim,
    "attackers": attackers,
    "final_blow": final_blow,
    "involved": involved,
    "value": worth,
    "npc": judged("npc"),
    "solo": judged("solo"),
    "all": lambda tables, mail: all(reads(table, mail) for table in tables),
    "any": lambda tables, mail: any(reads(table, mail) for table in tables),
    "none": lambda tables, mail: not any(reads(table, mail) for table in tables),
}


# Tables as a person might write them, about what is in the mails.


@lru_cache(maxsize=1)
def values() -> dict[str, list[Any]]:
    """Give what may stand under each key: as often as in the mails, by name too, and what is in none of them."""
    known, found = real.universe(), {key: [7, 98_999_999] for key in ("systems", "constellations", "regions", *KINDS)}
    for mail in real.raw():
        body = mail["killmail"]
        system = known.system(body["solar_system_id"])
        found["systems"] += [system.id, system.name]
        found["constellations"] += [system.constellation_id, known.constellation(system.constellation_id).name]
        found["regions"] += [system.region_id, known.region(system.region_id).name.upper()]
        for party in (body["victim"], *body["attackers"][:8]):
            for kind in KINDS:
                number, name = entity(kind, party)
                found[kind] += [number] if number else []
                singular = kind.removesuffix("s")
                named = name and kind not in ("characters", "alliances") and number in known.find(singular, name)
                found[kind] += [name] if named else []
    return found


def written(choose: Choose, depth: int = 3) -> Table:
    """Write a table of one to three keys."""
    keys = ("systems", "constellations", "regions", "space", *("victim", "attackers", "final_blow", "involved") * 2)
    keys += ("value", "npc", "solo", *(("all", "any", "none") if depth > 1 else ()))
    chosen = {choose(keys) for _ in range(choose((1, 1, 2, 3)))}
    return {key: content(key, choose, depth) for key in sorted(chosen)}


def content(key: str, choose: Choose, depth: int) -> Any:
    if key in ("all", "any", "none"):
        return [written(choose, depth - 1) for _ in range(choose((1, 2, 3)))]
    if key in ("npc", "solo"):
        return choose((True, False))
    if key == "space":
        return choose(("lowsec", ["highsec"], ["nullsec", "wormhole"], ["abyssal", "pochven", "void"]))
    if key == "value":
        low, high = sorted((choose(AMOUNTS), choose(AMOUNTS)), key=amount)
        return choose(({"min": high}, {"max": low}, {"min": low, "max": high}))
    if key in ("victim", "attackers", "final_blow", "involved"):
        return {kind: some(kind, choose) for kind in sorted({choose(KINDS) for _ in range(choose((1, 1, 2)))})}
    return some(key, choose)


def some(key: str, choose: Choose) -> list[Any]:
    return [choose(values()[key]) for _ in range(choose((1, 2, 5, 12)))]


@st.composite
def tables(draw: st.DrawFn) -> Table:
    return written(lambda options: draw(st.sampled_from(options)))


def rule(table: Table) -> Rule:
    found, problems = parse_rule(table, "where", real.universe())
    assert not problems, problems
    assert found is not None
    return found


def index_of(written_tables: Sequence[Table]) -> Index:
    numbered = enumerate(written_tables)
    return Index([Subscription(f"s{n}", ("intel",), rule(table)) for n, table in numbered], real.universe())


def found_by(index: Index, mail: Killmail) -> list[str]:
    return [subscription.id for subscription in index.match(mail)]


@settings(max_examples=60, deadline=None)
@given(st.lists(tables(), min_size=1, max_size=12), st.lists(st.integers(0, 1505), min_size=20, max_size=60))
def test_the_index_finds_what_the_tables_say(some_tables: list[Table], mails: list[int]) -> None:
    index = index_of(some_tables)
    for number in mails:
        mail = real.raw()[number]
        expected = [f"s{n}" for n, table in enumerate(some_tables) if reads(table, mail)]
        assert found_by(index, real.decoded()[number]) == expected, mail["killmail"]["killmail_id"]


def test_the_index_finds_what_the_tables_say_on_every_real_killmail() -> None:
    chance = random.Random(2026)
    some_tables = [written(chance.choice) for _ in range(300)]
    index, hits = index_of(some_tables), [0] * 300
    for mail, killmail in zip(real.raw(), real.decoded(), strict=True):
        expected = [n for n, table in enumerate(some_tables) if reads(table, mail)]
        assert found_by(index, killmail) == [f"s{n}" for n in expected], killmail.killmail_id
        for n in expected:
            hits[n] += 1
    # Else the comparison would be one of nothing with nothing.
    assert sum(0 < count < 1506 for count in hits) > 150
    assert {key for n, table in enumerate(some_tables) if hits[n] for key in table} == set(READINGS)


@settings(max_examples=60, deadline=None)
@given(tables(), st.lists(st.integers(0, 1505), min_size=30, max_size=60))
def test_a_rule_is_true_only_of_killmails_that_hold_one_of_its_anchors(table: Table, mails: list[int]) -> None:
    found = anchors(rule(table))
    for number in mails:
        if matches(rule(table), real.decoded()[number], real.universe()):
            assert holds_one(found, real.raw()[number]), table


def holds_one(found: Anchors, mail: Raw) -> bool:
    value = (mail["zkb"] or {}).get("totalValue")
    by_value = found.value == ALWAYS or (value is not None and value >= found.value)
    return by_value or bool(found.keys & held_by(mail))


def held_by(mail: Raw) -> set[Key]:
    body, zkb = mail["killmail"], mail["zkb"] or {}
    system = real.universe().system(body["solar_system_id"])
    held: set[Key] = {("system", system.id), ("constellation", system.constellation_id), ("space", system.space)}
    held |= {("region", system.region_id), ("npc", bool(zkb.get("npc"))), ("solo", bool(zkb.get("solo")))}
    for party in (body["victim"], *body["attackers"]):
        found = {kind.removesuffix("s"): entity(kind, party)[0] for kind in KINDS}
        held |= {(kind, number) for kind, number in found.items() if number}
    return held


# What the anchors are, and the corners that real mails do not have.

LOSS = Killmail(1, real.decoded()[0].killmail_time, 30000142, Victim(587, character_id=5), (Attacker(),))


@pytest.mark.parametrize(
    ("where", "keys", "value"),
    [
        (Systems(frozenset({1, 2})), {("system", 1), ("system", 2)}, NEVER),
        (Who("victim", characters=frozenset({5}), ship_groups=frozenset({25})), {("character", 5)}, NEVER),
        (Who("victim", alliances=frozenset(range(999)), ship_types=frozenset({587})), {("ship_type", 587)}, NEVER),
        (All((Spaces(frozenset({"lowsec"})), Value(1e9))), set(), 1e9),
        (All((Spaces(frozenset({"lowsec"})), Value(1e3))), {("space", "lowsec")}, NEVER),
        (AnyOf((Systems(frozenset({1})), Value(5e9))), {("system", 1)}, 5e9),
        (AnyOf((Value(5e9), Value(2e9))), set(), 2e9),
        (AnyOf((Systems(frozenset({1})), NotAny((Npc(True),)))), {("system", 1)}, ALWAYS),
        (All((Systems(frozenset({1})), NotAny((Npc(True),)))), {("system", 1)}, NEVER),
        (NotAny((Systems(frozenset({1})),)), set(), ALWAYS),
        *((Who("involved", **{f"{kind}s": frozenset({5})}), {(kind, 5)}, NEVER) for kind in PARTY_KINDS),
        (Npc(False), {("npc", False)}, NEVER),
        (Solo(True), {("solo", True)}, NEVER),
        (All(()), set(), ALWAYS),
        (AnyOf(()), set(), NEVER),
        (Systems(frozenset()), set(), NEVER),
        (Value(None, 5.0), set(), ALWAYS),
    ],
)
def test_the_anchors_are_the_rarest_that_must_be_present(where: Rule, keys: set[Key], value: float) -> None:
    assert anchors(where) == Anchors(frozenset(keys), value)


def changed(**changes: Any) -> Killmail:
    return msgspec.structs.replace(LOSS, **changes)


def matched(where: Rule, killmail: Killmail) -> bool:
    found = bool(Index([Subscription("s", ("intel",), where)], real.universe()).match(killmail))
    assert found == matches(where, killmail, real.universe())
    return found


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (NotAny((Spaces(frozenset({"highsec"})),)), True),
        (Spaces(frozenset({"highsec", "lowsec", "nullsec"})), False),
        (Systems(frozenset({39_999_999})), True),
        (All(()), True),
        (AnyOf(()), False),
    ],
)
def test_a_system_that_the_static_data_do_not_know_has_an_id_and_nothing_else(where: Rule, expected: bool) -> None:
    assert matched(where, changed(solar_system_id=39_999_999)) is expected


@pytest.mark.parametrize(
    ("where", "without", "with_value"),
    [
        (Value(0.0), False, True),
        (Value(None, 1e12), False, True),
        (NotAny((Value(0.0),)), True, False),
        (Npc(False), True, True),
        (Npc(True), False, False),
        (Solo(False), True, True),
    ],
)
def test_a_killmail_without_zkb_has_no_value_and_is_neither_npc_nor_solo(
    where: Rule, without: bool, with_value: bool
) -> None:
    assert matched(where, LOSS) is without
    assert matched(where, changed(zkb=Zkb(total_value=5e6))) is with_value


def test_a_value_below_zero_is_found_too() -> None:
    assert matched(Value(None, 5.0), changed(zkb=Zkb(total_value=-1.0)))


def test_each_subscription_is_given_once_in_the_order_of_the_file() -> None:
    wide = AnyOf((Systems(frozenset({30000142})), Who("involved", characters=frozenset({5})), Value(0.0)))
    index = Index([Subscription(name, ("intel",), wide) for name in "zaq"], real.universe())
    assert found_by(index, changed(zkb=Zkb(total_value=1.0))) == ["z", "a", "q"]


def test_an_index_over_nothing_finds_nothing() -> None:
    assert Index([], real.universe()).match(LOSS) == ()


class Counting:
    """A rule's stand-in that counts how often it is evaluated."""

    def __init__(self) -> None:
        self.asked = 0

    def holds(self, facts: object) -> bool:
        self.asked += 1
        return True


def test_only_the_rules_whose_anchors_a_killmail_holds_are_evaluated() -> None:
    counting: list[Any] = [Counting() for _ in range(1000)]
    rules = [All((Who("involved", characters=frozenset({n})), one)) for n, one in enumerate(counting)]
    index = Index([Subscription(str(n), ("intel",), where) for n, where in enumerate(rules)], real.universe())
    assert found_by(index, LOSS) == ["5"]
    assert [n for n, one in enumerate(counting) if one.asked] == [5]
