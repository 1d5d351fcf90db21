"""The table `digest` of a destination, and what it does with rewritten killmails."""

from pathlib import Path
from typing import Any

import pytest

from notifier.config import Battle, ConfigError, Destination, load, load_config
from notifier.config.battle import ABOVE, ENDS_AFTER

FILE = """
[[destinations]]
id = "intel"
webhook = {{ env = "INTEL_WEBHOOK" }}
{}
[[subscriptions]]
id = "all"
to = ["intel"]
where = {{}}
"""


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Gives a destination with this line, read from a file."""
    monkeypatch.setattr(load, "parse_rule", lambda table, _where, _universe: (table, []))

    def reading(line: str) -> Destination:
        file = tmp_path / "notifier.toml"
        file.write_text(FILE.format(line), "utf-8")
        universe: Any = None
        return load_config(file, {}, universe, ("discord.com",)).destinations["intel"]

    return reading


def test_no_digest_and_no_edits_of_rewritten_killmails_unless_asked_for(read) -> None:
    assert (read("").digest, read("").rewrites) == (None, "ignore")


@pytest.mark.parametrize(
    ("line", "digest"),
    [
        ("digest = {}", Battle(ABOVE, None, ENDS_AFTER)),
        ('digest = { above = 50, alone = "1.5b", ends_after = "30m" }', Battle(50, 1.5e9, 1800.0)),
        ("digest = { alone = 1000000000 }", Battle(alone=1e9)),
    ],
)
def test_a_digest_is_read_with_what_it_leaves_unsaid(read, line, digest) -> None:
    assert read(line).digest == digest


def test_rewritten_killmails_edit_messages_where_that_is_wanted(read) -> None:
    assert read('rewrites = "edit"').rewrites == "edit"


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("digest = true", "digest: found true"),
        ("digest = { above = 4 }", "digest.above: found 4"),
        ("digest = { above = true }", "digest.above: found true"),
        ('digest = { above = "20" }', "digest.above: found "),
        ('digest = { alone = "much" }', "digest.alone: found "),
        ('digest = { ends_after = "10s" }', "digest.ends_after: found "),
        ("digest = { abov = 20 }", "did you mean above?"),
        ('rewrites = "yes"', "rewrites: found "),
    ],
)
def test_a_mistake_is_told_with_its_place(read, line, place) -> None:
    with pytest.raises(ConfigError) as failed:
        read(line)
    assert len(failed.value.problems) == 1
    assert place in str(failed.value)


def test_a_mistake_in_the_address_hides_none_in_the_template(read) -> None:
    with pytest.raises(ConfigError) as failed:
        read("template = 5\nbot = 7")
    assert {str(problem).partition(":")[0] for problem in failed.value.problems} >= {"destinations.intel.template"}
