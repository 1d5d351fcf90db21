"""Discord's webhooks and bots: one post, one edit, and what each reply means. All but the class `Discord` is pure.

No text that leaves this module holds an address.
What the codes in the replies mean is in `discord_codes`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol, TypeAlias

import httpx
import msgspec

from notifier.outcome import Category, Failed, failed
from notifier.services import http
from notifier.services.discord_codes import (
    BLOCKED,
    CODES,
    EDITS,
    GONE,
    HINTS,
    OVERLOADED,
    STATUSES,
    THREADS,
    UNAUTHORIZED_HINT,
)

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

LONGEST_NONCE = 25
"""Characters, says docs/resources/message."""

WEBHOOK_ONLY = frozenset({"thread_name", "applied_tags", "username", "avatar_url"})
"""What of a message is said of the webhook, and only when it is posted: it goes into no edit and to no bot."""

OVERLOADED_PAUSE = 10.0
LONGEST_REASON = 300

_NAMELESS = frozenset({401, 404})
"""Statuses that say something of the webhook only in Discord's words: a proxy or a captive portal gives them, too."""

_TOKEN = re.compile(r"[\w-]{40,}|[\w-]{20,}\.[\w-]{5,}\.[\w-]{20,}", re.ASCII)
"""Of a webhook, of a bot."""
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f]+")


class Address(Protocol):
    """Where messages are posted, by a webhook or a bot; these methods are the only doors to its secrets."""

    @property
    def enforces_nonce(self) -> bool:
        """Whether it is a bot's: then a post with a nonce that was used a short while ago is not saved again."""

    def url(self) -> str:
        """Give the address to post to."""

    def message_url(self, message_id: str, thread: int | None = None) -> str:
        """Give the address of a message that was posted there, in `thread` if that is not the address' own."""

    def authorization(self) -> str | None:
        """Give the header's text, None for none."""


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
    """The message is in the channel; `message_id` is "" where Discord did not say it (204), `channel_id` too.

    A message that opened a post of a forum stands in the thread of its `channel_id`.
    """

    message_id: str
    channel_id: str = ""


@dataclass(frozen=True, slots=True)
class Throttled:
    """Wait `seconds`; `scope` says who: this webhook or bot (user), its channel (shared), or every post from this
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
    """Posts and edits, once: trying again is decided elsewhere.

    Each method gives the reply, whatever its status. Each raises httpx.HTTPError (for `classify_exception`) of the kind
    that happened, but without httpx's request and text, which hold the address; and whatever the address itself raises.
    """

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def post(self, address: Address, payload: Mapping[str, object], nonce: str | None = None) -> Reply:
        """Post one message. To a webhook with wait=true: Discord says what it saved. By a bot with the `nonce`, of at
        most LONGEST_NONCE characters: if it has saved a message of the bot with that nonce in the last few minutes, it
        answers with that one and saves no other; if somebody has deleted that one, `is_gone` is true of the reply.
        """
        if not address.enforces_nonce:
            return self._ask("POST", address.url, address.authorization, payload, wait=True)
        body = _bare(payload)
        if nonce is not None:
            body |= {"nonce": nonce, "enforce_nonce": True}
        return self._ask("POST", address.url, address.authorization, body)

    def edit(
        self, address: Address, message_id: str, payload: Mapping[str, object], thread: int | None = None
    ) -> Reply:
        """Put `payload` in the place of what a message shows; what it does not name stays.

        `thread` is where the message stands, if that is not where the address leads: a post of a forum.
        Raises ValueError where `message_id` is no id.
        """
        if not (message_id.isascii() and message_id.isdecimal()):
            raise ValueError(f"{message_id[:30]!r} is no id of a message")
        url = partial(address.message_url, message_id, thread)
        return self._ask("PATCH", url, address.authorization, _bare(payload))

    def _ask(
        self,
        method: str,
        url: Callable[[], str],
        authorization: Callable[[], str | None],
        payload: Mapping[str, object],
        *,
        wait: bool = False,
    ) -> Reply:
        body = msgspec.json.encode(payload)
        try:
            return self._send(method, url(), authorization(), body, wait=wait)
        except httpx.RequestError as error:
            kind = type(error)
        # Raised outside of the handler: no first exception and no frame that holds a secret come along.
        raise kind("the request to Discord failed")

    def _send(self, method: str, url: str, authorization: str | None, body: bytes, *, wait: bool) -> Reply:
        headers = {"Content-Type": "application/json"}
        if authorization is not None:
            headers["Authorization"] = authorization
        response = self._client.request(method, _with_wait(url) if wait else _url(url), content=body, headers=headers)
        return Reply(response.status_code, response.headers, response.content)


def _bare(payload: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in payload.items() if key not in WEBHOOK_ONLY}


def _url(url: str) -> httpx.URL:
    try:
        return httpx.URL(url)
    except (httpx.InvalidURL, TypeError, ValueError):
        raise httpx.UnsupportedProtocol("not an address") from None


def _with_wait(url: str) -> httpx.URL:
    """Add wait=true, keeping what else the query holds (thread_id)."""
    try:
        return _url(url).copy_set_param("wait", "true")
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


def is_gone(reply: Reply) -> bool:
    """Whether it says that the message is not there: nothing to edit; after a post with a nonce, it was deleted."""
    return reply.status < 500 and _object(reply.body).get("code") == GONE


def is_out_of_reach(reply: Reply) -> bool:
    """Whether it says that a message cannot be edited: it, or the thread that it is in, is gone, archived or locked."""
    return reply.status < 500 and _object(reply.body).get("code") in (GONE, *THREADS)


def is_of_edits(reply: Reply) -> bool:
    """Whether it is a limit on edits alone (of old messages, of announcements): new messages may go on."""
    return reply.status < 500 and _object(reply.body).get("code") in EDITS


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
    """A block by Cloudflare in front of the API: none of Discord's JSON, or a text or a code lent to it."""
    if reply.status < 500 and said.get("code") == BLOCKED:
        return True
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
    said = _object(reply.body)
    message_id, channel_id = said.get("id"), said.get("channel_id")
    if isinstance(message_id, str | int) and message_id:
        return Posted(str(message_id), str(channel_id) if isinstance(channel_id, str | int) else "")
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
    elif reply.status == httpx.codes.UNAUTHORIZED and code == 0:
        parts.append(UNAUTHORIZED_HINT)
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
