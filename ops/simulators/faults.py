"""Faults as data: which requests of which service fail, how, how often. POST them to /simulator/faults."""

import random
import re
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import msgspec

from ops.simulators.wire import Request, Response

Service: TypeAlias = Literal["discord", "esi", "markets", "zkillboard"]


class Match(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Which requests: `path` is a regular expression that is searched in the path; `method` as "POST"."""

    path: str = ""
    method: str = ""


class Fault(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One fault. Without `status` and `drop` the request is served as ever, later or with `headers` more.

    `status`: answer this instead; `body` a text, or a JSON value; without it what the service says with it.
    `drop`: close the connection without an answer. `after_effect`: serve the request first, and lose its answer.
    `delay`: seconds before the answer. `times`: how many requests, None = all. `probability`: of each, by `seed`.
    `unknown_ids` (esi): ids that /universe/names does not know as long as the fault stands.
    """

    service: Service
    match: Match = msgspec.field(default_factory=Match)
    status: int | None = None
    drop: bool = False
    after_effect: bool = False
    delay: float = 0.0
    body: Any = None
    headers: dict[str, str] = {}
    times: int | None = None
    probability: float = 1.0
    seed: int = 1
    unknown_ids: frozenset[int] = frozenset()
    used: int = 0


class _Rule:
    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self._path = re.compile(fault.match.path)
        self._chance = random.Random(fault.seed)  # noqa: S311 – the same faults in every run

    def takes(self, service: str, request: Request) -> bool:
        fault = self.fault
        if fault.service != service or fault.unknown_ids or (fault.times is not None and fault.used >= fault.times):
            return False
        if fault.match.method and fault.match.method != request.method:
            return False
        if not self._path.search(request.path):
            return False
        return fault.probability >= 1 or self._chance.random() < fault.probability


class Plan:
    """The faults that stand now; the first one that takes a request applies."""

    def __init__(self) -> None:
        self._rules: list[_Rule] = []

    def add(self, data: bytes) -> None:
        """Add faults from a JSON list. Raises ValueError, with the place, when it is no such list."""
        try:
            self._rules += [_Rule(fault) for fault in msgspec.json.decode(data, type=list[Fault])]
        except (msgspec.MsgspecError, re.error) as error:
            raise ValueError(f"not a fault plan: {error}") from None

    def clear(self) -> None:
        """Let everything work again."""
        self._rules = []

    def to_json(self) -> bytes:
        """Give the plan, with how often each fault has struck as `used`."""
        return msgspec.json.encode([rule.fault for rule in self._rules])

    def unknown_ids(self) -> frozenset[int]:
        """Give the ids that ESI shall not know."""
        return frozenset().union(*(rule.fault.unknown_ids for rule in self._rules))

    def apply(self, service: str, request: Request, serve: Callable[[Request], Response]) -> Response:
        """Serve the request, or let it fail as the plan says."""
        rule = next((rule for rule in self._rules if rule.takes(service, request)), None)
        if rule is None:
            return serve(request)
        rule.fault.used += 1
        return _fail(rule.fault, request, serve)


def _fail(fault: Fault, request: Request, serve: Callable[[Request], Response]) -> Response:
    replaced = fault.status is not None or fault.drop or fault.body is not None
    response = serve(request) if fault.after_effect or not replaced else None
    if replaced or response is None:
        response = _answer(fault)
    response.delay, response.drop = fault.delay, fault.drop
    response.headers = {**response.headers, **fault.headers}
    return response


def _answer(fault: Fault) -> Response:
    status = 200 if fault.status is None else fault.status
    body = _usual(fault.service, status) if fault.body is None else fault.body
    if isinstance(body, str):
        return Response(status, body.encode(), {"Content-Type": "text/html; charset=utf-8"})
    headers = {"Content-Type": "application/json"}
    if fault.service == "discord" and status != 502:
        headers["Via"] = "1.1 google"
    if isinstance(body, dict) and status == 429 and "retry_after" in body:
        headers["Retry-After"] = "1"
    return Response(status, msgspec.json.encode(body), headers)


def _usual(service: Service, status: int) -> object:
    """What the service says with a status when nothing else is asked for."""
    known = _DISCORD if service == "discord" else _ESI if service == "esi" else {}
    page = f"<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"
    return known.get(status, page)


_DISCORD: dict[int, object] = {
    400: {"message": "Cannot send an empty message", "code": 50006},
    401: {"message": "Invalid Webhook Token", "code": 50027},
    403: {"message": "Missing Permissions", "code": 50013},
    404: {"message": "Unknown Webhook", "code": 10015},
    413: {"message": "Request entity too large", "code": 40005},
    429: {"message": "You are being rate limited.", "retry_after": 1.0, "global": False},
    500: {"message": "500: Internal Server Error", "code": 0},
    503: {"message": "Service Unavailable", "code": 0},
}
_ESI: dict[int, object] = {
    400: {"error": "Bad request"},
    404: {"error": "Ensure all IDs are valid before resolving."},
    420: {"error": "This software has exceeded the error limit for ESI."},
    422: {"error": "Invalid killmail_id and/or killmail_hash"},
    429: {"error": "Rate limit exceeded"},
    500: {"error": "Internal server error"},
    503: {"error": "The datasource tranquility is temporarily unavailable"},
    504: {"error": "Timeout contacting tranquility", "timeout": 10},
}
