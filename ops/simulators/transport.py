"""The simulators as an httpx transport: the same handlers, no socket."""

import time
from collections.abc import Callable

import httpx

from ops.simulators.feed import Mail
from ops.simulators.simulation import Options, Simulation
from ops.simulators.wire import Clock, Request, Response


class SimulatedTransport(httpx.BaseTransport):
    """Answers whatever host a request names; `sleep` realises delays, and a test may pass one that only notes them."""

    def __init__(self, simulation: Simulation, sleep: Callable[[float], None] = time.sleep) -> None:
        self.simulation, self._sleep = simulation, sleep

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer; raises httpx.ReadTimeout for a longer delay than the client waits, RemoteProtocolError for a drop."""
        answer = self.simulation.handle(_taken(request))
        self._wait(request, answer)
        if answer.drop:
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.", request=request)
        return httpx.Response(answer.status, headers=answer.headers, content=answer.body)

    def close(self) -> None:
        """Give the simulation's file back."""
        self.simulation.close()

    def _wait(self, request: httpx.Request, answer: Response) -> None:
        patience = request.extensions.get("timeout", {}).get("read")
        if answer.delay and patience is not None and answer.delay > patience:
            raise httpx.ReadTimeout("timed out", request=request)
        if answer.delay:
            self._sleep(answer.delay)


def transport(
    mails: list[Mail] | None = None,
    options: Options | None = None,
    *,
    clock: Clock = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> SimulatedTransport:
    """Give a transport with simulators of its own: for httpx.Client(transport=…)."""
    return SimulatedTransport(Simulation(mails or [], options, clock), sleep)


def _taken(request: httpx.Request) -> Request:
    return Request(
        request.method,
        request.url.path,
        request.url.query.decode(),
        {name.lower(): value for name, value in request.headers.items()},
        request.read(),
    )
