"""The configuration: settings from the environment, destinations and subscriptions from notifier.toml."""

from notifier.config.address import Address, BotChannel, WebhookAddress
from notifier.config.battle import Battle
from notifier.config.destinations import AddressProblem, Destination
from notifier.config.errors import ConfigError
from notifier.config.janice_key import check_janice_key, read_janice_key
from notifier.config.load import Config, check_addresses, check_templates, load_config
from notifier.config.manners import Manners, Mentions, Quiet
from notifier.config.redis_url import RedisAddress, RedisUrlError, parse_redis_url
from notifier.config.settings import Settings

__all__ = [
    "Address",
    "AddressProblem",
    "Battle",
    "BotChannel",
    "Config",
    "ConfigError",
    "Destination",
    "Manners",
    "Mentions",
    "Quiet",
    "RedisAddress",
    "RedisUrlError",
    "Settings",
    "WebhookAddress",
    "check_addresses",
    "check_janice_key",
    "check_templates",
    "load_config",
    "parse_redis_url",
    "read_janice_key",
]
