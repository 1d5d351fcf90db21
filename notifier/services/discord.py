"""Discord's webhooks: one post, and what each reply means. All but `Discord.post` is pure.

No text that leaves this module holds an address.
The table of replies is docs/topics/opcodes-and-status-codes of discord-api-docs, and what its threads report.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, Protocol, TypeAlias

import httpx
import msgspec

from notifier.outcome import Category, Failed, failed
from notifier.services import http

Scope: TypeAlias = Literal["user", "global", "shared", "cloudflare"]

SHORTEST_PAUSE = 0.1
"""Discord says retry_after 0 at times; a job that comes back at once would spin. Seconds."""

PAUSE_UNSAID = 1.0
"""Discord's own 429 without any figure: seconds."""

BLOCK_FLOOR = 60.0
"""Cloudflare's blocks last from a minute to a day; asking more often prolongs them. Seconds."""

BLOCK_UNSAID = 300.0
"""A block that does not say how long it lasts: seconds."""

WRITE_PAUSE = 30.0
"""A channel's or a server's write limit that does not say how long it lasts: seconds."""

OVERLOADED = 130000
OVERLOADED_PAUSE = 10.0
LONGEST_REASON = 300

CODES: Final[Mapping[int, Category]] = MappingProxyType(
    {
        10003: "misconfigured",  # Unknown Channel: the thread in the address is gone
        10015: "misconfigured",  # Unknown Webhook: deleted
        20028: "throttled",  # the channel's write limit, which comes with status 400 too
        20029: "throttled",  # the server's
        30046: "throttled",  # too many edits of old messages
        40005: "permanent",  # Request entity too large: a group is taken apart, one alone cannot be made smaller
        50001: "misconfigured",  # Missing Access
        50006: "permanent",  # Cannot send an empty message
        50013: "misconfigured",  # Missing Permissions
        50027: "misconfigured",  # Invalid Webhook Token
        50035: "permanent",  # Invalid Form Body
        50083: "misconfigured",  # Thread is archived, and locked: else the post would have opened it
        50109: "permanent",  # invalid JSON
        130000: "throttled",  # API resource is currently overloaded
        # Forum channels want a thread, or a name for a new one; no others do.
        220001: "misconfigured",
        220002: "misconfigured",
        220003: "misconfigured",
        220004: "misconfigured",
    }
)
"""What Discord's own codes mean, whatever the status (below 500) that they come with."""

HINTS: Final[Mapping[int, str]] = MappingProxyType(
    {
        10003: "the channel or the thread is gone",
        50083: "the thread is locked: unlock it",
        220001: "it is a forum: the destination needs a post_name, or a thread",
        220002: "the destination has a post_name and its address a thread: it needs one of the two",
        220003: "it is no forum: the destination must have no post_name",
        220004: "Discord allows no webhook's messages in this forum",
    }
)
"""What an operator should know of a code, in our configuration's words."""

STATUSES: Final[Mapping[int, Category]] = MappingProxyType(
    {
        401: "misconfigured",
        403: "misconfigured",
        404: "misconfigured",
        408: "ambiguous",
        413: "permanent",
        # A gateway's: it did not pass the post on.
        502: "dependency down",
        503: "dependency down",
    }
)
"""What a status means without a known code. Others: 3xx is a stranger's and transient, 4xx permanent, 5xx ambiguous."""

_NAMELESS = frozenset({401, 404})
"""Statuses that say something of the webhook only in Discord's words: a proxy or a captive portal gives them, too."""

_TOKEN = re.compile(r"[\w-]{40,}", re.ASCII)
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f]+")


