import pytest
from redis import Redis

from tests.integration import faulty
from tests.servers import redis_server
from workers.queues import Queues


@pytest.fixture(scope="session")
def server():
    with redis_server() as running:
        yield running


@pytest.fixture(autouse=True)
def no_connection_of_the_killed_is_left():
    yield
    faulty.close_all()


@pytest.fixture
def connection(server):
    with Redis.from_url(server.url) as client:
        client.flushall()
        yield client


@pytest.fixture
def queues(connection):
    return Queues(connection, job_timeout=30)
