"""bytes → Killmail: every real mail, the odd ones, and any bytes at all."""

import contextlib
import gzip
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.killmail import Malformed, decode_archived, decode_killmail, decode_package, from_json, to_json

DATA = Path(__file__).parent.parent / "data"
REAL = gzip.decompress((DATA / "killmails.jsonl.gz").read_bytes()).splitlines()
SMALL = min((line for line in REAL if b'"zkb": {' in line or b'"zkb":{' in line), key=len)
BODY = {
    "killmail_id": 5,
    "killmail_time": "2026-11-23T18:20:11Z",
    "solar_system_id": 30000142,
    "victim": {"ship_type_id": 587},
    "attackers": [{"final_blow": True}],
}


def package(**changes):
    whole = {"killmail_id": 5, "hash": "abc", "esi": BODY, "zkb": {"totalValue": 10000}, "sequence_id": 7}
    return json.dumps({**whole, **changes}).encode()


def test_every_real_killmail_decodes_and_round_trips():
    killmails = [decode_archived(line) for line in REAL]
    assert len({killmail.killmail_id for killmail in killmails}) == len(REAL) == 1506
    assert all(from_json(to_json(killmail)) == killmail for killmail in killmails)


def test_what_a_real_killmail_says_is_kept():
    for line in REAL[:200]:
        raw, found = json.loads(line), decode_archived(line)
        body = raw["killmail"]
        assert found.killmail_time == datetime.fromisoformat(body["killmail_time"])
        assert found.victim.ship_type_id == body["victim"]["ship_type_id"]
        assert [a.character_id for a in found.attackers] == [a.get("character_id") for a in body["attackers"]]
        assert sum(a.final_blow for a in found.attackers) == sum(a["final_blow"] for a in body["attackers"])
        assert len(found.victim.items) == len(body["victim"].get("items") or ())
        if raw["zkb"]:
            assert found.zkb.total_value == raw["zkb"].get("totalValue", 0)


def test_odd_killmails_decode_or_are_refused_with_a_place():
    results = Counter()
    for line in (DATA / "odd_killmails.jsonl").read_bytes().splitlines():
        kind = json.loads(line)["class"]
        try:
            decode_archived(line)
            results[kind, "decoded"] += 1
        except Malformed as malformed:
            assert malformed.where.split(".")[0].split("[")[0] in ("killmail", "zkb", "line"), str(malformed)
            assert malformed.reason.startswith("found ")
            results[kind, "refused"] += 1
    assert results["re-serialised-real", "decoded"] == 20
    assert results["schema-mismatch", "decoded"] == 4
    assert results["legacy-form", "refused"] == 4, "CREST's form is another one"


def test_odd_packages_raise_nothing_else():
    for line in (DATA / "odd_packages.jsonl").read_bytes().splitlines():
        raw = json.loads(line)["raw"]
        body = (raw if isinstance(raw, str) else json.dumps(raw)).encode()
        for decode in (decode_package, decode_killmail, decode_archived):
            try:
                decode(body)
            except Malformed as malformed:
                assert ": found " in str(malformed)


def test_a_package_with_only_what_must_be_there_decodes():
    found = decode_package(json.dumps({"esi": BODY}).encode())
    assert (found.killmail.killmail_id, found.killmail.zkb, found.killmail.hash) == (5, None, None)


def test_null_and_zero_stand_for_none():
    victim = {"ship_type_id": 587, "alliance_id": 0, "faction_id": None, "items": None, "position": None}
    zkb = {"npc": None, "solo": True, "labels": None, "locationID": 0, "totalValue": 7}
    found = decode_package(package(esi={**BODY, "victim": victim, "war_id": None}, zkb=zkb)).killmail
    assert (found.victim.alliance_id, found.victim.faction_id, found.victim.items) == (None, None, ())
    assert (found.zkb.npc, found.zkb.solo, found.zkb.labels, found.zkb.location_id) == (False, True, (), None)
    assert found.zkb.total_value == 7.0


def test_a_time_is_in_utc_with_and_without_its_zone():
    for text in ("2026-11-23T18:20:11Z", "2026-11-23T18:20:11", "2026-11-23 18:20:11", "2026-11-23T19:20:11+01:00"):
        found = decode_killmail(json.dumps({**BODY, "killmail_time": text}).encode())
        assert found.killmail_time == datetime(2026, 11, 23, 18, 20, 11, tzinfo=UTC)
        assert from_json(to_json(found)) == found


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "package: found no JSON"),
        (b"null", "package: found `null`, expected `object`"),
        (b"[" * 100_000, "package: found `array`"),
        (b'{"a":' * 100_000, "nested too deep"),
        (package(esi={**BODY, "victim": {}}), "killmail.victim: found no `ship_type_id`, expected one"),
        (
            package(esi={**BODY, "victim": {"ship_type_id": "Rifter"}}),
            "killmail.victim.ship_type_id: found `str`, expected `int`",
        ),
        (package(esi={**BODY, "killmail_id": 0}), "killmail.killmail_id: found a value out of bounds"),
        (package(esi={**BODY, "attackers": [1]}), "killmail.attackers[0]: found `int`, expected `object`"),
        (package(zkb={"totalValue": "much"}), "zkb.totalValue: found `str`, expected"),
        (package(killmail_id=6), "package.killmail_id: found 6, expected 5 as in the killmail itself"),
        (package(esi={**BODY, "killmail_time": "yesterday"}), "killmail.killmail_time"),
        (package(esi={**BODY, "killmail_time": "0001-01-01T00:00:00+10:00"}), "outside the years"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else value,
)
def test_what_is_wrong_is_said_with_its_place(body, words):
    with pytest.raises(Malformed, match="found") as caught:
        decode_package(body)
    assert words in str(caught.value)


def only_malformed(decode, body):
    with contextlib.suppress(Malformed):  # any other exception fails the test
        decode(body)


@given(st.binary(max_size=300))
def test_any_bytes_decode_or_are_malformed(body):
    for decode in (decode_package, decode_killmail, decode_archived):
        only_malformed(decode, body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300)
@given(st.data())
def test_a_real_killmail_with_any_value_in_any_place_decodes_or_is_malformed(data):
    line = json.loads(SMALL)
    node, key = {"line": line}, "line"
    while isinstance(node[key], dict | list) and node[key] and data.draw(st.booleans() | st.just(True)):
        node = node[key]
        key = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
    node[key] = data.draw(json_values)
    only_malformed(decode_archived, json.dumps(line).encode())


@given(st.integers(0, len(SMALL)), st.integers(0, 255))
def test_a_real_killmail_cut_off_or_with_a_wrong_byte_decodes_or_is_malformed(place, byte):
    only_malformed(decode_archived, SMALL[:place])
    only_malformed(decode_archived, SMALL[:place] + bytes([byte]) + SMALL[place + 1 :])
