"""Mentions, quiet hours and forum posts on a real server: which message carries them, also when it is tried again."""

from datetime import time
from zoneinfo import ZoneInfo

import httpx
import pytest

from notifier.config import Manners, Mentions, Quiet
from notifier.outcome import Dead, Done, Retry, Snooze
from tests.integration.test_deliver import World, kills_of
from workers import keys

HERE = Manners(mentions=Mentions(roles=(41,), at_most_every=600.0))


def mentioning(world):
    return [post.get("content") for post in world.posts]


def test_one_message_in_a_time_mentions_and_the_others_tell_nobody(queues):
    world = World(queues, manners=HERE)
    for number in (1, 2):
        world.put(number)
        assert isinstance(world.run(number), Done)
    assert mentioning(world) == ["<@&41>", None]
    assert [post["allowed_mentions"] for post in world.posts] == [{"parse": [], "roles": ["41"]}, {"parse": []}]
    assert 590_000 < queues.connection.pttl(keys.ping("intel")) <= 600_000
    queues.connection.delete(keys.ping("intel"))
    world.put(3)
    world.run(3)
    assert mentioning(world)[-1] == "<@&41>"


def test_each_destination_mentions_for_itself(queues):
    world = World(queues, manners=HERE)
    for to in ("intel", "losses"):
        world.put(1, to=to)
        world.run(1, to=to)
    assert mentioning(world) == ["<@&41>", "<@&41>"]


@pytest.mark.parametrize("failure", [httpx.ReadTimeout("slow"), httpx.ConnectError("refused"), httpx.Response(502)])
def test_a_message_that_is_tried_again_keeps_its_mentions(queues, failure):
    world = World(queues, [failure], manners=HERE)
    world.put(1)
    assert isinstance(world.run(1), Retry | Snooze)
    world.unblock()
    world.put(2)
    assert isinstance(world.run(1), Done)
    assert mentioning(world) == ["<@&41>", "<@&41>"]
    assert kills_of(world.posts[1]) == ["1", "2"]


def test_a_message_that_discord_refuses_leaves_its_mentions_to_the_next_one(queues):
    world = World(queues, [httpx.Response(400, json={"code": 50035, "message": "No"})] * 2, manners=HERE)
    world.put(1)
    assert isinstance(world.run(1), Snooze)
    assert isinstance(world.run(1), Dead)
    assert "<@&41>" not in world.posts.pop(1)["content"], "a text of its own mentions nobody"
    queues.connection.zrem(keys.outbox("intel"), "kill-1-intel")  # as the worker does when it buries the job
    world.put(2)
    world.run(2)
    assert mentioning(world) == ["<@&41>", "<@&41>"]


def test_a_post_that_the_limits_do_not_admit_takes_no_mentions(queues):
    world = World(queues, [httpx.Response(429, json={"retry_after": 1})], manners=HERE)
    world.put(1)
    world.run(1)
    assert isinstance(world.run(1), Snooze)
    assert queues.connection.get(keys.ping("intel")) is None


def test_while_it_is_quiet_a_message_comes_without_a_sound_and_mentions_nobody(queues):
    always = Quiet(time(0, 0), time(23, 59), ZoneInfo("UTC"))
    world = World(queues, manners=Manners(mentions=HERE.mentions, quiet=always))
    world.clock.epoch = 86_400.0 * 20_000 + 3600
    world.received = world.clock.epoch
    world.put(1)
    assert isinstance(world.run(1), Done)
    assert world.posts[0]["flags"] == 4096
    assert mentioning(world) == [None]
    assert queues.connection.get(keys.ping("intel")) is None
    world.clock.epoch += 23 * 3600 - 30
    world.put(2)
    world.run(2)
    assert "flags" not in world.posts[1]
    assert mentioning(world)[1] == "<@&41>"


def test_each_message_opens_a_post_of_a_forum(queues):
    world = World(queues, manners=Manners(post_name="Killmails"))
    world.put(1)
    world.run(1)
    assert world.posts[0]["thread_name"] == "Killmails"


def test_a_forum_without_a_name_for_its_post_is_told_in_words_that_help(queues):
    said = {"code": 220001, "message": "Webhooks posted to forum channels must have a thread_name or thread_id"}
    world = World(queues, [httpx.Response(400, json=said)])
    world.put(1)
    outcome = world.run(1)
    assert isinstance(outcome, Dead)
    assert outcome.category == "misconfigured"
    assert "it is a forum: the destination needs a post_name, or a thread" in outcome.reason
