"""Pages that look like Discord: the channels that webhooks posted to, and what stands in them."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

import msgspec
from jinja2 import Environment, FileSystemLoader, select_autoescape
from markupsafe import Markup

from ops.simulators.discord import view
from ops.simulators.discord.journal import Journal, Line
from ops.simulators.wire import Clock, Request, Response, html_response

MOST = 50
"""Messages on a page: the newest."""

AGEING_SECONDS = 20
"""A page that stays the same is sent anew after so long, as "3 minutes ago" ages."""

ROOT = "/discord/channels"

_FOLDER = Path(__file__).parent / "templates"
_SCRIPT = (_FOLDER / "refresh.js").read_text("utf-8")
_SCRIPT_HASH = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; img-src https://images.evetech.net; style-src 'unsafe-inline'; connect-src 'self'; "
        f"script-src 'sha256-{_SCRIPT_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class _Channel:
    id: str
    name: str
    count: int


class Pages:
    """Shows what the journal holds. Channels stand in the order of their names' coming, then of their first message."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal, self._clock = journal, clock
        self._names: dict[str, str] = {}
        self._environment = Environment(
            loader=FileSystemLoader(_FOLDER), autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True
        )

    def name(self, names: Mapping[str, str]) -> None:
        """Give channels names, by their ids; a channel with a name is shown before anything was posted to it."""
        self._names |= names

    def handle(self, request: Request) -> Response:
        """Answer a request for a page; a channel is asked for by its id or its name."""
        if request.method not in ("GET", "HEAD"):
            return html_response(405, "405", {"Allow": "GET, HEAD", **HEADERS})
        path = request.path.rstrip("/")
        if path in ("", "/discord"):
            return html_response(302, "", {"Location": ROOT, **HEADERS})
        if path == ROOT:
            return self._first()
        if not path.startswith(f"{ROOT}/"):
            return self._page(404, None)
        return self._channel(request, unquote(path.removeprefix(f"{ROOT}/")))

    def _first(self) -> Response:
        """Open the first channel that holds a message."""
        found = next((one for one in self._channels() if one.count), None)
        if found is None:
            return self._page(200, None)
        return html_response(302, "", {"Location": f"{ROOT}/{quote(found.id, safe='')}", **HEADERS})

    def _channel(self, request: Request, asked: str) -> Response:
        found = next((one for one in self._channels() if asked in (one.id, one.name)), None)
        if found is None:
            return self._page(404, None)
        tag = f'"{self._journal.size}-{len(self._names)}-{int(self._clock() / AGEING_SECONDS)}"'
        if request.headers.get("if-none-match") == tag:
            return Response(304, headers={"ETag": tag, **HEADERS})
        return self._page(200, found, {"ETag": tag})

    def _channels(self) -> list[_Channel]:
        ids = dict.fromkeys([*self._names, *self._journal.channels])
        known = self._journal.channels
        return [_Channel(one, self._names.get(one, one), len(known.get(one, ()))) for one in ids]

    def _page(self, status: int, channel: _Channel | None, headers: Mapping[str, str] | None = None) -> Response:
        now = self._clock()
        posted = [] if channel is None else [_posted(line) for line in self._journal.newest(channel.id, MOST)]
        text = self._environment.get_template("channel.html").render(
            channels=self._channels(),
            channel=channel,
            messages=list(view.messages(posted, now)),
            missing=status == 404,
            root=ROOT,
            # Not escaped: it is a file of ours, and the policy names its hash.
            script=Markup(_SCRIPT),  # noqa: S704
        )
        return html_response(status, text, {**HEADERS, **(headers or {})})


def _posted(line: Line) -> view.Posted:
    return view.Posted(line.id, line.at, line.action == "edit", msgspec.json.decode(line.payload), bool(line.author))
