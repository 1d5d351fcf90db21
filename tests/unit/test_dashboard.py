"""The dashboard's pages, without a server and without Redis."""

from prometheus_client.parser import text_string_to_metric_families
from redis.exceptions import ConnectionError as RedisConnectionError
from starlette.testclient import TestClient

from ops.dashboard.app import application
from workers.status import QueueStatus, Status

TREE = {
    "id": "notifier",
    "type": "supervisor",
    "state": "running",
    "children": [
        {"id": "feed", "type": "worker", "state": "running", "starts": 3, "last_exit": "SIGKILL", "pid": 7},
        {"id": "pool", "type": "supervisor", "state": "running", "children": [
            {"id": "<b>", "type": "worker", "state": "restarting", "starts": 1},
        ]},
    ],
}  # fmt: skip
STATUS = Status(
    counters={"evaluated": 12, "delivered": 5},
    events={"job_retried": 2},
    queues={"delivery": QueueStatus(1, 2, 3, 4)},
    hosts={"h1": TREE, "h2": {"error": "the supervisor does not answer"}},
    upkeep="h1",
)


def away():
    raise RedisConnectionError("gone")


def samples(read):
    page = TestClient(application(read)).get("/metrics")
    assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(page.text)
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


def test_metrics_tell_of_work_queues_and_processes():
    found = samples(lambda: STATUS)
    assert found["notifier_redis_up",] == 1
    assert found["notifier_killmails_total", "evaluated"] == 12
    assert found["notifier_events_total", "job_retried"] == 2
    assert found["notifier_jobs", "delivery", "dead"] == 4
    assert found["notifier_process_running", "h1", "<b>"] == 0
    assert found["notifier_process_starts_total", "h1", "feed"] == 3


def test_metrics_answer_while_redis_is_away():
    assert samples(away) == {("notifier_redis_up",): 0}


def test_the_page_shows_everything_and_escapes_it():
    page = TestClient(application(lambda: STATUS)).get("/")
    assert page.status_code == 200
    assert "restarted 2×, last exit SIGKILL" in page.text
    assert "&lt;b&gt;" in page.text and "<b>job" not in page.text
    assert "the supervisor does not answer" in page.text


def test_without_redis_the_page_says_so_and_livez_answers():
    client = TestClient(application(away))
    page = client.get("/")
    assert page.status_code == 503
    assert "Redis does not answer" in page.text
    assert client.get("/status.json").status_code == 503
    assert client.get("/livez").text == "alive\n"
