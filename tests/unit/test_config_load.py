from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import real_killmails as real

from notifier.config import Config, ConfigError, check_addresses, duration, load, load_config
from notifier.problem import Problem
from notifier.tracking import parse_rule

TOKEN = "tOkEn-_" * 8
URL = f"https://discord.com/api/webhooks/123456789/{TOKEN}"
GOOD = """
[[destinations]]
id = "intel"
webhook = { env = "INTEL_WEBHOOK" }
[[destinations]]
id = "losses"
webhook = { file = "secrets/losses" }
[[subscriptions]]
id = "big-or-ours"
to = ["intel", "losses"]
where = { rule = 1 }
"""


def no_rule(table: object, where: str, _universe: object) -> tuple[object, list[Problem]]:
    """The rule language has its own tests; here a rule is any table without the key `wrong`."""
    if isinstance(table, dict) and "wrong" not in table:
        return table, []
    return None, [Problem(where, "a wrong rule", "a right one")]


@pytest.fixture(autouse=True)
def rules_without_a_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "parse_rule", no_rule)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "notifier.toml"


def read(file: Path, text: str | bytes, environ: dict[str, str] | None = None) -> Config:
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    universe: Any = None
    return load_config(file, environ or {}, universe, ("discord.com",))


def mistakes(file: Path, text: str | bytes) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(file, text)
    assert TOKEN not in str(caught.value)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{file}: ") for line in lines)
    assert lines == [f"{file}: {problem}" for problem in caught.value.problems]
    return [str(problem) for problem in caught.value.problems]


def test_a_file_gives_destinations_and_subscriptions_in_its_order(file: Path) -> None:
    config = read(file, GOOD)
    assert list(config.destinations) == ["intel", "losses"]
    assert config.destinations["losses"].file == file.parent / "secrets/losses"
    [subscription] = config.subscriptions
    assert (subscription.id, subscription.to) == ("big-or-ours", ("intel", "losses"))


def test_a_config_cannot_be_changed(file: Path) -> None:
    config = read(file, GOOD)
    with pytest.raises(TypeError):
        config.destinations["x"] = config.destinations["intel"]  # type: ignore[index]
    with pytest.raises(AttributeError):
        config.subscriptions = ()  # type: ignore[misc]


def test_a_byte_order_mark_is_passed_over(file: Path) -> None:
    assert read(file, "\ufeff" + GOOD).subscriptions


def test_addresses_are_read_by_the_check_only(file: Path) -> None:
    config = read(file, GOOD, {"INTEL_WEBHOOK": URL.replace("https", "http")})
    found = [str(problem) for problem in check_addresses(config)]
    assert [text.partition(" ")[0] for text in found] == ["destinations.intel.webhook", "destinations.losses.webhook"]
    assert not any(TOKEN in text for text in found)


def test_good_addresses_are_no_problem(file: Path) -> None:
    (file.parent / "secrets").mkdir()
    (file.parent / "secrets/losses").write_text(URL)
    assert check_addresses(read(file, GOOD, {"INTEL_WEBHOOK": URL})) == []


def test_a_bot_posts_to_the_discord_that_the_settings_name(file: Path) -> None:
    text = GOOD.replace('webhook = { env = "INTEL_WEBHOOK" }', 'bot = { env = "BOT" }\nchannel = 42')
    file.write_text(text)
    universe: Any = None
    config = load_config(file, {"BOT": TOKEN}, universe, ("d.example",), "https://d.example/api/v10")
    assert config.destinations["intel"].address().url() == "https://d.example/api/v10/channels/42/messages"
    assert read(file, text).destinations["intel"].api == "https://discord.com/api/v10"


