import gzip
import json

import pytest

from notifier.killmail import Malformed, decode_package
from ops.simulators import Options, Pace, Simulation, packages
from ops.simulators.__main__ import SAMPLE
from ops.simulators.feed import BASE, read_mails
from tests.unit.simulators.simulators_samples import NOON, Clock, request

MALFORMED = [b"not JSON", b'{"killmail": {}}', b'{"killmail":{"killmail_id":7}}', b"\xff\xfe", b"[" * 10_000]


def lines(count, first=1):
    return [
        json.dumps(
            {
                "killmail": {
                    "attackers": [{"damage_done": 1, "final_blow": True, "security_status": 0}],
                    "killmail_id": first + number,
                    "killmail_time": "2026-11-23T18:20:11Z",
                    "solar_system_id": 30000142,
                    "victim": {"damage_taken": 1, "ship_type_id": 587},
                }
            }
        ).encode()
        for number in range(count)
    ]


@pytest.fixture
def feed(tmp_path):
    def write(*some):
        path = tmp_path / "feed.jsonl"
        path.write_bytes(b"\n".join(some) + b"\n")
        return path

    return write


def served(path, kills):
    """What a client gets that reads on until there is no more."""
    simulated = Simulation(read_mails(path), Options(Pace("flat"), kills), Clock())
    bodies = []
    while (reply := request(simulated, "GET", f"/ephemeral/{BASE + len(bodies)}.json")).status == 200:
        bodies.append(reply.body)
    simulated.close()
    return bodies


@pytest.mark.parametrize("kills", [None, 1, 5, 7, 23])
def test_packages_are_what_the_simulator_serves(feed, kills):
    path = feed(*lines(3), *MALFORMED, *lines(2, 50))
    expected = served(path, kills)
    assert list(packages(path, kills, NOON)) == expected
    assert len(expected) == (10 if kills is None else kills)


def test_the_sample_is_served_as_packages_say():
    assert list(packages(SAMPLE, 40, NOON)) == served(SAMPLE, 40)


def test_only_the_time_of_upload_depends_on_the_start(feed):
    path = feed(*lines(2))
    early, late = ([json.loads(body) for body in packages(path, 5, start)] for start in (0.0, NOON))
    assert [{**one, "uploaded_at": 0} for one in late] == early


def test_beyond_its_last_line_the_file_begins_anew_with_new_ids(feed):
    found = [decode_package(body) for body in packages(feed(*lines(3)), 8)]
    assert [package.killmail.killmail_id for package in found] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert len({package.killmail.hash for package in found}) == 8
    assert [package.sequence_id for package in found] == list(range(BASE, BASE + 8))


def test_new_ids_are_those_of_no_line_though_lines_are_malformed_or_repeat(feed):
    path = feed(*lines(2, 100), MALFORMED[0], *lines(1, 100), *lines(1, 5))
    ids = []
    for body in packages(path, 15):
        try:
            ids.append(decode_package(body).killmail.killmail_id)
        except Malformed:
            ids.append(None)
    assert ids[:5] == [100, 101, None, 100, 5]
    later = [one for one in ids[5:] if one is not None]
    assert len(set(later)) == len(later) == 8
    assert min(later) > 101


@pytest.mark.parametrize(
    ("line", "body"),
    [
        (b'{"killmail": {}}', b'{"killmail": {}}'),
        (b"[1, 2]", b"[1, 2]"),
        (b'{"killmail":{"killmail_id":0}}', b'{"killmail":{"killmail_id":0}}'),
        (b'{"killmail":{"killmail_id":9223372036854775807}}', b'{"killmail":{"killmail_id":9223372036854775807}}'),
        (b"not JSON", b'"not JSON"'),
        (b'{"killmail": \xff', b'"{\\"killmail\\": \xef\xbf\xbd"'),
    ],
)
def test_a_malformed_line_is_published_each_time_as_json_that_is_no_package(feed, line, body):
    assert list(packages(feed(line, *lines(1)), 4))[::2] == [body, body]
    with pytest.raises(Malformed):
        decode_package(body)


@pytest.mark.parametrize("line", [*MALFORMED, lines(1)[0][:-1] + b',"hash":"\\"x"}'])
def test_every_package_is_json_whatever_the_line(feed, line):
    for body in packages(feed(line), 3):
        json.loads(body)


def test_empty_lines_are_none_and_gzip_is_read(tmp_path):
    path = tmp_path / "feed.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n\n" + lines(1)[0] + b"\r\n\n"))
    assert len(list(packages(path, None))) == 1


def test_a_file_without_killmails_publishes_none(feed):
    assert list(packages(feed(b""), 5)) == []


def test_a_flat_feed_without_end_is_refused_before_the_first_package(feed):
    with pytest.raises(ValueError, match="without end"):
        packages(feed(*lines(1)), 0)
