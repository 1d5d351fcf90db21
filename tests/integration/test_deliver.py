"""The last stage on a real server: what is posted, what becomes of each delivery for each reply of Discord."""

import json

import httpx
import pytest

from notifier.config.destinations import Destination
from notifier.messages import KillNotice, notice_to_json
from notifier.messages.notice import Named, Party, Place
from notifier.outcome import Dead, Done, Retry, Snooze
from notifier.services.discord import Discord
from workers import keys
from workers.deliver import Deliver
from workers.enrich import delivery_job
from workers.process import StopSignal
from workers.queues import HandOver

SECRET = "s3cr3t" * 11
ADDRESS = f"https://discord.com/api/webhooks/42/{SECRET}"
HOSTS = ("discord.com",)


def notice(number: int) -> str:
    ship = Named(587, "Rifter")
    shown = KillNotice(number, 1_700_000_000, Party(ship=ship), Place(Named(30000142, "Jita")), 1)
    return notice_to_json(shown)


class World:
    """A destination, a Discord that gives the listed replies in turn (then 200), and the deliveries put there."""

    def __init__(self, queues, replies=()):
        self.queues, self.posts, self._replies = queues, [], list(replies)
        client = httpx.Client(transport=httpx.MockTransport(self._answer))
        environ = {"INTEL": ADDRESS}
        destination = Destination("intel", env="INTEL", environ=environ, allowed_hosts=HOSTS)
        self.deliver = Deliver(queues, {"intel": destination}, Discord(client), StopSignal())

    def _answer(self, request):
        self.posts.append(json.loads(request.content))
        reply = self._replies.pop(0) if self._replies else httpx.Response(200, json={"id": str(len(self.posts))})
        if isinstance(reply, Exception):
            raise reply
        return reply

    def put(self, *numbers):
        jobs = [delivery_job(f"kill-{n}", "intel", notice(n), n, 0.0) for n in numbers]
        self.queues.hand_over(HandOver(jobs))

    def run(self, number):
        return self.deliver.perform(f"kill-{number}-intel", notice(number), "intel", number, 0.0)

    def ledger(self, number):
        found = self.queues.connection.hgetall(keys.delivery(f"kill-{number}-intel"))
        return {key.decode(): value.decode() for key, value in found.items()}


@pytest.fixture
def world(queues):
    return World(queues)


def kills_of(payload):
    return [embed["url"].rstrip("/").rsplit("/", 1)[-1] for embed in payload["embeds"]]


def test_one_killmail_is_posted_and_acknowledged(world):
    world.put(1)
    assert world.run(1) == Done("with 1 in message 1")
    assert kills_of(world.posts[0]) == ["1"]
    assert world.ledger(1) == {"state": "delivered", "message": "1"}


def test_what_waits_together_goes_out_as_one_message_in_order_and_is_posted_once(world):
    world.put(1, 2, 3)
    assert isinstance(world.run(2), Done)
    assert [kills_of(post) for post in world.posts] == [["1", "2", "3"]]
    assert [world.run(1), world.run(3)] == [Done("by another leader")] * 2
    assert len(world.posts) == 1


def test_a_leader_beyond_the_first_ten_posts_them_and_asks_for_its_turn(world):
    world.put(*range(1, 13))
    assert world.run(12) == Snooze(0.0, "its turn")
    assert kills_of(world.posts[0]) == [str(n) for n in range(1, 11)]
    assert isinstance(world.run(12), Done)
    assert kills_of(world.posts[1]) == ["11", "12"]


def test_a_refused_post_by_rate_limit_is_not_ambiguous_and_waits_as_long_as_discord_says(queues):
    limited = httpx.Response(429, json={"retry_after": 2.5, "global": False}, headers={"X-RateLimit-Scope": "user"})
    world = World(queues, [limited])
    world.put(1)
    outcome = world.run(1)
    assert isinstance(outcome, Snooze)
    assert 2.5 <= outcome.seconds < 3.0
    assert world.ledger(1) == {"state": "pending"}
    blocked = world.run(1)
    assert isinstance(blocked, Snooze), "the limit stands in Redis for every worker"
    assert 2.0 < blocked.seconds <= 3.0
    assert len(world.posts) == 1


