"""zKillboard's feed over a made-up transport: what each answer means, and how long it waits."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from notifier.feeds.plan import Body, Failure, Missing
from notifier.feeds.r2z2 import LONGEST_WAIT, R2Z2, Cursor, Fetched, Hole, Idle
from notifier.services.http import make_client

BASE = "https://feed.example"
NOW = 1_795_458_031.0
FILE = b'{"killmail_id":5,"esi":{},"zkb":{},"uploaded_at":1795458000,"sequence_id":500}'
HTML = b"<!DOCTYPE html><html><body>error code: 520</body></html>"
DEEP = b'{"esi":' + b"[" * 100_000 + b"]" * 100_000 + b"}"

Answer = httpx.Response | Exception


class Server:
    """Answers by file name; keeps the requests."""

    def __init__(self, answers: dict[str, Answer] | Callable[[str], Answer]) -> None:
        self.answers, self.requests = answers, list[httpx.Request]()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        name = request.url.path.removeprefix("/ephemeral/").removesuffix(".json")
        answer = self.answers(name) if callable(self.answers) else self.answers.get(name, httpx.Response(404))
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def asked(self) -> list[str]:
        return [request.url.path.removeprefix("/ephemeral/").removesuffix(".json") for request in self.requests]


@pytest.fixture
def feed() -> Iterator[Callable[..., tuple[R2Z2, Server]]]:
    clients: list[httpx.Client] = []

    def made(answers: Any, min_interval: float = 0.1, idle: float = 6.0) -> tuple[R2Z2, Server]:
        server = Server(answers)
        clients.append(make_client(contact="me@example.com", timeout=3, transport=httpx.MockTransport(server)))
        return R2Z2(clients[-1], BASE + "/", min_interval, idle), server

    yield made
    for client in clients:
        client.close()


def head(sequence: object) -> httpx.Response:
    return httpx.Response(200, json={"sequence": sequence})


def file(content: bytes = FILE) -> httpx.Response:
    return httpx.Response(200, content=content)


def awake(source: R2Z2, server: Server) -> Cursor:
    """Read sequence.json, as every start does, so that the next request is for a file."""
    answer = source.poll(None, NOW)
    assert isinstance(answer, Idle)
    assert answer.after is not None
    server.requests.clear()
    return answer.after


def test_a_fresh_feed_begins_at_the_number_that_sequence_json_gives(feed) -> None:
    source, server = feed({"sequence": head(500), "500": file()})
    first = source.poll(None, NOW)
    assert first == Idle(Cursor(500, (), int(NOW)), 0.1, "begins at 500")
    assert source.poll(first.after, NOW + 0.1) == Fetched(FILE, 500, Cursor(501, (), int(NOW)))
    assert server.asked == ["sequence", "500"]


def test_every_request_names_the_client_and_asks_for_fresh_compressed_bodies(feed) -> None:
    source, server = feed({"sequence": head(500), "500": file()})
    source.poll(source.poll(None, NOW).after, NOW + 1)
    assert server.asked == ["sequence", "500"]
    for request in server.requests:
        assert request.headers["user-agent"].startswith("eve-killmail-notifier/")
        assert "me@example.com" in request.headers["user-agent"]
        assert request.headers["cache-control"] == "no-cache"
        assert "gzip" in request.headers["accept-encoding"]
        assert (request.method, request.url.query, request.url.host) == ("GET", b"", "feed.example")


@pytest.mark.parametrize("content", [HTML, FILE[:50], b"", b"{", b"\xff\xfe"])
def test_what_is_no_json_counts_as_not_there_yet(feed, content: bytes) -> None:
    source, server = feed({"sequence": head(500), "500": file(content)})
    answer = source.poll(awake(source, server), NOW + 0.1)
    assert (answer.after.next, answer.wait) == (500, 6.0)
    assert "no file 500 yet" in answer.reason


@pytest.mark.parametrize("content", [b"null", b"[]", b"5", b'{"uploaded_at":"soon"}', b'{"esi":null}', DEEP])
def test_json_of_another_shape_is_passed_on_for_the_decoder_to_refuse(feed, content: bytes) -> None:
    source, server = feed({"sequence": head(500), "500": file(content)})
    assert source.poll(awake(source, server), NOW + 0.1) == Fetched(content, 500, Cursor(501, (), int(NOW)))


def test_after_a_404_the_same_file_is_asked_for_when_the_pause_is_over_and_not_before(feed) -> None:
    source, server = feed({"sequence": head(500)})
    cursor = awake(source, server)
    answer = source.poll(cursor, NOW + 1)
    assert (answer.after, answer.wait, answer.skipped) == (cursor, 6.0, ())
    for later in (1.0, 4.0, 6.9):
        early = source.poll(cursor, NOW + later)
        assert early.wait == pytest.approx(7.0 - later)
    assert server.asked == ["500"]
    source.poll(cursor, NOW + 7.0)
    assert server.asked == ["500", "500"]


@pytest.mark.parametrize(
    ("answer", "wait"),
    [
        (httpx.Response(429, headers={"Retry-After": "7"}), 7.0),
        (httpx.Response(429, headers={"Retry-After": "0"}), 10.0),
        (httpx.Response(429, headers={"Retry-After": "Wed, 25 Nov 2026 07:28:00 GMT"}), 10.0),
        (httpx.Response(429, headers={"Retry-After": "86400"}), LONGEST_WAIT),
        (httpx.Response(429, content=HTML), 10.0),
        (httpx.Response(403, content=HTML), 60.0),
        (httpx.Response(403, headers={"Retry-After": "5"}), 60.0),
        (httpx.Response(403, headers={"Retry-After": "900"}), 900.0),
        (httpx.Response(500), 1.0),
        (httpx.Response(502, content=HTML), 1.0),
        (httpx.Response(503, headers={"Retry-After": "20"}), 20.0),
        (httpx.Response(520, content=HTML), 1.0),
        (httpx.Response(301, headers={"Location": "https://elsewhere.example/"}), 1.0),
        (httpx.Response(204), 1.0),
        (httpx.ConnectError("refused"), 1.0),
        (httpx.ReadTimeout("slow"), 1.0),
        (httpx.RemoteProtocolError("closed"), 1.0),
        (httpx.DecodingError("no gzip"), 1.0),
        (OSError("no descriptors"), 1.0),
    ],
)
def test_what_helps_nothing_is_waited_out_and_moves_no_cursor(feed, answer: Answer, wait: float) -> None:
    source, server = feed({"sequence": head(500), "500": answer})
    cursor = awake(source, server)
    found = source.poll(cursor, NOW + 1)
    assert (found.after, found.wait, found.skipped) == (cursor, wait, ())
    assert found.reason
    assert source.poll(cursor, NOW + 0.5 + wait).wait == pytest.approx(0.5)
    assert server.asked == ["500"]


@pytest.mark.parametrize(
    ("answer", "waits"),
    [
        (httpx.Response(503), [1, 2, 4, 8, 16, 32, 60, 60]),
        (httpx.Response(429), [10, 20, 40, 60, 60]),
        (httpx.Response(403), [60, 120, 240, 480, 960, 1920, 3600, 3600]),
        (httpx.ConnectError("refused"), [1, 2, 4, 8, 16, 32, 60, 60]),
        (httpx.Response(404), [6, 6, 6, 8, 16, 32, 60, 60]),
        (httpx.Response(200, content=HTML), [1, 2, 4, 8, 16, 32, 60, 60]),
        (head(0), [1, 2, 4]),
        (head("500"), [1, 2, 4]),
        (httpx.Response(200, json={"sequence_id": 500}), [1, 2, 4]),
    ],
)
def test_without_sequence_json_a_fresh_feed_waits_longer_each_time(feed, answer: Answer, waits: list[float]) -> None:
    source, server = feed({"sequence": answer})
    now, found = NOW, []
    for _ in waits:
        idle = source.poll(None, now)
        assert idle.after is None
        found.append(idle.wait)
        now += idle.wait
    assert found == waits
    assert server.asked == ["sequence"] * len(waits)


def test_a_block_of_the_files_alone_is_waited_out_longer_each_time(feed) -> None:
    source, server = feed({"sequence": head(500), "500": httpx.Response(403)})
    cursor, now, found = awake(source, server), NOW, []
    while len(found) < 4:
        before = len(server.asked)
        idle = source.poll(cursor, now)
        if server.asked[before:] == ["500"]:
            found.append(idle.wait)
        now += idle.wait
    assert found == [60, 120, 240, 480]


def test_after_a_failure_the_next_success_forgives_it(feed) -> None:
    answers: dict[str, Answer] = {"sequence": head(500), "500": httpx.Response(503)}
    source, server = feed(answers)
    cursor = awake(source, server)
    assert [source.poll(cursor, NOW + at).wait for at in (0, 1, 3, 4)] == [1, 2, 0.1, 4]
    assert server.asked == ["500", "500", "sequence", "500"]
    answers["500"] = answers["501"] = file()
    after = source.poll(cursor, NOW + 8).after
    answers["501"] = answers["502"] = httpx.Response(503)
    assert source.poll(after, NOW + 9).wait == 1


def test_a_clock_that_is_set_back_makes_no_pause_longer(feed) -> None:
    source, server = feed({"sequence": head(500)})
    cursor = awake(source, server)
    source.poll(cursor, NOW + 1)
    assert source.poll(cursor, NOW - 3600).wait == pytest.approx(6.0)


def test_another_cursor_begins_anew_but_keeps_the_pause_that_was_asked_for(feed) -> None:
    source, server = feed({"sequence": head(500), "500": httpx.Response(429)})
    source.poll(awake(source, server), NOW + 1)
    assert source.poll(Cursor(700), NOW + 2).wait == pytest.approx(9.0)
    server.requests.clear()
    source.poll(Cursor(700), NOW + 11)
    assert server.asked == ["sequence"]


def test_a_stored_cursor_with_a_hole_reads_live_and_fills_in_turn(feed) -> None:
    source, server = feed(lambda name: head(500) if name == "sequence" else file())
    cursor, now = Cursor(490, (Hole(400, 404, int(NOW)),), int(NOW)), NOW
    while cursor.next < 496:
        cursor = source.poll(cursor, now).after
        now += 0.1
    assert server.asked == ["sequence", "490", "400", "491", "401", "492", "402", "493", "403", "494", "404", "495"]
    assert cursor.holes == ()


def test_a_feed_without_a_pace_reads_back_to_back_and_asks_for_nothing_else(feed) -> None:
    """As in the headless demo: sequence.json stays at the first file until a later one was read."""
    published, read = 300, list[int]()

    def answer(name: str) -> Answer:
        if name == "sequence":
            return head(500 + (0 if not read or max(read) == 500 else (published - 1) // 52 * 52))
        if int(name) >= 500 + published:
            return httpx.Response(404)
        read.append(int(name))
        return file()

    source, server = feed(answer, min_interval=0.0, idle=0.5)
    cursor, now, waits = None, NOW, []
    while not waits or waits[-1] == 0:
        found = source.poll(cursor, now)
        cursor = found.after
        waits.append(found.wait if isinstance(found, Idle) else 0.0)
        now += 0.001
    assert server.asked == ["sequence", *(str(number) for number in range(500, 801))]
    assert read == list(range(500, 800))
    assert waits == [0.0] * 301 + [0.5]


# -- Files that were rewritten


def resting(feed, answer: Answer) -> tuple[R2Z2, Server, Cursor]:
    """A reader at the head of the feed, which may ask again for file 400."""
    source, server = feed({"sequence": head(500), "400": answer})
    cursor = awake(source, server)
    assert source.poll(cursor, NOW + 1).wait == 6.0
    server.requests.clear()
    return source, server, cursor


def test_a_rewritten_file_is_asked_for_like_any_other_and_reading_goes_on_as_without_it(feed) -> None:
    source, server, cursor = resting(feed, file())
    assert source.reread(400, 0, NOW + 1.1, 5.0) == Body(FILE, 1_795_458_000)
    [request] = server.requests
    assert request.url.path == "/ephemeral/400.json"
    assert request.headers["cache-control"] == "no-cache"
    assert request.headers["user-agent"].startswith("eve-killmail-notifier/")
    assert request.extensions["timeout"] == dict.fromkeys(("connect", "read", "write", "pool"), 5.0)
    assert source.poll(cursor, NOW + 6.9).wait == pytest.approx(0.1), "the pause is neither shorter nor longer"
    source.poll(cursor, NOW + 7.0)
    assert server.asked == ["400", "500"]


@pytest.mark.parametrize(
    ("answer", "failures", "expected"),
    [
        (httpx.Response(404), 0, Missing()),
        (file(FILE[:50]), 0, Failure("400.json answered by 200, which does not help", 1.0, of_file=True)),
        (
            httpx.Response(520, text="error"),
            3,
            Failure("400.json answered by 520, which does not help", 8.0, of_file=True),
        ),
        (httpx.Response(429), 0, Failure("400.json answered by 429, which does not help", 10.0)),
        (httpx.Response(403), 1, Failure("400.json answered by 403, which does not help", 120.0)),
        (httpx.ReadTimeout("slow"), 0, Failure("no answer: ReadTimeout", 1.0, of_file=True)),
        (httpx.ConnectError("refused"), 0, Failure("no answer: ConnectError", 1.0)),
    ],
)
def test_a_rewritten_file_that_cannot_be_had_changes_nothing_for_live_reading(feed, answer, failures, expected) -> None:
    source, server, cursor = resting(feed, answer)
    assert source.reread(400, failures, NOW + 1.1, 5.0) == expected
    assert source.poll(cursor, NOW + 2).wait == pytest.approx(5.0)
    source.poll(cursor, NOW + 7.0)
    assert server.asked == ["400", "500"]


def test_a_rewritten_file_is_not_asked_for_while_the_feed_is_left_alone(feed) -> None:
    answers: dict[str, Answer] = {"sequence": head(500), "500": httpx.Response(503), "400": file()}
    source, server = feed(answers)
    cursor = awake(source, server)
    source.poll(cursor, NOW + 1)
    assert source.reread(400, 0, NOW + 1.1, 5.0) is None
    assert source.reread(400, 0, NOW + 3.0, 5.0) is None, "nor before it is known that the feed works again"
    answers["500"] = file()
    cursor = source.poll(cursor, NOW + 4).after
    assert source.reread(400, 0, NOW + 4.1, 5.0) == Body(FILE, 1_795_458_000)
    assert server.asked == ["500", "500", "400"]
