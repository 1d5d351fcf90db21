"""Discord's routes for a bot's messages: post, look at, edit and delete (discord-api-docs, resources/message)."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from ops.simulators.discord.limiter import Limiter
from ops.simulators.discord.messages import UNKNOWN, Messages, as_object, invalid
from ops.simulators.wire import Clock, Request, Response, html_response, json_response

NONCE_SECONDS = 300.0
"""For so long a nonce is known again; Discord says "the past few minutes"."""

LONGEST_NONCE = 25
UNAUTHORIZED = {"message": "401: Unauthorized", "code": 0}
CLOSED: Mapping[str, tuple[int, dict[str, Any]]] = {
    "gone": (404, {"message": "Unknown Channel", "code": 10003}),
    "hidden": (403, {"message": "Missing Access", "code": 50001}),
    "muted": (403, {"message": "Missing Permissions", "code": 50013}),
    "locked": (400, {"message": "Thread is locked", "code": 160005}),
    "forum": (400, {"message": "Cannot send a message in a forum channel", "code": 40058}),
}
"""Kinds of channels that take no message of a bot, and what is said then."""

ANOTHERS = {"message": "Cannot edit a message authored by another user", "code": 50005}
_PATH = re.compile(r"/api(?:/v\d{1,2})?/channels/(\d{1,20})/messages(?:/(\d+))?/?\Z")
_AUTHORIZATION = re.compile(r"Bot \S+")
_WEBHOOKS_ONLY = ("username", "avatar_url", "thread_name", "applied_tags")


class Bots:
    """Every channel exists, and any token is some bot's. `kinds` says of channels by id what CLOSED has."""

    def __init__(self, messages: Messages, limiter: Limiter | None, clock: Clock, kinds: Mapping[str, str]) -> None:
        self._messages, self._limiter, self._clock, self._kinds = messages, limiter, clock, kinds
        self._nonces: dict[tuple[str, str, str], tuple[str, float]] = {}

    @staticmethod
    def takes(path: str) -> bool:
        """Whether it is a bot's route."""
        return _PATH.match(path) is not None

    def handle(self, request: Request) -> Response:
        """Answer one request for a path that it `takes`."""
        found = _PATH.match(request.path)
        assert found is not None
        if not request.headers.get("user-agent", "").strip():
            return html_response(403, "error code: 1010")
        response = self._limited(request, found[1], found[2])
        response.headers["Via"] = "1.1 google"
        return response

    def _limited(self, request: Request, channel: str, message: str | None) -> Response:
        now, limiter = self._clock(), self._limiter
        given = request.headers.get("authorization", "")
        if not _AUTHORIZATION.fullmatch(given):
            response = json_response(401, UNAUTHORIZED)
        elif limiter is None:
            return self._serve(request, _author(given), channel, message, now)
        elif (refused := limiter.refuse_bot(_author(given), channel, request.client, now)) is not None:
            response = refused
        else:
            response = self._serve(request, _author(given), channel, message, now)
            response.headers |= limiter.bot_headers(_author(given), channel, now)
        if limiter is not None:
            limiter.note(response, request.client, now)
        return response

    def _serve(self, request: Request, author: str, channel: str, message: str | None, now: float) -> Response:
        kind = self._kinds.get(channel, "")
        if kind in CLOSED and request.method in ("POST", "PATCH"):
            status, body = CLOSED[kind]
            return self._messages.refuse(body, status)
        if message is None and request.method == "POST":
            return self._post(request, author, channel, now)
        if message is None:
            return json_response(405, {"message": "405: Method Not Allowed", "code": 0})
        line = self._messages.journal.find_in(channel, message)
        if line is not None and line.author != author and request.method == "PATCH":
            return self._messages.refuse(ANOTHERS, 403)
        return self._messages.serve(request, line, now)

    def _post(self, request: Request, author: str, channel: str, now: float) -> Response:
        payload = self._messages.read(request, _WEBHOOKS_ONLY)
        if isinstance(payload, Response):
            return payload
        nonce = payload.get("nonce")
        if nonce is not None and not _is_nonce(nonce):
            error = {"code": "BASE_TYPE_MAX_LENGTH", "message": f"Must be {LONGEST_NONCE} or fewer in length."}
            return self._messages.refuse(invalid({"nonce": {"_errors": [error]}}))
        key = (author, channel, str(nonce))
        if nonce is not None and payload.get("enforce_nonce") is True and (known := self._known(key, now)):
            # Also one that was deleted since is not saved again: discord-api-docs, pull request 6647.
            line = self._messages.journal.find_in(channel, known)
            return json_response(404, UNKNOWN) if line is None else json_response(200, as_object(line))
        line = self._messages.save(channel, channel, payload, now, author)
        if nonce is not None:
            self._nonces[key] = (line.id, now)
        return json_response(200, as_object(line))

    def _known(self, key: tuple[str, str, str], now: float) -> str | None:
        """Give the message that a nonce belongs to; those that are too old are forgotten."""
        self._nonces = {one: found for one, found in self._nonces.items() if found[1] > now - NONCE_SECONDS}
        found = self._nonces.get(key)
        return None if found is None else found[0]


def _is_nonce(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= LONGEST_NONCE
    return isinstance(value, int) and not isinstance(value, bool)


def _author(authorization: str) -> str:
    """Give a bot's id, the same for the same token, which is not kept."""
    return str(int.from_bytes(hashlib.sha256(authorization.encode()).digest()[:7], "big"))
