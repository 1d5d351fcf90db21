"""The settings: NOTIFIER_* environment variables, read once into one frozen object.

A field's description is what an error says was expected; it is also the text for the table of settings.
"""

import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from notifier.config.errors import ConfigError
from notifier.config.redis_url import EXPECTED, RedisUrlError, parse_redis_url
from notifier.problem import Problem, did_you_mean, shown
from notifier.tracking.isk import parse_isk

PREFIX = "NOTIFIER_"
TOLERATED = frozenset({"NOTIFIER_VENV", "NOTIFIER_MARKER", "NOTIFIER_SLOT"})
"""Variables that ops/run and the supervisor use for purposes of their own."""
DISCORD_HOSTS = ("discord.com", "discordapp.com", "canary.discord.com", "ptb.discord.com")
DISCORD_URL = "https://discord.com/api/v10"
_HOST = re.compile(r"[a-z0-9.-]+(?::[0-9]{1,5})?")


def _path(value: object) -> object:
    return Path(value).expanduser().absolute() if isinstance(value, str | Path) else value


def _redis(value: str) -> str:
    parse_redis_url(value)
    return value


def _base_url(value: str) -> str:
    parts = urlsplit(value)
    strange = "@" in parts.netloc or parts.query or parts.fragment or "/webhooks/" in parts.path or parts.port == 0
    if parts.scheme not in ("http", "https") or not parts.hostname or strange:  # the port is checked by reading it
        raise ValueError("not a plain http address")
    return value.rstrip("/")


def _hosts(value: object) -> object:
    if isinstance(value, str):
        return tuple(host.strip().lower() for host in value.split(",") if host.strip())
    return value


def _hosts_only(value: tuple[str, ...]) -> tuple[str, ...]:
    if not all(_HOST.fullmatch(host) for host in value):
        raise ValueError("not hosts")
    return value


def _line(value: str) -> str:
    if not value.isprintable():
        raise ValueError("not one line")
    return value.strip()


def _isk_or_off(value: object) -> float | None:
    if value is None or (isinstance(value, str) and value.strip().lower() == "off"):
        return None
    amount = parse_isk(value)
    if amount <= 0:
        raise ValueError("nothing is said by 0")
    return amount


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("not finite")
    return value


AnyPath = Annotated[Path, BeforeValidator(_path)]
Url = Annotated[str, AfterValidator(_base_url)]
Seconds = Annotated[float, AfterValidator(_finite)]
Upper = BeforeValidator(lambda value: value.strip().upper() if isinstance(value, str) else value)
Lower = BeforeValidator(lambda value: value.strip().lower() if isinstance(value, str) else value)
Level = Literal["TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL"]


def _below(environ: Mapping[str, str], variable: str, usual: str, rest: str, without_home: str) -> Path:
    base, home = environ.get(variable, ""), environ.get("HOME", "")
    if base.startswith("/"):  # the XDG specification: a relative path is to be ignored
        return Path(base) / rest
    return Path(home) / usual / rest if home.startswith("/") else Path(without_home)


def default_config(environ: Mapping[str, str]) -> Path:
    """Give the place of notifier.toml where NOTIFIER_CONFIG is not set; whether it exists is not looked at."""
    return _below(environ, "XDG_CONFIG_HOME", ".config", "notifier/notifier.toml", "/etc/notifier/notifier.toml")


def default_state_dir(environ: Mapping[str, str]) -> Path:
    """Give the state directory where NOTIFIER_STATE_DIR is not set; it is not made."""
    return _below(environ, "XDG_STATE_HOME", ".local/state", "notifier", "/var/lib/notifier")


