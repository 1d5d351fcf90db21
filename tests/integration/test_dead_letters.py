"""Dead letters on a real server: the `dlq` commands, what cannot be read, big bodies, and a kill at every command."""

import base64
import itertools
import json
import logging
import pickle
import sys
import tempfile
import zlib
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from loguru import logger
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from rq.job import Job
from typer.testing import CliRunner

from notifier.config.destinations import Destination
from notifier.killmail import Malformed, decode_package
from notifier.services.discord import Discord
from notifier.tracking import Index, Subscription
from notifier.tracking.rules import All
from notifier.universe import load
from ops import cli, dlq
from tests.integration.faulty import Faults, FaultyRedis, Killed
from tests.integration.samples import ADDRESS, HOSTS, TOKEN, kills_of, notice, package, waits
from workers import dead_letters, ingest, keys, letter_file, rq_worker
from workers.dead_letters import LIFETIME, DeadLetters
from workers.deliver import Deliver
from workers.enrich import delivery_job
from workers.executor import Executor
from workers.ingest import MOST_IN_REDIS, Ingest
from workers.janitor import Janitor
from workers.letter_file import Archive
from workers.process import StopSignal
from workers.queues import DELIVERY, ENRICHMENT, INGESTION, HandOver, Queues
from workers.rq_worker import KillmailWorker, Slot

REFUSED = httpx.Response(400, json={"code": 50035, "message": "Invalid Form Body"})
YEAR = 365 * 86_400


@pytest.fixture(autouse=True)
def short_block(monkeypatch):
    monkeypatch.setattr(rq_worker, "BLOCK", 0.05)


@pytest.fixture
def state():
    """A state directory whose path is short, as a socket's must be."""
    with tempfile.TemporaryDirectory(prefix="nt-") as folder:
        yield Path(folder)


@pytest.fixture
def notifier(server, connection, state):
    """The `dlq` commands, in this process; the log is put back as it was."""
    hook, handlers, level = sys.excepthook, logging.root.handlers[:], logging.root.level
    environ = {"NOTIFIER_REDIS_URL": server.url, "NOTIFIER_STATE_DIR": str(state), "XDG_RUNTIME_DIR": str(state)}

    def run(*arguments, fails=0, stdin=None):
        done = CliRunner().invoke(
            dlq.dlq, [str(one) for one in arguments], env={**environ, "COLUMNS": "200"}, input=stdin
        )
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == fails, done.output
        return done

    yield run
    logger.remove()
    logger.configure(extra={}, patcher=lambda record: None)
    sys.excepthook, logging.root.handlers = hook, handlers
    logging.root.setLevel(level)


def work(server, queues, queue, perform, most=8):
    """Do all that waits on `queue`, also what is to be tried again at once."""
    stop, blocking = StopSignal(), Redis.from_url(server.url, retry=None)
    worker = KillmailWorker(queue, Slot("host", f"{queue}-1"), queues, blocking, Executor({queue: perform}, most), stop)
    worker._be_born()
    while waits(queues, queue):
        worker._step()
    blocking.close()


def deliver(server, queues, *numbers, reply=REFUSED, destination="intel", posts=None, most=8):
    """Hand deliveries over, and let a worker do them: each one alone, at a Discord that answers `reply`."""

    def answer(request):
        if posts is not None:
            posts.append(kills_of(request.content))
        if isinstance(reply, Exception):
            raise reply
        return reply

    to = {destination: Destination(destination, env="INTEL", environ={"INTEL": ADDRESS}, allowed_hosts=HOSTS)}
    service = Discord(httpx.Client(transport=httpx.MockTransport(answer)))
    perform = Deliver(queues, to, service, StopSignal()).perform
    for number in numbers or (None,):
        if number is not None:
            queues.hand_over(HandOver([delivery_job(f"kill-{number}", destination, notice(number), number, 0.0)]))
        work(server, queues, DELIVERY, perform, most)


def accepted():
    return httpx.Response(200, json={"id": "1"})


def ids_of(queues):
    return sorted(letter.id for letter in DeadLetters(queues).letters())