@pytest.mark.parametrize("webhook", [f'"{URL}"', f'{{ env = "{URL}" }}', f'{{ file = "{URL}" }}', f'{{ "{URL}" = 1 }}'])
def test_an_address_in_the_file_is_refused_with_a_hint_and_not_repeated(file: Path, webhook: str) -> None:
    [problem] = mistakes(file, GOOD.replace('{ env = "INTEL_WEBHOOK" }', webhook))
    assert problem.startswith("destinations.intel.webhook")
    assert "env" in problem or "file" in problem


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ('id = "losses"', 'id = "intel"', "destinations[2].id: found 'intel' a second time, expected an id of its own"),
        ('"intel", "losses"', '"intle"', "subscriptions.big-or-ours.to: found 'intle'"),
        ('"intel", "losses"', '"intle"', "did you mean intel?"),
        ('"intel", "losses"', '"intel", "intel"', "a destination twice"),
        ('["intel", "losses"]', "[]", "a list of 0"),
        ('["intel", "losses"]', '"intel"', "a list of destination ids"),
        ("to = [", "too = [", "the unknown key 'too', expected one of id, to, where, origin; did you mean to?"),
        ("to = [", "too = [", "subscriptions.big-or-ours: found no to"),
        ('id = "big-or-ours"', 'id = "Big!"', "subscriptions[1].id: found 'Big!'"),
        ('id = "big-or-ours"', "", "subscriptions[1]: found no id"),
        ('id = "big-or-ours"', "id = 7", "subscriptions[1].id: found 7"),
        ("where = { rule = 1 }", "", "subscriptions.big-or-ours: found no where"),
        ("{ rule = 1 }", "{ wrong = 1 }", "subscriptions.big-or-ours.where: found a wrong rule"),
        ('webhook = { env = "INTEL_WEBHOOK" }', "", "destinations.intel: found no webhook"),
        ("INTEL_WEBHOOK", "NOTIFIER_INTEL", "a name that does not begin with NOTIFIER_"),
        ('{ env = "INTEL_WEBHOOK" }', '{ env = "A", file = "b" }', "found a table"),
        ("[[subscriptions]]", "[[subscription]]", "the unknown key 'subscription'"),
        ("[[subscriptions]]", "[subscriptions]", "tables, each headed [[subscriptions]]"),
    ],
)
def test_a_mistake_is_named_with_its_place(file: Path, right: str, wrong: str, said: str) -> None:
    assert said in "\n".join(mistakes(file, GOOD.replace(right, wrong, 1)))


def test_all_mistakes_are_reported_at_once(file: Path) -> None:
    text = GOOD.replace('"losses"\nweb', '"intel"\nweb').replace('"intel", "losses"', '"nope"').replace("rule", "wrong")
    assert len(mistakes(file, text + "colour = 1\n")) == 4


def test_a_destination_with_a_mistake_is_not_unknown_as_well(file: Path) -> None:
    assert len(mistakes(file, GOOD.replace('{ env = "INTEL_WEBHOOK" }', "7"))) == 1


def test_a_file_without_subscriptions_says_how_to_write_one(file: Path) -> None:
    [problem] = mistakes(file, GOOD.partition("[[subscriptions]]")[0])
    assert "[[subscriptions]]" in problem
    assert "where" in problem


def test_a_syntax_error_names_line_and_column(file: Path) -> None:
    [problem] = mistakes(file, 'x = 1\ny = "\n')
    assert "line 2, column" in problem


@pytest.mark.parametrize("text", [b"\xff", b"x = " + b"[" * 100_000, f'"{URL}" = 1\n"{URL}" = 1\n'.encode()])
def test_what_is_no_toml_is_one_problem_that_repeats_no_key(file: Path, text: bytes) -> None:
    assert len(mistakes(file, text)) == 1


@pytest.mark.parametrize("number", ["1" * 5000, "0x" + "f" * 5000])
def test_a_number_that_python_will_not_write_out_is_a_mistake_like_others(file: Path, number: str) -> None:
    [problem] = mistakes(file, GOOD.replace('id = "big-or-ours"', f"id = {number}"))
    assert "too many digits" in problem or "too large to be shown" in problem


@pytest.mark.parametrize("place", ["missing.toml", "."])
def test_a_file_that_cannot_be_read_is_a_problem_that_names_the_setting(tmp_path: Path, place: str) -> None:
    universe: Any = None
    with pytest.raises(ConfigError, match="NOTIFIER_CONFIG"):
        load_config(tmp_path / place, {}, universe, ())


def test_a_destination_may_say_how_old_its_notifications_may_become_and_what_ambiguity_means(file: Path) -> None:
    told = GOOD.replace('id = "intel"\n', 'id = "intel"\nmax_age = "6h"\nambiguous = "hold"\n', 1)
    config = read(file, told)
    intel, losses = config.destinations["intel"], config.destinations["losses"]
    assert (intel.max_age, intel.ambiguous) == (6 * 3600, "hold")
    assert (losses.max_age, losses.ambiguous) == (24 * 3600, "resend")


@pytest.mark.parametrize("found", ['"6"', "6", '"6 hours"', '"59s"', '"8d"', '"-1h"', '""', "true", '"1.5h"', '"6h6"'])
def test_a_max_age_that_is_none_is_a_mistake(file: Path, found: str) -> None:
    [mistake] = mistakes(file, GOOD.replace('id = "intel"\n', f'id = "intel"\nmax_age = {found}\n', 1))
    assert mistake.startswith("destinations.intel.max_age: ")
    assert "30m" not in mistake
    assert mistake.endswith(duration.EXPECTED)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("6h", 21600), ("7d", 604800), (" 1M ", 60)])
