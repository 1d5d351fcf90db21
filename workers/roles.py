"""Composes each process of the tree from its parts. Only this reads the environment.

A process is started as `main([role, slot, host, control])`; ROLES names the roles, `control` is the path of the
supervisor's control socket.
"""

import os
from collections.abc import Callable
from pathlib import Path

from loguru import logger

from notifier.config import Config, Settings, load_config, read_janice_key
from notifier.feeds.history import History
from notifier.feeds.r2z2 import R2Z2
from notifier.services.discord import Discord
from notifier.services.esi import Esi
from notifier.services.http import make_client
from notifier.services.prices import JanicePrices, PriceSource, ZkillboardPrices
from notifier.tracking import Index
from notifier.universe import Universe, shared
from workers import control_line, log, telemetry
from workers.admin import Admin
from workers.backfill import Backfill, Requested
from workers.connection import connect
from workers.deliver import Deliver
from workers.enrich import Enrich
from workers.executor import Executor, Perform
from workers.feed import Feed
from workers.ingest import Ingest
from workers.janitor import Janitor
from workers.name_cache import NameCache
from workers.price_cache import PriceCache
from workers.process import StopSignal, announce_ready
from workers.queues import DELIVERY, ENRICHMENT, INGESTION, Queues
from workers.rewrites import Rewrites
from workers.rq_worker import BLOCK, KillmailWorker, Slot
from workers.scheduler import Scheduler
from workers.ticker_cache import TickerCache

HTTP_TIMEOUT = 10.0
"""Seconds for a whole request; well below the job timeout."""


class Parts:
    """What a process is composed of, made from the settings when it is asked for."""

    def __init__(self, settings: Settings, slot: Slot, control: Path) -> None:
        self.settings, self.slot, self.control = settings, slot, control
        if settings.redis_url is None:
            raise ValueError("a worker needs NOTIFIER_REDIS_URL; `notifier up` sets it")
        self.redis_url = settings.redis_url
        # The longest step of a loop is a job, or a command that is tried again while Redis is away.
        self.patience = settings.job_timeout + 60.0
        self.queues = Queues(connect(self.redis_url), settings.job_timeout)
        self.admin = Admin(self.queues)

    def universe(self) -> Universe:
        """The static data, from the zygote where there is one."""
        return shared()

    def config(self) -> Config:
        """The operator's configuration."""
        settings = self.settings
        return load_config(settings.config, os.environ, self.universe(), settings.discord_hosts, settings.discord_url)

    def ingest(self) -> Ingest:
        """The first stage, by the operator's subscriptions; rewritten files are noticed if a destination wants them."""
        config = self.config()
        index = Index(config.subscriptions, self.universe())
        rewrites = any(to.rewrites == "edit" for to in config.destinations.values())
        return Ingest(index, self.queues, state=self.settings.state_dir, rewrites=rewrites)

    def work(self, queue: str, perform: Perform, stop: StopSignal) -> None:
        """Be the RQ worker of this slot."""
        blocking = connect(self.redis_url, patient=False, timeout=BLOCK + 5)
        executor = Executor({queue: perform}, self.settings.max_attempts)
        worker = KillmailWorker(queue, self.slot, self.queues, blocking, executor, stop)
        announce_ready(stop, self.patience)
        worker.run()


def _feed(parts: Parts, stop: StopSignal) -> None:
    settings = parts.settings
    client = make_client(contact=settings.contact, timeout=HTTP_TIMEOUT)
    source = R2Z2(client, settings.zkillboard_url, settings.feed_min_interval, settings.feed_idle)
    ingest = parts.ingest()
    rewrites = Rewrites(source, ingest, parts.queues, min_interval=settings.feed_min_interval)
    feed = Feed(
        source,
        ingest,
        parts.queues,
        parts.slot.host,
        min_interval=settings.feed_min_interval,
        backlog=settings.feed_backlog,
        most_deliveries=settings.delivery_backlog,
        backfill_days=settings.backfill_days,
        rewrites=rewrites if ingest.rewrites else None,
    )
    announce_ready(stop, parts.patience)
    feed.run(stop)


