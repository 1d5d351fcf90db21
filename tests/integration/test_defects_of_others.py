"""What went wrong in other notifiers, each as a test that it does not go wrong here.

The names after the dashes are those of the systems in which it was reproduced or read in the source.
"""

import json

import httpx
import pytest

from notifier.config.destinations import Destination
from notifier.feeds.r2z2 import R2Z2, Fetched, Idle
from notifier.killmail import decode_package
from notifier.outcome import Dead, Done, Snooze
from notifier.services.discord import Limits, Reply, classify
from notifier.services.esi import classify as esi_classify
from notifier.tracking import Index, Subscription, parse_rule
from notifier.tracking.rules import All
from notifier.universe import load
from tests.integration.samples import HOSTS, package
from tests.integration.test_deliver import World, kills_of
from tests.integration.test_rq_worker import SLOT, make_worker, put
from workers import keys
from workers.attempts import begin, decide
from workers.ingest import Ingest
from workers.lease import Lease
from workers.process import StopSignal
from workers.queues import ENRICHMENT, INGESTION

CURSOR = "notifier:cursor:test"
UNIVERSE = load()


def concerns(rule, **changes):
    """Whether a rule is true of a killmail in Jita, `changes` in its ESI body."""
    whole = json.loads(package(7))
    whole["esi"] |= changes
    found, problems = parse_rule(rule, "where", UNIVERSE)
    assert problems == []
    index = Index([Subscription("x", ("intel",), found)], UNIVERSE)
    return bool(index.match(decode_package(json.dumps(whole).encode()).killmail))


def everything(queues):
    return Ingest(Index([Subscription("all", ("intel",), All(()))], UNIVERSE), queues)


# -- aa-killtracker


def test_an_exclusion_of_two_alliances_excludes_a_kill_by_one_of_them():
    attackers = [{"alliance_id": 99000001, "damage_done": 1, "final_blow": True}]
    rule = {"none": [{"attackers": {"alliances": [99000001, 99000002]}}]}
    assert concerns(rule)
    assert not concerns(rule, attackers=attackers)


def test_a_killmail_without_a_solar_system_is_a_dead_letter_and_not_posted(queues):
    whole = json.loads(package(7))
    del whole["esi"]["solar_system_id"]
    everything(queues).offer(json.dumps(whole).encode(), 7, CURSOR, "8")
    assert queues.lengths() == {INGESTION: 1, ENRICHMENT: 0, "delivery": 0}


def test_no_message_pings_anyone_by_its_text(queues):
    world = World(queues)
    world.put(1)
    world.run(1)
    assert world.posts[0]["allowed_mentions"] == {"parse": []}
    assert "content" not in world.posts[0]


def test_a_refused_connection_loses_no_message_and_charges_none(queues):
    world = World(queues, [httpx.ConnectError("refused")] * 3)
    world.put(1, 2, 3)
    for _ in range(3):
        outcome = world.run(1)
        move, meta = decide(outcome, begin({}, 1.0), 2.0, 8)
        assert isinstance(outcome, Snooze) and meta["attempts"] == 0, move
        world.unblock()
    world.rest()
    assert isinstance(world.run(1), Done)
    assert [kills_of(post) for post in world.posts[-1:]] == [["1", "2", "3"]]


@pytest.mark.parametrize(
    ("header", "value", "seconds"),
    [("retry-after", "2", 2.0), ("Retry-After", "2", 2.0), ("retry-after", "0.75", 0.75)],
)
def test_a_429_waits_the_seconds_that_it_says_in_any_letter_case(header, value, seconds):
    reply = Reply(429, {header: value, "Via": "1.1 google", "X-RateLimit-Limit": "5"}, b"{}")
    outcome = classify(reply, 0.0)
    assert isinstance(outcome, Snooze)
    assert outcome.seconds == seconds


def test_a_webhook_that_was_deleted_is_not_tried_again(queues):
    gone = httpx.Response(404, json={"message": "Unknown Webhook", "code": 10015})
    world = World(queues, [gone])
    world.put(1)
    assert isinstance(world.run(1), Dead)
    world.put(2)
    assert isinstance(world.run(2), Dead)
    assert len(world.posts) == 1


