"""Edits on a real server: names that come later, and rewritten killmails, in the messages that tell of them."""

import httpx
import msgspec
import pytest

from notifier.messages import KillNotice, notice_from_json, notice_to_json
from notifier.messages.notice import Named
from notifier.outcome import Dead, Done, Retry, Snooze
from tests.integration.test_deliver import World, kills_of, notice
from workers import destinations, keys
from workers.edits import LOOK, UNPOSTED
from workers.enrich import NAMES, delivery_job
from workers.outbox import WHATEVER
from workers.queues import HandOver
from workers.revisions import EDITS, YIELD, Revisions

WEBHOOK = "/api/webhooks/42/TOKEN"


def degraded(number):
    return changed(number, degraded=True, delay=7200)


def changed(number, **fields):
    found = notice_from_json(notice(number))
    assert isinstance(found, KillNotice)
    return notice_to_json(msgspec.structs.replace(found, **fields))


def named(number, pilot="Poor Pilot"):
    victim = msgspec.structs.replace(notice_from_json(notice(number)).victim, character=Named(90000001, pilot))
    return changed(number, victim=victim)


def titles(payload):
    return [embed["title"] for embed in payload["embeds"]]


class Newsroom(World):
    def post(self, *numbers, text=degraded):
        jobs = [delivery_job(f"kill-{n}", "intel", text(n), n, self.received) for n in numbers]
        self.queues.hand_over(HandOver(jobs))
        first = numbers[0]
        return self.deliver.perform(f"kill-{first}-intel", text(first), "intel", first, self.received)

    def revise(self, number, text, revision=NAMES):
        job_id = f"edit-{revision}-kill-{number}-intel"
        return self.deliver.perform(job_id, text, "intel", number, self.received, revision)

    def waiting(self, message="1"):
        return self.queues.connection.hlen(keys.revisions("intel", message))


def test_names_that_come_later_stand_in_the_message_and_the_rest_of_it_stays(queues):
    world = Newsroom(queues)
    assert isinstance(world.post(1, 2), Done)
    assert world.revise(2, named(2)) == Done("1 in message 1 edited")
    assert world.requests[1] == ("PATCH", f"{WEBHOOK}/messages/1")
    assert kills_of(world.posts[1]) == ["1", "2"]
    assert titles(world.posts[1]) == ["Unknown owner lost a Rifter", "Poor Pilot lost a Rifter"]
    assert "reported 2 h later" in world.posts[1]["embeds"][1]["description"], "that was known at the first time"
    assert world.revise(1, named(1, "Other")) == Done("1 in message 1 edited")
    assert titles(world.posts[2]) == ["Other lost a Rifter", "Poor Pilot lost a Rifter"], "no edit takes another back"
    assert world.revise(1, named(1, "Other")) == Done("it is shown already")


def test_revisions_that_wait_together_become_one_edit(queues):
    world = Newsroom(queues)
    world.post(1, 2, 3)
    held = Revisions(queues, "intel", world.destinations["intel"].address().webhook, "1", "edit-of-another")
    assert held.begin() is None
    assert world.revise(1, named(1)) == Snooze(LOOK, "its message is just being edited")
    assert world.revise(2, named(2)) == Snooze(LOOK, "its message is just being edited")
    held.ended(None, {})
    assert world.revise(3, named(3)) == Done("3 in message 1 edited")
    assert titles(world.posts[1]) == ["Poor Pilot lost a Rifter"] * 3
    assert [world.revise(n, named(n)) for n in (1, 2)] == [Done("it is shown already")] * 2
    assert (len(world.posts), world.waiting()) == (2, 0)


@pytest.mark.parametrize(
    ("failure", "end"),
    [
        (httpx.ReadTimeout("slow"), Retry),
        (httpx.Response(503), Snooze),
        (httpx.Response(429, json={"retry_after": 2.0}), Snooze),
    ],
)
def test_an_edit_that_fails_is_made_later(queues, failure, end):
    world = Newsroom(queues, [httpx.Response(200, json={"id": "1"}), failure])
    world.post(1)
    assert isinstance(world.revise(1, named(1)), end)
    world.unblock()
    assert isinstance(world.revise(1, named(1)), Done)
    assert world.ledger(1).items() >= {"state": "delivered", "message": "1"}.items()


@pytest.mark.parametrize(("status", "code"), [(404, 10008), (404, 10003), (400, 50083), (400, 160005)])
def test_a_message_that_is_gone_or_whose_thread_is_closed_is_left_alone(queues, status, code):
    gone = httpx.Response(status, json={"code": code, "message": "No"})
    world = Newsroom(queues, [httpx.Response(200, json={"id": "1"}), gone])
    world.post(1)
    assert world.revise(1, named(1)) == Done("its message, or its thread, is gone or closed")
    assert world.waiting() == 0
    assert not queues.connection.exists(keys.disabled("intel"))


def test_a_limit_on_edits_stops_no_news(queues):
    old = httpx.Response(400, json={"code": 30046, "message": "Old messages", "retry_after": 600.0})
    world = Newsroom(queues, [httpx.Response(200, json={"id": "1"}), old])
    world.post(1)
    waits = world.revise(1, named(1))
    assert isinstance(waits, Snooze)
    assert waits.seconds == 600.0
    assert isinstance(world.post(2), Done)


