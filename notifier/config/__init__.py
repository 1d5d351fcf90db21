"""The configuration: settings from the environment, destinations and subscriptions from notifier.toml."""

from notifier.config.address import WebhookAddress
from notifier.config.destinations import AddressProblem, Destination
from notifier.config.errors import ConfigError
from notifier.config.load import Config, check_addresses, load_config
from notifier.config.manners import Manners, Mentions, Quiet
from notifier.config.redis_url import RedisAddress, RedisUrlError, parse_redis_url
from notifier.config.settings import Settings

__all__ = [
    "AddressProblem",
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
    "load_config",
    "parse_redis_url",
]
