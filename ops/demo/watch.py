"""Looks at a running demo from outside: what should arrive, what has, and when nothing more will."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from redis.exceptions import RedisError

from notifier.config import Config
from notifier.killmail import Malformed, decode_package
from notifier.tracking import Index
from notifier.universe import load
from ops.demo.account import Account, Notification, reckon
from ops.demo.world import DemoError, World
from ops.simulators import packages
from workers import keys, status
from workers.dead_letters import DeadLetters
from workers.ingest import routes
from workers.queues import DELIVERY, ENRICHMENT, INGESTION, Queues
from workers.replies import text
from workers.status import Status

PATIENCE = 90.0
"""Seconds without any progress, after which it is given up and what is missing is reported."""
LOOK = 0.1


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the published packages should lead to, by a dry run with the same rules."""

    killmails: frozenset[int]
    malformed: int
    notifications: frozenset[Notification]


def expect(feed: Path, kills: int | None, config: Config) -> Expectation:
    """Match every package that the simulator publishes, as the dry run would."""
    index = Index(config.subscriptions, load())
    killmails, malformed, notifications = set(), 0, set()
    for body in packages(feed, kills):
        try:
            killmail = decode_package(body).killmail
        except Malformed:
            malformed += 1
            continue
        killmails.add(killmail.killmail_id)
        notifications |= {(killmail.killmail_id, to) for to, _ in routes(index.match(killmail))}
    return Expectation(frozenset(killmails), malformed, frozenset(notifications))


class Watch:
    """Looks at the running demo from outside: the simulator's journal, and what everybody can read in Redis."""

    def __init__(self, world: World, queues: Queues, expected: Expectation) -> None:
        self._world, self._queues, self._expected = world, queues, expected
        self._letters = DeadLetters(queues)
        self._by_webhook = {webhook: destination for destination, webhook in world.webhooks.items()}

    def until_settled(self, ended: Callable[[int], None] | None = None) -> None:
        """Wait until everything has arrived or died and no job is under way; or nothing moves any more.

        When the system ends meanwhile, `ended` is called with its exit code; without it that is a DemoError.
        """
        last, moved_at = None, time.monotonic()
        while time.monotonic() - moved_at < PATIENCE:
            code = self._world.running().exit_code()
            if code is not None:
                (ended or self._give_up)(code)
            now = self._progress()
            if now is not None and self._settled(now):
                return
            if now is not None and now.counters != last:
                last, moved_at = now.counters, time.monotonic()
            time.sleep(LOOK)

    def _give_up(self, code: int) -> None:
        words = _tail(self._world.running().log)
        raise DemoError(f"the system ended with exit code {code}; its last words:\n{words}")

    def _progress(self) -> Status | None:
        try:
            return status.read(self._queues)
        except RedisError:  # not up yet, or killed: its supervisor brings it back
            return None

    def _settled(self, now: Status) -> bool:
        arrived = now.counters.get("evaluated", 0) >= len(self._expected.killmails)
        put_aside = now.queues[INGESTION].dead >= self._expected.malformed
        if not (arrived and put_aside) or self._under_way(now):
            return False
        waiting = now.queues[ENRICHMENT].dead + now.queues[DELIVERY].dead + now.counters.get("delivered", 0)
        return waiting >= len(self._expected.notifications)

    def _under_way(self, now: Status) -> bool:
        """Whether something may still be posted. Edits of what was posted may go on for minutes: they are no part of
        the account.
        """
        reading = now.queues[INGESTION].busy or now.queues[ENRICHMENT].waiting or now.queues[ENRICHMENT].started
        outboxes = [keys.outbox(destination) for destination in self._world.webhooks]
        return bool(reading or (outboxes and self._queues.connection.exists(*outboxes)))

    def account(self, seconds: float) -> Account:
        """The account as things stand."""
        counters = self._queues.connection.hgetall(keys.COUNTERS)
        figures = {text(name): int(value) for name, value in counters.items()}
        arrivals = self._world.simulators.arrivals()
        arrived = {
            (killmail, self._by_webhook.get(webhook, f"webhook {webhook}")): count
            for webhook, kills in arrivals.items()
            for killmail, count in kills.items()
        }
        ambiguous = {one: self._ambiguous(one) for one, count in arrived.items() if count > 1}
        result = reckon(self._expected.notifications, arrived, self._dead(), ambiguous)
        return Account(
            published=self._world.simulators.published(),
            evaluated=figures.get("evaluated", 0),
            malformed=figures.get("malformed", 0),
            seconds=round(seconds, 2),
            **result,
        )

    def _dead(self) -> set[Notification]:
        """Notifications that wait in the dead letters; an enrichment job stands for all of its own."""
        dead: set[Notification] = set()
        for letter in self._letters.letters(DELIVERY):
            if not letter.id.startswith("kill-"):  # a notice for the operator
                continue
            kill, _, destination = letter.id.removeprefix("kill-").partition("-")
            dead.add((int(kill), destination))
        for letter in self._letters.letters(ENRICHMENT):
            if letter.id.startswith("kill-"):  # else it brings late names, of what was delivered
                dead |= {one for one in self._expected.notifications if one[0] == letter.killmail_id}
        return dead

    def _ambiguous(self, one: Notification) -> int:
        found = self._queues.connection.hget(keys.delivery(f"kill-{one[0]}-{one[1]}"), "ambiguous")
        return int(found or 0)


def _tail(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text("utf-8", "replace").splitlines()[-lines:])