class Address(Protocol):
    """A webhook's address; `url` is the only door to its text, which is a secret."""

    def url(self) -> str:
        """Give the address."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: status, headers (names in lower case, however they were given), body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __post_init__(self) -> None:
        object.__setattr__(self, "headers", http.lower(self.headers))


@dataclass(frozen=True, slots=True)
class Posted:
    """The message is in the channel; `message_id` is "" where Discord did not say it (204)."""

    message_id: str


@dataclass(frozen=True, slots=True)
class Throttled:
    """Wait `seconds`; `scope` says who: this webhook (user), its channel (shared), or every post from this
    IP address (global, cloudflare).
    """

    seconds: float
    scope: Scope


@dataclass(frozen=True, slots=True)
class Limits:
    """What a reply says of its bucket; the hash in `bucket` is the same for all webhooks."""

    remaining: int | None = None
    reset_after: float | None = None
    bucket: str | None = None

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> "Limits":
        """Read X-RateLimit-*, in any letter case; None for what is absent or no number; seconds."""
        found = http.lower(headers)
        remaining = http.seconds(found.get("x-ratelimit-remaining"))
        return cls(
            remaining=None if remaining is None else int(remaining),
            reset_after=http.seconds(found.get("x-ratelimit-reset-after")),
            bucket=found.get("x-ratelimit-bucket"),
        )


class Discord:
    """Posts to webhooks, once: trying again is decided elsewhere."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def post(self, address: Address, payload: Mapping[str, object]) -> Reply:
        """Post one message and give the reply, whatever its status; wait=true: Discord says what it saved.

        Raises httpx.HTTPError (for `classify_exception`) of the kind that happened, but without httpx's
        request and text, which hold the address; and whatever `address.url()` raises.
        """
        body = msgspec.json.encode(payload)
        try:
            return self._send(address, body)
        except httpx.RequestError as error:
            kind = type(error)
        # Raised outside of the handler: no first exception and no frame that holds the address come along.
        raise kind("the post to Discord failed")

    def _send(self, address: Address, body: bytes) -> Reply:
        response = self._client.post(
            _with_wait(address.url()), content=body, headers={"Content-Type": "application/json"}
        )
        return Reply(response.status_code, response.headers, response.content)


def _with_wait(url: str) -> httpx.URL:
    """Add wait=true, keeping what else the query holds (thread_id)."""
    try:
        return httpx.URL(url).copy_set_param("wait", "true")
    except (httpx.InvalidURL, TypeError, ValueError):
        raise httpx.UnsupportedProtocol("not an address") from None


def classify_exception(error: httpx.HTTPError) -> Failed:
    """Say how to go on after a post without a reply; ambiguous unless it is certain that nothing was sent."""
    return failed(http.category(error), f"no reply from Discord: {type(error).__name__}")


def classify(reply: Reply, now: float) -> Posted | Failed:
    """Say what a reply means; `now` is the wall clock (epoch seconds), for replies that name a moment."""
    if (pause := throttled(reply, now)) is not None:
        # A block is no limit of ours to wait out: nothing of ours gets through, as if Discord were down.
        category: Category = "dependency down" if pause.scope == "cloudflare" else "throttled"
        return failed(category, f"Discord's rate limit ({pause.scope})", pause.seconds)
    if 200 <= reply.status < 300:
        return _accepted(reply)
    said = _object(reply.body)
    if reply.status in _NAMELESS and not said:
        return failed("transient", f"{_reason(reply)}, not in Discord's words: something between answered")
    return failed(_category(reply, said), _reason(reply), http.seconds(reply.headers.get("retry-after")))


def _category(reply: Reply, said: Mapping[str, object]) -> Category:
    code = said.get("code")
    if reply.status < 500 and isinstance(code, int) and code in CODES:
        return CODES[code]
    if reply.status in STATUSES:
        return STATUSES[reply.status]
    if reply.status >= 500:
        return "ambiguous"
    return "transient" if reply.status < 400 else "permanent"


