"""The battle digest on a real server: when it begins, that it is edited, and that each kill is counted once."""

import re
from dataclasses import replace

import httpx
import pytest

from notifier.config import Battle, Manners, Mentions
from notifier.messages import KillNotice, notice_to_json
from notifier.messages.notice import Named, Party, Place
from notifier.outcome import Done, Retry, Snooze
from tests.integration.test_deliver import World, kills_of
from workers import digests, keys
from workers.enrich import delivery_job
from workers.queues import HandOver

BATTLE = Battle(above=5, alone=1e9, ends_after=900.0)
WEBHOOK = "/api/webhooks/42/TOKEN"


def told(payload):
    """How many ships a digest tells of."""
    [embed] = payload["embeds"]
    return int(re.match(r"\*\*(\d+) ships?", embed["description"])[1])


class Battlefield(World):
    """A destination with a digest; kills that have a value."""

    def __init__(self, queues, replies=(), battle=BATTLE, **options):
        super().__init__(queues, replies, digest=battle, **options)
        self.worth = {}

    def fight(self, *numbers, worth=1e6):
        self.worth |= dict.fromkeys(numbers, worth)
        jobs = [delivery_job(f"kill-{n}", "intel", self.notice(n), n, self.received) for n in numbers]
        self.queues.hand_over(HandOver(jobs))

    def notice(self, number):
        ship = Party(ship=Named(587, "Rifter"))
        place = Place(Named(31000005, "J100005"))
        return notice_to_json(
            KillNotice(number, 1_700_000_000 + number, ship, place, 1, total_value=self.worth[number])
        )

    def run(self, number, to="intel", worker=None):
        # As if the two seconds between two edits were over.
        self.queues.connection.delete(*self.queues.connection.keys("notifier:posts:*") or ["-"])
        worker = worker or self.deliver
        return worker.perform(f"kill-{number}-{to}", self.notice(number), to, number, self.received)

    def states(self, *numbers):
        return {self.ledger(number)["state"] for number in numbers}


def test_up_to_its_mark_kills_have_messages_of_their_own(queues):
    world = Battlefield(queues)
    world.fight(*range(1, 6))
    assert isinstance(world.run(1), Done)
    assert kills_of(world.posts[0]) == ["1", "2", "3", "4", "5"]


def test_above_it_all_that_wait_become_one_message_that_is_edited_as_more_come(queues):
    world = Battlefield(queues)
    world.fight(*range(1, 31))
    assert world.run(1) == Done("with 30 in message 1")
    assert (told(world.posts[0]), world.requests[0]) == (30, ("POST", WEBHOOK))
    assert world.states(*range(1, 31)) == {"delivered"}
    world.fight(31)
    assert isinstance(world.run(31), Done)
    assert (told(world.posts[1]), world.requests[1]) == (31, ("PATCH", f"{WEBHOOK}/messages/1"))
    assert world.ledger(31) == {"state": "delivered", "message": "2"}


def test_a_hundred_go_into_one_edit_and_the_rest_into_the_next(queues):
    world = Battlefield(queues)
    world.fight(*range(1, 151))
    assert isinstance(world.run(1), Done)
    assert isinstance(world.run(150), Done)
    assert [told(post) for post in world.posts] == [100, 150]


def test_two_edits_are_two_seconds_apart_so_that_a_long_fight_keeps_its_posts(queues):
    world = Battlefield(queues)
    world.fight(*range(1, 7))
    assert isinstance(world.run(1), Done)
    world.fight(7)
    waits = world.deliver.perform("kill-7-intel", world.notice(7), "intel", 7, world.received)
    assert isinstance(waits, Snooze)
    assert waits.reason == "more are just coming"
    assert 1.0 < waits.seconds <= 2.0


def test_a_dear_kill_has_a_message_of_its_own_in_its_turn(queues):
    world = Battlefield(queues)
    world.fight(*range(1, 8))
    world.fight(8, worth=2e9)
    assert isinstance(world.run(8), Snooze), "the others wait longer"
    assert isinstance(world.run(8), Done)
    assert told(world.posts[0]) == 7
    assert kills_of(world.posts[1]) == ["8"]
    assert [method for method, _ in world.requests] == ["POST", "POST"]


@pytest.mark.parametrize("failure", [httpx.ReadTimeout("slow"), httpx.Response(500)])
def test_an_edit_without_a_known_end_is_made_again_and_counts_nothing_twice(queues, failure):
    world = Battlefield(queues, [httpx.Response(200, json={"id": "1"}), failure], ambiguous="hold")
    world.fight(*range(1, 7))
    world.run(1)
    world.fight(7, 8)
    outcome = world.run(7)
    assert isinstance(outcome, Retry), "also with hold: an edit may be repeated"
    assert world.states(7, 8) == {"pending"}
    world.unblock()
    assert isinstance(world.run(8), Done)
    assert [told(post) for post in world.posts] == [6, 8, 8]
    assert queues.connection.hget(keys.COUNTERS, "ambiguous") is None


def test_the_first_post_of_a_digest_that_is_repeated_tells_of_the_same_kills(queues):
    world = Battlefield(queues, [httpx.ReadTimeout("slow")])
    world.fight(*range(1, 7))
    assert isinstance(world.run(1), Retry)
    world.unblock()
    world.fight(7)
    assert isinstance(world.run(2), Done)
    assert [told(post) for post in world.posts] == [6, 7]
    assert world.states(*range(1, 8)) == {"delivered"}


