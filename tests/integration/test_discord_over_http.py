import json
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from notifier.config import WebhookAddress
from notifier.services import http
from notifier.services.discord import Discord, Posted, classify, classify_exception

SECRET = "tQ" * 34


def local(port: int) -> WebhookAddress:
    return WebhookAddress(f"http://127.0.0.1:{port}/api/webhooks/42/{SECRET}")


@contextmanager
def server(answer: Callable[[bytes], bytes]) -> Iterator[int]:
    """Serve one connection: read one whole request, send `answer`'s bytes, close."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                request = b""
                while not request.endswith(b"}"):
                    request += connection.recv(65_536)
                connection.sendall(answer(request))

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(10)
        assert not thread.is_alive()


def post(port: int) -> httpx.HTTPError | object:
    with http.make_client(contact="x", timeout=5) as client:
        try:
            return classify(Discord(client).post(local(port), {"embeds": []}), 0.0)
        except httpx.HTTPError as error:
            return error


def test_a_post_over_a_real_connection_is_read_back_as_posted() -> None:
    seen: list[bytes] = []

    def answer(request: bytes) -> bytes:
        seen.append(request)
        body = json.dumps({"id": "77"}).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    with server(answer) as port:
        assert post(port) == Posted("77")
    assert seen[0].startswith(f"POST /api/webhooks/42/{SECRET}?wait=true HTTP/1.1\r\n".encode())


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"]
)
def test_a_lost_response_is_ambiguous_and_shows_no_address(answer: bytes) -> None:
    with server(lambda request: answer) as port:
        error = post(port)
    assert isinstance(error, httpx.HTTPError)
    assert classify_exception(error).category == "ambiguous"
    shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert SECRET not in shown


def test_a_refused_connection_is_certain_not_to_have_posted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    error = post(port)
    assert isinstance(error, httpx.ConnectError)
    assert classify_exception(error).category == "dependency down"
