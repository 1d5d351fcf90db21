"""The dry run over a file of killmails: good and bad lines, plain and gzipped."""

import gzip
from pathlib import Path
from types import MappingProxyType

import pytest
import real_killmails as real

from notifier.config import Config
from notifier.feeds.archive import ArchiveError
from notifier.tracking import Subscription
from notifier.tracking.rules import All, Value
from ops.matching import Matched, Unreadable, match_file

CONFIG = Config(
    MappingProxyType({}),
    (
        Subscription("everything", ("intel",), All(())),
        Subscription("nothing", ("intel",), Value(1e30)),
        Subscription("big", ("intel", "big"), Value(1e9)),
    ),
)
BAD = (b"not JSON", b"[]", b'{"killmail": {}}', b'{"killmail": null}', b"\xff\xfe", b"[" * 5000)


def written(path: Path, lines: list[bytes]) -> Path:
    content = b"\n".join(lines)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize("name", ["some.jsonl", "some.jsonl.gz"])
def test_each_killmail_of_a_file_is_matched_in_its_order(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name, list(real.lines()[:50]))
    found = list(match_file(path, CONFIG, real.universe()))
    assert [one.killmail for one in found if isinstance(one, Matched)] == list(real.decoded()[:50])
    for one in found:
        assert isinstance(one, Matched)
        big = one.killmail.zkb is not None and one.killmail.zkb.total_value >= 1e9
        assert [each.id for each in one.subscriptions] == ["everything", *(["big"] if big else [])]


@pytest.mark.parametrize("name", ["some.jsonl", "some.jsonl.gz"])
@pytest.mark.parametrize("bad", BAD)
def test_a_line_that_is_no_killmail_is_named_and_the_others_are_matched(tmp_path: Path, name: str, bad: bytes) -> None:
    first, last = real.lines()[0], real.lines()[1]
    path = written(tmp_path / name, [first, b"", bad, b"  ", last + b"\r"])
    before, unreadable, after = match_file(path, CONFIG, real.universe())
    assert isinstance(before, Matched)
    assert isinstance(after, Matched)
    assert after.killmail == real.decoded()[1]
    assert isinstance(unreadable, Unreadable)
    assert unreadable.line == 3
    assert unreadable.malformed.where
    assert "expected" in unreadable.malformed.reason


def test_an_empty_file_has_no_killmails(tmp_path: Path) -> None:
    assert list(match_file(written(tmp_path / "none.jsonl", []), CONFIG, real.universe())) == []
    assert list(match_file(written(tmp_path / "none.jsonl.gz", []), CONFIG, real.universe())) == []


def test_a_file_that_is_not_there_is_an_archive_error(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="No such file"):
        list(match_file(tmp_path / "away.jsonl", CONFIG, real.universe()))


def test_a_file_that_is_cut_off_is_matched_up_to_there(tmp_path: Path) -> None:
    path = tmp_path / "cut.jsonl.gz"
    whole = gzip.compress(b"\n".join(real.lines()[:200]))
    path.write_bytes(whole[: len(whole) // 2])
    found = []
    with pytest.raises(ArchiveError, match=r"cut\.jsonl\.gz: cut off after line \d+"):
        for one in match_file(path, CONFIG, real.universe()):
            found.append(one)  # noqa: PERF402 – what came before the error is wanted
    assert 0 < len(found) < 200
    assert all(isinstance(one, Matched) for one in found)


def test_without_subscriptions_no_killmail_concerns_anyone(tmp_path: Path) -> None:
    path = written(tmp_path / "some.jsonl", list(real.lines()[:3]))
    nothing = Config(MappingProxyType({}), ())
    assert [one.subscriptions for one in match_file(path, nothing, real.universe()) if isinstance(one, Matched)] == [
        (),
        (),
        (),
    ]
