"""Killmails of past days, from the simulated history through the real hand-over."""

import json
import multiprocessing
import os
import signal
import threading
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
from typer.testing import CliRunner

import ops.backfill
from notifier.config import Settings
from notifier.feeds.cursor import Cursor, Hole
from notifier.feeds.history import History, HistoryError, NoFileError
from notifier.services.http import make_client
from notifier.tracking import Index, Subscription
from notifier.tracking.rules import All, Npc, Spaces, Value
from notifier.universe import load
from ops import simulators
from ops.cli import app
from ops.home import Home
from ops.tree import compile_tree
from tests.integration.faulty import Faults, FaultyRedis, Killed
from tests.servers import wait_until
from tests.unit.simulators.simulators_samples import mail
from workers import backfill as backfill_module
from workers import backfill_requests, keys
from workers.backfill import MARGIN, NUMBERED_FROM, Backfill, BusyError, Guard, Requested, alone, begin_of
from workers.connection import connect
from workers.feed import CURSOR
from workers.ingest import Ingest
from workers.lease import Lease
from workers.persistence import Stopped
from workers.process import StopSignal
from workers.queues import ENRICHMENT, INGESTION, Queues
from workers.roles import ROLES

UNIVERSE = load()
EVERYTHING = [Subscription("all", ("everything",), All(()))]
TODAY = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
NOW = TODAY.timestamp()
YESTERDAY, BEFORE, EARLIER = (TODAY.date() - timedelta(days=days) for days in (1, 2, 3))


@pytest.fixture(autouse=True)
def _hurry(monkeypatch):
    monkeypatch.setattr(backfill_module, "BETWEEN", 0.0)


def mails_of(day: date, *ids: int):
    return [mail(number, killmail_time=f"{day}T10:{number % 60:02}:00Z") for number in ids]


def served(*mails, now=NOW):
    return simulators.transport(list(mails), simulators.Options(), clock=lambda: now)


def history(*mails, now=NOW):
    return History(make_client(contact="test", timeout=5.0, transport=served(*mails, now=now)), "https://r2z2.test")


def backfill(queues, source, subscriptions=EVERYTHING, **options):
    ingest = Ingest(Index(subscriptions, UNIVERSE), queues)
    return Backfill(source, ingest, queues, "host", **{"backlog": 10_000, "wall": lambda: NOW, **options})


def run(queues, source, day=YESTERDAY, guard=Guard(), **options):  # noqa: B008 – frozen
    return backfill(queues, source, **options).day(day, 0, guard, StopSignal())


def enriching(connection):
    return [job.decode() for job in connection.lrange("rq:queue:enrichment", 0, -1)]


# -- One day


def test_a_day_is_handed_over_once_and_what_was_seen_is_not(queues, connection):
    source = history(*mails_of(YESTERDAY, 1, 2, 3), *mails_of(BEFORE, 4))
    connection.set(keys.seen(2), "777", ex=60)
    done = run(queues, source)
    assert (done.of, done.new, done.seen, done.old) == (3, 2, 1, 0)
    assert enriching(connection) == ["kill-1", "kill-3"]
    assert connection.hgetall(keys.COUNTERS) == {b"evaluated": b"2", b"matched": b"2"}
    again = run(queues, source)
    assert (again.new, again.seen) == (0, 3)
    assert enriching(connection) == ["kill-1", "kill-3"]
    assert b"repeated" not in connection.hgetall(keys.COUNTERS)
    assert connection.keys("notifier:cursor:*") == []


def test_a_killmail_of_the_history_stands_behind_those_of_the_feed(queues, connection):
    run(queues, history(*mails_of(YESTERDAY, 5)))
    job = queues.fetch(["kill-5"])[0]
    assert job.args[2] == NUMBERED_FROM + 5 > 10**9


def test_without_the_zkb_block_no_value_is_true_and_nothing_is_npc(queues, connection):
    rules = {
        "rich": Value(least=0.0),
        "poor": Value(most=1e15),
        "npc": Npc(True),
        "players": Npc(False),
        "here": Spaces(frozenset({"highsec"})),
    }
    subscriptions = [Subscription(name, (name,), rule) for name, rule in rules.items()]
    run(queues, history(*mails_of(YESTERDAY, 5)), subscriptions=subscriptions)
    assert [to for to, _ in queues.fetch(["kill-5"])[0].args[1]] == ["players", "here"]