def ledger(queues, job_id, state):
    queues.connection.hset(keys.delivery(job_id), "state", state)


def archived(state):
    return [json.loads(line) for path in sorted(state.glob("dead-letters/*")) for line in path.read_text().splitlines()]


def events(queues):
    return {name.decode(): int(count) for name, count in queues.connection.hgetall(keys.EVENTS).items()}


def traces(connection, job_id):
    """Every key of a letter but its ledger."""
    listed = [key for key in ("rq:failed:delivery", keys.DEAD, keys.outbox("intel")) if connection.zscore(key, job_id)]
    return listed + [key.decode() for key in connection.keys(f"rq:*{job_id}*")]


# -- list, show, stats


def test_letters_are_listed_the_longest_dead_first_and_as_json_one_object_a_line(server, queues, notifier):
    deliver(server, queues, 1, 2)
    shown = notifier("list").output
    assert shown.index("kill-1-intel") < shown.index("kill-2-intel")
    first, second = map(json.loads, notifier("list", "--json").output.splitlines())
    assert (first["id"], second["id"]) == ("kill-1-intel", "kill-2-intel")
    assert first["link"] == "https://zkillboard.com/kill/1/"
    assert (first["destination"], first["attempts"], first["category"]) == ("intel", 1, "permanent")
    assert first["errors"]["first"] == first["errors"]["last"]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--queue", "delivery"], ["kill-1-intel", "kill-2-losses"]),
        (["--queue", "enrichment"], []),
        (["--destination", "losses"], ["kill-2-losses"]),
        (["--killmail", "1"], ["kill-1-intel"]),
        (["--category", "bug"], []),
        (["--older-than", "1h"], []),
        (["--newer-than", "1h", "--category", "permanent"], ["kill-1-intel", "kill-2-losses"]),
    ],
)
def test_the_same_filters_choose_for_every_command(server, queues, notifier, state, options, found):
    deliver(server, queues, 1)
    deliver(server, queues, 2, destination="losses")
    assert [json.loads(line)["id"] for line in notifier("list", "--json", *options).output.splitlines()] == found
    assert json.loads(notifier("stats", "--json", *options).output)["letters"] == len(found)
    assert (
        f"{len(found)} of {len(found)} would be put back" in notifier("replay", "--all", "--dry-run", *options).output
    )
    notifier("export", state / "file", *options)
    assert [json.loads(line)["id"] for line in (state / "file").read_text().splitlines()] == found
    notifier("discard", "--yes", *options)
    assert len(ids_of(queues)) == 2 - len(found)


def test_a_filter_that_is_none_is_said_with_what_was_expected(notifier):
    assert "expected a number and a unit, such as 90s" in notifier("list", "--older-than", "soon", fails=2).output
    assert "expected one of ingestion" in notifier("stats", "--queue", "other", fails=2).output


def test_a_letter_is_shown_whole_with_what_a_replay_would_do(server, queues, notifier):
    deliver(server, queues, 7)
    shown = notifier("show", "kill-7-intel").output
    for part in ("https://zkillboard.com/kill/7/", "permanent", "Invalid Form Body", "would be put back", "Rifter"):
        assert part in shown
    ledger(queues, "kill-7-intel", "delivered")
    assert "delivered" in json.loads(notifier("show", "kill-7-intel", "--json").output)["replay"]
    assert "found no dead letter" in notifier("show", "kill-8-intel", fails=2).output


def test_letters_are_counted_by_queue_category_and_destination(server, queues, notifier):
    deliver(server, queues, 1, 2)
    deliver(server, queues, 3, destination="losses")
    counted = json.loads(notifier("stats", "--json").output)
    assert [(one["destination"], one["letters"]) for one in counted["counts"]] == [("intel", 2), ("losses", 1)]
    assert counted["oldest"] <= counted["newest"]
    assert "3 letters" in notifier("stats").output


def test_without_letters_each_command_says_so(notifier, state):
    assert "no dead letters" in notifier("list").output
    assert "no dead letters" in notifier("stats").output
    assert "0 of 0 put back" in notifier("replay", "--all").output
    assert "0 of 0 discarded" in notifier("discard", "--all").output
    assert "0 letters" in notifier("export", state / "file").output


