"""The copies of the rules that a running tree and the demo read: a bot's token is found where it was, or is none."""

from pathlib import Path

import pytest

from notifier.config import Config, Settings, load_config
from notifier.universe import load
from ops import launch
from ops.demo.world import rewrite, webhook_id

TOKEN = "tOkEn-_" * 8
RULES = """
[[destinations]]
id = "by-webhook"
webhook = { file = "intel.webhook" }
[[destinations]]
id = "by-bot"
bot = { file = "secrets/bot" }
channel = 42
[[subscriptions]]
id = "all"
to = ["by-webhook", "by-bot"]
where = { npc = false }
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    (tmp_path / "rules" / "secrets").mkdir(parents=True)
    (tmp_path / "rules" / "notifier.toml").write_text(RULES)
    (tmp_path / "rules" / "intel.webhook").write_text(f"https://discord.com/api/webhooks/1/{TOKEN}")
    (tmp_path / "rules" / "secrets" / "bot").write_text(TOKEN)
    return tmp_path / "rules" / "notifier.toml"


def config(path: Path, settings: Settings) -> Config:
    return load_config(path, {}, load(), settings.discord_hosts, settings.discord_url)


def test_the_copy_that_a_tree_reads_finds_secrets_where_they_were(rules: Path, tmp_path: Path) -> None:
    environ = {"NOTIFIER_CONFIG": str(rules), "NOTIFIER_STATE_DIR": str(tmp_path / "state")}
    environ |= {"NOTIFIER_REDIS_URL": "redis://127.0.0.1", "XDG_RUNTIME_DIR": str(tmp_path)}
    settings = Settings.read(environ)
    home, _ = launch.prepare(settings, environ, ["delivery"])
    assert home.config != rules
    assert TOKEN not in home.config.read_text()
    copied = config(home.config, settings).destinations
    assert copied["by-bot"].file == rules.parent / "secrets" / "bot"
    assert copied["by-bot"].address() == config(rules, settings).destinations["by-bot"].address()
    assert copied["by-webhook"].address() == config(rules, settings).destinations["by-webhook"].address()


def test_a_bot_of_the_demo_posts_to_the_simulator_with_a_token_that_means_nothing(rules: Path, tmp_path: Path) -> None:
    base = "http://127.0.0.1:8123"
    found = rewrite(rules, base, tmp_path / "demo")
    settings = Settings.read(
        {"HOME": "/", "NOTIFIER_DISCORD_HOSTS": "127.0.0.1:8123", "NOTIFIER_DISCORD_URL": f"{base}/api/v10"}
    )
    address = config(found.path, settings).destinations["by-bot"].address()
    assert address.url() == f"{base}/api/v10/channels/{webhook_id(1)}/messages"
    assert TOKEN not in str(address.authorization())
    assert found.webhooks == {"by-webhook": webhook_id(0), "by-bot": webhook_id(1)}