def test_a_span_of_time_is_read_and_said_again(text: str, seconds: int) -> None:
    assert duration.seconds(text) == seconds
    assert duration.seconds(duration.words(seconds)) == seconds


def test_a_destination_says_how_much_it_wants_to_read(file: Path) -> None:
    config = read(file, GOOD.replace('id = "intel"\n', 'id = "intel"\nlayout = "line"\n', 1))
    assert [config.destinations[one].layout for one in ("intel", "losses")] == ["line", "full"]


@pytest.mark.parametrize(("found", "hint"), [('"lime"', "; did you mean line?"), ("7", ""), ("[]", "")])
def test_a_layout_that_is_none_is_a_mistake(file: Path, found: str, hint: str) -> None:
    [mistake] = mistakes(file, GOOD.replace('id = "intel"\n', f'id = "intel"\nlayout = {found}\n', 1))
    assert mistake.startswith("destinations.intel.layout: ")
    assert mistake.endswith(f"expected one of full, compact, line{hint}")


def test_a_policy_that_is_none_is_a_mistake(file: Path) -> None:
    [mistake] = mistakes(file, GOOD.replace('id = "intel"\n', 'id = "intel"\nambiguous = "drop"\n', 1))
    assert mistake == "destinations.intel.ambiguous: found 'drop', expected one of resend, hold"


def test_the_operator_is_told_at_a_destination(file: Path) -> None:
    assert read(file, GOOD).admin is None
    assert read(file, '[admin]\nto = "losses"\n' + GOOD).admin == "losses"
    assert read(file, '[admin]\nto = "losses"\n' + GOOD).status is None
    assert read(file, '[admin]\nto = "losses"\nstatus = "24h"\n' + GOOD).status == 86_400.0


@pytest.mark.parametrize(
    ("admin", "where"),
    [
        ('admin = "losses"\n', "admin: "),
        ('[admin]\nto = "lossses"\n', "admin.to: "),
        ("[admin]\nto = 5\n", "admin.to: "),
        ("[admin]\n", "admin: found no to"),
        ('[admin]\nto = "losses"\ncc = "intel"\n', "admin: found the unknown key"),
        ('[admin]\nto = "losses"\nstatus = "daily"\n', "admin.status: "),
        ('[admin]\nto = "losses"\nstatus = 24\n', "admin.status: "),
        ('[admin]\nstatus = "24h"\n', "admin: found no to"),
    ],
)
def test_a_mistake_in_it_is_told(file: Path, admin: str, where: str) -> None:
    [mistake] = mistakes(file, admin + GOOD)
    assert mistake.startswith(where)


@pytest.fixture
def with_rules(monkeypatch: pytest.MonkeyPatch, file: Path) -> Callable[[str], Config]:
    """Reads the file with these lines in its subscription, with the rule language and the static data."""
    monkeypatch.setattr(load, "parse_rule", parse_rule)

    def reading(lines: str) -> Config:
        file.write_text(GOOD.replace("where = { rule = 1 }\n", lines), "utf-8")
        return load_config(file, {}, real.universe(), ("discord.com",))

    return reading


@pytest.mark.parametrize(
    ("lines", "origin"),
    [
        ('where = {}\norigin = "jita"\n', 30000142),
        ("where = {}\norigin = 30000142\n", 30000142),
        ('where.near = { system = "Amamake", light_years = 6 }\n', 30002537),
        ('where.near = { system = "Amamake", jumps = 6 }\norigin = "Jita"\n', 30000142),
        ('where.near = [{ system = "Amamake", jumps = 6 }, { system = "Jita", jumps = 6 }]\n', None),
        ("where = {}\n", None),
    ],
)
def test_distances_are_measured_from_the_origin_or_else_from_the_only_system_of_the_rule(
    with_rules: Callable[[str], Config], lines: str, origin: int | None
) -> None:
    assert [one.origin for one in with_rules(lines).subscriptions] == [origin]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('where = {}\norigin = "Jitta"\n', ["origin: found 'Jitta', expected the name of a system, or its id; did"]),
        ('where = {}\norigin = "Thera"\n', ["origin: found 'Thera', expected a system of known space"]),
        ("origin = []\n", [" found no where", "origin: found a list of 0, expected a system by name or id"]),
        ('where.near = { system = "Jita" }\norigin = 0\n', ["origin: found 0", "where.near: found neither"]),
    ],
)
def test_a_mistake_in_an_origin_is_told_beside_those_of_the_rule(
    with_rules: Callable[[str], Config], lines: str, said: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        with_rules(lines)
    assert len(caught.value.problems) == len(said)
    for problem, words in zip(caught.value.problems, said, strict=True):
        assert words in str(problem)
