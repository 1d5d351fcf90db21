"""A bot's posts on a real server: what is sent again goes under its first nonce, so that Discord saves it once."""

from dataclasses import replace

import httpx
import pytest

from notifier.config.destinations import Destination
from notifier.outcome import Dead, Done, Retry, Snooze
from tests.integration.test_deliver import HOSTS, World, kills_of
from workers import keys, posting
from workers.outbox import NONCE_LIFETIME

TOKEN = "b0t.t0ken." + "s3cr3t" * 5


class Channel:
    """What Discord keeps of a channel: of two posts with one nonce the first."""

    def __init__(self):
        self.saved = {}

    def save(self, post):
        return self.saved.setdefault(post["nonce"], (str(len(self.saved) + 1), post))

    @property
    def kills(self):
        return [kill for _, post in self.saved.values() for kill in kills_of(post)]


class BotWorld(World):
    """A destination that a bot posts to. Of each reply "lost" Discord has saved the post before."""

    def __init__(self, queues, replies=(), **options):
        super().__init__(queues, replies)
        self.channel = Channel()
        bot = Destination("intel", env="BOT", environ={"BOT": TOKEN}, allowed_hosts=HOSTS, channel=77, **options)
        self.destinations["intel"] = bot

    def _answer(self, request):
        reply = self.replies.pop(0) if self.replies else "saved"
        if isinstance(reply, httpx.Response):
            self.replies.insert(0, reply)
            return super()._answer(request)
        if reply == "never sent":
            raise httpx.ReadTimeout("slow")
        self.replies.insert(0, httpx.Response(200))
        super()._answer(request)
        message, _ = self.channel.save(self.posts[-1])
        if reply == "lost":
            raise httpx.ReadTimeout("slow")
        return httpx.Response(200, json={"id": message, "channel_id": "77"})

    @property
    def pin(self):
        return keys.pinned("intel", self.destinations["intel"].address().fingerprint)

    def nonces(self):
        return [post["nonce"] for post in self.posts]


def test_a_bot_posts_to_its_channel_with_a_nonce_that_discord_is_to_heed(queues):
    world = BotWorld(queues)
    world.put(1)
    assert world.run(1) == Done("with 1 in message 1")
    [post] = world.posts
    assert world.requests == [("POST", "/api/v10/channels/77/messages")]
    assert post["enforce_nonce"] is True
    assert 0 < len(post["nonce"]) <= 25
    assert queues.connection.get(world.pin) is None


def test_a_lost_response_is_sent_again_under_the_same_nonce_with_the_same_kills_and_comes_once(queues):
    world = BotWorld(queues, ["lost"])
    world.put(1, 2)
    assert isinstance(world.run(1), Retry)
    world.put(3)
    world.unblock()
    assert world.run(3) == Snooze(0.0, "its turn"), "first what may have come, alone"
    assert isinstance(world.run(3), Done)
    assert len(set(world.nonces())) == 2
    assert [kills_of(post) for post in world.posts] == [["1", "2"], ["1", "2"], ["3"]]
    assert world.channel.kills == ["1", "2", "3"]
    assert queues.connection.hget(keys.COUNTERS, "ambiguous") is None


def test_what_never_arrived_arrives_under_it_too(queues):
    world = BotWorld(queues, ["never sent"])
    world.put(1)
    assert isinstance(world.run(1), Retry)
    world.unblock()
    assert isinstance(world.run(1), Done)
    assert world.channel.kills == ["1"]


def test_with_hold_a_bot_repeats_while_discord_knows_the_nonce_and_holds_after_that(queues):
    world = BotWorld(queues, ["lost", "lost"], ambiguous="hold")
    world.put(1)
    assert isinstance(world.run(1), Retry)
    world.unblock()
    assert isinstance(world.run(1), Retry)
    assert 0 < queues.connection.pttl(world.pin) <= NONCE_LIFETIME * 1000, "counted from the first post"
    world.unblock()
    queues.connection.delete(world.pin)
    held = world.run(1)
    assert isinstance(held, Dead)
    assert held.category == "ambiguous"
    assert len(world.posts) == 2


def test_when_discord_may_have_forgotten_the_nonce_a_repeat_counts_as_ambiguous(queues):
    world = BotWorld(queues, ["lost"])
    world.put(1)
    world.run(1)
    world.unblock()
    queues.connection.delete(world.pin)
    assert isinstance(world.run(1), Done)
    assert len(set(world.nonces())) == 2
    assert queues.connection.hget(keys.COUNTERS, "ambiguous") == b"1"


def test_a_worker_killed_between_post_and_ledger_leaves_its_nonce_to_the_next_one(queues):
    world = BotWorld(queues)
    world.put(1, 2)

    class Killed(BaseException):
        pass

    def dies(*_, **__):
        raise Killed

    poster = world.deliver._poster
    real, poster._concluded = poster._concluded, dies
    with pytest.raises(Killed):
        world.run(1)
    poster._concluded = real
    world.unblock()
    assert isinstance(world.run(1), Done)
    assert len(set(world.nonces())) == 1
    assert world.channel.kills == ["1", "2"]


