"""The simulators over real HTTP/1.1: one thread, one asyncio loop, a parser of just what clients send.

A fifth of the CPU that a framework takes for a request: the simulators share the machine with the system under test.
"""

import asyncio
import itertools
import signal
from collections.abc import Callable
from http import HTTPStatus

from ops.simulators.wire import Request, Response

LARGEST_HEAD = 64 * 1024
LARGEST_BODY = 32 * 1024 * 1024
_numbers = itertools.count(1)
_REASONS = {int(status): status.phrase for status in HTTPStatus}


class _Connection(asyncio.Protocol):
    """One connection; requests are answered in their order, the next one only when the last is answered."""

    def __init__(self, handle: Callable[[Request], Response], open_: set["_Connection"]) -> None:
        self._handle, self._open = handle, open_
        self._buffer = bytearray()
        self._busy = False
        self._client = ""
        self._number = next(_numbers)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self._client = peer[0] if peer else "127.0.0.1"
        self._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 – asyncio's own
        self._open.discard(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._advance()

    def close(self) -> None:
        self._transport.close()

    def _advance(self) -> None:
        """Answer as many whole requests as the buffer holds."""
        while not self._busy and self._buffer:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(self._buffer) > LARGEST_HEAD:
                    self._refuse(431)
                return
            if not self._request(end):
                return

    def _request(self, end: int) -> bool:
        """Take one request if its body is here; False = wait for more, or the connection ends."""
        try:
            method, target, headers = _head(bytes(self._buffer[:end]))
            length = int(headers.get("content-length", "0"))
        except ValueError:
            return self._refuse(400)
        if "transfer-encoding" in headers or not 0 <= length <= LARGEST_BODY:
            return self._refuse(411 if "transfer-encoding" in headers else 413)
        last = end + 4 + length
        if len(self._buffer) < last:
            if headers.pop("expect", "") and len(self._buffer) == end + 4:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return False
        body = bytes(self._buffer[end + 4 : last])
        del self._buffer[:last]
        path, _, query = target.partition("?")
        self._answer(Request(method, path, query, headers, body, self._client, self._number))
        return True

    def _answer(self, request: Request) -> None:
        response = self._handle(request)
        if response.delay > 0:
            self._busy = True
            asyncio.get_running_loop().call_later(response.delay, self._late, request, response)
        else:
            self._send(request, response)

    def _late(self, request: Request, response: Response) -> None:
        self._busy = False
        if not self._transport.is_closing():
            self._send(request, response)
            self._advance()

    def _send(self, request: Request, response: Response) -> None:
        if response.drop:
            self._transport.close()
            return
        self._transport.write(_encoded(response, with_body=request.method != "HEAD"))
        if request.headers.get("connection", "").lower() == "close":
            self._transport.close()

    def _refuse(self, status: int) -> bool:
        self._transport.write(_encoded(Response(status, headers={"Connection": "close"}), with_body=True))
        self._transport.close()
        return False


def _head(data: bytes) -> tuple[str, str, dict[str, str]]:
    """Read request line and headers (names in lower case). Raises ValueError for anything that is none."""
    first, *lines = data.decode("latin-1").split("\r\n")
    method, target, version = first.split(" ")
    if not version.startswith("HTTP/1.") or not target.startswith("/"):
        raise ValueError("not a request")
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise ValueError("not a header")
        headers[name.lower()] = value.strip()
    return method, target, headers


def _encoded(response: Response, *, with_body: bool) -> bytes:
    lines = [f"HTTP/1.1 {response.status} {_REASONS.get(response.status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    if response.status != HTTPStatus.NO_CONTENT:
        lines.append(f"Content-Length: {len(response.body)}")
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    return head + response.body if with_body else head


class _Door:
    """The listening socket: open, or for a while not."""

    def __init__(self, handle: Callable[[Request], Response], host: str) -> None:
        self._handle, self._host = handle, host
        self._connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None
        self._ear: asyncio.Task[None] | None = None
        self.port = 0

    async def open(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self._answer, self._connections), self._host, port, backlog=512
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def shut(self) -> None:
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._connections):
            connection.close()

    def _answer(self, request: Request) -> Response:
        response = self._handle(request)
        if response.deaf > 0 and (self._ear is None or self._ear.done()):
            self._ear = asyncio.get_running_loop().create_task(self._be_deaf(response.deaf))
        return response

    async def _be_deaf(self, seconds: float) -> None:
        self.shut()
        await asyncio.sleep(seconds)
        await self.open(self.port)


async def serve(handle: Callable[[Request], Response], host: str, port: int, listening: Callable[[int], None]) -> None:
    """Serve until SIGTERM or SIGINT; `listening` gets the port (the one chosen, for port 0)."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    door = _Door(handle, host)
    await door.open(port)
    listening(door.port)
    await stop.wait()
    door.shut()
