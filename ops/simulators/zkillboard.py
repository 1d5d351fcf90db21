"""zKillboard's R2Z2: numbered files and the number of the newest (zKillboard's wiki, "R2Z2"), and its history."""

import gzip
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from ops.simulators.feed import BASE, Feed, day_of
from ops.simulators.limits import SlidingWindow
from ops.simulators.wire import Clock, Request, Response, html_response, json_response

REWRITE = 52
"""sequence.json is rewritten when more than 51 killmails came since, so it lags behind the newest file."""

PACE = 20
"""Requests a second and address; more get 429."""

PATIENCE = 20
"""404s for one file within BLOCK seconds before the client is blocked: twice what a pause of 6 s between them gives."""

BLOCK = 60.0

KEPT = 24 * 3600.0
"""Seconds for which a file is there, under an enforced limit."""

DAY_ENDS = 6 * 3600.0
"""Seconds after midnight (UTC) at which the history of the day before is there."""

_REWRITE_SHAPE = "expected a published sequence with a killmail, and what to change in its zkb"

_DAY = re.compile(r"/history/(raw/)?(\d{8})\.json\Z")
_FILE = re.compile(r"/ephemeral/(\d{1,15})\.json\Z")


class _Rewrite(msgspec.Struct):
    sequence: int
    zkb: dict[str, Any]


class Zkillboard:
    """Serves the feed's files; with `limited` it enforces zKillboard's rules of politeness."""

    def __init__(
        self, feed: Feed, clock: Clock, *, limited: bool, compressed: bool, fetched: Callable[[int, float], None]
    ) -> None:
        self._feed, self._clock, self._limited, self._compressed = feed, clock, limited, compressed
        self._fetched = fetched
        self._beyond_base = False
        self._pace = SlidingWindow(PACE, 1.0)
        self._misses = SlidingWindow(PATIENCE, BLOCK)
        self._blocked: dict[str, float] = {}

    def published(self) -> dict[str, int]:
        """The newest file's number (one below the base when there is none) and how many there are."""
        count = self._feed.published(self._clock())
        return {"sequence": BASE + count - 1, "published": count}

    def handle(self, request: Request) -> Response:
        """Answer one request below /ephemeral/ or /history/."""
        now = self._clock()
        refusal = self._refuse(request, now)
        if refusal is not None:
            return refusal
        if request.method not in ("GET", "HEAD"):
            return html_response(405, "<h1>405</h1>")
        if request.path == "/ephemeral/sequence.json":
            return self._answer(request, b'{"sequence":%d}' % self._sequence(now))
        if request.path.startswith("/history/"):
            return self._history(request, now)
        return self._file(request, now)

    def rewrite(self, body: bytes) -> Response:
        """Change the zkb of a published file as `body` says; answers with the sequence of the file that will tell."""
        now = self._clock()
        try:
            asked = msgspec.json.decode(body, type=_Rewrite)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            return json_response(400, {"error": f"{_REWRITE_SHAPE}: {error}"})
        position = asked.sequence - BASE
        if not 0 <= position < self._feed.published(now) or self._feed.killmail_id(position) is None:
            return json_response(404, {"error": f"{_REWRITE_SHAPE}: found {asked.sequence}"})
        return json_response(200, {"sequence": BASE + self._feed.rewrite(position, asked.zkb, now)})

    def _refuse(self, request: Request, now: float) -> Response | None:
        if not request.headers.get("user-agent", "").strip():
            return html_response(403, "<html><body>error code: 1010</body></html>")
        if not self._limited:
            return None
        if self._blocked.get(request.client, 0.0) > now:
            return html_response(403, "<html><body>error code: 1006</body></html>")
        if self._pace.use(request.client, now):
            return html_response(429, "<html><body>error code: 1015</body></html>", {"Retry-After": "10"})
        return None

    def _sequence(self, now: float) -> int:
        """Stay at the base until a later file was read, so that a fresh reader begins with the first killmail."""
        if not self._beyond_base:
            return BASE
        return BASE + (max(self._feed.published(now), 1) - 1) // REWRITE * REWRITE

    def _file(self, request: Request, now: float) -> Response:
        found = _FILE.match(request.path)
        position = int(found[1]) - BASE if found else -1
        if not 0 <= position < self._feed.published(now) or self._is_over(position, now):
            return self._missing(request, now)
        self._beyond_base = self._beyond_base or position > 0
        killmail_id = self._feed.killmail_id(position)
        if killmail_id is not None:
            self._fetched(killmail_id, now)
        return self._answer(request, self._feed.package(position))

    def _is_over(self, position: int, now: float) -> bool:
        return self._limited and now - self._feed.published_at(position) > KEPT

    def _history(self, request: Request, now: float) -> Response:
        """The days before the present one: how many killmails, their hashes by id, or their bodies by id."""
        days = self._days(now)
        if request.path == "/history/totals.json":
            return self._answer(request, msgspec.json.encode({day: len(found) for day, found in sorted(days.items())}))
        asked = _DAY.match(request.path)
        positions = days.get(asked[2]) if asked else None
        if asked is None or positions is None:
            return self._missing(request, now)
        if asked[1]:
            return self._answer(request, _object({id_: self._feed.body(at) for id_, at in positions.items()}))
        hashes = {id_: msgspec.json.encode(self._feed.hash(at)) for id_, at in positions.items()}
        return self._answer(request, _object(hashes))

    def _days(self, now: float) -> dict[str, dict[int, int]]:
        """Day by day, where in the feed its killmails stand, by id: one that was published twice is there once."""
        today = datetime.fromtimestamp(now - DAY_ENDS, UTC).strftime("%Y%m%d")
        days: dict[str, dict[int, int]] = {}
        for position in range(self._feed.published(now)):
            killmail_id, day = self._feed.killmail_id(position), day_of(self._feed.body(position))
            if killmail_id is not None and day is not None and day < today:
                days.setdefault(day, {})[killmail_id] = position
        return days

    def _missing(self, request: Request, now: float) -> Response:
        if self._limited and self._misses.use(f"{request.client} {request.path}", now):
            self._blocked[request.client] = now + BLOCK
        return html_response(404, "<html><body><h1>404 Not Found</h1></body></html>")

    def _answer(self, request: Request, body: bytes) -> Response:
        response = json_response(200, body)
        if self._compressed and len(body) > 1000 and "gzip" in request.headers.get("accept-encoding", ""):
            response.body = gzip.compress(body, 1)
            response.headers["Content-Encoding"] = "gzip"
        return response


def _object(members: dict[int, bytes]) -> bytes:
    return b"{%s}" % b",".join(b'"%d":%s' % member for member in members.items())