def test_after_kill_9_of_the_feed_its_replacement_reads_on_at_once(queues):
    assert Lease(queues, "feed", "host").held()
    assert Lease(queues, "feed", "host").held()  # another process of the same host
    assert not Lease(queues, "feed", "other").held()


def test_a_job_that_was_taken_and_never_begun_is_run_by_the_replacement(queues, connection, server):
    put(queues)
    dead = make_worker(queues, server, lambda *_: Done(), StopSignal(), SLOT)
    connection.lmove(queues[ENRICHMENT].key, dead._intermediate)  # and there it was killed
    dead._blocking.close()
    replacement = make_worker(queues, server, lambda *_: Done(), StopSignal(), SLOT)
    replacement._be_born()
    replacement._blocking.close()
    assert queues[ENRICHMENT].job_ids == ["kill-1"]


def test_a_package_that_lacks_a_key_is_kept_when_the_cursor_moves_on(queues, connection):
    everything(queues).offer(b'{"killmail_id": 7, "hash": "x"}', 7, CURSOR, "8")
    assert connection.get(CURSOR) == b"8"
    [job] = queues.fetch(queues[INGESTION].job_ids)
    assert job.id == "package-7"


# -- wanderer-notifier


def test_the_feed_comes_back_after_it_could_not_be_reached():
    answers = [httpx.ConnectError("down"), httpx.ReadTimeout("slow"), httpx.Response(200, json={"sequence": 5})]
    answers += [httpx.Response(200, content=package(5))]

    def answer(request):
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    source = R2Z2(httpx.Client(transport=httpx.MockTransport(answer)), "https://feed.invalid", 0.0, 0.0)
    cursor, now = None, 1_000_000.0
    for _ in range(10):
        found = source.poll(cursor, now)
        if isinstance(found, Fetched):
            break
        assert isinstance(found, Idle)
        cursor, now = found.after, now + max(found.wait, 0.001)
    assert isinstance(found, Fetched) and found.sequence == 5


def test_a_rule_of_thousands_of_systems_is_not_cut_off():
    systems = sorted(UNIVERSE._systems.names)[:5000]
    assert all(concerns({"systems": systems}, solar_system_id=one) for one in (systems[0], systems[2500], systems[-1]))


def test_a_killmail_that_comes_again_after_a_restart_is_not_handed_over_again(queues):
    everything(queues).offer(package(7), 7, CURSOR, "8")
    everything(queues).offer(package(7), 9, CURSOR, "10")  # a new process, the same killmail under a new number
    assert queues.lengths()[ENRICHMENT] == 1


def test_a_fleet_fight_in_one_channel_goes_out_whole(queues):
    limited = httpx.Response(429, json={"retry_after": 0.1}, headers={"X-RateLimit-Scope": "user"})
    world = World(queues, [limited])
    world.put(*range(1, 31))
    for number in (1, *range(1, 31)):
        world.run(number)
        world.unblock()
    posted = [kill for post in world.posts[1:] for kill in kills_of(post)]
    assert posted == [str(number) for number in range(1, 31)]
    assert len(world.posts) == 4


def test_times_of_rate_limits_are_seconds_from_now_and_may_have_a_fraction():
    assert Limits.from_headers({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset-After": "1.337"}).reset_after == 1.337
    assert esi_classify(420, {"X-ESI-Error-Limit-Reset": "37"}).retry_after == 37


def test_a_destination_reads_its_address_anew_each_time(tmp_path):
    """A stale cache of an address or a name cost others an hour."""
    place = tmp_path / "intel"
    destination = Destination("intel", file=place, allowed_hosts=HOSTS)
    for token in ("a" * 68, "b" * 68):
        place.write_text(f"https://discord.com/api/webhooks/1/{token}")
        assert destination.address().url().endswith(token)


def test_the_ledger_says_what_was_delivered_after_any_restart(queues, connection):
    world = World(queues)
    world.put(1)
    world.run(1)
    again = World(queues)
    again.put(1)
    assert again.run(1) == Done("by another leader")
    assert again.posts == []
    assert connection.ttl(keys.delivery("kill-1-intel")) > 0