def test_a_rate_limit_at_the_repeat_keeps_the_nonce_and_a_refusal_at_the_first_try_does_not(queues):
    limited = httpx.Response(429, json={"retry_after": 0.5, "global": False})
    world = BotWorld(queues, [limited, "lost", limited])
    world.put(1)
    for end in (Snooze, Retry, Snooze, Done):
        assert isinstance(world.run(1), end)
        world.unblock()
    first, second, third, fourth = world.nonces()
    assert first != second
    assert second == third == fourth
    assert world.channel.kills == ["1"]


def test_a_group_that_discord_refuses_goes_alone_by_a_bot_too(queues):
    refused = httpx.Response(400, json={"code": 50035, "message": "Invalid Form Body"})
    world = BotWorld(queues, [refused] * 3)
    world.put(1, 2)
    assert isinstance(world.run(1), Snooze)
    assert isinstance(world.run(1), Snooze)
    assert isinstance(world.run(1), Dead)
    queues.connection.zrem(keys.outbox("intel"), "kill-1-intel")  # as the worker does when it buries the job
    assert isinstance(world.run(2), Done)
    assert world.channel.kills == ["2"]


def test_a_message_that_came_and_was_deleted_since_is_delivered_and_not_posted_again(queues):
    gone = httpx.Response(404, json={"code": 10008, "message": "Unknown Message"})
    world = BotWorld(queues, ["lost", gone])
    world.put(1)
    assert isinstance(world.run(1), Retry)
    world.unblock()
    assert isinstance(world.run(1), Done)
    assert world.ledger(1)["state"] == "delivered"


def test_the_token_stands_in_no_outcome_and_nowhere_in_redis(queues):
    world = BotWorld(queues, [httpx.Response(401, json={"code": 0, "message": "401: Unauthorized"})])
    world.put(1)
    outcome = world.run(1)
    assert isinstance(outcome, Dead)
    assert TOKEN not in repr(outcome)
    connection = queues.connection
    for key in connection.keys("*"):
        assert TOKEN.encode() not in connection.dump(key)


def test_a_repeat_that_discord_refuses_goes_alone_at_once(queues):
    refused = httpx.Response(400, json={"code": 50035, "message": "Invalid Form Body"})
    world = BotWorld(queues, ["never sent", refused])
    world.put(1, 2)
    assert isinstance(world.run(1), Retry)
    world.unblock()
    assert isinstance(world.run(1), Snooze)
    assert isinstance(world.run(1), Done)
    assert kills_of(world.posts[-1]) == ["1"]


@pytest.mark.parametrize("later", [httpx.Response(503), httpx.Response(429, json={"retry_after": 0.5})])
@pytest.mark.parametrize(("policy", "end"), [("hold", Dead), ("resend", Done)])
def test_a_repeat_that_was_surely_not_sent_takes_nothing_from_the_doubt_about_the_first(queues, later, policy, end):
    world = BotWorld(queues, ["lost", later], ambiguous=policy)
    world.put(1)
    assert isinstance(world.run(1), Retry)
    world.unblock()
    assert isinstance(world.run(1), Snooze)
    world.unblock()
    queues.connection.delete(world.pin)
    assert isinstance(world.run(1), end)
    told = queues.connection.hget(keys.COUNTERS, "ambiguous")
    assert told == (None if policy == "hold" else b"1")


def test_a_group_at_which_discord_fails_again_and_again_goes_alone_by_a_bot_too(queues):
    world = BotWorld(queues, [httpx.Response(500)] * posting.SPLIT_AFTER)
    world.put(1, 2)
    for _ in range(posting.SPLIT_AFTER):
        assert isinstance(world.run(1), Retry)
        world.unblock_but_remember()
        world.rest()
        queues.connection.delete(world.pin)
    assert isinstance(world.run(1), Done)
    assert kills_of(world.posts[-1]) == ["1"]


def test_a_plainest_form_whose_response_was_lost_is_repeated_as_such(queues):
    refused = httpx.Response(400, json={"code": 50035, "message": "Invalid Form Body"})
    world = BotWorld(queues, [refused, "lost"])
    world.put(1)
    assert isinstance(world.run(1), Snooze)
    assert isinstance(world.run(1), Retry)
    world.unblock()
    assert isinstance(world.run(1), Done)
    assert ["content" in post for post in world.posts] == [False, True, True]


def test_a_pin_says_nothing_of_another_channel(queues):
    world = BotWorld(queues, ["lost"], ambiguous="hold")
    world.put(1)
    assert isinstance(world.run(1), Retry)
    world.unblock()
    world.destinations["intel"] = replace(world.destinations["intel"], channel=78)
    assert isinstance(world.run(1), Dead), "there its nonce is unknown"