def test_a_malformed_body_becomes_a_dead_letter_to_be_and_the_rest_goes_on(queues, connection):
    bad = mail(2, killmail_time=f"{YESTERDAY}T10:00:00Z", victim="nobody")
    done = run(queues, history(bad, *mails_of(YESTERDAY, 1, 3)))
    assert done.new == 3
    assert enriching(connection) == ["kill-1", "kill-3"]
    name = f"package-{NUMBERED_FROM + 2}"
    assert connection.lrange(queues[INGESTION].key, 0, -1) == [name.encode()]
    job = queues.fetch([name])[0]
    outcome = Ingest(Index([], UNIVERSE), queues).perform(name, *job.args)
    assert (outcome.category, "victim" in outcome.reason) == ("malformed", True)
    assert run(queues, history(bad)).seen == 1, "it is not put aside again"


def test_it_waits_while_many_jobs_wait_for_enrichment(queues, connection, monkeypatch):
    monkeypatch.setattr(backfill_module, "DRAIN", 0.0)
    lengths = []

    def report(day, progress, waiting):
        lengths.append(waiting)
        connection.lpop(queues[ENRICHMENT].key)

    run(queues, history(*mails_of(YESTERDAY, *range(1, 60))), backlog=10, report=report)
    assert max(lengths) == 11
    assert queues[ENRICHMENT].count <= 11


def test_a_stop_leaves_the_rest_for_the_next_run(queues, connection, monkeypatch):
    monkeypatch.setattr(backfill_module, "BATCH", 2)
    stop = StopSignal()
    source = history(*mails_of(YESTERDAY, *range(1, 10)))
    halting = backfill(queues, source, report=lambda day, progress, waiting: progress.last < 4 or stop.request())
    with pytest.raises(Stopped):
        halting.day(YESTERDAY, 0, Guard(), stop)
    assert len(enriching(connection)) == 4
    done = run(queues, source)
    assert (done.of, done.new) == (9, 9), "the count goes on, too"
    assert enriching(connection) == [f"kill-{number}" for number in range(1, 10)]


def test_a_file_that_was_rebuilt_meanwhile_is_read_from_its_beginning(queues, connection):
    key = keys.cursor(f"backfill-{YESTERDAY:%Y%m%d}")
    connection.set(key, '{"of":2,"last":8,"new":2}')
    run(queues, history(*mails_of(YESTERDAY, 3, 7, 9)))
    assert enriching(connection) == ["kill-3", "kill-7", "kill-9"]


@pytest.mark.parametrize("kind", Faults.KINDS)
def test_a_crash_at_any_command_loses_nothing_and_repeats_nothing(server, connection, kind, monkeypatch):
    monkeypatch.setattr(backfill_module, "BATCH", 3)
    ids, at, happened = range(1, 8), 1, True
    mails = mails_of(YESTERDAY, *ids)
    while happened:
        connection.flushall()
        faults = Faults(kind, at)
        faulty = Queues(FaultyRedis.at(server.url, faults), job_timeout=30)
        with suppress(Killed):
            run(faulty, history(*mails))
        happened, at = faults.happened, at + 1
        done = run(Queues(connection, job_timeout=30), history(*mails))
        assert done.of == len(ids)
        assert enriching(connection) == [f"kill-{number}" for number in ids], (kind, at)
        assert connection.hget(keys.COUNTERS, "repeated") is None
        assert connection.keys("notifier:cursor:*") == []
    assert at > 12


def _child(url, mails):
    run(Queues(connect(url), job_timeout=30), history(*mails))


def test_a_process_that_is_killed_in_the_middle_goes_on_when_it_is_run_again(server, queues, connection):
    ids = range(1, 2001)
    mails = mails_of(YESTERDAY, *ids)
    process = multiprocessing.get_context("fork").Process(target=_child, args=(server.url, mails))
    process.start()
    wait_until(lambda: int(connection.hget(keys.COUNTERS, "evaluated") or 0) > 300, what="some killmails")
    os.kill(process.pid, signal.SIGKILL)
    process.join(10)
    assert process.exitcode == -signal.SIGKILL
    assert len(enriching(connection)) < len(ids), "it was killed in the middle"
    done = run(queues, history(*mails))
    assert (done.of, done.new + done.seen) == (len(ids), len(ids))
    assert enriching(connection) == [f"kill-{number}" for number in ids]
    assert connection.hget(keys.COUNTERS, "repeated") is None


# -- What may come twice


def at(day: date, hour: float) -> float:
    return begin_of(day) + hour * 3600


HOUR = 3600.0


