"""Webhooks' addresses and bots' tokens are secrets: they stand nowhere in Redis, in no log, dead letter or output."""

import base64
import json
import logging
import subprocess
import sys
import zlib

import httpx
import pytest
from loguru import logger
from redis import Redis

from notifier.config.destinations import Destination
from notifier.services.discord import Discord
from tests.integration.samples import ADDRESS, HOSTS, TOKEN, WEBHOOK_ID, notice
from workers import log, rq_worker
from workers.dead_letters import DeadLetters
from workers.deliver import Deliver
from workers.enrich import delivery_job
from workers.executor import Executor
from workers.process import StopSignal
from workers.queues import DELIVERY, HandOver
from workers.rq_worker import KillmailWorker, Slot

BOT = f"MTIzNDU2Nzg5MDEyMzQ1Njc4.GaBcDe.{TOKEN}"

REPLIES = {
    "success": httpx.Response(200, json={"id": "1", "webhook_id": "1"}),
    "an unknown webhook": httpx.Response(404, json={"code": 10015, "message": f"Unknown Webhook {ADDRESS}"}),
    "a bad request": httpx.Response(400, json={"code": 50035, "message": f"Invalid {ADDRESS}"}),
    "a page that names the address": httpx.Response(404, text=f"<html>{ADDRESS}"),
    "a rate limit": httpx.Response(429, json={"retry_after": 0.1, "message": ADDRESS}),
    "a connection refused": httpx.ConnectError(f"cannot reach {ADDRESS}"),
    "a response lost": httpx.ReadTimeout(ADDRESS),
    "a bug that holds it": RuntimeError(f"cannot post to {ADDRESS}", {"url": ADDRESS}, ADDRESS.encode()),
    "a bug that holds it escaped": RuntimeError(json.dumps(ADDRESS).replace("/", "\\/"), ADDRESS.replace("/", "%2F")),
}


def everything(connection):
    """Each key and each value in Redis as bytes, what RQ compresses also as it was before."""
    read = {
        b"string": connection.get,
        b"hash": lambda key: [part for pair in connection.hgetall(key).items() for part in pair],
        b"list": lambda key: connection.lrange(key, 0, -1),
        b"set": connection.smembers,
        b"zset": lambda key: connection.zrange(key, 0, -1),
        b"stream": lambda key: [part for _, entry in connection.xrange(key) for pair in entry.items() for part in pair],
    }
    for key in connection.keys("*"):
        yield key
        values = read[connection.type(key)](key)
        for value in [values] if isinstance(values, bytes) else values:
            yield value
            for packed in (value, _unwrapped(value)):
                try:
                    yield zlib.decompress(packed)
                except zlib.error:
                    continue


def _unwrapped(value):
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        return b""


def leaks(*places):
    secrets = (TOKEN.encode(), TOKEN[10:40].encode(), WEBHOOK_ID.encode())
    return [place for place in places if any(secret in place for secret in secrets)]


@pytest.fixture(autouse=True)
def short_block(monkeypatch):
    monkeypatch.setattr(rq_worker, "BLOCK", 0.05)


@pytest.fixture(params=["text", "json"])
def logged(request, capsys):
    """The log as a process writes it, in both forms; gives what was written so far."""
    hook, handlers, level = sys.excepthook, logging.root.handlers[:], logging.root.level
    log.configure(request.param, "TRACE", "delivery-1")
    yield lambda: "".join(capsys.readouterr()).encode()
    logger.remove()
    logger.configure(extra={}, patcher=lambda record: None)
    sys.excepthook, logging.root.handlers = hook, handlers
    logging.root.setLevel(level)


def by_webhook():
    return Destination("intel", env="INTEL", environ={"INTEL": ADDRESS}, allowed_hosts=HOSTS)


def by_bot():
    return Destination("intel", env="BOT", environ={"BOT": BOT}, allowed_hosts=HOSTS, channel=int(WEBHOOK_ID))