# -- replay


def test_a_replay_gives_fresh_attempts_and_keeps_the_history(server, queues, notifier):
    deliver(server, queues, 1)
    assert "1 of 1 put back" in notifier("replay", "kill-1-intel").output
    deliver(server, queues)
    meta = DeadLetters(queues).find("kill-1-intel").meta
    assert (meta["attempts"], len(meta["history"])) == (1, 1)
    assert "round 1" in notifier("show", "kill-1-intel").output
    assert events(queues)["letters_replayed"] == 1


def test_what_the_ledger_says_was_delivered_is_not_replayed(server, queues, notifier, state):
    deliver(server, queues, 1, 2)
    ledger(queues, "kill-1-intel", "delivered")
    assert "delivered" in notifier("replay", "kill-1-intel").output
    assert ids_of(queues) == ["kill-1-intel", "kill-2-intel"], "by id it is passed over"
    assert "1 of 2 would be put back" in notifier("replay", "--all", "--dry-run").output
    assert ids_of(queues) == ["kill-1-intel", "kill-2-intel"], "a dry run does nothing"
    assert "1 of 1 put back" in notifier("replay", "--all", "--pace", "0").output
    assert (queues[DELIVERY].job_ids, ids_of(queues)) == (["kill-2-intel"], [])
    assert [one["id"] for one in archived(state)] == ["kill-1-intel"], "with --all it is discarded, and kept"
    assert events(queues)["letters_discarded"] == 1


def test_an_earlier_post_without_a_known_end_is_said_before_a_replay(server, queues, notifier):
    deliver(server, queues, 1)
    ledger(queues, "kill-1-intel", "sending")
    assert "may come twice" in notifier("replay", "--all", "--dry-run").output


def test_a_replay_keeps_its_pace_and_a_break_leaves_the_others_as_letters(server, queues, notifier, monkeypatch):
    deliver(server, queues, 1, 2, 3)
    paces = []

    class Broken(dlq.Pace):
        def __init__(self, rate):
            paces.append(rate)
            self.left = 2

        def step(self):
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt

    monkeypatch.setattr(dlq, "Pace", Broken)
    assert "2 of 3 put back" in notifier("replay", "--all", fails=130).output
    assert paces == [10.0]
    assert ids_of(queues) == ["kill-3-intel"]
    assert events(queues)["letters_replayed"] == 1


def test_either_ids_or_all_are_wanted(server, queues, notifier):
    deliver(server, queues, 1)
    for arguments in (["replay"], ["replay", "--queue", "delivery"], ["discard"], ["replay", "kill-1-intel", "--all"]):
        notifier(*arguments, fails=2)
    assert ids_of(queues) == ["kill-1-intel"]


# -- discard, export, import


def test_a_discarded_letter_is_kept_in_a_private_file_and_gone_from_redis(server, queues, connection, notifier, state):
    deliver(server, queues, 1, 2)
    connection.zadd(keys.outbox("intel"), {"kill-1-intel": 1.0})
    assert "expected --yes" in notifier("discard", "kill-1-intel", fails=2).output
    assert "1 of 1 discarded" in notifier("discard", "kill-1-intel", "--yes").output
    assert traces(connection, "kill-1-intel") == []
    assert ids_of(queues) == ["kill-2-intel"]
    [path] = state.glob("dead-letters/*.jsonl")
    assert path.stat().st_mode & 0o777 == 0o600
    assert events(queues)["letters_discarded"] == 1
    Janitor(queues, "host", dict).look()
    assert (ids_of(queues), queues[DELIVERY].count) == (["kill-2-intel"], 0)


def test_a_letter_that_died_anew_or_was_put_back_since_it_was_read_is_not_discarded(server, queues, notifier, state):
    deliver(server, queues, 1, 2)
    letters = DeadLetters(queues)
    first, second = letters.letters()
    assert letters.replay(first)
    deliver(server, queues)
    assert letters.replay(second)
    [(gone, _)] = letters.move_out([first, second], Archive(state))
    assert gone == []
    assert (ids_of(queues), queues[DELIVERY].job_ids) == (["kill-1-intel"], ["kill-2-intel"])


