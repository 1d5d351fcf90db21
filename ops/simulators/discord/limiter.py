"""Discord's rate limits: per webhook and its channel, per bot and channel, per address or bot, the ban for abuse.

Source: topics/rate-limits of discord-api-docs, and for the hidden limit of a channel what its issues report.
"""

import math

from ops.simulators.limits import FixedWindow, SlidingWindow
from ops.simulators.wire import Response, html_response, json_response

BUCKET = "80c17d2f203122d936070c88c8d10f33"
"""The hash of the bucket is the same for all webhooks."""

BOT_BUCKET = "29b8a3c4f8a5d6f1e0c7b2d9a4e3f6c1"
POSTS, POSTS_SECONDS = 5, 2.0
BOT_POSTS, BOT_SECONDS = 5, 5.0
CHANNEL_POSTS, CHANNEL_SECONDS = 30, 60.0
GLOBAL, GLOBAL_SECONDS = 50, 1.0
INVALID, INVALID_SECONDS = 10_000, 600.0
BAN_SECONDS = 3_600


class Limiter:
    """Counts requests; every figure is Discord's."""

    def __init__(self) -> None:
        self._posts = FixedWindow(POSTS, POSTS_SECONDS)
        self._bots = FixedWindow(BOT_POSTS, BOT_SECONDS)
        self._channels = SlidingWindow(CHANNEL_POSTS, CHANNEL_SECONDS)
        self._global = SlidingWindow(GLOBAL, GLOBAL_SECONDS)
        self._invalid = FixedWindow(INVALID, INVALID_SECONDS)
        self._banned: dict[str, float] = {}

    def refuse(self, webhook: str, channel: str, client: str, now: float) -> Response | None:
        """Count a webhook's request; gives the 429 when a limit is used up."""
        if (refused := self._everywhere(client, client, now)) is not None:
            return refused
        if not self._posts.use(webhook, now):
            wait = self._posts.ends(webhook, now) - now
            return _limited(wait, "user", {"X-RateLimit-Scope": "user", **self.headers(webhook, now)})
        # Nothing in the headers of earlier replies tells of this one.
        if wait := self._channels.use(channel, now):
            return _limited(wait, "shared", {"X-RateLimit-Scope": "shared", **self.headers(webhook, now)})
        return None

    def refuse_bot(self, bot: str, channel: str, client: str, now: float) -> Response | None:
        """Count a bot's request; its global limit is its own, wherever it comes from."""
        if (refused := self._everywhere(f"bot {bot}", client, now)) is not None:
            return refused
        key = f"{bot}/{channel}"
        if not self._bots.use(key, now):
            wait = self._bots.ends(key, now) - now
            return _limited(wait, "user", {"X-RateLimit-Scope": "user", **self.bot_headers(bot, channel, now)})
        return None

    def _everywhere(self, who: str, client: str, now: float) -> Response | None:
        if self._banned.get(client, 0.0) > now:
            return html_response(429, "error code: 1015", {"Retry-After": str(BAN_SECONDS)})
        if wait := self._global.use(who, now):
            return _limited(wait, "global", {"X-RateLimit-Global": "true", "X-RateLimit-Scope": "global"})
        return None

    def note(self, response: Response, client: str, now: float) -> None:
        """Count an answer that tells of abuse; too many of them get the address banned."""
        if response.status not in (401, 403, 429) or response.headers.get("X-RateLimit-Scope") == "shared":
            return
        if not self._invalid.use(client, now):
            self._banned[client] = now + BAN_SECONDS

    def headers(self, webhook: str, now: float) -> dict[str, str]:
        """The headers of the webhook's bucket."""
        return _headers(self._posts, webhook, BUCKET, now)

    def bot_headers(self, bot: str, channel: str, now: float) -> dict[str, str]:
        """The headers of the bucket for a bot's messages in the channel."""
        return _headers(self._bots, f"{bot}/{channel}", BOT_BUCKET, now)


def _headers(window: FixedWindow, key: str, bucket: str, now: float) -> dict[str, str]:
    ends = window.ends(key, now)
    return {
        "X-RateLimit-Limit": str(window.limit),
        "X-RateLimit-Remaining": str(window.left(key, now)),
        "X-RateLimit-Reset": f"{ends:.3f}",
        "X-RateLimit-Reset-After": f"{ends - now:.3f}",
        "X-RateLimit-Bucket": bucket,
    }


def _limited(wait: float, scope: str, headers: dict[str, str]) -> Response:
    message = "The resource is being rate limited." if scope == "shared" else "You are being rate limited."
    body = {"message": message, "retry_after": round(wait + 0.0005, 3), "global": scope == "global"}
    return json_response(429, body, {"Via": "1.1 google", "Retry-After": str(math.ceil(wait)), **headers})