def test_a_digest_whose_message_was_deleted_goes_on_in_a_new_one(queues):
    gone = httpx.Response(404, json={"code": 10008, "message": "Unknown Message"})
    world = Battlefield(queues, [httpx.Response(200, json={"id": "1"}), gone])
    world.fight(*range(1, 7))
    world.run(1)
    world.fight(*range(7, 14))
    assert isinstance(world.run(7), Snooze)
    assert isinstance(world.run(7), Done)
    assert [method for method, _ in world.requests] == ["POST", "PATCH", "POST"]
    assert told(world.posts[2]) == 7


def test_a_digest_that_discord_refuses_falls_apart_into_messages(queues):
    refused = httpx.Response(400, json={"code": 50035, "message": "Invalid Form Body"})
    world = Battlefield(queues, [refused])
    world.fight(*range(1, 8))
    assert isinstance(world.run(7), Snooze)
    assert isinstance(world.run(1), Done)
    assert kills_of(world.posts[1]) == ["1"]


def test_a_fight_that_is_over_leaves_the_next_kill_to_itself(queues):
    world = Battlefield(queues)
    world.fight(*range(1, 7))
    world.run(1)
    assert 890 < queues.connection.ttl(keys.digest("intel")) <= 900
    queues.connection.delete(keys.digest("intel"))
    world.fight(7)
    world.run(7)
    assert kills_of(world.posts[1]) == ["7"]


def test_before_discord_limits_its_edits_a_digest_goes_on_in_a_new_message(queues):
    world = Battlefield(queues)
    world.fight(*range(1, 7))
    world.run(1)
    world.clock.on(digests.ROLL + 1)
    world.fight(7)
    world.run(7)
    assert [(method, told(post)) for (method, _), post in zip(world.requests, world.posts, strict=True)] == [
        ("POST", 6),
        ("POST", 1),
    ]


def test_a_digest_of_another_webhook_is_not_edited(queues):
    world = Battlefield(queues)
    world.fight(*range(1, 7))
    world.run(1)
    world.destinations["intel"].environ["INTEL"] = world.destinations["losses"].environ["LOSSES"]
    world.fight(7)
    world.run(7)
    assert [method for method, _ in world.requests] == ["POST", "POST"]


def test_the_first_message_of_a_digest_mentions_and_its_edits_do_not(queues):
    world = Battlefield(queues, manners=Manners(mentions=Mentions(roles=(41,), at_most_every=60.0)))
    world.fight(*range(1, 7))
    world.run(1)
    queues.connection.delete(keys.ping("intel"))
    world.fight(7)
    world.run(7)
    assert [post.get("content") for post in world.posts] == ["<@&41>", None]
    assert queues.connection.get(keys.ping("intel")) is None, "the next message may still mention somebody"


def test_in_a_forum_a_digest_is_edited_in_the_post_that_it_opened(queues):
    replies = [httpx.Response(200, json={"id": "1", "channel_id": "777"})]
    world = Battlefield(queues, replies, manners=Manners(post_name="Fights"))
    world.fight(*range(1, 7))
    world.run(1)
    world.fight(7)
    world.run(7)
    assert world.posts[0]["thread_name"] == "Fights"
    assert "thread_name" not in world.posts[1]
    assert world.queries[1] == "thread_id=777"


@pytest.mark.parametrize(("status", "code"), [(404, 10003), (400, 50083), (400, 160005), (400, 30046), (400, 20022)])
def test_what_speaks_against_an_edit_only_says_nothing_of_the_destination(queues, status, code):
    closed = httpx.Response(status, json={"code": code, "message": "No", "retry_after": 600.0})
    replies = [httpx.Response(200, json={"id": "1", "channel_id": "777"}), closed]
    world = Battlefield(queues, replies, manners=Manners(post_name="Fights"))
    world.fight(*range(1, 7))
    world.run(1)
    world.fight(*range(7, 14))
    assert isinstance(world.run(7), Snooze)
    assert isinstance(world.run(7), Done)
    assert [method for method, _ in world.requests] == ["POST", "PATCH", "POST"]
    assert not queues.connection.exists(keys.disabled("intel"))


def test_of_thousands_that_wait_for_a_digest_each_looks_when_its_group_has_its_turn(queues):
    world = Battlefield(queues)
    world.fight(*range(1, 7))
    world.run(1)
    world.fight(*range(7, 508))
    looks = world.deliver.perform("kill-507-intel", world.notice(507), "intel", 507, world.received)
    assert isinstance(looks, Snooze)
    assert looks.seconds > 10.0, "five groups of a hundred go before"


def test_a_digest_of_another_shape_is_over(queues):
    world = Battlefield(queues)
    queues.connection.set(keys.digest("intel"), '{"digest": {}, "message": "1"}')
    world.fight(1)
    assert isinstance(world.run(1), Done)
    assert kills_of(world.posts[0]) == ["1"]


def test_a_destination_without_a_digest_waits_for_none(queues):
    world = Battlefield(queues)
    world.fight(*range(1, 7))
    world.run(1)
    world.destinations["intel"] = replace(world.destinations["intel"], digest=None)
    world.fight(7)
    assert isinstance(world.deliver.perform("kill-7-intel", world.notice(7), "intel", 7, world.received - 100), Done)
