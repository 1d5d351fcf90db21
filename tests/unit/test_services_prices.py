"""The clients of zKillboard's and Janice's prices."""

from collections.abc import Callable

import httpx
import pytest

from notifier.services import http
from notifier.services.prices import JanicePrices, PricesDown, ZkillboardPrices

KEY = "a-key-of-janice"


def client(answer: Callable[[httpx.Request], httpx.Response]) -> httpx.Client:
    return http.make_client(contact="x", timeout=3, transport=httpx.MockTransport(answer))


def zkillboard(answer: Callable[[httpx.Request], httpx.Response]) -> ZkillboardPrices:
    return ZkillboardPrices(client(answer), "https://zkillboard.example/")


def janice(answer: Callable[[httpx.Request], httpx.Response]) -> JanicePrices:
    return JanicePrices(client(answer), "https://janice.example/", KEY)


def row(eid: int, price: float | None) -> dict[str, object]:
    return {
        "date": "2026-11-23T00:00:00Z",
        "market": {"id": 2, "name": "Jita 4-4"},
        "immediatePrices": {"buyPrice": price, "splitPrice": 9.0, "sellPrice": 9.0, "buyPrice5DayMedian": 9.0},
        "top5AveragePrices": {"buyPrice": 9.0},
        "itemType": {"eid": eid, "name": "x", "volume": 1.0},
    }


@pytest.mark.parametrize(
    ("said", "price"),
    [
        ("136063333.33", {7: 136063333.33}),
        (5, {7: 5.0}),
        (0.01, {}),
        ("0.01", {}),
        (None, {}),
        ("nan", {}),
        ("inf", {}),
        (-3.5, {}),
    ],
)
def test_zkillboard_says_a_price_as_a_number_or_a_text(said: object, price: dict[int, float]) -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(200, json={"typeID": 7, "currentPrice": said, "2026-11-20": 3.5})

    assert zkillboard(answer).prices([7], 1.0) == price
    assert seen == ["https://zkillboard.example/api/prices/7/"]


def test_janice_is_asked_for_all_at_once_with_the_key() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=[row(7, 1.5e9), row(8, 0.0), row(9, None), row(1234, 5.0)])

    assert janice(answer).prices([9, 8, 7], 1.0) == {7: 1.5e9}
    [request] = seen
    assert (request.method, str(request.url)) == ("POST", "https://janice.example/api/rest/v2/pricer?market=2")
    assert request.content == b"7\n8\n9"
    assert request.headers["content-type"] == "text/plain"
    assert request.headers["x-apikey"] == KEY


@pytest.mark.parametrize("make", [zkillboard, janice])
@pytest.mark.parametrize(
    ("status", "headers", "pause", "category"),
    [
        (429, {"Retry-After": "17"}, 17.0, "throttled"),
        (429, {}, 60.0, "throttled"),
        (401, {}, 600.0, "misconfigured"),
        (403, {}, 600.0, "misconfigured"),
        (404, {}, None, "dependency down"),
        (502, {}, None, "dependency down"),
        (302, {}, None, "dependency down"),
    ],
)
def test_each_refusal_says_how_long_to_leave_the_service_alone(make, status, headers, pause, category) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(PricesDown) as caught:
        make(lambda _: httpx.Response(status, headers=headers)).prices([7], 1.0)
    assert (caught.value.retry_after, caught.value.category) == (pause, category)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("make", [zkillboard, janice])
@pytest.mark.parametrize("body", [b"", b"null", b"[1]", b"{]", b"<html>", b'{"currentPrice": "soon"}', b"[" * 5000])
def test_an_answer_of_another_shape_is_none(make, body) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(PricesDown, match="promises"):
        make(lambda _: httpx.Response(200, content=body)).prices([7], 1.0)


@pytest.mark.parametrize("make", [zkillboard, janice])
def test_a_service_that_cannot_be_reached_is_down_and_the_key_is_not_told(make) -> None:  # type: ignore[no-untyped-def]
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout(f"with {KEY}")

    with pytest.raises(PricesDown) as caught:
        make(answer).prices([7], 1.0)
    assert KEY not in str(caught.value)
    assert caught.value.category == "dependency down"
