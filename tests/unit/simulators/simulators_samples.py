"""What the simulators' tests share: a clock that they move, small feeds, requests with a client's usual headers."""

import json
from collections.abc import Mapping

from ops.simulators import Options, Pace, Simulation
from ops.simulators.feed import Mail, read_mail
from ops.simulators.wire import Request, Response

NOON = 1_795_458_000.0
"""2026-11-23 18:20 in UTC."""

WEBHOOK = "1300000000000000007"
PATH = f"/api/webhooks/{WEBHOOK}/token"


class Clock:
    """Stands still until a test moves it."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def mail(killmail_id: int, **more: object) -> Mail:
    killmail = {
        "killmail_id": killmail_id,
        "killmail_time": "2026-11-23T18:20:11Z",
        "solar_system_id": 30000142,
        "attackers": [{"character_id": 90000002, "damage_done": 9, "final_blow": True, "security_status": 0.1}],
        "victim": {"character_id": 90000001, "ship_type_id": 587, "damage_taken": 9},
        **more,
    }
    return read_mail(json.dumps({"killmail": killmail, "hash": None, "zkb": None}).encode())


def simulation(*mails: Mail, clock: Clock | None = None, **options: object) -> Simulation:
    return Simulation(list(mails), Options(**{"pace": Pace("rate", 1e5), **options}), clock or Clock())


def request(
    simulation: Simulation,
    method: str,
    path: str,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    client: str = "127.0.0.1",
) -> Response:
    """Ask as a polite client does; `path` may hold a query, `body` is sent as JSON unless it is bytes."""
    path, _, query = path.partition("?")
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    usual = {"user-agent": "a test", "content-type": "application/json"}
    return simulation.handle(Request(method, path, query, {**usual, **(headers or {})}, data, client))


def post(simulation: Simulation, body: object, path: str = PATH, **more: object) -> Response:
    return request(simulation, "POST", path, body, **more)