def deliver_once(server, queues, reply, most, destination=None):
    def answer(request):
        if isinstance(reply, Exception):
            raise reply
        return reply

    destination = destination or by_webhook()
    stop, service = StopSignal(), Discord(httpx.Client(transport=httpx.MockTransport(answer)))
    executor = Executor({DELIVERY: Deliver(queues, {"intel": destination}, service, stop).perform}, most)
    blocking = Redis.from_url(server.url, retry=None)
    worker = KillmailWorker(DELIVERY, Slot("host", "delivery-1"), queues, blocking, executor, stop)
    queues.hand_over(HandOver([delivery_job("kill-1", "intel", notice(1), 1, 0.0)]))
    worker._be_born()
    worker._step()


@pytest.mark.parametrize("most", [1, 8], ids=["a dead letter", "tried again"])
@pytest.mark.parametrize("what", REPLIES)
def test_the_address_stands_nowhere_after(server, queues, connection, logged, what, most):
    deliver_once(server, queues, REPLIES[what], most)
    letters = [json.dumps(letter.as_dict()).encode() for letter in DeadLetters(queues).letters()]
    said = logged()
    assert b"kill-1-intel" in said, "the log was looked at"
    assert leaks(said, *letters, *everything(connection)) == []


BOTS_REPLIES = {
    "success": httpx.Response(200, json={"id": "1", "channel_id": "42"}),
    "a bad token": httpx.Response(401, json={"code": 0, "message": f"401: Unauthorized Bot {BOT}"}),
    "a channel that is closed": httpx.Response(403, json={"code": 50001, "message": f"Missing Access {BOT}"}),
    "a response lost": httpx.ReadTimeout(BOT),
    "a bug that holds it": RuntimeError("cannot post", {"Authorization": f"Bot {BOT}"}, BOT.encode()),
    "a bug that holds the header": RuntimeError(httpx.Headers({"Authorization": f"Bot {BOT}"}).raw),
}


@pytest.mark.parametrize("what", BOTS_REPLIES)
def test_a_bots_token_stands_nowhere_after(server, queues, connection, logged, what):
    deliver_once(server, queues, BOTS_REPLIES[what], 1, by_bot())
    letters = [json.dumps(letter.as_dict()).encode() for letter in DeadLetters(queues).letters()]
    said = logged()
    assert b"kill-1-intel" in said, "the log was looked at"
    everywhere = [said, *letters, *everything(connection)]
    assert [place for place in everywhere if TOKEN[10:40].encode() in place] == []


def test_no_output_of_rq_holds_the_address(server, queues):
    deliver_once(server, queues, REPLIES["a bug that holds it"], 1)
    shown = subprocess.run([sys.executable, "-m", "rq.cli", "info", "-u", server.url], check=True, capture_output=True)
    assert b"delivery" in shown.stdout
    assert leaks(shown.stdout, shown.stderr) == []


def test_no_exception_brings_the_address_into_the_log(logged):
    def fail():
        raise ValueError(f"POST {ADDRESS}") from KeyError(ADDRESS)

    try:
        fail()
    except ValueError as error:
        logger.exception("it failed")
        logging.getLogger("a.library").exception("it failed at %s", ADDRESS)
        sys.excepthook(type(error), error, error.__traceback__)
    said = logged()
    assert said.count(b"Traceback") == 3
    assert said.count(b"ValueError") >= 3
    assert leaks(said) == []


def test_the_search_finds_an_address_wherever_it_stands(queues, connection):
    """The tests above would see it: plain, in a job's compressed arguments, in a result's packed traceback."""
    assert leaks(*everything(connection)) == []
    connection.zadd("notifier:some", {ADDRESS: 1})
    assert len(leaks(*everything(connection))) == 1
    connection.flushall()
    queues.hand_over(HandOver([delivery_job("kill-1", "intel", ADDRESS, 1, 0.0)]))
    assert leaks(*everything(connection))
    connection.flushall()
    job = queues[DELIVERY].create_job("x", job_id="kill-1")
    job.origin = DELIVERY
    with connection.pipeline() as pipe:
        job._handle_failure(f"Traceback of {ADDRESS}", pipe)
        pipe.execute()
    assert leaks(*everything(connection))
