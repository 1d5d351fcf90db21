import json
from collections.abc import Callable

import httpx
import pytest

from notifier.messages import Organisation
from notifier.services import esi as esi_client
from notifier.services import http
from notifier.services.esi import (
    BATCH,
    BUG_PAUSE,
    COMPATIBILITY_DATE,
    ERRORS_KEPT,
    MOST_REFUSALS,
    Esi,
    EsiDown,
    classify,
)

Answer = Callable[[httpx.Request], httpx.Response]


class Server:
    """ESI's /universe/names: refuses a batch with a bad id, duplicates, more than 1,000, as ESI does."""

    def __init__(self, bad: frozenset[int] = frozenset(), headers: dict[str, str] | None = None) -> None:
        self.bad = bad
        self.headers = headers or {}
        self.calls: list[list[int]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        ids = json.loads(request.content)
        self.calls.append(ids)
        if not ids or len(ids) > 1000 or len(set(ids)) != len(ids):
            return httpx.Response(400, json={"error": "bad request"}, headers=self.headers)
        if self.bad & set(ids):
            error = {"error": "Ensure all IDs are valid before resolving."}
            return httpx.Response(404, json=error, headers=self.headers)
        rows = [{"id": one, "name": f"Name {one}", "category": "character"} for one in ids]
        return httpx.Response(200, json=rows, headers=self.headers)


def esi(answer: Answer) -> Esi:
    client = http.make_client(contact="x", timeout=3, transport=httpx.MockTransport(answer))
    return Esi(client, "https://esi.example/")


def fixed(status: int, body: object = None, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda request: httpx.Response(status, content=content, headers=named)


def test_names_are_asked_for_in_one_call_with_what_esi_wants_to_be_told() -> None:
    seen: list[httpx.Request] = []
    server = Server()

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return server(request)

    names = esi(answer).names([7, 8, 7])
    assert names.found == {7: "Name 7", 8: "Name 8"}
    assert names.unknown == frozenset()
    assert server.calls == [[7, 8]]
    assert seen[0].method == "POST"
    assert str(seen[0].url) == "https://esi.example/universe/names"
    assert seen[0].headers["x-compatibility-date"] == COMPATIBILITY_DATE
    assert seen[0].headers["user-agent"].startswith("eve-killmail-notifier/")


def test_no_ids_need_no_call() -> None:
    server = Server()
    assert esi(server).names([]).found == {}
    assert server.calls == []


def test_more_than_a_thousand_ids_go_out_in_batches() -> None:
    server = Server()
    names = esi(server).names(range(1, 2 * BATCH + 2))
    assert [len(call) for call in server.calls] == [BATCH, BATCH, 1]
    assert len(names.found) == 2 * BATCH + 1


@pytest.mark.parametrize("bad", [{1}, {1000}, {17, 500, 501}, {1, 2, 3, 1000}])
def test_bad_ids_are_found_by_halving_and_every_other_name_arrives(bad: set[int]) -> None:
    server = Server(frozenset(bad))
    names = esi(server).names(range(1, 1001))
    assert names.unknown == bad
    assert len(names.found) == 1000 - len(bad)
    assert len(server.calls) <= 1 + len(bad) * 20


def test_an_id_that_cannot_exist_is_unknown_without_a_call() -> None:
    server = Server()
    assert esi(server).names([0, -5]).unknown == {0, -5}
    assert server.calls == []


def test_an_id_that_esi_leaves_out_of_its_answer_is_unknown() -> None:
    assert esi(fixed(200, [{"id": 1, "name": "One"}])).names([1, 2]).unknown == {2}


def test_a_single_refused_id_is_unknown() -> None:
    assert esi(fixed(400, {"error": "bad"})).names([5]).unknown == {5}


def test_ids_that_are_all_refused_as_malformed_are_not_declared_unknown() -> None:
    with pytest.raises(EsiDown, match="400") as caught:
        esi(fixed(400, {"error": "bad date"})).names([5, 6])
    assert caught.value.so_far.unknown == frozenset()
    assert (caught.value.category, caught.value.retry_after) == ("bug", BUG_PAUSE)


@pytest.mark.parametrize(
    ("status", "headers", "pause"),
    [
        (420, {"X_ESI_Error_Limit_Reset": "17"}, 17.0),
        (420, {"x_esi_error_limit_reset": "17.5"}, 17.5),
        (420, {}, 60.0),
        (429, {"Retry_After": "12"}, 12.0),
        (429, {}, 10.0),
        (500, {}, None),
        (502, {}, None),
        (503, {"RETRY_AFTER": "5"}, 5.0),
        (504, {}, None),
        (520, {}, 10.0),
        (403, {}, 60.0),
        (401, {}, 60.0),
        (301, {}, None),
        (204, {}, None),
    ],
)
def test_every_other_status_is_esi_down_with_the_pause_it_asks_for(
    status: int, headers: dict[str, str], pause: float | None
) -> None:
    with pytest.raises(EsiDown, match=str(status)) as caught:
        esi(fixed(status, {"error": "Timeout contacting tranquility"}, **headers)).names([1])
    assert caught.value.retry_after == pause
    throttled, kept_out = status in (420, 429, 520), status in (401, 403)
    expected = "throttled" if throttled else "misconfigured" if kept_out else "dependency down"
    assert caught.value.category == expected


@pytest.mark.parametrize("status", esi_client.STATUSES)
def test_every_status_of_the_table_is_told_apart(status: int) -> None:
    down = classify(status, {"RETRY-AFTER": "5"})
    assert down.category == esi_client.STATUSES[status]
    assert str(status) in down.reason


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"{}",
        b'[{"id":"1","name":"x"}]',
        b'[{"id":1}]',
        b"[" * 100_000,
        b'[{"id":1,"name":"\xff"}]',
    ],
)
def test_an_answer_that_is_no_list_of_names_is_esi_down(body: bytes) -> None:
    with pytest.raises(EsiDown, match="promises"):
        esi(fixed(200, body)).names([1])


