"""EVE's public API: names and average prices in bulk, tickers one by one.

Caching, and remembering unknown ids, is the caller's part.
"""

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

import httpx
import msgspec

from notifier.outcome import Category
from notifier.services import http

COMPATIBILITY_DATE = "2026-08-18"
"""The behaviour of ESI that this client was written for; without the header ESI answers as in 2020."""

BATCH = 1_000
"""The most ids that one POST /universe/names takes."""

MOST_REFUSALS = 40
"""Refused calls in one lookup; ESI allows 100 errors a minute and address, and others live on them too."""

ERRORS_KEPT = 20
"""With fewer errors than this left in ESI's window no further call is made: at 0 every route answers 420."""

ERROR_WINDOW = 60.0
"""Seconds after which ESI's error limit begins anew at the latest."""

BUG_PAUSE = 60.0
"""Seconds without a call after ESI refused a request of ours as malformed: each one costs an error of its limit."""

STATUSES: Final[Mapping[int, Category]] = MappingProxyType(
    {
        401: "misconfigured",
        403: "misconfigured",  # we are kept out, by the User-Agent or by a ban
        420: "throttled",
        429: "throttled",
        500: "dependency down",
        502: "dependency down",  # the daily downtime: 502 in HTML, 503, 504 on cache misses
        503: "dependency down",
        504: "dependency down",
        520: "throttled",  # older routes' hidden limiter, in the game server
    }
)
"""What ESI's statuses mean; every other one (a redirect, a success that is none) is taken for ESI being down."""

UNSAID: Final[Mapping[Category, float]] = MappingProxyType({"throttled": 10.0, "misconfigured": 60.0})
"""Seconds without a call where ESI names no pause, for what no circuit counts: asking on makes a ban longer."""


_HEADERS: Final = MappingProxyType({"Accept-Language": "en", "X-Compatibility-Date": COMPATIBILITY_DATE})


@dataclass(frozen=True, slots=True)
class Names:
    """The names that ESI gave, and the ids that it says do not exist; both are for keeping."""

    found: dict[int, str]
    unknown: frozenset[int] = frozenset()


class EsiDown(Exception):  # noqa: N818 (a state of the service, named as one)
    """ESI cannot answer now; `retry_after` in seconds where ESI said it, `so_far` what was learned before."""

    def __init__(
        self,
        reason: str,
        retry_after: float | None = None,
        so_far: Names | None = None,
        category: Category = "dependency down",
    ) -> None:
        super().__init__(reason)
        self.reason, self.category = reason, category
        self.retry_after = retry_after
        self.so_far = so_far or Names({})


class _Row(msgspec.Struct, frozen=True):
    id: int
    name: str


class _Page(msgspec.Struct, frozen=True):
    ticker: str


class _Price(msgspec.Struct, frozen=True):
    type_id: int
    average_price: float | None = None


_rows = msgspec.json.Decoder(list[_Row])
_prices = msgspec.json.Decoder(list[_Price])
_page = msgspec.json.Decoder(_Page)


@dataclass(slots=True)
class _Search:
    """The state of one lookup: batches that wait, and what is known of the others."""

    waiting: deque[list[int]]
    found: dict[int, str] = field(default_factory=dict)
    unknown: set[int] = field(default_factory=set)
    refusals: int = 0
    only_400: bool = True

    def answered(self, batch: list[int], rows: list[_Row]) -> None:
        self.found.update({row.id: row.name for row in rows if row.name})
        self.unknown.update(one for one in batch if one not in self.found)

    def refused(self, batch: list[int], status: int) -> None:
        """One bad id fails its whole batch, so halve it until that id stands alone."""
        self.refusals += 1
        self.only_400 = self.only_400 and status == httpx.codes.BAD_REQUEST
        if len(batch) == 1:
            self.unknown.update(batch)
            return
        middle = len(batch) // 2
        self.waiting.extendleft((batch[middle:], batch[:middle]))

    def names(self) -> Names:
        return Names(dict(self.found), frozenset(self.unknown))


