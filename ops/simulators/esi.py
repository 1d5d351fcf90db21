"""ESI: names and average prices in bulk, status, and the public pages of characters, corporations, alliances.

Source: esi-docs, services/esi.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from ops.simulators import names
from ops.simulators.limits import FixedWindow, SlidingWindow
from ops.simulators.prices import Prices
from ops.simulators.wire import Clock, Request, Response, json_response

MOST_NAMES = 1_000
ERRORS = 100
"""Errors that an address may cause in a window of 60 s; then every route answers 420."""

TOKENS = {"/status": ("status", 600), "/meta/status": ("meta", 150)}
"""Routes with a bucket of their own: its group, and its tokens in 15 minutes."""

DATES = (
    "2020-01-01 2025-04-01 2025-04-02 2025-08-26 2025-09-26 2025-09-30 2025-11-06 2025-12-16 "
    "2026-05-19 2026-06-09 2026-07-17 2026-07-21 2026-08-04 2026-08-18"
).split()
"""Published compatibility dates; another one counts as the last before it."""

_PAGE = re.compile(r"/(characters|corporations|alliances)/(\d{1,12})\Z")
_PREFIX = re.compile(r"\A/esi(?=/)|\A/(?:latest|legacy|dev|v\d)(?=/)")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_EXCEEDED = "This software has exceeded the error limit for ESI. If you are a user, please contact the maintainer."
_UNRESOLVED = "Ensure all IDs are valid before resolving."


class Esi:
    """Answers as ESI. `kinds` says which ids of the feed are which; `unknown` which ids it shall not know now;
    `prices` are those of the types that the market sells.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        kinds: Mapping[int, str],
        unknown: Callable[[], frozenset[int]],
        limited: bool,
        prices: Prices,
    ) -> None:
        self._average = prices
        self._clock, self._kinds, self._unknown, self._limited = clock, kinds, unknown, limited
        self._errors = FixedWindow(ERRORS, 60.0)
        self._tokens = {route: SlidingWindow(tokens // 2, 900.0) for route, (_, tokens) in TOKENS.items()}

    def handle(self, request: Request) -> Response:
        """Answer one request; the path may begin with /esi and with ESI's old version words."""
        now = self._clock()
        path = _PREFIX.sub("", _PREFIX.sub("", request.path)).rstrip("/")
        if self._limited and not self._errors.left(request.client, now):
            return self._finish(request, json_response(420, {"error": _EXCEEDED}), path, now)
        return self._finish(request, self._dated(request, path, now), path, now)

    def _dated(self, request: Request, path: str, now: float) -> Response:
        """Check the compatibility date first, as ESI does; its day begins at 11:00 UTC."""
        asked = request.headers.get("x-compatibility-date", DATES[0])
        today = (datetime.fromtimestamp(now, UTC) - timedelta(hours=11)).strftime("%Y-%m-%d")
        if not _DATE.match(asked) or not DATES[0] <= asked <= max(today, DATES[-1]):
            return json_response(400, {"error": "Invalid X-Compatibility-Date"})
        response = self._route(request, path, now)
        response.headers["X-Compatibility-Date"] = max(date for date in DATES if date <= asked)
        return response

    def _route(self, request: Request, path: str, now: float) -> Response:
        if path == "/universe/names":
            return self._names(request) if request.method == "POST" else _refused(405, "Method not allowed")
        if path == "/markets/prices":
            return self._prices(now)
        if path in TOKENS:
            return self._status(request, path, now)
        page = _PAGE.match(path)
        if page is None:
            return _refused(404, "Not found")
        return self._page(page[1], int(page[2]), now)

    def _names(self, request: Request) -> Response:
        try:
            ids = msgspec.json.decode(request.body, type=list[int])
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return _refused(400, "the body is not a list of integers")
        if not 1 <= len(ids) <= MOST_NAMES:
            return _refused(400, f"expected 1 to {MOST_NAMES} ids, found {len(ids)}")
        if len(set(ids)) != len(ids):
            return _refused(400, "expected unique ids")
        unknown = self._unknown()
        rows = [(one, None if one in unknown else names.category(one, self._kinds)) for one in ids]
        if any(kind is None for _, kind in rows):
            return _refused(404, _UNRESOLVED)
        return json_response(
            200, [{"category": kind, "id": one, "name": names.name(one, kind or "")} for one, kind in rows]
        )

    def _prices(self, now: float) -> Response:
        rows = [
            {"type_id": one, "average_price": price, "adjusted_price": 0.9 * price}
            for one, price in self._average.all().items()
        ]
        return json_response(200, rows, _cached(now, 3_600))

    def _status(self, request: Request, path: str, now: float) -> Response:
        wait = self._tokens[path].use(request.client, now) if self._limited else 0.0
        if wait:
            return json_response(429, {"error": "Rate limit exceeded"}, {"Retry-After": str(math.ceil(wait))})
        started = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT11:02:30Z")
        if path == "/status":
            found: object = {"players": 24_512, "server_version": "3142455", "start_time": started}
        else:
            found = {"routes": [{"method": "POST", "path": "/universe/names", "status": "OK"}]}
        return json_response(200, found, _cached(now, 30))

    def _page(self, kind: str, one: int, now: float) -> Response:
        singular = {"characters": "character", "corporations": "corporation", "alliances": "alliance"}[kind]
        if one in self._unknown() or names.category(one, self._kinds) != singular:
            return _refused(404, f"{singular.title()} not found")
        found: dict[str, object] = {"name": names.name(one, singular)}
        if singular == "character":
            found |= {
                "corporation_id": 98_000_000 + one % 900_000,
                "birthday": "2015-03-24T11:37:00Z",
                "gender": "male",
            }
            found |= {"race_id": 1, "bloodline_id": 1}
        else:
            found |= {"ticker": names.ticker(one, singular), "creator_id": 90_000_001}
        return json_response(200, found, _cached(now, 86_400 if singular == "character" else 3_600))

    def _finish(self, request: Request, response: Response, path: str, now: float) -> Response:
        """Count errors and add the headers of the limit that the route is under: never both."""
        client, headers = request.client, response.headers
        headers["X-Esi-Request-Id"] = f"{int(now * 1e6):x}"
        if path in TOKENS and response.status != 420:
            group, tokens = TOKENS[path]
            used = 2 * self._tokens[path].used(client, now)
            headers |= {"X-Ratelimit-Group": group, "X-Ratelimit-Limit": f"{tokens}/15m"}
            headers |= {"X-Ratelimit-Used": str(used), "X-Ratelimit-Remaining": str(tokens - used)}
            return response
        if self._limited and response.status >= 400 and response.status != 420:
            self._errors.use(client, now)
        headers["X-Esi-Error-Limit-Remain"] = str(self._errors.left(client, now))
        headers["X-Esi-Error-Limit-Reset"] = str(math.ceil(self._errors.ends(client, now) - now))
        return response


def _refused(status: int, reason: str) -> Response:
    return json_response(status, {"error": reason})


def _cached(now: float, age: int) -> dict[str, str]:
    expires = datetime.fromtimestamp(now + age, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    return {"Cache-Control": f"public, max-age={age}", "Expires": expires}
