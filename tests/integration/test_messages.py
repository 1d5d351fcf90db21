"""What a destination reads of a kill: its layout, the tickers, whose side it is on. On a real server."""

import json

import httpx
import pytest

from notifier.config.destinations import Destination
from notifier.services.discord import Discord
from notifier.services.esi import Esi
from notifier.services.http import make_client
from notifier.tracking import Index, Subscription
from notifier.tracking.rules import All, Who
from notifier.universe import load
from tests.integration.samples import ADDRESS, HOSTS, package
from workers import keys
from workers.deliver import Deliver
from workers.enrich import Enrich
from workers.ingest import Ingest
from workers.name_cache import NameCache
from workers.process import StopSignal
from workers.queues import DELIVERY, ENRICHMENT
from workers.ticker_cache import TickerCache

VICTIMS, PILOT = 98000001, 91000000
RULES = [
    Subscription("all", ("everything", "losses"), All(())),
    Subscription("ours", ("losses",), Who("victim", corporations=frozenset({VICTIMS}))),
    Subscription("hunts", ("losses", "kills"), Who("attackers", characters=frozenset({PILOT}))),
]
LAYOUTS = {"everything": "full", "losses": "line", "kills": "compact"}


def body():
    found = json.loads(package(1))
    found["esi"]["victim"]["corporation_id"] = VICTIMS
    return json.dumps(found).encode()


def esi(request):
    if request.url.path.startswith("/corporations/"):
        return httpx.Response(200, json={"ticker": "MINE"})
    rows = [{"id": one, "name": f"Name {one}"} for one in json.loads(request.content)]
    return httpx.Response(200, json=rows)


@pytest.fixture
def posted(queues):
    """The one embed of each destination, after the whole way; what a job holds may be changed on it."""

    def run(change=lambda arguments: arguments):
        messages = {}

        def discord(request):
            [embed] = json.loads(request.content)["embeds"]
            messages[embed["description"]] = embed
            return httpx.Response(200, json={"id": "1"})

        Ingest(Index(RULES, load()), queues).offer(body(), 1, keys.cursor("r2z2"), "{}")
        client = Esi(make_client(contact="x", timeout=5.0, transport=httpx.MockTransport(esi)), "https://esi.example")
        tickers = TickerCache(queues.connection, client, wait=5.0)
        enrich = Enrich(queues, NameCache(queues.connection, client), load(), 20.0, tickers=tickers)
        [job] = queues.fetch(queues[ENRICHMENT].job_ids)
        queues.connection.delete(queues[ENRICHMENT].key)  # as the worker takes it: a delivery waits for what is coming
        enrich.perform(job.id, *change(job.args))
        to = {
            name: Destination(name, env=name, environ={name: ADDRESS}, allowed_hosts=HOSTS, layout=layout)
            for name, layout in LAYOUTS.items()
        }
        service = Discord(httpx.Client(transport=httpx.MockTransport(discord)))
        found = {}
        for waiting in queues.fetch(queues[DELIVERY].job_ids):
            messages.clear()
            Deliver(queues, to, service, StopSignal(), clock=lambda: 2e9).perform(waiting.id, *waiting.args)
            [found[waiting.args[1]]] = messages.values()
        return found

    return run


def test_each_destination_reads_it_in_its_layout_and_by_the_side_that_it_asks_for(posted):
    found = posted()
    assert {to: embed["color"] for to, embed in found.items()} == {
        "everything": 0x3498DB,
        "losses": 0xE74C3C,
        "kills": 0x2ECC71,
    }
    assert found["losses"]["title"] == "Name 90000001 [MINE] lost a Rifter"
    assert found["everything"]["author"]["name"] == "Name 98000001 [MINE]"
    assert [("fields" in found[to], "thumbnail" in found[to]) for to in LAYOUTS] == [
        (True, True),
        (False, False),
        (False, True),
    ]


def test_a_job_from_before_there_were_sides_is_told_without_one(posted):
    found = posted(lambda arguments: arguments[:4])
    assert {embed["color"] for embed in found.values()} == {0x3498DB}
