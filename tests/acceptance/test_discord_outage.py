"""Discord is away, then one webhook is gone: what real processes make of it, and what the operator is told."""

import json
import os
import signal
import subprocess

import httpx
import pytest
from redis import Redis
from redis.exceptions import RedisError

from ops.demo.command import KILLMAILS
from ops.demo.world import Simulators, environment, free_port, webhook_id
from ops.embedded_redis import EmbeddedRedis
from tests.acceptance.running import COMMAND
from tests.servers import wait_until
from workers import circuits, keys
from workers.dead_letters import DeadLetters
from workers.queues import Queues

KILLS = 40
RULES = """
[admin]
to = "ops"
[[destinations]]
id = "intel"
webhook = { file = "intel.webhook" }
[[destinations]]
id = "gone"
webhook = { file = "gone.webhook" }
[[destinations]]
id = "ops"
webhook = { file = "ops.webhook" }
[[subscriptions]]
id = "all"
to = ["intel", "gone"]
where = { }
"""
INTEL, GONE, OPS = (webhook_id(number) for number in range(3))


class Up:
    """A notifier of its own, and the simulated services around it."""

    def __init__(self, folder):
        self.simulators = Simulators(KILLMAILS, folder / "simulators", "flat", KILLS)
        for name, webhook in (("intel", INTEL), ("gone", GONE), ("ops", OPS)):
            (folder / f"{name}.webhook").write_text(
                f"{self.simulators.base}/api/webhooks/{webhook}/{'simulated' * 8}\n"
            )
        config = folder / "notifier.toml"
        config.write_text(RULES)
        more = {"DASHBOARD_PORT": str(free_port()), "FEED_MIN_INTERVAL": "0", "FEED_IDLE": "0.2"}
        self.environ = environment(os.environ, self.simulators.base, folder / "state", config, **more)
        self.log = (folder / "log").open("ab")
        self.process = None
        self.redis = Redis.from_url(EmbeddedRedis.of(folder / "state", os.environ).url)

    def start(self):
        self.process = subprocess.Popen([*COMMAND, "up"], env=self.environ, stdout=self.log, stderr=self.log)

    def run(self, *words):
        return subprocess.run([*COMMAND, *words], env=self.environ, capture_output=True, text=True, timeout=60)

    def faults(self, *faults):
        httpx.put(f"{self.simulators.base}/simulator/faults", json=list(faults)).raise_for_status()

    def destinations(self):
        listed = self.run("destinations", "list", "--json").stdout.splitlines()
        return {one["id"]: one for one in map(json.loads, listed)}

    def letters(self):
        return self.run("dlq", "list", "--json").stdout.splitlines()

    def until(self, condition, seconds, what):
        """Wait for it by looking into Redis: each command of ours would cost half a second of the processor."""

        def found():
            try:
                return condition(self.redis)
            except RedisError:
                return False

        wait_until(found, seconds, what)

    def notices(self):
        """The titles of what the operator was told."""
        posted = [one for one in self.simulators.last_messages(200) if int(one["webhook_id"]) == OPS]
        return [embed["title"] for one in posted for embed in one["embeds"]]

    def arrived(self, webhook):
        return len(self.simulators.arrivals().get(webhook, {}))

    def end(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=20)
        self.redis.close()
        self.log.close()
        self.simulators.stop()


@pytest.fixture
def up(state):
    made = Up(state)
    yield made
    made.end()


def test_an_outage_of_discord_kills_nothing_and_a_webhook_that_is_gone_waits_for_the_operator(up):
    up.faults({"service": "discord", "match": {"path": "/api/"}, "status": 503})
    up.start()
    up.until(lambda redis: redis.zcard(keys.outbox("intel")) == KILLS, 60, "the deliveries")
    wait_until(lambda: up.destinations().get("intel", {}).get("waiting") == KILLS, 60, "the deliveries")
    up.until(lambda redis: circuits.states(redis).get("discord") == "open", 60, "the circuit")
    wait_until(lambda: "the circuit around Discord is open" in up.run("destinations", "list").stdout, 60, "the circuit")
    assert up.letters() == []

    up.faults({"service": "discord", "match": {"path": f"/api/webhooks/{GONE}/"}, "status": 404})
    wait_until(lambda: up.arrived(INTEL) == KILLS, 90, "what waited for intel")
    up.until(lambda redis: len([*DeadLetters(Queues(redis, 30)).letters()]) == KILLS, 90, "the letters")
    wait_until(lambda: len(up.letters()) == KILLS, 90, "a letter for each of what waited for gone")
    gone = up.destinations()["gone"]
    assert (gone["state"], gone["waiting"]) == ("disabled", 0)
    assert "Discord answers 404 (code 10015)" in gone["reason"]
    assert up.simulators.arrivals().get(GONE) is None
    wait_until(lambda: "Destination disabled" in up.notices(), 30, "the notice to the operator")
    assert up.notices().count("Destination disabled") == 1
    wait_until(lambda: "Circuit opened" in up.notices(), 60, "the notice of the circuit")

    assert up.run("destinations", "test", "gone").returncode == 1
    up.faults()
    assert up.run("destinations", "test", "gone").returncode == 0
    assert up.run("destinations", "enable", "gone").returncode == 0
    assert up.run("dlq", "replay", "--all", "--destination", "gone").returncode == 0
    wait_until(lambda: up.arrived(GONE) == KILLS, 60, "what was put back")
    assert up.letters() == []
