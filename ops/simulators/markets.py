"""Prices of items: zKillboard's `GET /api/prices/{id}/` and Janice's `POST /api/rest/v2/pricer`."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from ops.simulators.prices import Prices
from ops.simulators.wire import Clock, Request, Response, html_response, json_response

NO_PRICE = 0.01
"""What zKillboard says of a type that it has no price for."""
MOST_LINES = 1_000

_TYPE = re.compile(r"/api/prices/(\d{1,9})/\Z")
PATHS = ("/api/prices/", "/api/rest/")
"""How the paths begin that belong here: the others below /api/ are Discord's."""


class Markets:
    """Answers as both; every key is as good as another for Janice, but there must be one."""

    def __init__(self, clock: Clock, prices: Prices) -> None:
        self._clock, self._prices = clock, prices

    def handle(self, request: Request) -> Response:
        """Answer one request below PATHS."""
        if request.path == "/api/rest/v2/pricer":
            return self._pricer(request)
        found = _TYPE.match(request.path)
        if found is None or request.method != "GET":
            return html_response(404, "<h1>404 Not Found</h1>")
        if not request.headers.get("user-agent", "").strip():
            return html_response(403, "<html><body>error code: 1010</body></html>")
        return json_response(200, self._page(int(found[1])))

    def _page(self, type_id: int) -> Mapping[str, object]:
        """Current prices come as a text, as zKillboard's database gives them."""
        known = self._prices.of(type_id) or NO_PRICE
        today = datetime.fromtimestamp(self._clock(), UTC).strftime("%Y-%m-%d")
        return {"typeID": type_id, "currentPrice": f"{known:.2f}", today: known}

    def _pricer(self, request: Request) -> Response:
        if not request.headers.get("x-apikey", "").strip():
            return json_response(401, {"status": 401, "title": "Unauthorized"})
        if request.method != "POST" or not request.headers.get("content-type", "").startswith("text/plain"):
            return json_response(415, {"status": 415, "title": "Unsupported Media Type"})
        lines = request.body.decode("utf-8", "replace").splitlines()[:MOST_LINES]
        return json_response(200, [self._row(int(one)) for one in lines if one.strip().isdecimal()])

    def _row(self, type_id: int) -> Mapping[str, object]:
        paid = self._prices.of(type_id)
        prices = {"buyPrice": paid, "splitPrice": 1.05 * paid, "sellPrice": 1.1 * paid}
        return {
            "market": {"id": 2, "name": "Jita 4-4"},
            "itemType": {"eid": type_id, "name": f"Inventory Type {type_id}"},
            "immediatePrices": prices,
            "top5AveragePrices": prices,
        }
