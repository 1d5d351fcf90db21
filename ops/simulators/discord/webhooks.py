"""Discord's webhook routes: execute, look at, edit and delete (discord-api-docs, resources/webhook)."""

import re
from collections.abc import Mapping

from ops.simulators.discord.limiter import Limiter
from ops.simulators.discord.messages import Messages, as_object, invalid
from ops.simulators.discord.payload import MISPLACED, forum_refusal
from ops.simulators.discord.view import NAME
from ops.simulators.wire import Clock, Request, Response, html_response, json_response

_PATH = re.compile(r"/api(?:/v\d{1,2})?/webhooks/([^/]+)/([\w-]+)(?:/messages/(\d+))?/?\Z")


class Webhooks:
    """Every numeric webhook id exists, with any token. A webhook's channel is of the same number, unless `move`d.

    `kinds` says of channels by id that they are a "forum", or of threads that they are "locked" or "gone".
    """

    def __init__(self, messages: Messages, limiter: Limiter | None, clock: Clock, kinds: Mapping[str, str]) -> None:
        self._messages, self._limiter, self._clock = messages, limiter, clock
        self._channels: dict[str, str] = {}
        self._kinds = kinds

    def move(self, channels: dict[str, str]) -> None:
        """Put webhooks into channels, by id: those of one channel share its limit."""
        self._channels |= channels

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
            return json_response(400, invalid({"webhook_id": {"_errors": [error]}}))
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
        payload = self._messages.read(request)
        if isinstance(payload, Response):
            return payload
        misplaced = self._misplaced(webhook, thread, payload.get("thread_name"))
        if misplaced is not None:
            return misplaced
        # A new post is a thread with the id of its first message.
        channel = "" if payload.get("thread_name") else thread or self.channel(webhook)
        line = self._messages.save(webhook, channel, payload, now)
        if query.get("wait", "").lower() not in ("true", "1"):
            return Response(204)
        return json_response(200, as_object(line))

    def _misplaced(self, webhook: str, thread: str | None, name: object) -> Response | None:
        """Refuse what this kind of channel, or this thread, does not take."""
        if thread is not None and self._kinds.get(thread) == "gone":
            return self._closed("gone")
        code = forum_refusal(self._kinds.get(self.channel(webhook)) == "forum", thread, name)
        if code is None and thread is not None and self._kinds.get(thread) == "locked":
            code = 50083
        return None if code is None else self._messages.refuse({"message": MISPLACED[code], "code": code})

    def _message(self, request: Request, webhook: str, message: str, now: float) -> Response:
        """Answer for one message; one in a thread is found by the thread's id alone, one of the channel without any."""
        thread = (request.query() if request.query_string else {}).get("thread_id")
        line = self._messages.journal.find(webhook, message)
        if line is not None and line.channel != (thread or self.channel(webhook)):
            line = None
        if request.method == "PATCH" and thread is not None and self._kinds.get(thread) in ("gone", "locked"):
            return self._closed(self._kinds[thread])
        return self._messages.serve(request, line, now)

    def _closed(self, kind: str) -> Response:
        if kind == "gone":
            return json_response(404, {"message": "Unknown Channel", "code": 10003})
        return self._messages.refuse({"message": MISPLACED[50083], "code": 50083})
