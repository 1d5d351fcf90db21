"""The feed pauses before Redis is full, and goes on when there is room."""

import threading

from notifier.feeds.cursor import Cursor
from notifier.feeds.r2z2 import Idle
from notifier.tracking import Index
from notifier.universe import load
from tests.servers import wait_until
from workers import telemetry
from workers.feed import Feed
from workers.ingest import Ingest
from workers.pressure import crowded
from workers.process import StopSignal
from workers.queues import DELIVERY


def test_deliveries_count_whether_they_wait_for_a_worker_or_for_their_time(queues, connection):
    connection.rpush(queues[DELIVERY].key, "a", "b")
    connection.zadd(queues[DELIVERY].scheduled_job_registry.key, {"c": 1.0})
    assert crowded(queues, 3) == (3, "")
    assert crowded(queues, 2) == (3, "too many deliveries wait")


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