def test_what_was_exported_and_imported_elsewhere_is_delivered_there(server, queues, connection, notifier, state):
    deliver(server, queues, 1, 2)
    before = list(DeadLetters(queues).letters())
    notifier("export", state / "file")
    assert (state / "file").stat().st_mode & 0o777 == 0o600
    connection.flushall()
    assert "2 imported" in notifier("import", state / "file").output
    for old, new in zip(before, DeadLetters(queues).letters(), strict=True):
        told = (
            "id",
            "queue",
            "description",
            "function",
            "args",
            "kwargs",
            "meta",
            "timeout",
            "result_ttl",
            "created_at",
        )
        assert [getattr(old, name) for name in told] == [getattr(new, name) for name in told]
    assert queues[DELIVERY].count == 0, "an import puts nothing on a queue"
    janitor = Janitor(queues, "host", dict, state=state)
    for _ in range(3):
        janitor.look()
    assert len(ids_of(queues)) == 2, "nor does the janitor take them for lost"
    notifier("replay", "--all", "--pace", "0")
    posts = []
    deliver(server, queues, reply=accepted(), posts=posts)
    assert sorted(itertools.chain(*posts)) == [1, 2]
    assert ids_of(queues) == []


def test_an_import_passes_over_what_is_there_and_what_was_delivered(server, queues, notifier, state):
    deliver(server, queues, 1, 2, 3)
    notifier("export", state / "file")
    notifier("discard", "--all", "--yes")
    ledger(queues, "kill-1-intel", "delivered")
    assert "2 imported, 0 there already, 1 delivered already" in notifier("import", state / "file").output
    notifier("replay", "kill-2-intel")
    shown = notifier("import", state / "file").output
    assert "0 imported, 2 there already, 1 delivered already" in shown
    assert "kill-2-intel is passed over" in shown
    assert (queues[DELIVERY].job_ids, ids_of(queues)) == (["kill-2-intel"], ["kill-3-intel"])


def test_a_line_that_is_no_letter_is_refused_and_the_others_are_imported(server, queues, notifier, state):
    deliver(server, queues, 1)
    exported = notifier("export", "-").stdout
    notifier("discard", "--all", "--yes")
    strange = json.dumps({"version": 1, "id": "not an id", "queue": "delivery", "args": []})
    shown = notifier("import", "-", stdin=f"{{broken\n{strange}\n{exported}", fails=65).output
    assert "line 1 is refused" in shown
    assert "line 2 is refused: Job ID must only contain" in shown
    assert ids_of(queues) == ["kill-1-intel"]


def test_an_imported_letter_begins_a_new_lifetime(server, queues, connection, notifier, state):
    deliver(server, queues, 1)
    job = queues.fetch(["kill-1-intel"])[0]
    job.meta["dead_at"] -= 10 * LIFETIME
    job.save_meta()
    notifier("export", state / "file")
    notifier("discard", "--all", "--yes")
    notifier("import", state / "file")
    Janitor(queues, "host", dict, state=state).look()
    assert ids_of(queues) == ["kill-1-intel"]
    assert YEAR - 60 < connection.ttl(Job.key_for("kill-1-intel")) <= YEAR