class Esi:
    """A client of ESI at `base_url` (https://esi.evetech.net, or a simulator)."""

    def __init__(self, client: httpx.Client, base_url: str) -> None:
        self._client = client
        self._base = base_url.rstrip("/")
        self._url = f"{self._base}/universe/names"

    def names(self, ids: Collection[int]) -> Names:
        """Resolve ids of characters, corporations, alliances (any number; duplicates are harmless) to names.

        Every id comes back as found or unknown. Raises EsiDown for everything else, with what was learned
        so far: keep that, or a batch with many bad ids would begin anew each time.
        """
        wanted = sorted({one for one in ids if one > 0})
        search = _Search(deque(wanted[at : at + BATCH] for at in range(0, len(wanted), BATCH)))
        try:
            while search.waiting:
                self._step(search)
        except EsiDown as down:
            raise EsiDown(down.reason, down.retry_after, search.names(), down.category) from None
        if len(wanted) > 1 and search.refusals and search.only_400 and not search.found:
            # When every single id is refused as malformed, it is the request that is wrong.
            raise EsiDown("ESI refuses every id with status 400", BUG_PAUSE, category="bug")
        search.unknown.update(one for one in ids if one <= 0)
        return search.names()

    def ticker(self, kind: Literal["corporation", "alliance"], one: int, timeout: float) -> str | None:
        """Give the ticker of a corporation or an alliance, without brackets; None where ESI does not know the id.

        Raises EsiDown for everything else, also when ESI is silent for `timeout` seconds.
        """
        try:
            response = self._client.get(f"{self._base}/{kind}s/{one}", headers=_HEADERS, timeout=timeout)
        except httpx.HTTPError as error:
            raise _unreachable(error) from None
        if response.status_code == httpx.codes.OK:
            return _ticker(response.content)
        if response.status_code not in (httpx.codes.BAD_REQUEST, httpx.codes.NOT_FOUND):
            raise classify(response.status_code, response.headers)
        left, pause = _errors_left(response)
        if left is not None and left < ERRORS_KEPT:
            raise EsiDown(f"only {left:.0f} errors are left in ESI's window", pause, None, "throttled")
        return None

    def prices(self) -> dict[int, float]:
        """Give the average price in ISK of every type that the market sells, some 15,000. Raises EsiDown."""
        try:
            response = self._client.get(f"{self._base}/markets/prices", headers=_HEADERS)
        except httpx.HTTPError as error:
            raise _unreachable(error) from None
        if response.status_code != httpx.codes.OK:
            raise classify(response.status_code, response.headers)
        try:
            rows = _prices.decode(response.content)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            raise EsiDown("ESI's answer is not the list of prices that it promises") from None
        return {row.type_id: row.average_price for row in rows if row.average_price}

    def _step(self, search: _Search) -> None:
        batch = search.waiting.popleft()
        response = self._ask(batch)
        if response.status_code == httpx.codes.OK:
            search.answered(batch, _read(response.content))
        elif response.status_code in (httpx.codes.BAD_REQUEST, httpx.codes.NOT_FOUND):
            search.refused(batch, response.status_code)
        else:
            raise classify(response.status_code, response.headers)
        _spare_the_error_limit(search, response)

    def _ask(self, batch: list[int]) -> httpx.Response:
        try:
            return self._client.post(
                self._url,
                content=msgspec.json.encode(batch),
                headers={"Content-Type": "application/json", **_HEADERS},
            )
        except httpx.HTTPError as error:
            raise _unreachable(error) from None


def _unreachable(error: httpx.HTTPError) -> EsiDown:
    """A question may be asked again, whether it was heard or not: never ambiguous."""
    return EsiDown(f"ESI cannot be reached: {type(error).__name__}")


def _ticker(body: bytes) -> str:
    try:
        return _page.decode(body).ticker
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise EsiDown("ESI's answer is not the page with a ticker that it promises") from None


def _read(body: bytes) -> list[_Row]:
    try:
        return _rows.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise EsiDown("ESI's answer is not the list of names that it promises") from None


def classify(status: int, headers: Mapping[str, str]) -> EsiDown:
    """Name the way in which ESI is down, for any status but 200, 400, 404, which speak of ids.

    420 is its error limit (all routes, until the window's end), 429 a limit of this route.
    """
    found = http.lower(headers)
    if status == 420:
        pause = http.seconds(found.get("x-esi-error-limit-reset"))
        return EsiDown(
            "ESI's error limit is used up (420)", ERROR_WINDOW if pause is None else pause, None, "throttled"
        )
    category = STATUSES.get(status, "dependency down")
    pause = http.seconds(found.get("retry-after"))
    return EsiDown(f"ESI answers {status}", UNSAID.get(category) if pause is None else pause, None, category)


def _spare_the_error_limit(search: _Search, response: httpx.Response) -> None:
    if not search.waiting:
        return
    left, pause = _errors_left(response)
    if search.refusals >= MOST_REFUSALS:
        raise EsiDown(f"ESI refused {search.refusals} batches of this lookup", pause, None, "throttled")
    if search.refusals and left is not None and left < ERRORS_KEPT:
        raise EsiDown(f"only {left:.0f} errors are left in ESI's window", pause, None, "throttled")


def _errors_left(response: httpx.Response) -> tuple[float | None, float]:
    """Give how many errors ESI's window still allows, None where it does not say, and the seconds until it ends."""
    left = http.seconds(response.headers.get("x-esi-error-limit-remain"))
    reset = http.seconds(response.headers.get("x-esi-error-limit-reset"))
    return left, ERROR_WINDOW if reset is None else reset