@pytest.mark.parametrize(
    ("guard", "age", "admitted"),
    [
        (Guard(), 71 * HOUR, True),
        (Guard(), 72 * HOUR - MARGIN - 1, True),
        (Guard(), 72 * HOUR - MARGIN, False),
        (Guard(forced=True), 9000 * HOUR, True),
        (Guard(NOW - 100 * HOUR, NOW + 1), 100 * HOUR - MARGIN - 1, True),
        (Guard(NOW - 100 * HOUR, NOW + 1), 100 * HOUR - MARGIN, False),
        (Guard(NOW - 100 * HOUR, NOW + 1), 101 * HOUR, False),
        (Guard(NOW - 100 * HOUR, NOW), 90 * HOUR, False),
        (Guard(NOW - 100 * HOUR, NOW), 70 * HOUR, True),
    ],
)
def test_a_killmail_is_admitted_while_its_mark_lives_or_where_the_feed_was_away(guard, age, admitted):
    assert guard.admits(NOW - age, NOW) is admitted


def test_killmails_that_may_have_lost_their_mark_are_left_out_one_by_one(queues, connection):
    times = [(1, EARLIER, "11:00"), (2, EARLIER, "13:00"), (3, EARLIER, "23:59")]
    mails = [mail(number, killmail_time=f"{day}T{clock}:00Z") for number, day, clock in times]
    mails.append(mail(4, killmail_time=f"{EARLIER}T25:00:00Z"))  # does not say when
    done = run(queues, history(*mails), EARLIER)
    assert (done.new, done.old) == (2, 2)
    assert enriching(connection) == ["kill-2", "kill-3"]


def test_a_forced_day_leaves_alone_what_still_has_a_job(queues, connection):
    source = history(*mails_of(EARLIER, 1, 2))
    run(queues, source, EARLIER, Guard(forced=True))
    connection.delete(keys.seen(1), keys.seen(2), "rq:job:kill-2")
    connection.delete("rq:queue:enrichment")
    done = run(queues, source, EARLIER, Guard(forced=True))
    assert (done.new, done.seen) == (1, 1)
    assert enriching(connection) == ["kill-2"]


# -- Days that the feed asks for


def requested(queues, tmp_path, source, wall=lambda: NOW):
    return Requested(backfill(queues, source, wall=wall), queues, tmp_path, wall)


def worked_off(work, connection, stop=None):
    """Work until nothing is asked for any more."""
    stop = stop or StopSignal()
    while work._step(stop):
        pass
    return backfill_requests.pending(connection)


def test_days_that_are_asked_for_are_handed_over_the_oldest_first(queues, connection, tmp_path):
    source = history(*mails_of(BEFORE, 1, 2), *mails_of(YESTERDAY, 3))
    backfill_requests.add(connection, [YESTERDAY, BEFORE], at(BEFORE, 0), NOW)
    assert worked_off(requested(queues, tmp_path, source), connection) == []
    assert enriching(connection) == ["kill-1", "kill-2", "kill-3"]


def test_of_a_long_downtime_only_what_came_after_its_beginning_is_handed_over(queues, connection, tmp_path):
    day = TODAY.date() - timedelta(days=6)
    mails = [mail(number, killmail_time=f"{day}T{hour:02}:00:00Z") for number, hour in ((1, 8), (2, 12), (3, 20))]
    backfill_requests.add(connection, [day], at(day, 11.0), NOW)
    assert worked_off(requested(queues, tmp_path, history(*mails)), connection) == []
    assert enriching(connection) == ["kill-2", "kill-3"]


def test_a_day_that_is_not_there_yet_is_asked_for_again_later(queues, connection, tmp_path):
    clock = [at(TODAY.date(), 3.0)]
    early = served(*mails_of(YESTERDAY, 1))
    early.simulation.zkillboard._clock = lambda: clock[0]
    source = History(make_client(contact="test", timeout=5.0, transport=early), "https://r2z2.test")
    backfill_requests.add(connection, [YESTERDAY], at(YESTERDAY, 0), clock[0])
    work = requested(queues, tmp_path, source, lambda: clock[0])
    assert [one.day for one in worked_off(work, connection)] == [YESTERDAY]
    clock[0] += 4 * HOUR
    assert worked_off(work, connection) == []
    assert enriching(connection) == ["kill-1"]


def test_a_day_that_nobody_has_for_72_hours_is_given_up_and_told(queues, connection, tmp_path, monkeypatch):
    events = []
    monkeypatch.setattr(backfill_module, "emit", lambda name, **fields: events.append((name, fields["day"])))
    backfill_requests.add(connection, [YESTERDAY], at(YESTERDAY, 0), NOW)
    work = requested(queues, tmp_path, history(*mails_of(BEFORE, 1)), lambda: NOW + 73 * HOUR)
    assert worked_off(work, connection) == []
    assert events == [("backfill_given_up", f"{YESTERDAY}")]


