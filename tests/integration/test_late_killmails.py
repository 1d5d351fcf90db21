"""Killmails that come late (a hole that is filled) stand behind live ones, and unreadable jobs are dead letters."""

import pytest

from notifier.tracking import Index, Subscription
from notifier.tracking.rules import All
from notifier.universe import load
from tests.integration.samples import package
from tests.integration.test_rq_worker import SLOT, make_worker, put
from workers import keys
from workers.attempts import Meta
from workers.dead_letters import DeadLetters
from workers.enrich import Enrich
from workers.ingest import Ingest
from workers.process import StopSignal
from workers.queues import ENRICHMENT


class NoNames:
    def names(self, ids):
        return {}


@pytest.fixture
def ingest(queues):
    return Ingest(Index([Subscription("all", ("intel",), All(()))], load()), queues)


def test_in_an_outbox_late_killmails_stand_behind_live_ones(queues, connection, ingest):
    ingest.offer(package(5), 5, "notifier:cursor:x", "a", late=True)
    ingest.offer(package(900), 900, "notifier:cursor:x", "b")
    ingest.offer(package(6), 6, "notifier:cursor:x", "c", late=True)
    enrich = Enrich(queues, NoNames(), load(), 20.0)
    for job in queues.fetch(queues[ENRICHMENT].job_ids):
        enrich.perform(job.id, *job.args)
    waiting = [job_id.decode() for job_id in connection.zrange(keys.outbox("intel"), 0, -1)]
    assert waiting == ["kill-900-intel", "kill-5-intel", "kill-6-intel"]


def test_a_job_that_cannot_be_read_is_a_dead_letter_and_not_forgotten(queues, connection, server):
    put(queues)
    connection.hset("rq:job:kill-1", "timeout", "never")
    stop = StopSignal()
    ran: list[Meta] = []
    worker = make_worker(queues, server, lambda *_: ran.append({}), stop, SLOT)
    worker._blocking.close()
    registry = queues[ENRICHMENT].failed_job_registry
    worker._fetch(connection.lmove("rq:queue:enrichment", worker._intermediate).decode())
    assert registry.get_job_ids(cleanup=False) == ["kill-1"]
    assert connection.llen(worker._intermediate) == 0
    assert [letter.id for letter in DeadLetters(queues).letters(ENRICHMENT)] == ["kill-1"]
    assert ran == []
