"""What items are worth: zKillboard's own prices, one by one, or Janice's, in one call. Caching is the caller's part."""

import math
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final, Protocol

import httpx
import msgspec

from notifier.outcome import Category
from notifier.services import http

UNKNOWN = 0.01
"""ISK that zKillboard says of what it has no price for."""
JITA = 2
"""Janice's number of the market at Jita 4-4."""
MOST_AT_ONCE = 100
"""Items that one call to Janice names at most; it is said to leave items out of very long lists."""

STATUSES: Final[Mapping[int, Category]] = MappingProxyType(
    {401: "misconfigured", 403: "misconfigured", 429: "throttled"}
)
"""What the statuses mean; every other one but 200 is taken for the service being down."""
UNSAID: Final[Mapping[Category, float]] = MappingProxyType({"throttled": 60.0, "misconfigured": 600.0})
"""Seconds without a call where no pause is named."""


class PricesDown(Exception):  # noqa: N818 (a state of the service, named as one)
    """The source cannot answer now; `retry_after` in seconds, None where a circuit decides when to ask again."""

    def __init__(self, reason: str, retry_after: float | None = None, category: Category = "dependency down") -> None:
        super().__init__(reason)
        self.retry_after, self.category = retry_after, category


class PriceSource(Protocol):
    """A service that knows prices. `name` names it in keys and logs; `keeps` are the seconds that a price holds."""

    name: str
    at_once: int
    keeps: int

    def prices(self, types: Collection[int], timeout: float) -> dict[int, float]:
        """Give the price in ISK of each of the types (at most `at_once`) that it knows. Raises PricesDown."""


class _ZkillboardPage(msgspec.Struct, rename="camel"):
    current_price: float | str | None = None


class _Type(msgspec.Struct):
    eid: int


class _Prices(msgspec.Struct, rename="camel"):
    buy_price: float | None = None


class _JaniceRow(msgspec.Struct, rename="camel"):
    item_type: _Type
    immediate_prices: _Prices


_page = msgspec.json.Decoder(_ZkillboardPage)
_rows = msgspec.json.Decoder(list[_JaniceRow])


class ZkillboardPrices:
    """zKillboard's wiki, "API (Prices)". Volunteers run it: it is asked for one type at a time, slowly."""

    name, at_once, keeps = "zkillboard", 1, 24 * 3600

    def __init__(self, client: httpx.Client, base_url: str) -> None:
        self._client, self._base = client, base_url.rstrip("/")

    def prices(self, types: Collection[int], timeout: float) -> dict[int, float]:
        """Give the current price of each type; it makes one call for each. Raises PricesDown."""
        found = {one: self._price(one, timeout) for one in types}
        return {one: price for one, price in found.items() if price > UNKNOWN}

    def _price(self, one: int, timeout: float) -> float:
        try:
            response = self._client.get(f"{self._base}/api/prices/{one}/", timeout=timeout)
        except httpx.HTTPError as error:
            raise _unreachable("zKillboard", error) from None
        _check("zKillboard", response)
        try:
            price = float(_page.decode(response.content).current_price or 0.0)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            raise PricesDown("zKillboard's answer is not the price that it promises") from None
        return price if math.isfinite(price) else 0.0


class JanicePrices:
    """Janice's POST /api/rest/v2/pricer (its swagger.json): what buyers at Jita pay at once."""

    name, at_once, keeps = "janice", MOST_AT_ONCE, 6 * 3600

    def __init__(self, client: httpx.Client, base_url: str, key: str) -> None:
        self._client, self._url, self._key = client, f"{base_url.rstrip('/')}/api/rest/v2/pricer", key

    def prices(self, types: Collection[int], timeout: float) -> dict[int, float]:
        """Give the price of each type that Janice knows, by one call. Raises PricesDown."""
        try:
            response = self._client.post(
                self._url,
                params={"market": JITA},
                # A line may be a name or an id; in a name a number at its end would count as a quantity.
                content="\n".join(str(one) for one in sorted(types)),
                headers={"Content-Type": "text/plain", "Accept": "application/json", "X-ApiKey": self._key},
                timeout=timeout,
            )
        except httpx.HTTPError as error:
            raise _unreachable("Janice", error) from None
        _check("Janice", response)
        try:
            rows = _rows.decode(response.content)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            raise PricesDown("Janice's answer is not the list of prices that it promises") from None
        found = {row.item_type.eid: row.immediate_prices.buy_price or 0.0 for row in rows}
        return {one: price for one, price in found.items() if price > 0 and one in types}


def _unreachable(service: str, error: httpx.HTTPError) -> PricesDown:
    return PricesDown(f"{service} cannot be reached: {type(error).__name__}")


def _check(service: str, response: httpx.Response) -> None:
    status = response.status_code
    if status == httpx.codes.OK:
        return
    category = STATUSES.get(status, "dependency down")
    pause = http.seconds(response.headers.get("retry-after"))
    raise PricesDown(f"{service} answers {status}", UNSAID.get(category) if pause is None else pause, category)
