"""The feed pauses before Redis is full, and goes on when there is room."""

import threading
import time

from notifier.feeds.cursor import Cursor
from notifier.feeds.r2z2 import Idle
from notifier.tracking import Index
from notifier.universe import load
from tests.servers import wait_until
from workers import keys, telemetry
from workers.enrich import delivery_job, edit_job
from workers.feed import Feed
from workers.ingest import Ingest
from workers.pressure import crowded
from workers.process import StopSignal
from workers.queues import DELIVERY, HandOver


def test_deliveries_count_whether_they_wait_for_a_worker_or_for_their_time(queues, connection):
    connection.rpush(queues[DELIVERY].key, "a", "b")
    connection.zadd(queues[DELIVERY].scheduled_job_registry.key, {"c": 1.0})
    assert crowded(queues, 3) == (3, "")
    assert crowded(queues, 2) == (3, "too many deliveries wait")


def test_edits_of_what_was_posted_do_not_count(queues, connection):
    now = time.time()
    edits = [edit_job("names", f"kill-{n}", "intel", "{}", n, now) for n in range(3)]
    queues.hand_over(HandOver([delivery_job("kill-1", "intel", "{}", 1, now), *edits]))
    assert crowded(queues, 1) == (1, "")
    connection.zadd(keys.EDITS, {"edit-that-left-no-trace": now - keys.EDITABLE_TTL - 1})
    assert crowded(queues, 0) == (1, "too many deliveries wait")


def test_a_memory_that_is_nearly_full_stops_the_feed(queues, connection):
    used = connection.info("memory")["used_memory"]
    try:
        connection.config_set("maxmemory", int(used * 1.1))
        assert crowded(queues, 100) == (0, "Redis' memory is nearly full")
    finally:
        connection.config_set("maxmemory", 0)
    assert crowded(queues, 100) == (0, "")


def test_the_feed_asks_for_nothing_while_too_many_deliveries_wait_and_then_goes_on(queues, connection):
    asked, heard, stop = [], [], StopSignal()

    class Source:
        def poll(self, cursor, now):
            asked.append(connection.llen(queues[DELIVERY].key))
            return Idle(Cursor(1), 0.01)

    connection.rpush(queues[DELIVERY].key, *"abc")
    feed = Feed(
        Source(), Ingest(Index([], load()), queues), queues, "host", min_interval=0, backlog=100, most_deliveries=2
    )
    end = telemetry.subscribe(lambda kind, fields: heard.append(kind.name))
    reading = threading.Thread(target=feed.run, args=(stop,))
    reading.start()
    try:
        wait_until(lambda: "feed_paused" in heard, what="the pause")
        assert asked == []
        connection.ltrim(queues[DELIVERY].key, 0, 1)
        wait_until(lambda: asked, what="a request to the feed")
        assert asked[0] == 2
    finally:
        stop.request()
        reading.join()
        end()
