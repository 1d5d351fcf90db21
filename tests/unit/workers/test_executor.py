"""What each exception that leaves a perform means: a row each."""

from types import SimpleNamespace

import httpx
import msgspec
import pytest
import redis.exceptions as from_redis
import rq.exceptions as from_rq
from rq.timeouts import JobTimeoutException

from notifier.outcome import Dead, Retry, Snooze
from workers.executor import classify
from workers.persistence import Stopped
from workers.queues import UnknownFunctionError

JOB = SimpleNamespace(id="kill-1", timeout=30)
SECRET = "s3cr3t" * 11
ADDRESS = f"https://discord.com/api/webhooks/42/{SECRET}"

ROWS = [
    (JobTimeoutException(), Retry, "ambiguous"),
    (from_rq.DeserializationError(), Dead, "malformed"),
    (UnknownFunctionError("os.system"), Dead, "permanent"),
    (from_rq.NoSuchJobError(), Retry, "transient"),
    (from_rq.DuplicateJobError(), Retry, "transient"),
    (from_rq.AbandonedJobError(), Retry, "transient"),
    (from_rq.StopRequested(), Retry, "transient"),
    (from_rq.ShutDownImminentException("soon", {}), Retry, "transient"),
    (from_rq.InvalidJobOperation(), Retry, "bug"),
    (from_rq.TimeoutFormatError(), Retry, "bug"),
    (Stopped("it"), Snooze, "dependency down"),
    (from_redis.ConnectionError(), Snooze, "dependency down"),
    (from_redis.TimeoutError(), Snooze, "dependency down"),
    (from_redis.BusyLoadingError(), Snooze, "dependency down"),
    (from_redis.ReadOnlyError(), Snooze, "dependency down"),
    (from_redis.OutOfMemoryError(), Snooze, "dependency down"),
    (from_redis.MaxConnectionsError(), Snooze, "dependency down"),
    (from_redis.AuthenticationError(), Snooze, "dependency down"),
    (from_redis.AuthorizationError(), Snooze, "dependency down"),
    (from_redis.ClusterDownError("down"), Snooze, "dependency down"),
    (from_redis.MasterDownError("down"), Snooze, "dependency down"),
    (from_redis.TryAgainError(), Snooze, "dependency down"),
    (from_redis.ExecAbortError(), Snooze, "dependency down"),
    (from_redis.InvalidResponse(), Snooze, "dependency down"),
    (from_redis.NoPermissionError(), Dead, "misconfigured"),
    (from_redis.WatchError(), Retry, "transient"),
    (from_redis.LockError(), Retry, "transient"),
    (from_redis.NoScriptError(), Retry, "transient"),
    (from_redis.ResponseError("WRONGTYPE"), Retry, "bug"),
    (from_redis.DataError(), Retry, "bug"),
    (httpx.ConnectError("x"), Snooze, "dependency down"),
    (httpx.ReadTimeout("x"), Retry, "ambiguous"),
    (httpx.UnsupportedProtocol("x"), Dead, "misconfigured"),
    (OSError(28, "No space left on device"), Retry, "transient"),
    (TimeoutError(), Retry, "transient"),
    (msgspec.ValidationError("x"), Retry, "bug"),
    (RecursionError(), Retry, "bug"),
    (MemoryError(), Retry, "bug"),
    (AssertionError(), Retry, "bug"),
    (Exception(), Retry, "bug"),
]


@pytest.mark.parametrize(("error", "outcome", "category"), ROWS, ids=lambda row: type(row).__name__)
def test_an_exception_ends_as_its_row_says(error, outcome, category):
    found = classify(error, JOB)
    assert type(found) is outcome
    assert found.category == category


def test_a_bug_brings_its_traceback_without_any_address():
    try:
        {}[ADDRESS]
    except KeyError as error:
        found = classify(error, JOB)
    assert "Traceback" in found.reason
    assert "test_executor.py" in found.reason
    assert SECRET not in found.reason


def test_no_text_of_an_exception_comes_along_when_its_kind_says_enough():
    assert SECRET not in repr([classify(kind(ADDRESS), JOB) for kind in (httpx.ReadError, OSError)])
    assert classify(JobTimeoutException(), JOB).reason.startswith("took longer than 30 s")