class Settings(BaseSettings):
    """Everything that is set by the environment; field `x_y` is NOTIFIER_X_Y. Durations in seconds."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True, hide_input_in_errors=True
    )

    config: AnyPath = Field(default_factory=lambda: default_config(os.environ), description="the path of notifier.toml")
    redis_url: Annotated[str, AfterValidator(_redis)] | None = Field(default=None, repr=False, description=EXPECTED)
    state_dir: AnyPath = Field(
        default_factory=lambda: default_state_dir(os.environ), description="the path of a directory"
    )
    contact: Annotated[str, AfterValidator(_line)] = Field(
        default="", max_length=200, description="one line of at most 200 characters: who answers for this installation"
    )
    log_format: Annotated[Literal["text", "json"], Lower] = Field(default="text", description="text or json")
    log_level: Annotated[Level, Upper] = Field(
        default="INFO", description="TRACE, DEBUG, INFO, SUCCESS, WARNING, ERROR or CRITICAL"
    )
    zkillboard_url: Url = Field(
        default="https://r2z2.zkillboard.com", description="an http or https address without user, query"
    )
    esi_url: Url = Field(default="https://esi.evetech.net", description="an http or https address without user, query")
    discord_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_hosts), AfterValidator(_hosts_only)] = Field(
        default=DISCORD_HOSTS, min_length=1, description="hosts (or host:port) of webhooks, with commas between them"
    )
    discord_url: Url = Field(default=DISCORD_URL, description="an http or https address without user, query")
    notable_items: Annotated[float | None, BeforeValidator(_isk_or_off)] = Field(
        default=50e6, description='off, or the ISK from which on an item is shown, above 0, such as "50m", "1.5b"'
    )
    zkillboard_api_url: Url = Field(
        default="https://zkillboard.com", description="an http or https address without user, query"
    )
    janice_url: Url = Field(
        default="https://janice.e-351.com", description="an http or https address without user, query"
    )
    janice_key_file: AnyPath | None = Field(
        default=None, description="the path of a file with the key of Janice's API, which then says prices"
    )
    feed_min_interval: Seconds = Field(default=0.1, ge=0, le=3600, description="seconds from 0 to 3600")
    feed_idle: Seconds = Field(default=6.0, ge=0, le=3600, description="seconds from 0 to 3600")
    feed_backlog: int = Field(default=100, ge=1, le=1_000_000, description="a whole number from 1 to 1000000")
    delivery_backlog: int = Field(default=20_000, ge=10, le=1_000_000, description="a whole number from 10 to 1000000")
    backfill_days: int = Field(default=0, ge=0, le=30, description="a whole number from 0 (off) to 30")
    enrichment_workers: int = Field(default=1, ge=1, le=64, description="a whole number from 1 to 64")
    delivery_workers: int = Field(default=2, ge=1, le=64, description="a whole number from 1 to 64")
    max_attempts: int = Field(default=8, ge=1, le=100, description="a whole number from 1 to 100")
    enrichment_patience: Seconds = Field(default=20.0, ge=0, le=3600, description="seconds from 0 to 3600")
    job_timeout: int = Field(default=30, ge=1, le=3600, description="whole seconds from 1 to 3600")
    dashboard_host: Annotated[str, AfterValidator(_line)] = Field(
        default="127.0.0.1", min_length=1, max_length=255, description="a host name or an IP address to listen on"
    )
    dashboard_port: int = Field(default=8080, ge=0, le=65535, description="a port from 0 (any free one) to 65535")

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the settings from `environ`; an empty variable counts as none. Raises ConfigError with all mistakes."""
        problems = _unknown(environ, cls.variables())
        values = {"config": default_config(environ), "state_dir": default_state_dir(environ)}
        try:
            settings = cls(**{**values, **_Environ(cls, environ)()})
        except ValidationError as error:
            # include_url: pydantic's documentation would help nobody here
            problems += [_problem(cls, detail) for detail in error.errors(include_url=False)]
        if problems:
            raise ConfigError(problems)
        return settings

    @classmethod
    def variables(cls) -> Mapping[str, str]:
        """Give each variable's name with what it may hold, in the order of the fields."""
        return {PREFIX + name.upper(): field.description or "" for name, field in cls.model_fields.items()}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the names are pydantic-settings'
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values only as arguments: `read` is the one way from an environment, and it is told which."""
        return (init_settings,)


class _Environ(EnvSettingsSource):
    """pydantic-settings' own reader, on a mapping that is passed in instead of os.environ."""

    def __init__(self, settings: type[BaseSettings], environ: Mapping[str, str]) -> None:
        super().__init__(settings)
        named = {name.lower(): value for name, value in environ.items() if name == name.upper()}
        self.env_vars = {name: value for name, value in named.items() if value.strip()}


def _unknown(environ: Mapping[str, str], known: Mapping[str, str]) -> list[Problem]:
    """Give a problem for each NOTIFIER_* variable that is no setting; its value may be anything and is not shown."""
    strange = sorted(
        name for name in environ if name.upper().startswith(PREFIX) and name not in known and name not in TOLERATED
    )
    return [
        Problem(name, "an unknown variable", f"a setting of the notifier{did_you_mean(name.upper(), known)}")
        for name in strange
    ]


def _problem(settings: type[Settings], detail: ErrorDetails) -> Problem:
    name = str(detail["loc"][0])
    cause = detail.get("ctx", {}).get("error")
    if isinstance(cause, RedisUrlError):
        return Problem(PREFIX + name.upper(), cause.found, cause.expected)
    expected = settings.model_fields[name].description or "another value"
    return Problem(PREFIX + name.upper(), shown(detail["input"]), expected)