def _backfill(parts: Parts, stop: StopSignal) -> None:
    settings = parts.settings
    history = History(make_client(contact=settings.contact, timeout=HTTP_TIMEOUT), settings.zkillboard_url)
    # Half of what the feed may fill: so the feed's killmails go first.
    backlog = settings.feed_backlog // 2
    backfill = Backfill(history, parts.ingest(), parts.queues, parts.slot.host, backlog=backlog)
    announce_ready(stop, parts.patience)
    Requested(backfill, parts.queues, settings.state_dir).run(stop)


def _replay(parts: Parts, stop: StopSignal) -> None:
    parts.work(INGESTION, parts.ingest().perform, stop)


def _enrichment(parts: Parts, stop: StopSignal) -> None:
    settings = parts.settings
    esi = Esi(make_client(contact=settings.contact, timeout=HTTP_TIMEOUT), settings.esi_url)
    names = NameCache(parts.queues.connection, esi)
    tickers = TickerCache(parts.queues.connection, esi)
    prices = _prices(parts, esi)
    enrich = Enrich(parts.queues, names, parts.universe(), settings.enrichment_patience, tickers=tickers, prices=prices)
    parts.work(ENRICHMENT, enrich.perform, stop)


def _prices(parts: Parts, esi: Esi) -> PriceCache | None:
    settings = parts.settings
    if settings.notable_items is None:
        return None
    # A client of its own: its threads leave the connections of the names alone.
    client = make_client(contact=settings.contact, timeout=HTTP_TIMEOUT)
    source: PriceSource = ZkillboardPrices(client, settings.zkillboard_api_url)
    if settings.janice_key_file is not None:
        source = JanicePrices(client, settings.janice_url, read_janice_key(settings.janice_key_file))
    return PriceCache(parts.queues.connection, esi, source, settings.notable_items, parts.universe())


def _delivery(parts: Parts, stop: StopSignal) -> None:
    client = make_client(contact=parts.settings.contact, timeout=HTTP_TIMEOUT)
    config = parts.config()
    parts.admin.configured(config.admin, config.status)
    deliver = Deliver(parts.queues, config.destinations, Discord(client), stop)
    parts.work(DELIVERY, deliver.perform, stop)


def _scheduler(parts: Parts, stop: StopSignal) -> None:
    listening = connect(parts.redis_url, patient=False)
    scheduler = Scheduler(parts.queues, listening, parts.slot.host)
    announce_ready(stop, parts.patience)
    scheduler.run(stop)


def _janitor(parts: Parts, stop: StopSignal) -> None:
    _clean(parts, stop, upkeep=True)


def _mirror(parts: Parts, stop: StopSignal) -> None:
    _clean(parts, stop, upkeep=False)


def _clean(parts: Parts, stop: StopSignal, *, upkeep: bool) -> None:
    def tree() -> object:
        return control_line.ask(parts.control, {"call": "tree"})

    janitor = Janitor(parts.queues, parts.slot.host, tree, upkeep=upkeep, state=parts.settings.state_dir)
    announce_ready(stop, parts.patience)
    janitor.run(stop)


ROLES: dict[str, Callable[[Parts, StopSignal], None]] = {
    "feed": _feed,
    "replay": _replay,
    "backfill": _backfill,
    "enrichment": _enrichment,
    "delivery": _delivery,
    "scheduler": _scheduler,
    "janitor": _janitor,
    "mirror": _mirror,
}


def main(arguments: list[str]) -> int:
    """Be the process `[role, slot, host, control]` until SIGTERM; gives the exit code."""
    role, slot, host, control = arguments
    stop = StopSignal.installed()
    settings = Settings.read(os.environ)
    log.configure(settings.log_format, settings.log_level, f"{slot}")
    try:
        parts = Parts(settings, Slot(host, slot), Path(control))
        telemetry.subscribe(parts.admin.hear, parts.admin.flush)
        ROLES[role](parts, stop)
    except Exception:  # noqa: BLE001 – the log takes the secrets out of it; the interpreter's own traceback would not
        logger.exception("{} fails", slot)
        return 1
    return 0
