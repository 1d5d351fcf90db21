"""The address of the shared engine: redis, rediss and unix as redis-py reads them, and a form of our own for Sentinel.

redis+sentinel://[user:password@]host1:26379,host2:26379/service[/db]
"""

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

EXPECTED = (
    "redis://[user:password@]host[:port][/db], rediss://…, unix:///path?db=0 "
    "or redis+sentinel://[user:password@]host1:port,host2:port/service[/db]"
)
REDIS_PORT, SENTINEL_PORT = 6379, 26379


class RedisUrlError(ValueError):
    """An address that cannot be used; `found` and `expected` never hold its user, password or host."""

    def __init__(self, found: str, expected: str = EXPECTED) -> None:
        super().__init__(f"found {found}, expected {expected}")
        self.found, self.expected = found, expected


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """A parsed address. `sentinels` (host, port) and `service` are set for Sentinel only, `path` for unix only."""

    scheme: str
    host: str = ""
    port: int = 0
    path: str = ""
    db: int = 0
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    sentinels: tuple[tuple[str, int], ...] = ()
    service: str = ""

    def __str__(self) -> str:
        """Give the address without user and password, for people."""
        if self.sentinels:
            hosts = ",".join(_joined(*pair) for pair in self.sentinels)
            return f"{self.scheme}://{hosts}/{self.service}/{self.db}"
        if self.scheme == "unix":
            return f"unix://{self.path}?db={self.db}"
        return f"{self.scheme}://{_joined(self.host, self.port)}/{self.db}"


def parse_redis_url(text: str) -> RedisAddress:
    """Parse the address of a Redis server, or of the Sentinels that know it; raises RedisUrlError (a ValueError)."""
    if "://" not in text:
        raise RedisUrlError("a text without ://")
    if any(not "!" <= char <= "~" for char in text):
        raise RedisUrlError("a space, a control character or a letter outside ASCII in it", "none (use %20 and so on)")
    try:
        parts = urlsplit(text)
    except ValueError:
        raise RedisUrlError("brackets that do not close") from None
    match parts.scheme:
        case "redis" | "rediss":
            return _server(parts)
        case "unix":
            return _socket(parts)
        case "redis+sentinel":
            return _sentinel(parts)
    raise RedisUrlError("another scheme")


def _server(parts: SplitResult) -> RedisAddress:
    username, password, place = _credentials(parts.netloc)
    host, port = _host_port(place or "localhost", REDIS_PORT)
    return RedisAddress(parts.scheme, host, port, "", _db(parts.path, parts.query), username, password)


def _socket(parts: SplitResult) -> RedisAddress:
    username, password, place = _credentials(parts.netloc)
    if place or len(parts.path) < 2:
        raise RedisUrlError("a unix address without an absolute path", "three slashes, as in unix:///run/redis.sock")
    return RedisAddress("unix", "", 0, unquote(parts.path), _db("", parts.query), username, password)


def _sentinel(parts: SplitResult) -> RedisAddress:
    username, password, places = _credentials(parts.netloc)
    pairs = tuple(_host_port(place, SENTINEL_PORT) for place in places.split(","))
    service, _, db = parts.path.removeprefix("/").partition("/")
    if not service:
        raise RedisUrlError("no service name after the Sentinels' hosts")
    if parts.query or parts.fragment:
        raise RedisUrlError("options after the service", "none with redis+sentinel")
    return RedisAddress(parts.scheme, "", 0, "", _number(db), username, password, pairs, unquote(service))


def _credentials(netloc: str) -> tuple[str | None, str | None, str]:
    before, at, place = netloc.rpartition("@")
    username, colon, password = before.partition(":")
    return (unquote(username) or None) if at else None, unquote(password) if colon else None, place


def _host_port(place: str, default: int) -> tuple[str, int]:
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)?(?::(.*))?", place)
    if found is None or not found[1]:
        raise RedisUrlError("a host that is none")
    port = found[2] or str(default)
    if re.fullmatch(r"[0-9]{1,5}", port) is None or not 0 < int(port) < 65536:
        raise RedisUrlError("a port that is no number from 1 to 65535")
    return found[1].strip("[]"), int(port)


def _db(path: str, query: str) -> int:
    asked = re.search(r"(?:^|&)db=([^&]*)", query)
    return _number(asked[1] if asked else path.strip("/"))


def _number(text: str) -> int:
    if text and re.fullmatch(r"[0-9]{1,5}", text) is None:
        raise RedisUrlError("a database that is no number", "a database number such as 0")
    return int(text or 0)


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
