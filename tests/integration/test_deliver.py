"""The last stage on a real server: what is posted, what becomes of each delivery for each reply of Discord."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import pytest

from notifier.config import Battle, Manners
from notifier.config.destinations import Destination
from notifier.messages import KillNotice, notice_to_json
from notifier.messages.notice import Named, Party, Place
from notifier.outcome import Dead, Done, Retry, Snooze
from notifier.services.discord import Discord
from workers import circuits, destinations, keys, outbox, posting, telemetry
from workers.attempts import begin, decide
from workers.deliver import Deliver
from workers.enrich import delivery_job
from workers.process import StopSignal
from workers.queues import ENRICHMENT, HandOver

SECRET = "s3cr3t" * 11
ADDRESS = f"https://discord.com/api/webhooks/42/{SECRET}"
HOSTS = ("discord.com",)


def notice(number: int) -> str:
    ship = Named(587, "Rifter")
    shown = KillNotice(number, 1_700_000_000, Party(ship=ship), Place(Named(30000142, "Jita")), 1)
    return notice_to_json(shown)


class Clock:
    """Epoch seconds, and seconds for durations; both go on when they are told to."""

    def __init__(self):
        self.epoch, self.durations = time.time(), 0.0

    def on(self, seconds):
        self.epoch += seconds
        self.durations += seconds


class World:
    """A destination, a Discord that gives the listed replies in turn (then 200), and the deliveries put there."""

    def __init__(self, queues, replies=(), **options):
        self.queues, self.posts, self.replies = queues, [], list(replies)
        self.requests, self.queries = [], []
        self.clock, self.before_post = Clock(), lambda: None
        self.received = self.clock.epoch
        environ = {"INTEL": ADDRESS, "LOSSES": ADDRESS.replace("42", "43"), "GATE": ADDRESS.replace("42", "44")}
        self.destinations = {
            name: Destination(name, env=name.upper(), environ=environ, allowed_hosts=HOSTS, **options)
            for name in ("intel", "losses", "gate")
        }
        self.deliver = self.another()

    def another(self):
        """Another worker of the same destinations."""
        client = httpx.Client(transport=httpx.MockTransport(self._answer))
        clock = self.clock
        stop, times = StopSignal(), (lambda: clock.epoch, lambda: clock.durations)
        return Deliver(self.queues, self.destinations, Discord(client), stop, *times)

    def _answer(self, request):
        self.before_post()
        self.posts.append(json.loads(request.content))
        self.requests.append((request.method, request.url.path.replace(SECRET, "TOKEN")))
        self.queries.append(request.url.query.decode())
        reply = self.replies.pop(0) if self.replies else httpx.Response(200, json={"id": str(len(self.posts))})
        if isinstance(reply, Exception):
            raise reply
        return reply

    def put(self, *numbers, to="intel"):
        jobs = [delivery_job(f"kill-{n}", to, notice(n), n, self.received) for n in numbers]
        self.queues.hand_over(HandOver(jobs))

    def run(self, number, to="intel", worker=None):
        worker = worker or self.deliver
        return worker.perform(f"kill-{number}-{to}", notice(number), to, number, self.received)

    def ledger(self, number, to="intel"):
        found = self.queues.connection.hgetall(keys.delivery(f"kill-{number}-{to}"))
        return {key.decode(): value.decode() for key, value in found.items()}

    def unblock(self):
        """Every pause is over."""
        for pattern in ("notifier:limit:*", "notifier:posts:*"):
            for key in self.queues.connection.keys(pattern):
                self.queues.connection.delete(key)

    def unblock_but_remember(self):
        """Every pause is over; what has failed in a row is not forgotten."""
        for key in self.queues.connection.keys("notifier:limit:*"):
            self.queues.connection.hdel(key, "blocked_until")

    def rest(self):
        """Every circuit has rested long enough."""
        for name in self.queues.connection.smembers(keys.CIRCUITS):
            self.queues.connection.hset(keys.circuit(name.decode()), "since", 0)
        for circuit in (self.deliver._poster._circuits.whole, *self.deliver._poster._circuits._webhooks.values()):
            circuit._storage._asked_until = 0.0

    def states(self):
        return circuits.states(self.queues.connection)


@pytest.fixture
def world(queues):
    return World(queues)


@pytest.fixture
def heard():
    """The events of this process so far, by their names."""
    events = []
    end = telemetry.subscribe(lambda kind, fields: events.append((kind.name, fields)))
    yield lambda *names: [event for event in events if event[0] in names]
    end()


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
    assert outcome.category == "throttled"
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
    world.unblock()
    assert isinstance(world.run(1), Done)
    assert world.ledger(1)["ambiguous"] == "1"


@pytest.mark.parametrize("reply", [httpx.ConnectError("refused"), httpx.Response(502), httpx.Response(503)])
def test_what_surely_sent_nothing_is_waited_for_and_charges_no_attempt(queues, reply):
    world = World(queues, [reply])
    world.put(1)
    outcome = world.run(1)
    assert isinstance(outcome, Snooze)
    assert outcome.category == "dependency down"
    assert world.ledger(1) == {"state": "pending"}
    world.unblock()
    assert isinstance(world.run(1), Done)
    assert "ambiguous" not in world.ledger(1)


def test_after_a_failure_the_whole_destination_pauses(queues):
    world = World(queues, [httpx.Response(503)])
    world.put(1, 2)
    assert isinstance(world.run(1), Snooze)
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
    world = World(queues, [httpx.Response(400, json=refused)] * 3)
    world.put(1, 2)
    assert isinstance(world.run(2), Snooze), "a group was refused: nobody knows yet which one is bad"
    assert isinstance(world.run(1), Snooze)
    died = world.run(1)
    assert isinstance(died, Dead)
    assert "embeds" not in world.posts.pop(2), "its plainest form was refused as well"
    queues.connection.zrem(keys.outbox("intel"), "kill-1-intel")  # as the worker does when it buries the job
    assert isinstance(world.run(2), Done)
    assert [kills_of(post) for post in world.posts] == [["1", "2"], ["1"], ["2"]]
    assert world.ledger(2) == {"state": "delivered", "message": "3"}


def test_what_discord_refuses_is_delivered_in_its_plainest_form(queues):
    refused = {"code": 50035, "message": "Invalid Form Body", "errors": {}}
    world = World(queues, [httpx.Response(400, json=refused)], digest=Battle())
    world.put(1)
    assert isinstance(world.run(1), Snooze)
    assert isinstance(world.run(1), Done)
    assert world.posts[1] == {
        "content": "https://zkillboard.com/kill/1/ Unknown owner lost a Rifter · Jita",
        "allowed_mentions": {"parse": []},
    }
    assert world.ledger(1)["state"] == "delivered"
    world.put(2)
    assert isinstance(world.run(2), Done)
    assert kills_of(world.posts[2]) == ["2"], "the next one has its usual form again"


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


# -- An outage of Discord


def test_an_outage_of_hours_charges_nothing_and_everything_arrives_when_it_ends(queues):
    world = World(queues, [httpx.ConnectError("refused")] * 300)
    world.put(*range(1, 21))
    job = {number: begin({}, 1.0) for number in range(1, 21)}
    while world.replies:
        world.clock.on(60)
        world.unblock()
        world.rest()
        for number, meta in job.items():
            outcome = world.run(number)
            assert isinstance(outcome, Snooze)
            job[number] = begin(decide(outcome, meta, 1.0, 8)[1], 1.0)
    assert world.clock.durations > 4 * 3600
    world.unblock()
    world.rest()
    assert {job[number]["attempts"] for number in job} == {1}
    assert isinstance(world.run(1), Done)
    assert [len(post["embeds"]) for post in world.posts[-1:]] == [10]


def test_the_pauses_of_an_outage_grow_to_a_minute(queues, monkeypatch):
    monkeypatch.setattr(outbox, "jitter", lambda: 1.0)
    world = World(queues, [httpx.Response(503)] * 8)
    world.put(1)
    pauses = []
    for _ in range(8):
        pauses.append(world.run(1).seconds)
        queues.connection.hdel(keys.limit(world.destinations["intel"].address().fingerprint), "blocked_until")
        world.rest()
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


def test_what_could_not_be_posted_for_its_max_age_is_a_dead_letter_that_says_so(queues):
    world = World(queues, [httpx.Response(503)] * 3, max_age=6 * 3600.0)
    world.put(1, 2)
    world.clock.on(6 * 3600 - 1)
    assert isinstance(world.run(1), Snooze)
    world.clock.on(2)
    assert isinstance(world.run(2), Dead), "it is behind a pause, and no younger"
    world.unblock()
    assert world.run(1) == Dead("older than its max_age of 6h: Discord answers 503", "dependency down")
    assert world.ledger(1) == {"state": "pending"}


def test_what_is_older_than_its_max_age_and_can_be_posted_is_posted(queues):
    world = World(queues, max_age=60.0)
    world.put(1)
    world.clock.on(3600)
    assert isinstance(world.run(1), Done)


def test_the_time_of_what_was_put_back_from_the_dead_letters_begins_anew(queues):
    world = World(queues, [httpx.Response(503)] * 2, max_age=60.0)
    world.put(1)
    world.clock.on(3600)
    [job] = queues.fetch(["kill-1-intel"])
    job.meta = begin({"attempts": 1, "dead_at": 5.0, "reason": "", "category": ""}, world.clock.epoch)
    job.save_meta()
    assert isinstance(world.run(1), Snooze)
    world.unblock()
    world.clock.on(61)
    assert isinstance(world.run(1), Dead)


def test_discord_as_a_whole_is_left_alone_after_five_failures_and_one_probe_closes_its_circuit(queues, heard):
    world = World(queues, [httpx.ConnectError("refused")] * 5)
    for to in world.destinations:
        world.put(1, 2, to=to)
    for to in ("intel", "losses", "gate", "intel", "losses"):
        assert isinstance(world.run(1, to), Snooze)
        world.unblock()
    assert world.states() == {"discord": "open"}
    waiting = world.run(1, "gate")
    assert isinstance(waiting, Snooze)
    assert "the circuit around discord is open: no reply from Discord: ConnectError" in waiting.reason
    assert world.ledger(1, "gate") == {"state": "pending"}
    assert queues.connection.get(keys.lock("gate")) is None, "nobody leads while nothing can be posted"
    assert len(world.posts) == 5
    world.rest()
    world.before_post = lambda: probing.append(world.run(1, "losses", worker=world.another()))
    probing = []
    assert isinstance(world.run(1, "gate"), Done)
    assert isinstance(probing[0], Snooze), "one probe at a time"
    assert world.states() == {"discord": "closed"}
    assert heard("circuit_opened", "circuit_closed") == [
        ("circuit_opened", {"circuit": "discord", "reason": "no reply from Discord: ConnectError"}),
        ("circuit_closed", {"circuit": "discord"}),
    ]


def test_a_webhook_that_always_fails_is_left_alone_and_says_nothing_of_the_others(queues, heard):
    world = World(queues, [httpx.Response(500)] * 12)
    world.put(1)
    for _ in range(3):
        assert isinstance(world.run(1), Retry)
        world.unblock()
    assert world.states() == {"webhook:intel": "open"}
    assert isinstance(world.run(1), Snooze), "not charged while it rests"
    for _ in range(5):
        world.rest()
        assert isinstance(world.run(1), Retry), "its probe fails"
        world.unblock()
    assert world.states() == {"webhook:intel": "open"}
    world.replies.clear()
    world.put(1, to="losses")
    assert isinstance(world.run(1, "losses"), Done)
    assert heard("circuit_opened") == [
        ("circuit_opened", {"circuit": "webhook:intel", "reason": "Discord answers 500"})
    ]


def test_a_block_by_cloudflare_opens_the_circuit_around_discord_at_once(queues):
    world = World(queues, [httpx.Response(429, text="error code: 1015", headers={"Retry-After": "3600"})])
    world.put(1)
    world.put(1, to="losses")
    outcome = world.run(1)
    assert isinstance(outcome, Snooze)
    assert outcome.seconds == 3600.0
    assert world.states() == {"discord": "open"}
    assert isinstance(world.run(1, "losses"), Snooze)
    assert len(world.posts) == 1


def test_rate_limits_open_no_circuit(queues):
    limited = httpx.Response(429, json={"retry_after": 0.5}, headers={"Via": "1.1 google"})
    world = World(queues, [limited] * 9)
    world.put(1)
    for _ in range(9):
        assert isinstance(world.run(1), Snooze)
        world.unblock()
    assert world.states() == {}


# -- Webhooks that Discord refuses for good


@pytest.mark.parametrize(
    ("status", "code"), [(404, 10015), (404, 10003), (401, 50027), (403, 50013), (403, 50001), (400, 50083)]
)
def test_a_refused_webhook_is_disabled_until_the_operator_enables_it_and_that_is_told_once(queues, heard, status, code):
    world = World(queues, [httpx.Response(status, json={"code": code, "message": "No"})])
    world.put(1, 2, 3)
    first = world.run(2)
    assert isinstance(first, Dead)
    assert f"Discord answers {status} (code {code}); No" in first.reason
    assert {world.run(number).category for number in (1, 3)} == {"misconfigured"}
    world.put(4)
    assert isinstance(world.run(4), Dead)
    assert len(world.posts) == 1
    assert [name for name, _ in heard("destination_disabled")] == ["destination_disabled"]
    standing = destinations.read(queues.connection, ["intel"])["intel"]
    assert standing.disabled(world.destinations["intel"].address().fingerprint)
    assert not standing.disabled("another address")
    assert destinations.enable(queues.connection, "intel")
    assert isinstance(world.run(4), Done)


@pytest.mark.parametrize("mended", ["another address", "posts of a forum"])
def test_a_destination_that_was_put_right_is_enabled_by_its_next_notification(queues, mended):
    world = World(queues, [httpx.Response(400, json={"code": 220001, "message": "No"})])
    world.put(1)
    assert isinstance(world.run(1), Dead)
    if mended == "another address":
        world.destinations["intel"].environ["INTEL"] = ADDRESS.replace("42", "45")
    else:
        world.destinations["intel"] = replace(world.destinations["intel"], manners=Manners(post_name="Kills"))
    world.put(2)
    assert isinstance(world.run(2), Done)
    assert destinations.read(queues.connection, ["intel"])["intel"].address is None


def test_what_the_operator_disables_stays_so_whatever_its_address(queues, heard):
    world = World(queues)
    destinations.disable(queues.connection, "intel", outbox.WHATEVER, "too loud")
    destinations.disable(queues.connection, "intel", "fingerprint", "404")
    world.put(1)
    assert world.run(1) == Dead(
        "destination intel is disabled (too loud); `notifier destinations enable intel` ends that", "misconfigured"
    )
    assert len(heard("destination_disabled")) == 1


# -- The policy `hold`


@pytest.mark.parametrize("reply", [httpx.ReadTimeout("slow"), httpx.Response(500), httpx.Response(200, text="<html>")])
def test_with_hold_an_ambiguous_reply_ends_dead_for_all_of_its_group_and_is_not_posted_again(queues, reply):
    world = World(queues, [reply], ambiguous="hold")
    world.put(1, 2, 3)
    ends = [world.run(number) for number in (2, 1, 3)]
    assert all(isinstance(end, Dead) and end.category == "ambiguous" for end in ends)
    assert all("look for it in the channel, then replay or discard it" in end.reason for end in ends)
    assert len(world.posts) == 1
    world.put(4)
    world.unblock()
    assert isinstance(world.run(4), Done)
    assert kills_of(world.posts[1]) == ["4"]


def test_with_hold_a_leader_that_was_not_in_the_message_goes_on(queues):
    world = World(queues, [httpx.ReadTimeout("slow")], ambiguous="hold")
    world.put(*range(1, 13))
    assert world.run(12) == Snooze(0.0, "its turn")
    world.unblock()
    assert isinstance(world.run(12), Done)
    assert kills_of(world.posts[1]) == ["11", "12"]


def test_with_hold_a_worker_killed_between_post_and_ledger_leaves_a_letter_not_a_repeat(queues):
    world = World(queues, ambiguous="hold")
    world.put(1)

    class KilledError(BaseException):
        pass

    def kill():
        raise KilledError

    world.before_post = kill
    with pytest.raises(KilledError):
        world.run(1)
    world.before_post = lambda: None
    ended = world.run(1, worker=world.another())
    assert isinstance(ended, Dead)
    assert ended.category == "ambiguous"
    assert world.posts == []


def test_with_hold_what_surely_was_not_sent_is_posted_later(queues):
    world = World(
        queues, [httpx.ConnectError("refused"), httpx.Response(429, json={"retry_after": 1})], ambiguous="hold"
    )
    world.put(1)
    for _ in range(2):
        assert isinstance(world.run(1), Snooze)
        world.unblock()
    assert isinstance(world.run(1), Done)


# -- A worker that was paused and wakes


def paused_once(world, step, meanwhile):
    """Our worker is away for a minute after its next `step` in Redis, while `meanwhile` happens."""
    original = getattr(world.queues.scripts, step)

    def paused(*args, **options):
        found = original(*args, **options)
        setattr(world.queues.scripts, step, original)
        meanwhile()
        world.clock.on(60)
        return found

    setattr(world.queues.scripts, step, paused)


@pytest.mark.parametrize("pause_after", ["claim", "begin"])
def test_a_worker_that_wakes_when_its_job_was_done_by_another_posts_nothing_and_marks_nothing(queues, pause_after):
    world, ends = World(queues), []
    world.put(1)
    paused_once(world, pause_after, lambda: ends.append(world.run(1, worker=world.another())))
    assert world.run(1) == Snooze(posting.TURN, "another one leads now")
    assert isinstance(ends[0], Done)
    assert len(world.posts) == 1
    ledger = world.ledger(1)
    assert (ledger["state"], ledger["message"]) == ("delivered", "1")
    assert queues.connection.get(keys.lock("intel")) is None


@pytest.mark.parametrize("pause_after", ["claim", "begin"])
def test_a_worker_that_wakes_while_another_posts_its_job_posts_nothing_and_takes_nothing_from_it(queues, pause_after):
    world, other = World(queues), []
    world.put(1)
    asleep, awake = threading.Event(), threading.Event()
    paused_once(world, pause_after, lambda: asleep.set() or awake.wait(20))
    with ThreadPoolExecutor(1) as executor:
        ours = executor.submit(world.run, 1)
        assert asleep.wait(20)

        def wake():
            before = world.ledger(1)
            awake.set()
            other.append(ours.result(20))
            assert world.ledger(1) == before
            assert queues.connection.get(keys.lock("intel")) == b"kill-1-intel"

        world.before_post = wake
        assert isinstance(world.run(1, worker=world.another()), Done)
    assert other == [Snooze(posting.TURN, "another one leads now")]
    assert len(world.posts) == 1
    assert world.ledger(1)["state"] == "delivered"


def test_a_worker_that_wakes_and_still_leads_posts(queues):
    world = World(queues)
    world.put(1)
    original = queues.scripts.begin

    def paused(*args, **options):
        found = original(*args, **options)
        world.clock.on(60)
        return found

    queues.scripts.begin = paused
    assert isinstance(world.run(1), Done)


# -- A burst


@pytest.mark.parametrize(("age", "waits"), [(0.0, True), (0.19, True), (0.21, False), (-3600.0, False)])
def test_in_a_burst_the_first_one_waits_for_company_while_it_is_fresh(queues, age, waits):
    world = World(queues)
    queues.connection.rpush(queues[ENRICHMENT].key, "kill-9")
    world.received = world.clock.epoch - age
    world.put(1)
    assert world.run(1) == (Snooze(0.05, "more are just coming") if waits else Done("with 1 in message 1"))


def test_a_group_at_which_discord_fails_again_and_again_goes_alone_so_that_only_the_bad_one_is_repeated(queues):
    world = World(queues, [httpx.Response(500)] * posting.SPLIT_AFTER)
    world.put(1, 2)
    for _ in range(posting.SPLIT_AFTER):
        assert isinstance(world.run(1), Retry)
        world.unblock_but_remember()
        world.rest()
    assert isinstance(world.run(1), Done)
    assert isinstance(world.run(2), Done)
    assert [kills_of(post) for post in world.posts] == [["1", "2"]] * posting.SPLIT_AFTER + [["1"], ["2"]]
