"""A destination's template in notifier.toml: where it lies, what is told of a broken one, and where copies find it."""

from pathlib import Path

import pytest

from notifier.config import Config, ConfigError, Settings, check_templates, load_config
from notifier.universe import load
from ops import launch
from ops.demo.world import rewrite

ADDRESS = f"https://discord.com/api/webhooks/1/{'tOkEn-_' * 8}"
RULES = """
[[destinations]]
id = "intel"
webhook = { file = "intel.webhook" }
template = TEMPLATE
[[subscriptions]]
id = "all"
to = ["intel"]
where = { npc = false }
"""


class Rules:
    """A folder with rules of one destination, whose template is own.j2 there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "rules"
        self.folder.mkdir()
        self.file, self.template = self.folder / "notifier.toml", self.folder / "own.j2"
        (self.folder / "intel.webhook").write_text(ADDRESS)
        self.write('{ file = "own.j2" }')
        self.environ = {
            "NOTIFIER_CONFIG": str(self.file),
            "NOTIFIER_STATE_DIR": str(folder / "state"),
            "NOTIFIER_REDIS_URL": "redis://127.0.0.1",
            "XDG_RUNTIME_DIR": str(folder),
        }

    def write(self, template: str) -> None:
        self.file.write_text(RULES.replace("TEMPLATE", template))

    @property
    def settings(self) -> Settings:
        return Settings.read(self.environ)

    def config(self, file: Path | None = None) -> Config:
        return load_config(file or self.file, {}, load(), self.settings.discord_hosts)


@pytest.fixture
def rules(tmp_path: Path) -> Rules:
    return Rules(tmp_path)


def test_a_template_lies_beside_the_rules(rules: Rules) -> None:
    rules.template.write_text("{{ victim }}")
    assert rules.config().destinations["intel"].template == rules.template
    assert check_templates(rules.config()) == []


@pytest.mark.parametrize("value", ['"own.j2"', "{ path = 'own.j2' }", "{ file = '' }", "{ file = 5 }", "{}", "[]"])
def test_what_names_no_file_is_a_mistake(rules: Rules, value: str) -> None:
    rules.write(value)
    with pytest.raises(ConfigError, match=r"destinations\.intel\.template: found .*, expected the path of a file"):
        rules.config()


@pytest.mark.parametrize(
    ("content", "place", "found"),
    [
        (None, "own.j2)", "nothing readable (No such file or directory)"),
        ("a\n{% if %}", "own.j2, line 2)", "Expected an expression"),
        ("{{ victim.nmae }}", "own.j2, line 1)", "'Who' has no attribute 'nmae'"),
    ],
)
def test_a_broken_template_is_told_with_file_and_line_before_anything_starts(
    rules: Rules, content: str | None, place: str, found: str
) -> None:
    if content is not None:
        rules.template.write_text(content)
    [problem] = check_templates(rules.config())
    assert problem.where.startswith("destinations.intel.template (")
    assert problem.where.endswith(place)
    assert problem.found.startswith(found)
    with pytest.raises(ConfigError, match=r"own\.j2"):
        launch.check(rules.settings, rules.environ, ["delivery"])
    launch.check(rules.settings, rules.environ, ["sources"])


def test_the_copies_that_a_tree_and_the_demo_read_find_it_where_it_was(rules: Rules, tmp_path: Path) -> None:
    rules.template.write_text("{{ victim }}")
    home, _ = launch.prepare(rules.settings, rules.environ, ["delivery"])
    assert home.config != rules.file
    assert rules.config(home.config).destinations["intel"].template == rules.template
    demo = rewrite(rules.file, "https://discord.com", tmp_path / "demo")
    assert rules.config(demo.path).destinations["intel"].template == rules.template