def test_an_export_overwrites_nothing_and_leaves_no_half_file(server, queues, notifier, state, monkeypatch):
    deliver(server, queues, 1)
    (state / "file").write_text("mine")
    assert "expected a new file" in notifier("export", state / "file", fails=2).output
    assert (state / "file").read_text() == "mine"
    monkeypatch.setattr(dlq, "encode", lambda letter: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        notifier("export", state / "half")
    assert not (state / "half").exists()


LEAKY = {
    "an answer": httpx.Response(400, json={"code": 50035, "message": f"Invalid {ADDRESS}"}),
    "a bug": RuntimeError(f"cannot post to {ADDRESS}", ADDRESS.encode()),
}


@pytest.mark.parametrize("what", LEAKY)
def test_no_secret_is_in_an_export(server, queues, notifier, state, what):
    deliver(server, queues, 1, reply=LEAKY[what], most=1)
    assert ids_of(queues) == ["kill-1-intel"]
    exported = notifier("export", "-").stdout
    shown = notifier("show", "kill-1-intel").output + notifier("list").output + notifier("list", "--json").output
    notifier("discard", "--all", "--yes")
    written = (state / "dead-letters").glob("*")
    for text in (exported, shown, *(path.read_text() for path in written)):
        assert "kill-1-intel" in text
        assert TOKEN[:20] not in text


# -- what cannot be read


def fields(data=b"x", **more):
    return {"data": data, "origin": DELIVERY, "status": "failed", "created_at": "2026-11-01T10:00:00.000000Z", **more}


UNREADABLE = {
    "pickled by somebody": fields(zlib.compress(pickle.dumps(("os.system", None, ("x",), {})))),
    "no JSON": fields(zlib.compress(b"{broken")),
    "not four parts": fields(zlib.compress(b'["f"]')),
    "no data": {"status": "failed", "origin": DELIVERY},
    "an unknown status": fields(status="strange"),
    "broken meta": fields(zlib.compress(b'["f",null,[],{}]'), meta=b"\x80\x04\xff"),
    "meta that is no table": fields(zlib.compress(b'["f",null,[],{}]'), meta=b"5"),
    "a time that is none": fields(zlib.compress(b'["f",null,[],{}]'), enqueued_at="yesterday"),
    "gone": {},
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_a_letter_that_cannot_be_read_is_listed_shown_exported_and_discarded(
    server, queues, connection, notifier, state, what
):
    deliver(server, queues, 1)
    stored = UNREADABLE[what]
    if stored:
        connection.hset("rq:job:kill-9-intel", mapping=stored)
    connection.zadd("rq:failed:delivery", {"kill-9-intel": connection.time()[0] + YEAR})

    assert "kill-9-intel" in notifier("list").output
    assert "not put back" in notifier("show", "kill-9-intel").output
    shown = json.loads(notifier("show", "kill-9-intel", "--json").output)
    assert {name: base64.b64decode(value) for name, value in shown["raw"].items()} == {
        name: value if isinstance(value, bytes) else value.encode() for name, value in stored.items()
    }
    janitor = Janitor(queues, "host", dict, state=state)
    for _ in range(3):
        janitor.look()
    assert ids_of(queues) == ["kill-1-intel", "kill-9-intel"], "the janitor does not hide it on a queue"
    notifier("export", state / "file")
    assert "1 of 1 put back" in notifier("replay", "--all").output
    assert "1 of 1 discarded" in notifier("discard", "--all", "--yes").output
    assert traces(connection, "kill-9-intel") == []

    imported = notifier("import", state / "file", fails=0 if stored else 65).output
    assert ids_of(queues) == (["kill-9-intel"] if stored else []), imported
    if stored:
        again = {name.decode(): value for name, value in connection.hgetall("rq:job:kill-9-intel").items()}
        expected = {name: value if isinstance(value, bytes) else value.encode() for name, value in stored.items()}
        assert again == {**expected, "status": b"failed"}


# -- the janitor: lifetime and size


def bury_at(queues, job_id, age, clock):
    """Let a letter be as old as if it had died `age` seconds before."""
    queues.connection.zadd("rq:failed:delivery", {job_id: int(clock) + YEAR - age})


def test_the_janitor_exports_what_is_past_its_lifetime_and_keeps_the_rest(server, queues, connection, state):
    deliver(server, queues, 1, 2)
    now = float(connection.time()[0])
    bury_at(queues, "kill-1-intel", LIFETIME + 60, now)
    bury_at(queues, "kill-2-intel", LIFETIME - 60, now)
    Janitor(queues, "host", dict).look()
    assert len(ids_of(queues)) == 2, "without a folder nothing leaves"
    janitor = Janitor(queues, "host", dict, state=state)
    janitor.look()
    assert ids_of(queues) == ["kill-2-intel"]
    assert traces(connection, "kill-1-intel") == []
    assert [(one["id"], one["category"]) for one in archived(state)] == [("kill-1-intel", "permanent")]
    janitor.look()
    assert (events(queues)["letters_exported"], len(archived(state))) == (1, 1)


def test_beyond_the_number_the_longest_dead_leave_first(server, queues, state, monkeypatch):
    monkeypatch.setattr(dead_letters, "MOST_LETTERS", 2)
    monkeypatch.setattr(dead_letters, "PAGE", 2)
    deliver(server, queues, 1, 2, 3, 4, 5)
    for number in range(1, 6):
        bury_at(queues, f"kill-{number}-intel", 100 - number, float(queues.connection.time()[0]))
    Janitor(queues, "host", dict, state=state).look()
    assert ids_of(queues) == ["kill-4-intel", "kill-5-intel"]
    assert [one["id"] for one in archived(state)] == ["kill-1-intel", "kill-2-intel", "kill-3-intel"]


def test_beyond_the_size_the_longest_dead_leave_first(server, queues, state, monkeypatch):
    deliver(server, queues, 1, 2, 3)
    stored = [queues.connection.hmget(f"rq:job:kill-{number}-intel", "data", "meta") for number in (2, 3)]
    monkeypatch.setattr(dead_letters, "MOST_BYTES", sum(map(len, itertools.chain(*stored))) - 1)
    for number in (1, 2, 3):
        bury_at(queues, f"kill-{number}-intel", 100 - number, float(queues.connection.time()[0]))
    Janitor(queues, "host", dict, state=state).look()
    assert ids_of(queues) == ["kill-3-intel"]


def test_what_rq_never_expires_does_not_leave_for_its_age(server, queues, state):
    deliver(server, queues, 1)
    queues.connection.zadd("rq:failed:delivery", {"kill-1-intel": -1})
    Janitor(queues, "host", dict, state=state).look()
    assert ids_of(queues) == ["kill-1-intel"]


def test_a_full_disk_is_said_once_and_the_letters_stay(server, queues, state, monkeypatch):
    monkeypatch.setattr(dead_letters, "MOST_LETTERS", 0)
    deliver(server, queues, 1)
    janitor = Janitor(queues, "host", dict, state=state)

    def full(descriptor, content):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(letter_file, "write_all", full)
        for _ in range(3):
            janitor.look()
        assert ids_of(queues) == ["kill-1-intel"]
    janitor.look()
    assert (ids_of(queues), len(archived(state))) == ([], 1)
    janitor.look()
    assert events(queues)["letters_not_exported"] == 1


# -- a kill, a lost command, a lost reply, a repeat at every command


def every_command(kind, least):
    for at in itertools.count(1):
        faults = Faults(kind, at)
        yield faults
        if not faults.happened:
            assert at > least, "it should have sent more commands than that"
            return


def faulty(server, faults):
    return Queues(FaultyRedis.at(server.url, faults), job_timeout=30)


@pytest.mark.parametrize("kind", Faults.KINDS)
@pytest.mark.parametrize("who", ["discard", "janitor"])
def test_a_letter_that_is_taken_out_is_in_redis_or_in_a_file_at_every_moment(server, queues, kind, who, monkeypatch):
    monkeypatch.setattr(dead_letters, "PAGE", 2)
    if who == "janitor":
        monkeypatch.setattr(dead_letters, "MOST_LETTERS", 0)
    everyone = [f"kill-{number}-intel" for number in (1, 2, 3)]

    def take_out(of, state):
        if who == "janitor":
            Janitor(of, "host", dict, state=state).look()
            return
        letters = DeadLetters(of)
        for _ in letters.move_out(list(letters.letters()), Archive(state)):
            pass

    for faults in every_command(kind, 3):
        queues.connection.flushall()
        deliver(server, queues, 1, 2, 3)
        with tempfile.TemporaryDirectory() as folder:
            state = Path(folder)
            with suppress(Killed, RedisConnectionError):
                take_out(faulty(server, faults), state)
            where = f"{kind} at command {faults.at}"
            assert {*ids_of(queues), *(one["id"] for one in archived(state))} == set(everyone), where
            take_out(queues, state)
            assert ids_of(queues) == [], where
            assert sorted({one["id"] for one in archived(state)}) == everyone, where
            assert [trace for job_id in everyone for trace in traces(queues.connection, job_id)] == [], where
            letters = DeadLetters(queues)
            files = [path.open("rb") for path in state.glob("dead-letters/*")]
            came = [letters.bury(record) for file in files for _, record in letter_file.decode(file)]
            for file in files:
                file.close()
            assert (came.count("buried"), ids_of(queues)) == (3, everyone), where


@pytest.mark.parametrize("kind", Faults.KINDS)
def test_a_replay_puts_each_letter_back_once_whatever_happens(server, queues, kind):
    for faults in every_command(kind, 3):
        queues.connection.flushall()
        deliver(server, queues, 1, 2, 3)
        letters = DeadLetters(faulty(server, faults))
        answers = []
        with suppress(Killed, RedisConnectionError):
            chosen = list(letters.letters())
            letters.fates(chosen)
            for letter in chosen:
                answers.append(letters.replay(letter))  # noqa: PERF401 – those before the fault count
        assert all(answers), "also a call that was sent twice says that it put the letter back"
        where = f"{kind} at command {faults.at}"
        waiting = queues[DELIVERY].job_ids
        assert sorted([*waiting, *ids_of(queues)]) == ["kill-1-intel", "kill-2-intel", "kill-3-intel"], where
        for letter in DeadLetters(queues).letters():
            DeadLetters(queues).replay(letter)
        posts = []
        deliver(server, queues, reply=accepted(), posts=posts)
        assert sorted(itertools.chain(*posts)) == [1, 2, 3], where


@pytest.mark.parametrize("kind", Faults.KINDS)
def test_an_import_that_is_cut_off_anywhere_is_done_by_importing_again(server, queues, kind):
    deliver(server, queues, 1, 2, 3)
    lines = b"".join(letter_file.encode(letter) for letter in DeadLetters(queues).letters())
    with tempfile.TemporaryFile() as file:
        file.write(lines)
        for faults in every_command(kind, 3):
            queues.connection.flushall()
            for of in (faulty(server, faults), queues):
                file.seek(0)
                with suppress(Killed, RedisConnectionError):
                    for _, record in letter_file.decode(file):
                        DeadLetters(of).bury(record)
            where = f"{kind} at command {faults.at}"
            assert ids_of(queues) == ["kill-1-intel", "kill-2-intel", "kill-3-intel"], where
            assert queues[DELIVERY].count == 0, where
            assert queues.connection.zcard(keys.DEAD) == 3, where


# -- malformed packages


def make_ingest(queues, state):
    everywhere = Subscription("all", ("intel",), All(()))
    return Ingest(Index([everywhere], load()), queues, state=state)


@pytest.fixture
def decoder(monkeypatch):
    """A decoder that knows no package until it is `fixed`."""

    class Decoder:
        fixed = False

        def __call__(self, body):
            if not self.fixed:
                raise Malformed("package", "found a new form, expected the old one")
            return decode_package(body)

    made = Decoder()
    monkeypatch.setattr(ingest, "decode_package", made)
    return made


def big_package(number):
    """A package of 3 MiB: valid, but for a decoder that knows it not yet."""
    return json.dumps({**json.loads(package(number)), "padding": "x" * 3 * MOST_IN_REDIS}).encode()


@pytest.mark.parametrize("made", [package, big_package], ids=["small", "big"])
@pytest.mark.parametrize("way", ["notifier dlq replay", "rq requeue"])
def test_a_fixed_decoder_empties_the_malformed_packages(server, queues, notifier, state, decoder, made, way):
    first = make_ingest(queues, state)
    first.offer(made(5), 77, "cursor", "78")
    work(server, queues, INGESTION, first.perform)
    [letter] = DeadLetters(queues).letters()
    assert (letter.id, letter.category, letter.killmail_id) == ("package-77", "malformed", 5)
    assert "killmail_id" in notifier("show", "package-77").output
    decoder.fixed = True
    if way == "rq requeue":
        queues[INGESTION].failed_job_registry.requeue("package-77")
    else:
        notifier("replay", "--all", "--queue", "ingestion")
    work(server, queues, INGESTION, first.perform)
    assert ids_of(queues) == []
    assert queues[ENRICHMENT].job_ids == ["kill-5"]


def test_of_a_big_body_the_job_holds_the_beginning_and_the_disk_the_whole(server, queues, notifier, state, decoder):
    body = big_package(5)
    first = make_ingest(queues, state)
    first.offer(body, 77, "cursor", "78")
    work(server, queues, INGESTION, first.perform)
    [letter] = DeadLetters(queues).letters()
    assert letter.body() == body[:MOST_IN_REDIS]
    assert letter.body_file == ("malformed/77.bin", len(body))
    path = state / "malformed/77.bin"
    assert path.read_bytes() == body
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert "the whole in malformed/77.bin" in notifier("show", "package-77").output
    assert [one.name for one in path.parent.iterdir()] == ["77.bin"]


def test_the_file_of_a_big_body_is_there_before_its_job(server, queues, state, decoder):
    queues.hand_over(HandOver())  # the script is known: the next command is the hand-over itself
    for faults in every_command("killed", 1):
        with suppress(Killed):
            make_ingest(faulty(server, faults), state).offer(big_package(5), 77, "cursor", "78")
        if queues[INGESTION].count:
            break
        assert faults.happened
        assert (state / "malformed/77.bin").stat().st_size > MOST_IN_REDIS
    assert queues[INGESTION].job_ids == ["package-77"]


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (Path.unlink, "only the host that read it from the feed has it"),
        (lambda path: path.write_bytes(b"short"), "has 5 bytes, expected"),
        (lambda path: (path.unlink(), path.mkdir()), "Is a directory"),
    ],
    ids=["missing", "cut", "a folder"],
)
def test_a_big_body_whose_file_is_not_as_it_was_is_dead_and_says_why(server, queues, state, decoder, spoil, why):
    first = make_ingest(queues, state)
    first.offer(big_package(5), 77, "cursor", "78")
    decoder.fixed = True
    spoil(state / "malformed/77.bin")
    work(server, queues, INGESTION, first.perform)
    [letter] = DeadLetters(queues).letters()
    assert letter.category == "permanent"
    assert why in letter.reason
    assert letter.attempts == 1