def test_a_request_that_is_made_again_stays_as_it_was(connection):
    backfill_requests.add(connection, [YESTERDAY], 5.0, 9.0)
    backfill_requests.add(connection, [YESTERDAY, BEFORE], 6.0, 10.0)
    assert backfill_requests.pending(connection) == [(BEFORE, 6.0, 10.0), (YESTERDAY, 5.0, 9.0)]


def test_the_process_works_until_it_is_stopped(queues, connection, tmp_path):
    backfill_requests.add(connection, [YESTERDAY], at(YESTERDAY, 0), NOW)
    work, stop = requested(queues, tmp_path, history(*mails_of(YESTERDAY, 1, 2))), StopSignal()
    thread = threading.Thread(target=work.run, args=(stop,))
    thread.start()
    wait_until(lambda: not backfill_requests.pending(connection), what="the day")
    stop.request()
    thread.join(5)
    assert not thread.is_alive()
    assert enriching(connection) == ["kill-1", "kill-2"]


@pytest.mark.parametrize(("days", "expected"), [(0, ["replay", "feed"]), (2, ["replay", "feed", "backfill"])])
def test_the_tree_has_the_process_only_where_the_setting_asks_for_it(tmp_path, days, expected):
    environ = {"NOTIFIER_STATE_DIR": str(tmp_path), "NOTIFIER_BACKFILL_DAYS": f"{days}", "XDG_RUNTIME_DIR": ""}
    settings = Settings.read(environ)
    tree = compile_tree(settings, Home.of(settings, environ), ["sources"])
    sources = next(child for child in tree["children"] if child["id"] == "sources")
    assert [child["id"] for child in sources["children"]] == expected
    assert set(expected) <= set(ROLES)


def test_two_backfills_at_once_are_refused(queues, tmp_path):
    with alone(tmp_path), pytest.raises(BusyError, match="another process here"), alone(tmp_path):
        pass
    other = Lease(queues, "backfill", "another host")
    assert other.held()
    with pytest.raises(BusyError, match="another host"):
        run(queues, history(*mails_of(YESTERDAY, 1)))


# -- zKillboard fails


def failing(*answers):
    left = list(answers)
    transport = httpx.MockTransport(lambda request: left.pop(0) if len(left) > 1 else left[0])
    return History(httpx.Client(transport=transport), "https://r2z2.test")


def test_a_failure_is_waited_out(queues, connection):
    sound = httpx.Response(200, content=b'{"1":%s}' % mails_of(YESTERDAY, 1)[0].esi)
    done = run(queues, failing(httpx.Response(503, headers={"Retry-After": "0.01"}), sound))
    assert done.new == 1


def test_after_five_failures_the_day_is_left(queues, connection):
    with pytest.raises(HistoryError, match="answered by 429"):
        run(queues, failing(httpx.Response(429, headers={"Retry-After": "0.01"})))
    with pytest.raises(NoFileError):
        run(queues, failing(httpx.Response(404)))
    assert enriching(connection) == []


# -- The command


RULES = """
[[destinations]]
id = "all"
webhook = { env = "ALL_WEBHOOK" }

[[subscriptions]]
id = "everything"
to = ["all"]
where = { npc = false }
"""


@pytest.fixture
def command(server, connection, tmp_path, monkeypatch):
    """Run `notifier backfill` with these arguments on what `served` gives, by default of the last days."""
    days = [datetime.now(UTC).date() - timedelta(days=days) for days in range(6)]
    rules = tmp_path / "notifier.toml"
    rules.write_text(RULES)
    monkeypatch.setattr(StopSignal, "installed", classmethod(lambda cls: cls()))
    monkeypatch.setattr(ops.backfill.log, "configure", lambda *arguments: None)
    environ = {
        "NOTIFIER_REDIS_URL": server.url,
        "NOTIFIER_STATE_DIR": str(tmp_path / "state"),
        "NOTIFIER_CONFIG": str(rules),
        "ALL_WEBHOOK": "https://discord.com/api/webhooks/1/" + "x" * 60,
    }
    # The history of the day before is there from six in the morning: the simulator's clock is in the evening.
    evening = begin_of(days[0]) + 20 * HOUR
    mails = [one for n, day in enumerate(days) for one in mails_of(day, 10 * n + 1, 10 * n + 2)]

    def invoke(*arguments, transport=None):
        transport = transport or served(*mails, now=evening)
        monkeypatch.setattr(
            ops.backfill, "make_client", lambda contact, timeout: httpx.Client(transport=transport, timeout=timeout)
        )
        return CliRunner().invoke(app, list(arguments), env=environ)

    invoke.days = days
    return invoke


