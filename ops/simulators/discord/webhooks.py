"""Discord's webhook routes: execute, look at, edit and delete (discord-api-docs, resources/webhook)."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from ops.simulators.discord.journal import Journal, Line, killmails
from ops.simulators.discord.limiter import Limiter
from ops.simulators.discord.payload import MISPLACED, forum_refusal, refusal
from ops.simulators.discord.view import NAME
from ops.simulators.wire import Clock, Request, Response, html_response, json_response

LARGEST = 8 * 1024 * 1024
"""Bytes of a request that Discord reads; more is 413."""

EPOCH = 1_420_070_400.0
"""Discord's ids hold the milliseconds since 2015."""

_PATH = re.compile(r"/api(?:/v\d{1,2})?/webhooks/([^/]+)/([\w-]+)(?:/messages/(\d+))?/?\Z")
_TYPES = "{'application/json', 'application/x-www-form-urlencoded', 'multipart/form-data'}"


class Webhooks:
    """Every numeric webhook id exists, with any token. A webhook's channel is of the same number, unless `move`d."""

    def __init__(
        self, journal: Journal, clock: Clock, *, limited: bool, posted: Callable[[list[int], float], None]
    ) -> None:
        self._journal, self._clock, self._posted = journal, clock, posted
        self._limiter = Limiter() if limited else None
        self._channels: dict[str, str] = {}
        self._kinds: dict[str, str] = {}
        self.refusals: list[dict[str, object]] = []

    def move(self, channels: dict[str, str]) -> None:
        """Put webhooks into channels, by id: those of one channel share its limit."""
        self._channels |= channels

    def shape(self, kinds: dict[str, str]) -> None:
        """Say of channels by id that they are a "forum", or of threads that they are "locked" or "gone"."""
        self._kinds |= kinds

    def channel(self, webhook: str) -> str:
        """Give the id of a webhook's channel; any other id is a channel's own."""
        return self._channels.get(webhook, webhook)

    def handle(self, request: Request) -> Response:
        """Answer one request below /api/."""
        found = _PATH.match(request.path)
        if found is None:
            return json_response(404, {"message": "404: Not Found", "code": 0})
        webhook, token, message = found.groups()
        if not webhook.isdigit():
            error = {"code": "NUMBER_TYPE_COERCE", "message": f'Value "{webhook}" is not snowflake.'}
            return json_response(400, _invalid({"webhook_id": {"_errors": [error]}}))
        if not request.headers.get("user-agent", "").strip():
            return html_response(403, "error code: 1010")
        return self._limited(request, webhook, token, message)

    def _limited(self, request: Request, webhook: str, token: str, message: str | None) -> Response:
        now, limiter = self._clock(), self._limiter
        if limiter is None:
            return self._serve(request, webhook, token, message, now)
        channel = self.channel(webhook)
        response = limiter.refuse(f"{webhook}/{token}", channel, request.client, now)
        if response is None:
            response = self._serve(request, webhook, token, message, now)
            response.headers |= limiter.headers(f"{webhook}/{token}", now)
        limiter.note(response, request.client, now)
        return response

    def _serve(self, request: Request, webhook: str, token: str, message: str | None, now: float) -> Response:
        if message is not None:
            response = self._message(request, webhook, message, now)
        elif request.method == "POST":
            response = self._execute(request, webhook, now)
        elif request.method == "GET":
            response = json_response(200, self._describe(webhook, token))
        else:
            response = json_response(405, {"message": "405: Method Not Allowed", "code": 0})
        response.headers["Via"] = "1.1 google"
        return response

    def _describe(self, webhook: str, token: str) -> dict[str, object]:
        channel = self.channel(webhook)
        found: dict[str, object] = {"id": webhook, "type": 1, "name": NAME, "avatar": None}
        return found | {"channel_id": channel, "guild_id": "1", "application_id": None, "token": token}

    def _execute(self, request: Request, webhook: str, now: float) -> Response:
        query = request.query() if request.query_string else {}
        thread = query.get("thread_id")
        refused = self._read(request)
        if isinstance(refused, Response):
            return refused
        payload = refused
        misplaced = self._misplaced(webhook, thread, payload.get("thread_name"))
        if misplaced is not None:
            return misplaced
        message = self._next_id(now)
        # A new post is a thread with the id of its first message.
        channel = message if payload.get("thread_name") else thread or self.channel(webhook)
        line = Line("post", message, webhook, channel, now, msgspec.Raw(msgspec.json.encode(payload)))
        self._journal.add(line)
        self._posted(killmails(payload), now)
        if query.get("wait", "").lower() not in ("true", "1"):
            return Response(204)
        return json_response(200, _message_object(line, payload))

    def _misplaced(self, webhook: str, thread: str | None, name: object) -> Response | None:
        """Refuse what this kind of channel, or this thread, does not take."""
        if thread is not None and self._kinds.get(thread) == "gone":
            return json_response(404, {"message": "Unknown Channel", "code": 10003})
        code = forum_refusal(self._kinds.get(self.channel(webhook)) == "forum", thread, name)
        if code is None and thread is not None and self._kinds.get(thread) == "locked":
            code = 50083
        return None if code is None else self._refuse({"message": MISPLACED[code], "code": code})

    def _read(self, request: Request) -> Any:
        """Give the payload, or the response that refuses it."""
        if len(request.body) > LARGEST:
            return json_response(413, {"message": "Request entity too large", "code": 40005})
        if "application/json" not in request.headers.get("content-type", ""):
            error = {
                "code": "CONTENT_TYPE_INVALID",
                "message": f'Expected "Content-Type" header to be one of {_TYPES}.',
            }
            return self._refuse(_invalid({"_errors": [error]}))
        try:
            payload = msgspec.json.decode(request.body)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return self._refuse({"message": "The request body contains invalid JSON.", "code": 50109})
        refused = refusal(payload)
        return payload if refused is None else self._refuse(refused)

    def _refuse(self, body: dict[str, Any]) -> Response:
        """Answer 400, and keep the last reasons for /simulator/stats."""
        self.refusals = [*self.refusals[-19:], body]
        return json_response(400, body)

    def _message(self, request: Request, webhook: str, message: str, now: float) -> Response:
        line = self._journal.find(webhook, message)
        if line is None:
            return json_response(404, {"message": "Unknown Message", "code": 10008})
        if request.method == "DELETE":
            self._journal.add(Line("delete", message, webhook, line.channel, now))
            return Response(204)
        if request.method == "PATCH":
            return self._edit(request, line)
        if request.method == "GET":
            return json_response(200, _message_object(line, msgspec.json.decode(line.payload)))
        return json_response(405, {"message": "405: Method Not Allowed", "code": 0})

    def _edit(self, request: Request, line: Line) -> Response:
        """What the edit names is replaced; the result must be a message that could have been posted."""
        try:
            change = msgspec.json.decode(request.body, type=dict[str, Any])
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return self._refuse({"message": "The request body contains invalid JSON.", "code": 50109})
        payload = msgspec.json.decode(line.payload) | change
        refused = refusal(payload)
        if refused is not None:
            return self._refuse(refused)
        edited = Line("edit", line.id, line.webhook, line.channel, line.at, msgspec.Raw(msgspec.json.encode(payload)))
        self._journal.add(edited)
        return json_response(200, _message_object(edited, payload))

    def _next_id(self, now: float) -> str:
        """Give a snowflake: the time, and always more than the last one."""
        found = max(int((now - EPOCH) * 1000) << 22, self._journal.last_id + 1)
        return str(found)


def _invalid(errors: object) -> dict[str, Any]:
    return {"message": "Invalid Form Body", "code": 50035, "errors": errors}


def _message_object(line: Line, payload: dict[str, Any]) -> dict[str, object]:
    name = payload.get("username") or NAME
    return {
        "type": 0,
        "content": (payload.get("content") or "").strip(),
        "mentions": [],
        "mention_roles": [],
        "attachments": [],
        "embeds": [{**embed, "type": "rich"} for embed in payload.get("embeds") or ()],
        "timestamp": datetime.fromtimestamp(line.at, UTC).isoformat(),
        "edited_timestamp": datetime.fromtimestamp(line.at, UTC).isoformat() if line.action == "edit" else None,
        "flags": payload.get("flags") or 0,
        "components": payload.get("components") or [],
        "id": line.id,
        "channel_id": line.channel,
        "author": {"id": line.webhook, "username": name, "avatar": None, "discriminator": "0000", "bot": True},
        "pinned": False,
        "mention_everyone": False,
        "tts": bool(payload.get("tts")),
        "webhook_id": line.webhook,
    }