def throttled(reply: Reply, now: float | None = None) -> Throttled | None:
    """Say for how long a rate limit or a block holds, and for whom; None when the reply is neither."""
    said = _object(reply.body)
    if _is_block(reply, said):
        pause = http.seconds(reply.headers.get("retry-after"))
        return Throttled(BLOCK_UNSAID if pause is None else max(pause, BLOCK_FLOOR), "cloudflare")
    if reply.status == httpx.codes.TOO_MANY_REQUESTS:
        return Throttled(max(_pause(reply, said, now, PAUSE_UNSAID), SHORTEST_PAUSE), _scope(reply, said))
    code = said.get("code")
    if reply.status < 500 and isinstance(code, int) and CODES.get(code) == "throttled":
        unsaid = OVERLOADED_PAUSE if code == OVERLOADED else WRITE_PAUSE
        return Throttled(max(_pause(reply, said, None, unsaid), SHORTEST_PAUSE), "shared")
    return None


def _is_block(reply: Reply, said: Mapping[str, object]) -> bool:
    """A block by Cloudflare in front of the API: none of Discord's JSON, or the one text lent to it."""
    if reply.status not in (httpx.codes.FORBIDDEN, httpx.codes.TOO_MANY_REQUESTS):
        return False
    if "blocked from accessing" in str(said.get("message", "")).lower():
        return True
    if reply.status == httpx.codes.FORBIDDEN:
        return "code" not in said and "message" not in said
    from_discord = "retry_after" in said or (said and "via" in reply.headers)
    return not from_discord and not any(name.startswith("x-ratelimit-") for name in reply.headers)


def _scope(reply: Reply, said: Mapping[str, object]) -> Scope:
    named = reply.headers.get("x-ratelimit-scope", "").lower()
    if named == "global" or said.get("global") is True or "x-ratelimit-global" in reply.headers:
        return "global"
    if named == "shared" or "resource is being" in str(said.get("message", "")):
        return "shared"
    return "user"


def _pause(reply: Reply, said: Mapping[str, object], now: float | None, unsaid: float) -> float:
    """The finest figure wins: Retry-After is the body's retry_after rounded up to whole seconds."""
    headers = reply.headers
    for value in (
        said.get("retry_after"),
        headers.get("x-ratelimit-reset-after"),
        headers.get("retry-after"),
    ):
        if (pause := http.seconds(value)) is not None:
            return pause
    moment = headers.get("x-ratelimit-reset")
    if now is None or moment is None:
        return unsaid
    try:
        pause = http.seconds(float(moment) - now)
    except ValueError:
        pause = None
    return unsaid if pause is None else pause


def _accepted(reply: Reply) -> Posted | Failed:
    if reply.status == httpx.codes.NO_CONTENT:
        return Posted("")
    message_id = _object(reply.body).get("id")
    if isinstance(message_id, str | int) and message_id:
        return Posted(str(message_id))
    return failed("ambiguous", f"status {reply.status} without Discord's message")


def _object(body: bytes) -> Mapping[str, object]:
    """Give the body's JSON object, empty for anything else (HTML, nothing, a list)."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _reason(reply: Reply) -> str:
    """Give one line: status, code, Discord's message, the first of its nested errors; no payload."""
    said = _object(reply.body)
    parts = [f"Discord answers {reply.status}"]
    if isinstance(code := said.get("code"), int):
        parts[0] += f" (code {code})"
    if isinstance(message := said.get("message"), str):
        parts.append(message)
    if isinstance(code, int) and code in HINTS:
        parts.append(HINTS[code])
    parts.extend(f"{path}: {text[:100]}" for path, text in _errors(said.get("errors")))
    line = _BLANKS.sub(" ", "; ".join(part[:150] for part in parts))
    line = _TOKEN.sub("…", line)
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 1] + "…"


def _errors(tree: object) -> Iterator[tuple[str, str]]:
    """Flatten the tree {"embeds": {"0": {"title": {"_errors": [{"message": …}]}}}} to (path, message)."""
    stack: list[tuple[str, object]] = [("", tree)]
    given = 0
    while stack and given < 5:
        path, node = stack.pop()
        if isinstance(node, list):
            for error in node[: 5 - given]:
                given += 1
                yield path[:80] or "body", str(error.get("message", "?")) if isinstance(error, dict) else "?"
        elif isinstance(node, dict):
            for key, below in reversed(node.items()):
                stack.append((path if key == "_errors" else f"{path}.{key}".lstrip("."), below))