def test_late_names_of_the_first_text_take_no_rewrite_back_and_those_of_the_rewrite_come(queues):
    world = Newsroom(queues, rewrites="edit")
    world.post(1)
    first, later = world.received, world.received + 60
    world.received = later
    assert isinstance(world.revise(1, changed(1, total_value=5e9, degraded=True), "77-abc"), Done)
    world.received = first
    assert world.revise(1, named(1)) == Done("something newer is shown, or waits")
    world.received = later
    victim = notice_from_json(named(1)).victim
    assert isinstance(world.revise(1, changed(1, total_value=5e9, victim=victim), "names-77-abc"), Done)
    [embed] = world.posts[-1]["embeds"]
    assert "5b ISK" in embed["description"]
    assert embed["title"] == "Poor Pilot lost a Rifter"


def test_nothing_is_edited_where_the_destination_is_disabled(queues):
    world = Newsroom(queues)
    world.post(1)
    destinations.disable(queues.connection, "intel", WHATEVER, "too loud")
    assert world.revise(1, named(1)) == Done("its destination is disabled")
    assert len(world.posts) == 1


def test_an_editor_that_was_away_for_too_long_overwrites_nothing(queues):
    world = Newsroom(queues)
    world.post(1)
    slow = Revisions(queues, "intel", world.destinations["intel"].address().webhook, "1", "slow")
    assert slow.begin() is None
    before = slow.kept()
    queues.connection.delete(keys.editing("intel", "1"))  # its lock ran out
    assert isinstance(world.revise(1, named(1)), Done)
    now = slow.kept()
    slow.ended(before, {})
    assert slow.kept() == now != before


def test_a_message_that_another_version_kept_is_not_edited(queues):
    world = Newsroom(queues)
    world.post(1)
    queues.connection.set(keys.message("intel", "1"), '{"shows": []}')
    assert world.revise(1, named(1)) == Done("its message is not kept for edits")


def test_an_edit_that_discord_refuses_dies_and_takes_no_delivery_with_it(queues):
    refused = httpx.Response(400, json={"code": 50035, "message": "Invalid Form Body"})
    world = Newsroom(queues, [httpx.Response(200, json={"id": "1"}), refused])
    world.post(1)
    assert isinstance(world.revise(1, named(1)), Dead)
    assert world.ledger(1)["state"] == "delivered"


def test_what_was_not_posted_yet_is_waited_for(queues):
    world = Newsroom(queues)
    world.queues.hand_over(HandOver([delivery_job("kill-1", "intel", degraded(1), 1, world.received)]))
    assert world.revise(1, named(1)) == Snooze(UNPOSTED, "not posted yet")
    assert world.posts == []
    looks = 0
    while isinstance(end := world.revise(1, named(1)), Snooze):
        looks += 1
        world.clock.on(end.seconds)
    assert end == Done("nothing was posted that could be edited")
    assert looks < 200, "within a day; the longer it waits the less often it looks"


def test_edits_keep_to_the_rate_limits_and_count_towards_them(queues):
    empty = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset-After": "1.5"}
    world = Newsroom(queues, [httpx.Response(200, json={"id": "1"}, headers=empty)])
    world.post(1)
    waits = world.revise(1, named(1))
    assert isinstance(waits, Snooze)
    assert 1.0 < waits.seconds <= 1.5
    assert len(world.posts) == 1
    world.unblock()
    world.revise(1, named(1))
    assert queues.connection.zcard(keys.posts(world.destinations["intel"].address().webhook)) == 1


def test_only_messages_that_went_out_without_names_are_kept_unless_the_destination_wants_rewrites(queues):
    world = Newsroom(queues)
    world.post(1, text=notice)
    assert world.revise(1, named(1), "77") == Done("its destination does not want to know of rewrites")
    curious = Newsroom(queues, rewrites="edit")
    curious.post(2, text=notice)
    curious.posts.clear()
    assert isinstance(curious.revise(2, changed(2, total_value=5e9), "77"), Done)
    assert "5b ISK" in curious.posts[0]["embeds"][0]["description"]


def test_a_message_of_another_webhook_is_not_edited(queues):
    world = Newsroom(queues)
    world.post(1)
    environ = world.destinations["intel"].environ
    environ["INTEL"] = environ["LOSSES"]
    assert world.revise(1, named(1)) == Done("its message is not kept for edits")


def test_a_group_whose_names_are_too_long_for_its_layout_keeps_all_of_its_kills(queues):
    world = Newsroom(queues)
    world.post(*range(1, 11))
    for number in range(1, 11):
        world.unblock()
        assert isinstance(world.revise(number, named(number, "W" * 37)), Done)
    assert len(world.posts[-1]["embeds"]) == 10


def test_what_is_new_goes_before_edits(queues):
    world = Newsroom(queues)
    world.post(1)
    world.queues.hand_over(HandOver([delivery_job("kill-2", "intel", notice(2), 2, world.received)]))
    assert world.revise(1, named(1)) == Snooze(YIELD, "Discord's rate limit, or news first")
    assert isinstance(world.run(2), Done)
    assert isinstance(world.revise(1, named(1)), Done)


def test_edits_leave_half_of_the_channels_posts_to_news(queues):
    world = Newsroom(queues)
    world.post(1)
    for number in range(EDITS - 1):
        assert isinstance(world.revise(1, named(1, f"Pilot {number}")), Done)
    waits = world.revise(1, named(1))
    assert isinstance(waits, Snooze)
    assert waits.seconds > 50.0
    assert isinstance(world.post(2), Done)
