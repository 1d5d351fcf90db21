from pathlib import Path

import pytest
from pydantic import ValidationError

from notifier.config import (
    ConfigError,
    RedisUrlError,
    Settings,
    check_janice_key,
    parse_redis_url,
    read_janice_key,
)

HOME = {"HOME": "/home/pilot"}


def problems(**environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        Settings.read(HOME | environ)
    return str(caught.value).splitlines()


def test_an_empty_environment_gives_the_production_values() -> None:
    settings = Settings.read(HOME)
    assert settings.config == Path("/home/pilot/.config/notifier/notifier.toml")
    assert settings.state_dir == Path("/home/pilot/.local/state/notifier")
    assert settings.redis_url is None
    assert (settings.feed_min_interval, settings.feed_idle, settings.feed_backlog) == (0.1, 6.0, 100)
    assert settings.discord_hosts == ("discord.com", "discordapp.com", "canary.discord.com", "ptb.discord.com")
    assert (settings.zkillboard_url, settings.esi_url) == ("https://r2z2.zkillboard.com", "https://esi.evetech.net")
    assert (settings.dashboard_host, settings.dashboard_port) == ("127.0.0.1", 8080)


def test_the_xdg_directories_come_before_the_home_directory() -> None:
    settings = Settings.read(HOME | {"XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "relative"})
    assert settings.config == Path("/c/notifier/notifier.toml")
    assert settings.state_dir == Path("/home/pilot/.local/state/notifier")


def test_without_a_home_directory_the_system_s_places_are_used() -> None:
    settings = Settings.read({})
    assert (settings.config, settings.state_dir) == (
        Path("/etc/notifier/notifier.toml"),
        Path("/var/lib/notifier"),
    )


def test_every_field_is_set_by_its_variable() -> None:
    given = {
        "config": "/n.toml",
        "redis_url": "redis://r/1",
        "state_dir": "/state",
        "contact": "me@example.com",
        "log_format": "JSON",
        "log_level": "debug",
        "zkillboard_url": "http://127.0.0.1:1/",
        "esi_url": "http://127.0.0.1:1/esi",
        "discord_hosts": "discord.com, 127.0.0.1:8123",
        "discord_url": "http://127.0.0.1:8123/api/v10/",
        "notable_items": "1.5b",
        "zkillboard_api_url": "http://127.0.0.1:2/",
        "janice_url": "http://127.0.0.1:3/janice/",
        "janice_key_file": "/run/secrets/janice",
        "feed_min_interval": "0",
        "feed_idle": "0.5",
        "feed_backlog": "7",
        "enrichment_workers": "3",
        "delivery_workers": "4",
        "backfill_days": "2",
        "delivery_backlog": "20",
        "max_attempts": "5",
        "enrichment_patience": "6",
        "job_timeout": "9",
        "dashboard_host": "0.0.0.0",
        "dashboard_port": "81",
    }
    assert set(given) == set(Settings.model_fields)
    settings = Settings.read({f"NOTIFIER_{name.upper()}": value for name, value in given.items()})
    assert settings.model_dump() == {
        **given,
        "config": Path("/n.toml"),
        "state_dir": Path("/state"),
        "log_format": "json",
        "log_level": "DEBUG",
        "zkillboard_url": "http://127.0.0.1:1",
        "discord_hosts": ("discord.com", "127.0.0.1:8123"),
        "discord_url": "http://127.0.0.1:8123/api/v10",
        "notable_items": 1.5e9,
        "zkillboard_api_url": "http://127.0.0.1:2",
        "janice_url": "http://127.0.0.1:3/janice",
        "janice_key_file": Path("/run/secrets/janice"),
        "feed_min_interval": 0.0,
        "feed_idle": 0.5,
        "enrichment_patience": 6.0,
    } | {
        name: int(given[name])
        for name in (
            "feed_backlog",
            "enrichment_workers",
            "delivery_workers",
            "backfill_days",
            "delivery_backlog",
            "max_attempts",
            "job_timeout",
            "dashboard_port",
        )
    }


def test_an_empty_variable_counts_as_not_set() -> None:
    assert Settings.read({"NOTIFIER_REDIS_URL": "", "NOTIFIER_FEED_IDLE": " "}).redis_url is None


def test_the_process_s_own_environment_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFIER_MAX_ATTEMPTS", "77")
    assert Settings.read({}).max_attempts == 8


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Settings.read({}).max_attempts = 3


def test_a_misspelt_variable_is_refused_with_the_closest_name_and_without_its_value() -> None:
    [problem] = problems(NOTIFIER_REDIS_ULR="redis://:secret@r")
    assert problem == (
        "NOTIFIER_REDIS_ULR: found an unknown variable, expected a setting of the notifier;"
        " did you mean NOTIFIER_REDIS_URL?"
    )


@pytest.mark.parametrize("name", ["NOTIFIER_VENV", "NOTIFIER_MARKER", "NOTIFIER_SLOT", "INTEL_WEBHOOK", "NOTIFY_FD"])
def test_variables_with_another_purpose_are_tolerated(name: str) -> None:
    Settings.read({name: "anything"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FEED_IDLE", "-1"),
        ("FEED_IDLE", "nan"),
        ("FEED_IDLE", "inf"),
        ("FEED_MIN_INTERVAL", "soon"),
        ("FEED_BACKLOG", "0"),
        ("BACKFILL_DAYS", "31"),
        ("ENRICHMENT_WORKERS", "1.5"),
        ("DELIVERY_WORKERS", "65"),
        ("DASHBOARD_PORT", "65536"),
        ("LOG_FORMAT", "xml"),
        ("LOG_LEVEL", "loud"),
        ("ZKILLBOARD_URL", "r2z2.zkillboard.com"),
        ("ESI_URL", "ftp://esi.evetech.net"),
        ("DISCORD_HOSTS", ","),
        ("DISCORD_HOSTS", "https://discord.com"),
        ("CONTACT", "a\r\nX-Evil: 1"),
        ("NOTABLE_ITEMS", "0"),
        ("NOTABLE_ITEMS", "-1"),
        ("NOTABLE_ITEMS", "many"),
        ("ZKILLBOARD_API_URL", "zkillboard.com"),
        ("JANICE_URL", "janice"),
        ("REDIS_URL", "localhost:6379"),
    ],
)
def test_a_wrong_value_is_one_problem_that_names_variable_found_and_expected(name: str, value: str) -> None:
    [problem] = problems(**{f"NOTIFIER_{name}": value})
    assert problem.startswith(f"NOTIFIER_{name}: found ")
    assert ", expected " in problem


def test_notable_items_are_those_of_50_million_isk_unless_they_are_off() -> None:
    assert Settings.read(HOME).notable_items == 50e6
    assert Settings.read(HOME | {"NOTIFIER_NOTABLE_ITEMS": "Off"}).notable_items is None


@pytest.mark.parametrize(
    ("content", "found"),
    [(None, "No such file"), (b"", "an empty file"), (b"a-key\nanother", "more than one line"), (b"\xff", "not UTF-8")],
)
def test_a_key_file_that_holds_no_key_is_one_problem_that_shows_nothing_of_it(
    tmp_path: Path, content: bytes | None, found: str
) -> None:
    path = tmp_path / "janice"
    if content is not None:
        path.write_bytes(content)
    [problem] = check_janice_key(path)
    assert problem.where == "NOTIFIER_JANICE_KEY_FILE"
    assert found in problem.found
    assert "another" not in str(problem)


def test_a_key_is_the_one_line_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "janice"
    path.write_text("a-key\n")
    assert (check_janice_key(path), check_janice_key(None)) == ([], [])
    assert read_janice_key(path) == "a-key"


def test_all_mistakes_are_reported_at_once() -> None:
    found = problems(NOTIFIER_FEED_IDLE="x", NOTIFIER_LOG_LEVEL="x", NOTIFIER_NONSENSE="x")
    assert [line.partition(":")[0] for line in found] == [
        "NOTIFIER_NONSENSE",
        "NOTIFIER_LOG_LEVEL",
        "NOTIFIER_FEED_IDLE",
    ]


@pytest.mark.parametrize(
    "url",
    [
        "redis://pilot:hunter2@r:notaport",
        "http://pilot:hunter2@r",
        "hunter2",
        "redis://:hunter2 @r",
        "redis://[hunter2",
        "redis://:hunter2",
        "redis://h/hunter2",
        "redis+sentinel://:hunter2@a:1,b:2",
        "hunter2://x",
    ],
)
def test_no_part_of_a_wrong_redis_url_is_repeated(url: str) -> None:
    [problem] = problems(NOTIFIER_REDIS_URL=url)
    assert "hunter2" not in problem
    with pytest.raises(RedisUrlError) as caught:
        parse_redis_url(url)
    assert "hunter2" not in str(caught.value)


def test_settings_show_no_password() -> None:
    assert "hunter2" not in repr(Settings.read({"NOTIFIER_REDIS_URL": "redis://:hunter2@r"}))


def test_a_plain_address_is_parsed() -> None:
    address = parse_redis_url("rediss://pilot:p%40ss@redis.example:7000/3")
    assert (address.scheme, address.host, address.port, address.db) == ("rediss", "redis.example", 7000, 3)
    assert (address.username, address.password) == ("pilot", "p@ss")
    assert not address.sentinels
    assert "p@ss" not in repr(address)
    assert str(address) == "rediss://redis.example:7000/3"


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("redis://r", "redis://r:6379/0"),
        ("redis://[::1]:7/2", "redis://[::1]:7/2"),
        ("redis://r?db=4&ssl_cert_reqs=none", "redis://r:6379/4"),
        ("unix:///run/redis.sock?db=2", "unix:///run/redis.sock?db=2"),
        ("redis+sentinel://a,b:2/main", "redis+sentinel://a:26379,b:2/main/0"),
    ],
)
def test_an_address_is_shown_with_what_it_leaves_unsaid(url: str, text: str) -> None:
    assert str(parse_redis_url(url)) == text


def test_a_sentinel_address_is_parsed() -> None:
    address = parse_redis_url("redis+sentinel://u:p@s1:26379,s2:26380/main/2")
    assert address.sentinels == (("s1", 26379), ("s2", 26380))
    assert (address.service, address.db, address.username, address.password) == ("main", 2, "u", "p")


@pytest.mark.parametrize(
    "url",
    [
        "redis://r:0",
        "redis://r:65536",
        "redis://a,b",
        "unix://run/redis.sock",
        "unix://",
        "redis+sentinel://a",
        "redis+sentinel:///main",
        "redis+sentinel://a,,b/main",
        "redis+sentinel://a/main?x=1",
    ],
)
def test_an_address_that_leads_nowhere_is_refused(url: str) -> None:
    with pytest.raises(RedisUrlError):
        parse_redis_url(url)
