"""`notifier up` as its user runs it, against simulated services: start, look, change the rules, stop."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ops.chaos.command import KILLMAILS
from ops.demo.world import Simulators, environment, free_port, webhook_id
from supervisor import control
from tests.acceptance.running import COMMAND, everyone
from tests.servers import wait_until

RULES = """
[[destinations]]
id = "intel"
webhook = {{ file = "intel.webhook" }}

[[subscriptions]]
id = "all"
to = ["intel"]
where = {{ {rule} }}
"""


class Up:
    """A notifier of its own: settings in `environ`, rules in `config`."""

    def __init__(self, folder, simulators):
        self.config, self.state = folder / "notifier.toml", folder / "state"
        (folder / "intel.webhook").write_text(f"{simulators.base}/api/webhooks/{webhook_id(0)}/{'simulated' * 8}\n")
        self.rule('space = ["void"]')
        more = {"DASHBOARD_PORT": str(free_port()), "FEED_MIN_INTERVAL": "0", "FEED_IDLE": "0.2"}
        self.environ = environment(os.environ, simulators.base, self.state, self.config, **more)

    def rule(self, rule):
        self.config.write_text(RULES.format(rule=rule))

    def run(self, *words):
        return subprocess.run([*COMMAND, *words], env=self.environ, capture_output=True, text=True, timeout=60)

    def start(self):
        self.log = (self.state.parent / "log").open("ab")
        self.process = subprocess.Popen([*COMMAND, "up"], env=self.environ, stdout=self.log, stderr=self.log)

    def healthy(self):
        return self.run("health").returncode == 0

    def stop(self):
        self.log.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)


@pytest.fixture
def up(state):
    simulators = Simulators(KILLMAILS, state / "simulators", "5", 300, "--feed-limits", "off")
    running = Up(state, simulators)
    running.simulators = simulators
    yield running
    if hasattr(running, "process"):
        running.stop()
    simulators.stop()


def test_it_starts_shows_itself_takes_new_rules_and_stops(up):
    up.start()
    wait_until(up.healthy, 30, "health")
    url = up.run("redis-url").stdout.strip()
    shown = subprocess.run(["rq", "info", "-u", url], capture_output=True, text=True, env=_with_rq(up.environ))
    assert re.search(r"enrichment +\|", shown.stdout), shown
    assert "3 queues" in shown.stdout and "4 workers" in shown.stdout
    assert "feed" in up.run("ps").stdout
    assert up.simulators.arrivals() == {}

    up.rule("npc = maybe")
    wrong = up.run("reload")
    assert wrong.returncode == 78 and "syntax" in wrong.stderr
    up.rule("")
    assert "restarted delivery-1, delivery-2, replay, feed" in up.run("reload").stdout
    wait_until(up.simulators.arrivals, 30, "a message by the new rules")

    assert up.run("stop", "feed").returncode == 0
    assert up.run("health").returncode == 1
    assert up.run("start", "feed").returncode == 0
    assert up.run("scale", "delivery=3").returncode == 0
    assert len([one for one in everyone(_tree(up)) if one["id"].startswith("delivery-")]) == 3
    assert up.stop() == 0


def test_every_mistake_is_told_at_once_and_nothing_starts(up):
    up.config.write_text(
        '[[destinations]]\nid = "intel"\nwebhook = { file = "nowhere" }\ncolour = 1\n'
        '[[subscriptions]]\nid = "x"\nto = ["intl"]\nwhere = { systms = ["Jita"] }\n'
    )
    found = up.run("up")
    assert found.returncode == 78
    for words in ("the unknown key 'colour'", "did you mean intel?", "did you mean systems?"):
        assert words in found.stderr
    assert "Traceback" not in found.stderr
    assert not (up.state / "lock").exists()


def test_a_second_tree_in_the_same_state_directory_is_refused(up):
    up.start()
    wait_until(up.healthy, 30, "health")
    second = up.run("up")
    assert second.returncode == 69
    assert "another supervisor runs this tree" in second.stderr
    assert up.healthy()


def _tree(up):
    url = up.run("redis-url").stdout.strip().removeprefix("unix://")
    return control.call(url.replace("redis.sock", "supervisor.sock"), {"call": "tree"})


def _with_rq(environ):
    """The folder of this Python's own commands comes first: `rq` is one of them."""
    return {**environ, "PATH": f"{Path(sys.executable).parent}:{environ['PATH']}"}