@pytest.mark.parametrize("kind", [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError])
def test_a_broken_connection_is_esi_down_and_named_by_its_kind_alone(kind: type[httpx.RequestError]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise kind("text with a host name", request=request)

    with pytest.raises(EsiDown, match=kind.__name__) as caught:
        esi(answer).names([1])
    assert "host" not in str(caught.value)


def test_many_bad_ids_end_the_lookup_before_esis_error_limit_and_what_was_learned_is_kept() -> None:
    bad = frozenset(range(1, 101, 2))
    server = Server(bad)
    with pytest.raises(EsiDown) as caught:
        esi(server).names(range(1, 101))
    assert len(server.calls) < 2 * MOST_REFUSALS
    assert caught.value.so_far.found
    assert caught.value.so_far.unknown
    assert caught.value.so_far.unknown <= bad


def test_lookups_that_keep_what_was_learned_come_to_an_end() -> None:
    client = esi(Server(frozenset(range(1, 101, 2))))
    left = set(range(1, 101))
    for _ in range(10):
        try:
            names = client.names(left)
        except EsiDown as down:
            names = down.so_far
        left -= names.found.keys() | names.unknown
    assert not left


def test_few_errors_left_in_the_window_end_the_lookup() -> None:
    headers = {"X-ESI-Error-Limit-Remain": str(ERRORS_KEPT - 1), "X-ESI-Error-Limit-Reset": "33"}
    server = Server(frozenset({1}), headers)
    with pytest.raises(EsiDown) as caught:
        esi(server).names([1, 2])
    assert caught.value.retry_after == 33.0
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("kind", "path"), [("corporation", "/corporations/98000001"), ("alliance", "/alliances/98000001")]
)
def test_a_ticker_stands_on_the_page_of_its_organisation(kind: Organisation, path: str) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"name": "Miners Inc.", "ticker": "MINE"})

    assert esi(answer).ticker(kind, 98000001, 1.0) == "MINE"
    [request] = seen
    assert (request.method, request.url.path) == ("GET", path)
    assert request.headers["x-compatibility-date"] == COMPATIBILITY_DATE


def test_an_organisation_that_esi_does_not_know_has_no_ticker() -> None:
    assert esi(fixed(404, {"error": "Corporation not found"})).ticker("corporation", 1, 1.0) is None


def test_unknown_organisations_do_not_use_up_the_error_limit() -> None:
    answer = fixed(404, X_Esi_Error_Limit_Remain="3", X_Esi_Error_Limit_Reset="41")
    with pytest.raises(EsiDown, match="only 3 errors") as caught:
        esi(answer).ticker("corporation", 1, 1.0)
    assert (caught.value.retry_after, caught.value.category) == (41.0, "throttled")


@pytest.mark.parametrize("answer", [fixed(503), fixed(200, b"<html>"), fixed(200, {"name": "no ticker"}), fixed(420)])
def test_for_everything_else_esi_is_down(answer: Answer) -> None:
    with pytest.raises(EsiDown):
        esi(answer).ticker("corporation", 1, 1.0)


def test_an_esi_that_is_silent_is_down() -> None:
    def silent(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("")

    with pytest.raises(EsiDown, match="cannot be reached: ReadTimeout"):
        esi(silent).ticker("corporation", 1, 1.0)


def test_average_prices_come_in_one_call_and_what_has_none_is_left_out() -> None:
    rows = [{"type_id": 7, "average_price": 1.5, "adjusted_price": 9.0}, {"type_id": 8, "adjusted_price": 9.0}]
    assert esi(fixed(200, [*rows, {"type_id": 9, "average_price": 0.0}])).prices() == {7: 1.5}


@pytest.mark.parametrize(("status", "body"), [(200, b"null"), (200, b"<html>"), (404, {}), (502, b""), (429, {})])
def test_without_the_list_of_prices_esi_is_down(status: int, body: object) -> None:
    with pytest.raises(EsiDown):
        esi(fixed(status, body, retry_after="9")).prices()
