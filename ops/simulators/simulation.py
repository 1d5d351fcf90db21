"""All simulated services behind one door, and the control routes under /simulator/."""

import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ops.simulators.discord.bots import Bots
from ops.simulators.discord.journal import Journal
from ops.simulators.discord.limiter import Limiter
from ops.simulators.discord.messages import Messages
from ops.simulators.discord.pages import Pages
from ops.simulators.discord.webhooks import Webhooks
from ops.simulators.esi import Esi
from ops.simulators.faults import Plan
from ops.simulators.feed import FLAT, Feed, Mail, Pace, organisations
from ops.simulators.markets import PATHS as MARKETS
from ops.simulators.markets import Markets
from ops.simulators.prices import Prices
from ops.simulators.wire import Clock, Request, Response, json_response
from ops.simulators.zkillboard import Zkillboard

_ESI_WORDS = frozenset("esi universe markets status meta characters corporations alliances latest".split())


@dataclass(frozen=True, slots=True)
class Options:
    """How the simulators behave; see `python -m ops.simulators --help`. `state` None = keep nothing."""

    pace: Pace = FLAT
    kills: int | None = None
    limits: bool = True
    feed_limits: bool = True
    state: Path | None = None
    current_times: bool = False


def _service(first: str, path: str) -> str:
    """Say whose a path is; `first` is its first word."""
    if first == "api":
        return "markets" if path.startswith(MARKETS) else "discord"
    return "esi" if first in _ESI_WORDS else "zkillboard"


class Simulation:
    """zKillboard, ESI and Discord; `handle` answers any request of theirs."""

    def __init__(self, mails: list[Mail], options: Options | None = None, clock: Clock = time.time) -> None:
        options = options or Options()
        flat = options.pace.kind == "flat"
        feed = Feed(mails, options.pace, clock(), kills=options.kills, current_times=options.current_times)
        self.faults = Plan()
        self.journal = Journal(options.state)
        self.zkillboard = Zkillboard(
            feed,
            clock,
            limited=options.limits and options.feed_limits and not flat,
            compressed=not flat,
            fetched=self._fetched,
        )
        kinds = organisations(mails)
        prices = Prices([(mail.esi, mail.zkb) for mail in mails])
        self.esi = Esi(
            clock,
            kinds=kinds,
            unknown=self.faults.unknown_ids,
            limited=options.limits,
            prices=prices,
        )
        self.markets = Markets(clock, prices)
        self._messages, self._channel_kinds = Messages(self.journal, self._posted), dict[str, str]()
        limiter = Limiter() if options.limits else None
        self.webhooks = Webhooks(self._messages, limiter, clock, self._channel_kinds)
        self.bots = Bots(self._messages, limiter, clock, self._channel_kinds)
        self.pages = Pages(self.journal, clock)
        self.statuses: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._connections: defaultdict[str, set[int]] = defaultdict(set)
        self.timings: dict[int, dict[str, float]] = {}
        self._services = {
            "zkillboard": self.zkillboard.handle,
            "esi": self.esi.handle,
            "markets": self.markets.handle,
            "discord": self._discord,
        }

    def handle(self, request: Request) -> Response:
        """Answer a request, as the services do or as the fault plan says."""
        first = request.path.split("/", 2)[1] if request.path.startswith("/") else ""
        if first == "simulator":
            return self._control(request)
        if first == "discord" or request.path == "/":
            return self.pages.handle(request)
        service = _service(first, request.path)
        self._connections[service].add(request.connection)
        response = self.faults.apply(service, request, self._services[service])
        self.statuses[service]["dropped" if response.drop else str(response.status)] += 1
        return response

    def _discord(self, request: Request) -> Response:
        return self.bots.handle(request) if self.bots.takes(request.path) else self.webhooks.handle(request)

    def close(self) -> None:
        """Give the journal's file back."""
        self.journal.close()

    def _fetched(self, killmail: int, now: float) -> None:
        self.timings.setdefault(killmail, {"fetched": now})

    def _posted(self, killmails: list[int], now: float) -> None:
        for killmail in killmails:
            self.timings.setdefault(killmail, {}).setdefault("posted", now)

    def _control(self, request: Request) -> Response:
        match request.method, request.path.removeprefix("/simulator/"):
            case "GET", "arrivals":
                return json_response(200, self.journal.arrivals)
            case "GET", "published":
                return json_response(200, self.zkillboard.published())
            case "GET", "stats":
                return json_response(200, self.stats())
            case "GET", "timings":
                return json_response(200, self.timings)
            case "GET", "faults":
                return json_response(200, self.faults.to_json())
            case "POST", "deaf":
                return self._deafen(request)
            case (("POST" | "PUT" | "DELETE"), "faults"):
                return self._plan(request)
            case "POST", "rewrite":
                return self.zkillboard.rewrite(request.body)
            case "POST", ("channels" | "kinds" | "names") as what:
                return self._arrange(what, request.body)
        return json_response(404, {"error": "no such control"})

    def _arrange(self, what: str, body: bytes) -> Response:
        """Put webhooks into channels, say of what kind some are (by id; "forum", "locked", "gone", for bots also
        "hidden", "muted"), or name them, also by the id of a webhook there.
        """
        try:
            found = msgspec.json.decode(body, type=dict[str, str])
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return json_response(400, {"error": "expected an object of texts"})
        if what == "channels":
            self.webhooks.move(found)
        elif what == "kinds":
            self._channel_kinds |= found
        else:
            self.pages.name({self.webhooks.channel(one): name for one, name in found.items()})
        return json_response(200, {})

    @staticmethod
    def _deafen(request: Request) -> Response:
        """Refuse connections for some seconds, as a server that is being restarted."""
        try:
            seconds = msgspec.json.decode(request.body, type=dict[str, float])["seconds"]
        except (msgspec.MsgspecError, KeyError) as error:
            return json_response(400, {"error": f"expected seconds: {error}"})
        response = json_response(200, {})
        response.deaf = min(max(seconds, 0.0), 60.0)
        return response

    def _plan(self, request: Request) -> Response:
        """POST adds faults, PUT replaces the plan, DELETE clears it."""
        if request.method != "POST":
            self.faults.clear()
        try:
            if request.method != "DELETE":
                self.faults.add(request.body)
        except ValueError as error:
            return json_response(400, {"error": str(error)})
        return json_response(200, self.faults.to_json())

    def stats(self) -> dict[str, object]:
        """Count requests by service and status, the connections that carried them, messages, notifications, repeats."""
        arrivals = self.journal.arrivals.values()
        return {
            "requests": self.statuses,
            "connections": {service: len(found) for service, found in self._connections.items()},
            "published": self.zkillboard.published()["published"],
            "messages": self.journal.count(),
            "notifications": sum(sum(one.values()) for one in arrivals),
            "distinct": sum(len(one) for one in arrivals),
            "repeated": sum(count - 1 for one in arrivals for count in one.values() if count > 1),
            "refusals": self._messages.refusals,
        }
