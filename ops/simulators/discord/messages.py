"""What is done with messages whoever sends them, a webhook or a bot: checked, saved, edited, deleted, shown as JSON."""

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any

import msgspec

from ops.simulators.discord.journal import Journal, Line, killmails
from ops.simulators.discord.payload import refusal
from ops.simulators.discord.view import BOT, NAME
from ops.simulators.wire import Request, Response, json_response

LARGEST = 8 * 1024 * 1024
"""Bytes of a request that Discord reads; more is 413."""

EPOCH = 1_420_070_400.0
"""Discord's ids hold the milliseconds since 2015."""

UNKNOWN = {"message": "Unknown Message", "code": 10008}
_NO_JSON = {"message": "The request body contains invalid JSON.", "code": 50109}
_TYPES = "{'application/json', 'application/x-www-form-urlencoded', 'multipart/form-data'}"


class Messages:
    """Keeps messages in the journal; `posted` hears which killmails a message tells of, and when."""

    def __init__(self, journal: Journal, posted: Callable[[list[int], float], None]) -> None:
        self.journal, self._posted = journal, posted
        self.refusals: list[dict[str, object]] = []

    def read(self, request: Request, ignored: Collection[str] = ()) -> Any:
        """Give the message without the keys that are `ignored`, or the response that refuses it."""
        if len(request.body) > LARGEST:
            return json_response(413, {"message": "Request entity too large", "code": 40005})
        if "application/json" not in request.headers.get("content-type", ""):
            message = f'Expected "Content-Type" header to be one of {_TYPES}.'
            return self.refuse(invalid({"_errors": [{"code": "CONTENT_TYPE_INVALID", "message": message}]}))
        try:
            payload = msgspec.json.decode(request.body)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return self.refuse(_NO_JSON)
        if isinstance(payload, dict):
            payload = {key: value for key, value in payload.items() if key not in ignored}
        refused = refusal(payload)
        return payload if refused is None else self.refuse(refused)

    def refuse(self, body: dict[str, Any], status: int = 400) -> Response:
        """Answer with a refusal, and keep the last reasons for /simulator/stats."""
        self.refusals = [*self.refusals[-19:], body]
        return json_response(status, body)

    def save(self, webhook: str, channel: str, payload: dict[str, Any], now: float, author: str = "") -> Line:
        """Keep a new message; without a channel it opens one of its own, with its id: a post of a forum."""
        message = self._next_id(now)
        raw = msgspec.Raw(msgspec.json.encode(payload))
        line = Line("post", message, webhook, channel or message, now, raw, author)
        self.journal.add(line)
        self._posted(killmails(payload), now)
        return line

    def serve(self, request: Request, line: Line | None, now: float) -> Response:
        """Answer a request for one message; None is one that is not there."""
        if line is None:
            return json_response(404, UNKNOWN)
        if request.method == "DELETE":
            self.journal.add(Line("delete", line.id, line.webhook, line.channel, now, author=line.author))
            return Response(204)
        if request.method == "PATCH":
            return self._edit(request, line, now)
        if request.method == "GET":
            return json_response(200, as_object(line))
        return json_response(405, {"message": "405: Method Not Allowed", "code": 0})

    def _edit(self, request: Request, line: Line, now: float) -> Response:
        """What the edit names is replaced; the result must be a message that could have been posted."""
        try:
            change = msgspec.json.decode(request.body, type=dict[str, Any])
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return self.refuse(_NO_JSON)
        payload = msgspec.json.decode(line.payload) | change
        refused = refusal(payload)
        if refused is not None:
            return self.refuse(refused)
        raw = msgspec.Raw(msgspec.json.encode(payload))
        edited = Line("edit", line.id, line.webhook, line.channel, line.at, raw, line.author)
        self.journal.add(edited)
        self._posted(killmails(payload), now)
        return json_response(200, as_object(edited))

    def _next_id(self, now: float) -> str:
        """Give a snowflake: the time, and always more than the last one."""
        found = max(int((now - EPOCH) * 1000) << 22, self.journal.last_id + 1)
        return str(found)


def invalid(errors: object) -> dict[str, Any]:
    """Give the body of a 400 for a form with these errors."""
    return {"message": "Invalid Form Body", "code": 50035, "errors": errors}


def as_object(line: Line) -> dict[str, object]:
    """Give a message as Discord's API shows it."""
    payload = msgspec.json.decode(line.payload)
    name = BOT if line.author else payload.get("username") or NAME
    sender = {"id": line.author or line.webhook, "username": name, "avatar": None, "discriminator": "0000", "bot": True}
    found: dict[str, object] = {
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
        "author": sender,
        "pinned": False,
        "mention_everyone": False,
        "tts": bool(payload.get("tts")),
    }
    nonce = {} if payload.get("nonce") is None else {"nonce": payload["nonce"]}
    return found | (nonce if line.author else {"webhook_id": line.webhook})
