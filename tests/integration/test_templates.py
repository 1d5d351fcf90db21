"""Templates on a real server: what they make is posted, what they fail at is posted all the same, and told."""

import json

import httpx
import pytest
from samples import ADDRESS, HOSTS, notice

from notifier.config import Config, Destination, check_templates
from notifier.services.discord import Discord
from workers import telemetry
from workers.deliver import Deliver
from workers.enrich import delivery_job
from workers.process import StopSignal
from workers.queues import HandOver
from workers.templates import LOOK, Templates

RECEIVED = 1_700_000_000.0


class Channel:
    """A destination with a template in `file`, and what was posted there. `later` has the file looked at again."""

    def __init__(self, queues, file, content):
        self.queues, self.file, self.posts, self.awake = queues, file, [], 0.0
        self.write(content)
        environ = {"INTEL": ADDRESS}
        self.to = Destination("intel", env="INTEL", environ=environ, allowed_hosts=HOSTS, layout="line", template=file)
        client = httpx.Client(transport=httpx.MockTransport(self._answer))
        self.deliver = Deliver(queues, {"intel": self.to}, Discord(client), StopSignal())
        self.deliver._composer.templates = Templates(lambda: self.awake)

    def _answer(self, request):
        self.posts.append(json.loads(request.content))
        return httpx.Response(200, json={"id": str(len(self.posts))})

    def write(self, content):
        # By another name first, as editors do; so each state has an inode of its own.
        fresh = self.file.with_suffix(".new")
        fresh.write_text(content)
        fresh.replace(self.file)

    def later(self):
        self.awake += LOOK

    def tell(self, *numbers):
        jobs = [delivery_job(f"kill-{one}", "intel", notice(one), one, RECEIVED) for one in numbers]
        self.queues.hand_over(HandOver(jobs))
        first = numbers[0]
        self.deliver.perform(f"kill-{first}-intel", notice(first), "intel", first, RECEIVED)
        return [embed["description"] for embed in self.posts[-1]["embeds"]]


@pytest.fixture
def channel(queues, tmp_path):
    return lambda content: Channel(queues, tmp_path / "own.j2", content)


@pytest.fixture
def failures():
    """The failures that were told so far."""
    found = []
    end = telemetry.subscribe(lambda kind, fields: found.append(fields) if kind.name == "template_failed" else None)
    yield found
    end()


def test_kills_have_the_look_of_their_destinations_template(channel, failures):
    intel = channel("own look of {{ kill.id }}")
    assert intel.tell(1, 2) == ["own look of 1", "own look of 2"]
    assert failures == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("own {{ victim", "line 1: unexpected end of template"),
        ("own\n{{ victim.nmae }}", "line 2: 'Who' has no attribute 'nmae'"),
    ],
)
def test_with_a_broken_template_all_is_delivered_in_the_layout_and_it_is_told(channel, failures, content, reason):
    intel = channel(content)
    assert intel.tell(1, 2) == ["Jita", "Jita"]
    [told] = failures
    assert told["destination"] == "intel"
    assert told["reason"].startswith(reason)
    [problem] = check_templates(Config({"intel": intel.to}, ()))
    assert reason.partition(": ")[2] in problem.found


def test_a_template_that_is_gone_costs_nothing_and_is_told_once(channel, failures):
    intel = channel("own")
    intel.file.unlink()
    for number in (1, 2):
        assert intel.tell(number) == ["Jita"]
        intel.later()
    assert failures == [{"destination": "intel", "reason": "nothing readable (No such file or directory)"}]


def test_a_template_that_is_edited_is_picked_up_and_a_broken_edit_falls_back(channel, failures):
    intel = channel("first")
    assert intel.tell(1) == ["first"]
    intel.write("second")
    assert intel.tell(2) == ["first"]  # it is not looked at for every message
    intel.later()
    assert intel.tell(3) == ["second"]
    intel.write("{% broken")
    intel.later()
    assert intel.tell(4) == ["Jita"]
    intel.write("mended")
    intel.later()
    assert intel.tell(5) == ["mended"]
    assert len(failures) == 1


def test_what_fails_for_one_kill_leaves_the_others_their_look(channel, failures):
    intel = channel("{% if kill.id == 2 %}{{ 1 / 0 }}{% endif %}own")
    assert intel.tell(1, 2, 3) == ["own", "Jita", "own"]
    assert [one["reason"] for one in failures] == ["line 1: fails with ZeroDivisionError"]
