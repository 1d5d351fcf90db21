"""As `test_crashes`: a fault at every command, here for digests that are edited, bots with nonces, and late names."""

import json

import httpx
import msgspec
import pytest

from notifier.config import Battle
from notifier.config.destinations import Destination
from notifier.messages import notice_from_json, notice_to_json
from notifier.messages.notice import Named
from notifier.services.discord import Discord
from tests.integration.faulty import Faults
from tests.integration.samples import ADDRESS, HOSTS, kills_of, notice
from tests.integration.test_crashes import Pipeline, every_command, run, short_block  # noqa: F401 – used by its name
from tests.integration.test_digests import told
from workers import keys, outbox
from workers.deliver import Deliver
from workers.enrich import NAMES, delivery_job, edit_job
from workers.queues import DELIVERY, HandOver

pytestmark = pytest.mark.timeout(300)
BATTLE = Battle(above=5)
OLD, NEW = tuple(range(1, 7)), (7, 8)


class Messages(Pipeline):
    """A Discord that keeps its messages by their ids: a PATCH puts another in the place of one."""

    destination = Destination("intel", env="INTEL", environ={"INTEL": ADDRESS}, allowed_hosts=HOSTS)

    def __init__(self, server, queues):
        super().__init__(server, queues, DELIVERY)
        self.channel, self.nonces = {}, {}

    def answer(self, request):
        payload = json.loads(request.content)
        self.posts.append(payload)
        if request.method == "PATCH":
            message = request.url.path.rpartition("/")[2]
            assert message in self.channel
        else:
            known = self.nonces.get(payload.get("nonce"))
            message = known or str(len(self.channel) + 1)
            if "nonce" in payload:
                self.nonces[payload["nonce"]] = message
            if known:
                return httpx.Response(200, json={"id": known})
        self.channel[message] = payload
        return httpx.Response(200, json={"id": message})

    def perform(self, queues, stop):
        service = Discord(httpx.Client(transport=httpx.MockTransport(self.answer)))
        return Deliver(queues, {"intel": self.destination}, service, stop).perform

    def delivered(self, numbers):
        return all(self.ledger(number).get("state") == "delivered" for number in numbers)


class Fight(Messages):
    destination = Destination("intel", env="INTEL", environ={"INTEL": ADDRESS}, allowed_hosts=HOSTS, digest=BATTLE)


@pytest.fixture(autouse=True)
def no_pause_between_edits(monkeypatch):
    monkeypatch.setattr(outbox, "BETWEEN_EDITS", 0.0)


@pytest.mark.parametrize("kind", Faults.KINDS)
def test_a_digest_counts_each_kill_once_whatever_happens_to_its_edit(server, queues, kind):
    for faults in every_command(kind):
        queues.connection.flushall()
        world = Fight(server, queues)
        world.put(*OLD)
        assert run(world.worker())
        world.put(*NEW)
        run(world.worker(faults))
        assert run(world.worker())

        where = f"{kind} at command {faults.at}"
        assert world.left() == [], where
        assert [told(message) for message in world.channel.values()] == [len(OLD + NEW)], where
        assert world.delivered(OLD + NEW), where
        assert queues.connection.hget(keys.COUNTERS, "delivered") == b"8", where
        assert queues.connection.hget(keys.COUNTERS, "ambiguous") is None, where


@pytest.mark.parametrize("kind", Faults.KINDS)
def test_the_first_message_of_a_digest_comes_twice_only_after_a_kill_between_post_and_ledger(server, queues, kind):
    for faults in every_command(kind):
        queues.connection.flushall()
        world = Fight(server, queues)
        world.put(*OLD)
        run(world.worker(faults))
        unknown = bool(world.posts) and not world.delivered(OLD)
        assert run(world.worker())

        where = f"{kind} at command {faults.at}"
        assert world.left() == [], where
        assert [told(message) for message in world.channel.values()] == [len(OLD)] * (2 if unknown else 1), where
        assert kind == "killed" or not unknown, where
        assert world.delivered(OLD), where


class ByBot(Messages):
    destination = Destination("intel", env="BOT", environ={"BOT": "b0t.t0ken"}, allowed_hosts=HOSTS, channel=7)


@pytest.mark.parametrize("kind", Faults.KINDS)
def test_what_a_bot_posts_comes_once_whatever_happens_also_between_post_and_ledger(server, queues, kind):
    for faults in every_command(kind):
        queues.connection.flushall()
        world = ByBot(server, queues)
        world.put(1, 2, 3)
        run(world.worker(faults))
        world.put(4)
        assert run(world.worker())

        where = f"{kind} at command {faults.at}"
        assert world.left() == [], where
        shown = [kill for message in world.channel.values() for kill in kills_of(json.dumps(message))]
        assert sorted(shown) == [1, 2, 3, 4], where
        assert world.delivered((1, 2, 3, 4)), where
        assert queues.connection.hget(keys.COUNTERS, "ambiguous") is None or kind == "killed", where


def revised(number, **fields):
    return notice_to_json(msgspec.structs.replace(notice_from_json(notice(number)), **fields))


@pytest.mark.parametrize("kind", Faults.KINDS)
def test_late_names_stand_in_the_message_in_the_end_whatever_happens_to_the_edit(server, queues, kind):
    for faults in every_command(kind):
        queues.connection.flushall()
        world = Messages(server, queues)
        jobs = [delivery_job(f"kill-{n}", "intel", revised(n, degraded=True), n, 0.0) for n in (1, 2)]
        world.queues.hand_over(HandOver(jobs))
        assert run(world.worker())
        victim = msgspec.structs.replace(notice_from_json(notice(1)).victim, character=Named(9, "Late Pilot"))
        edits = [edit_job(NAMES, f"kill-{n}", "intel", revised(n, victim=victim), n, 0.0) for n in (1, 2)]
        world.queues.hand_over(HandOver(edits))
        run(world.worker(faults))
        assert run(world.worker())

        where = f"{kind} at command {faults.at}"
        [message] = world.channel.values()
        assert [embed["title"] for embed in message["embeds"]] == ["Late Pilot lost a Rifter"] * 2, where
        assert not queues.connection.keys("notifier:revisions:*"), where
        assert not queues.connection.exists(keys.EDITS), where
        assert [key for key in world.left() if "rq:job" not in key] == [], where