def test_a_job_that_names_another_file_reads_none(queues, state):
    (state / "secret").write_bytes(package(5))
    for file in ("secret", "../secret", str(state / "secret"), "malformed/78.bin"):
        outcome = make_ingest(queues, state).perform("package-77", "", 77, file, len(package(5)))
        assert "expected 'malformed/77.bin'" in outcome.reason
    assert queues[ENRICHMENT].count == 0


def test_a_disk_that_takes_no_file_leaves_the_whole_body_in_redis(server, queues, state, decoder):
    (state / "malformed").write_text("in the way")
    first = make_ingest(queues, state)
    first.offer(big_package(5), 77, "cursor", "78")
    work(server, queues, INGESTION, first.perform)
    [letter] = DeadLetters(queues).letters()
    assert letter.body() == big_package(5)


def test_a_redis_that_is_away_is_one_line_and_an_exit_code(state, monkeypatch, capsys):
    monkeypatch.setenv("NOTIFIER_REDIS_URL", f"unix://{state}/nobody.sock")
    monkeypatch.setenv("NOTIFIER_STATE_DIR", str(state))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(state))
    monkeypatch.setattr(sys, "argv", ["notifier", "dlq", "list"])
    monkeypatch.setattr(cli.signal, "signal", lambda *_: None)
    hook, handlers, level = sys.excepthook, logging.root.handlers[:], logging.root.level
    try:
        with pytest.raises(SystemExit) as ended:
            cli.main()
    finally:
        logger.remove()
        logger.configure(extra={}, patcher=lambda record: None)
        sys.excepthook, logging.root.handlers = hook, handlers
        logging.root.setLevel(level)
    assert ended.value.code == 69
    assert "Redis does not answer" in capsys.readouterr().err
