"""zKillboard's history over HTTP: for each past day its killmails' ids, or their ESI bodies (without a zkb block).

Facts: zKillboard, cron/9.dayDump.php: the files are rebuilt daily, a day belongs to killmail_time (UTC), today's is not
there. What is asked for when is the caller's part.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

import httpx
import msgspec

from notifier.feeds.cursor import WINDOW
from notifier.services.http import seconds

T = TypeVar("T")
LARGEST = 1 << 30
"""Bytes of one file. A busy day has less than a tenth of it, all of which is in memory while it is read."""
PAUSE = 60.0
"""Seconds after a failure, where zKillboard asks for no other pause."""
LONGEST_PAUSE = 3600.0

_totals = msgspec.json.Decoder(dict[str, int])
_hashes = msgspec.json.Decoder(dict[int, str])
_bodies = msgspec.json.Decoder(dict[int, msgspec.Raw])


class HistoryError(Exception):
    """A file that could not be had; after `wait` seconds it may be asked for again."""

    def __init__(self, reason: str, wait: float = PAUSE) -> None:
        super().__init__(reason)
        self.wait = wait


class NoFileError(HistoryError):
    """404: there is no such file (yet)."""


class History:
    """The history at `base_url`. Each method is one request; `beat` is called for each part of an answer."""

    def __init__(self, client: httpx.Client, base_url: str) -> None:
        self._client, self._base = client, base_url.rstrip("/")

    def totals(self) -> dict[str, int]:
        """How many killmails each day (YYYYMMDD) has. Raises HistoryError."""
        return _decoded(_totals, self._file("totals", _nothing), "totals")

    def ids(self, day: date, beat: Callable[[], None] | None = None) -> list[int]:
        """The ids of a day's killmails, ascending. Raises HistoryError, NoFileError where there is no such day."""
        name = f"{day:%Y%m%d}"
        hashes = _decoded(_hashes, self._file(name, beat or _nothing), name)
        return sorted(hashes)

    def bodies(self, day: date, beat: Callable[[], None] | None = None) -> list[tuple[int, msgspec.Raw]]:
        """A day's killmails, ascending by id: each with what stands for its ESI body. Raises as `ids` does."""
        name = f"raw/{day:%Y%m%d}"
        return sorted(_decoded(_bodies, self._file(name, beat or _nothing), name).items(), key=lambda item: item[0])

    def _file(self, name: str, beat: Callable[[], None]) -> bytearray:
        try:
            with self._client.stream("GET", f"{self._base}/history/{name}.json") as response:
                _require(response, name)
                content = bytearray()
                for part in response.iter_bytes():
                    content += part
                    beat()
                    if len(content) > LARGEST:
                        raise HistoryError(f"history/{name}.json is larger than {LARGEST} bytes")
                return content
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise HistoryError(f"no answer for history/{name}.json: {type(error).__name__}") from None


def days_lost(read_at: float, heard_at: float) -> list[date]:
    """The days (UTC) that the feed has lost whole or in part, when it was read at `read_at` and next at `heard_at`.

    Both in epoch seconds; none unless more lies between than the feed keeps, or where `read_at` is not known (0).
    """
    if not read_at or heard_at - read_at <= WINDOW:
        return []
    first, last = (datetime.fromtimestamp(at, UTC).date() for at in (read_at, heard_at - WINDOW))
    return [first + timedelta(days=index) for index in range((last - first).days + 1)]


def _require(response: httpx.Response, name: str) -> None:
    if response.status_code == httpx.codes.OK:
        return
    if response.status_code == httpx.codes.NOT_FOUND:
        raise NoFileError(f"there is no history/{name}.json")
    asked = seconds(response.headers.get("retry-after")) or PAUSE
    wait = max(PAUSE, asked) if response.status_code == httpx.codes.FORBIDDEN else asked
    raise HistoryError(f"history/{name}.json answered by {response.status_code}", min(wait, LONGEST_PAUSE))


def _decoded(decoder: msgspec.json.Decoder[T], content: bytearray, name: str) -> T:
    try:
        return decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise HistoryError(f"history/{name}.json is not what it should be ({error})") from None


def _nothing() -> None:
    pass
