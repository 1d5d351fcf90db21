"""The rules of the demo and the example for users: they load, and the demo's spread over its channels."""

import json
import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

import ops
from notifier.config import check_addresses, load_config
from notifier.killmail import decode_package
from notifier.tracking import Index
from notifier.tracking.parse import KEYS
from ops.demo.world import webhook_id
from ops.simulators import packages
from tests.unit.real_killmails import universe

OPS = Path(ops.__file__).parent
DEMO = OPS / "docker" / "demo"
EXAMPLE = OPS / "notifier.example.toml"
PARTY = {"characters", "corporations", "alliances", "factions", "ship_types", "ship_groups"}
MOST = 60
"""Notifications a channel; 30 posts a minute are what Discord allows one."""


@pytest.fixture(scope="module")
def config():
    api = re.search(r"^NOTIFIER_DISCORD_URL=(.*)$", (DEMO / "notifier.env").read_text(), re.MULTILINE)[1]
    return load_config(DEMO / "notifier.toml", {}, universe(), {"simulators:8000"}, api)


@pytest.fixture(scope="module")
def matches(config):
    index = Index(config.subscriptions, universe())
    return [index.match(decode_package(body).killmail) for body in packages(OPS / "data" / "killmails.jsonl.gz", None)]


def test_every_address_of_the_demo_lies_beside_its_rules_and_leads_to_the_simulator(config):
    assert check_addresses(config) == []
    for number, destination in enumerate(config.destinations.values()):
        assert destination.file.parent == DEMO
        address = destination.address()
        secret = address.authorization() or address.url()
        leads_to = (
            rf"/webhooks/{webhook_id(number)}/[\w-]{{68}}"
            if destination.kind == "webhook"
            else rf"/v10/channels/{webhook_id(number)}/messages"
        )
        assert re.fullmatch(f"http://simulators:8000/api{leads_to}", address.url())
        assert "simulated" in secret


def test_the_simulator_names_the_demos_channels_after_its_destinations(config):
    names = json.loads((DEMO / "channels.json").read_text())
    assert names == {str(webhook_id(number)): name for number, name in enumerate(config.destinations)}


def test_most_killmails_of_the_demo_concern_someone(matches):
    assert len(matches) == 300
    assert sum(1 for found in matches if found) > 200


def test_no_channel_of_the_demo_gets_more_than_discord_takes_in_a_minute(config, matches):
    channels = Counter(to for found in matches for to in {to for one in found for to in one.to})
    assert len(channels) == len(config.destinations) >= 7
    assert max(channels.values()) <= MOST
    assert min(channels.values()) >= 10


def test_every_subscription_of_the_demo_fits_some_killmail(config, matches):
    assert {one.id for one in config.subscriptions} == {one.id for found in matches for one in found}


def test_the_demo_uses_every_key_of_the_language():
    table = tomllib.loads((DEMO / "notifier.toml").read_text("utf-8"))
    used = {key for one in table["subscriptions"] for key in _keys(one["where"])}
    assert used >= set(KEYS) | PARTY | {"min", "max"}


def _keys(node):
    if isinstance(node, dict):
        yield from node
    for below in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _keys(below)


def test_the_example_for_users_loads_without_a_mistake():
    found = load_config(EXAMPLE, {}, universe(), {"discord.com"})
    assert (list(found.destinations), [one.id for one in found.subscriptions]) == (["intel"], ["big-or-ours"])


def test_the_example_is_the_readmes():
    block = re.search(r"```toml\n(.*?)```", (OPS.parent / "README.md").read_text("utf-8"), re.DOTALL)[1]
    assert all(line in EXAMPLE.read_text("utf-8").splitlines() for line in block.splitlines())


def test_the_commented_examples_load_too_once_their_marks_are_taken_away(tmp_path):
    path = tmp_path / "notifier.toml"
    path.write_text(re.sub(r"^#(?=\S)", "", EXAMPLE.read_text("utf-8"), flags=re.MULTILINE), "utf-8")
    assert len(load_config(path, {}, universe(), {"discord.com"}).subscriptions) > 8