def test_a_lost_response_is_tried_again_and_counted_as_ambiguous(queues):
    world = World(queues, [httpx.ReadTimeout("slow")])
    world.put(1)
    outcome = world.run(1)
    assert isinstance(outcome, Retry)
    assert outcome.ambiguous
    assert world.ledger(1)["state"] == "sending"
    queues.connection.delete(*queues.connection.keys("notifier:limit:*"))
    assert isinstance(world.run(1), Done)
    assert world.ledger(1)["ambiguous"] == "1"


def test_a_connection_that_never_was_is_tried_again_and_is_not_ambiguous(queues):
    world = World(queues, [httpx.ConnectError("refused")])
    world.put(1)
    outcome = world.run(1)
    assert isinstance(outcome, Retry)
    assert not outcome.ambiguous
    assert world.ledger(1) == {"state": "pending"}


def test_after_a_failure_the_whole_destination_pauses(queues):
    world = World(queues, [httpx.Response(503)])
    world.put(1, 2)
    assert isinstance(world.run(1), Retry)
    assert isinstance(world.run(2), Snooze)
    assert len(world.posts) == 1


def test_a_deleted_webhook_disables_its_address_and_the_others_die_without_a_post(queues):
    world = World(queues, [httpx.Response(404, json={"code": 10015, "message": "Unknown Webhook"})])
    world.put(1)
    first = world.run(1)
    assert isinstance(first, Dead)
    assert first.category == "misconfigured"
    world.put(2)
    assert isinstance(world.run(2), Dead)
    assert len(world.posts) == 1


def test_one_bad_notification_dies_alone_and_its_neighbours_are_delivered(queues):
    refused = {"code": 50035, "message": "Invalid Form Body", "errors": {}}
    world = World(queues, [httpx.Response(400, json=refused), httpx.Response(400, json=refused)])
    world.put(1, 2)
    assert isinstance(world.run(2), Snooze), "a group was refused: nobody knows yet which one is bad"
    died = world.run(1)
    assert isinstance(died, Dead)
    queues.connection.zrem(keys.outbox("intel"), "kill-1-intel")  # as the worker does when it buries the job
    assert isinstance(world.run(2), Done)
    assert [kills_of(post) for post in world.posts] == [["1", "2"], ["1"], ["2"]]
    assert world.ledger(2) == {"state": "delivered", "message": "3"}


def test_a_destination_that_is_not_configured_any_more_is_a_dead_letter_that_says_so(world):
    outcome = world.deliver.perform("kill-1-gone", notice(1), "gone", 1, 0.0)
    assert outcome == Dead("destination 'gone' is not configured any more", "misconfigured")


def test_an_address_that_cannot_be_read_is_a_dead_letter_that_says_where(queues):
    world = World(queues)
    broken = Destination("intel", env="NOWHERE", environ={}, allowed_hosts=HOSTS)
    world.deliver = Deliver(queues, {"intel": broken}, Discord(httpx.Client()), StopSignal())
    outcome = world.run(1)
    assert isinstance(outcome, Dead)
    assert "destinations.intel.webhook (variable NOWHERE)" in outcome.reason


def test_a_neighbour_whose_job_is_gone_is_forgotten(world, queues):
    world.put(1, 2)
    queues.connection.delete("rq:job:kill-1-intel")
    assert isinstance(world.run(2), Done)
    assert kills_of(world.posts[0]) == ["2"]
    assert queues.connection.zcard(keys.outbox("intel")) == 0


@pytest.mark.parametrize("reply", [httpx.Response(500), httpx.Response(404, text=ADDRESS), httpx.ReadError(ADDRESS)])
def test_the_address_stands_in_no_outcome_and_nowhere_in_redis(queues, reply):
    world = World(queues, [reply])
    world.put(1)
    assert SECRET not in repr(world.run(1))
    connection = queues.connection
    for key in connection.keys("*"):
        assert SECRET.encode() not in connection.dump(key)