def test_the_command_hands_days_over_and_says_so(command, connection):
    first, last = command.days[2], command.days[1]
    found = command("backfill", "--from", f"{first}", "--to", f"{last}", "--json")
    assert found.exit_code == 0, found.output
    told = [json.loads(line) for line in found.stdout.splitlines()]
    assert [(one["day"], one["killmails"], one["new"], one["seen"]) for one in told] == [
        (f"{first}", 2, 2, 0),
        (f"{last}", 2, 2, 0),
    ]
    assert enriching(connection) == ["kill-21", "kill-22", "kill-11", "kill-12"]
    assert int(connection.hget(keys.EVENTS, "backfill_done")) >= 2
    again = command("backfill", "--from", f"{first}")
    assert f"{last}: 2 killmails, 0 handed over, 2 seen before" in again.stdout
    assert len(enriching(connection)) == 4


def test_a_dry_run_counts_and_hands_nothing_over(command, connection):
    connection.set(keys.seen(12), "5")
    found = command("backfill", "--from", f"{command.days[1]}", "--dry-run")
    assert found.exit_code == 0, found.output
    assert "2 killmails, 1 would be handed over, 1 seen before, 1 of the new ones concern someone" in found.stdout
    assert enriching(connection) == []


def test_days_that_the_ledger_has_forgotten_are_refused_unless_forced(command, connection):
    day = f"{command.days[4]}"
    found = command("backfill", "--from", day, "--to", day)
    assert found.exit_code == 65
    assert f"{day} began more than 72 hours ago" in found.stderr
    assert "--force" in found.stderr
    assert enriching(connection) == []
    assert command("backfill", "--from", day, "--to", day, "--force").exit_code == 0
    assert enriching(connection) == ["kill-41", "kill-42"]


@pytest.mark.parametrize(("first", "last"), [(0, 0), (1, 2)])
def test_days_that_the_history_does_not_have_are_refused(command, connection, first, last):
    found = command("backfill", "--from", f"{command.days[first]}", "--to", f"{command.days[last]}")
    assert found.exit_code == 65
    assert f"newest day of the history is {command.days[1]}" in found.stderr or "newest day is" in found.stderr


def test_without_bodies_only_the_number_of_unseen_killmails_is_told(command, connection):
    day = command.days[1]
    name = f"{day:%Y%m%d}"
    answers = {
        "/history/totals.json": {name: 3},
        f"/history/{name}.json": {"1": "a" * 40, "2": "b" * 40},
    }
    transport = httpx.MockTransport(
        lambda request: (
            httpx.Response(200, json=answers[request.url.path]) if request.url.path in answers else httpx.Response(404)
        )
    )
    connection.set(keys.seen(1), "5")
    found = command("backfill", "--from", f"{day}", transport=transport)
    assert found.exit_code == 65
    assert "only the ids of 2 killmails, of which 1 were not seen" in found.stderr
    dry = command("backfill", "--from", f"{day}", "--dry-run", "--json", transport=transport)
    told = json.loads(dry.stdout)
    assert (told["killmails"], told["new"], told["missing"], told["bodies"]) == (2, 1, 1, False)


def test_a_zkillboard_that_does_not_answer_is_said(command, connection, monkeypatch):
    monkeypatch.setattr(backfill_module, "ATTEMPTS", 1)
    found = command(
        "backfill", "--from", f"{command.days[1]}", transport=failing(httpx.Response(500))._client._transport
    )
    assert found.exit_code == 69
    assert "totals.json answered by 500" in found.stderr


def test_what_was_skipped_is_shown(command, connection):
    assert "the feed has not begun\nnothing was skipped" in command("skipped").stdout
    connection.set(CURSOR, Cursor(90, (Hole(7, 9, 5),), 1790003600).to_json())
    backfill_requests.add(connection, [YESTERDAY], 5.0, 9.0)
    shown = command("skipped").stdout
    assert "asks for 90; last file read 2026-09-21 15:13:20; 3 older ones still to be read" in shown
    assert f"asked for from the history: {YESTERDAY}" in shown
    connection.zadd(keys.SKIPPED, {'[5,9,"it never came",1790000000]': 1790003600})
    shown = command("skipped").stdout
    assert all(word in shown for word in ("5", "9", "it never came", "2026-09-21"))
    told = json.loads(command("skipped", "--json").stdout)
    assert told == {
        "at": 1790003600.0,
        "first": 5,
        "last": 9,
        "reason": "it never came",
        "since": 1790000000,
        "count": 5,
    }
