"""Lines of a file, plain and gzipped; whatever is wrong with the file is one kind of error."""

import gzip
from pathlib import Path

import pytest

from notifier.feeds.archive import ArchiveError, read


def stored(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.fixture(params=["a.jsonl", "a.jsonl.gz"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / str(request.param)


def test_lines_are_given_with_their_numbers_and_without_their_ends(path: Path) -> None:
    stored(path, b'{"a":1}\n{"b":2}\r\n{"c":3}')
    assert list(read(path)) == [(1, b'{"a":1}'), (2, b'{"b":2}'), (3, b'{"c":3}')]


def test_blank_lines_are_passed_over_but_counted(path: Path) -> None:
    stored(path, b"\n  \nx\n\n\ny\n\n")
    assert list(read(path)) == [(3, b"x"), (6, b"y")]


def test_bytes_that_are_no_text_are_passed_on(path: Path) -> None:
    stored(path, b"\xff\x00\xfe\nz")
    assert list(read(path)) == [(1, b"\xff\x00\xfe"), (2, b"z")]


def test_an_empty_file_has_no_lines(path: Path) -> None:
    assert list(read(stored(path, b""))) == []


def test_a_gzip_file_of_no_bytes_at_all_has_no_lines(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(b"")
    assert list(read(tmp_path / "a.gz")) == []


def test_two_gzip_files_in_one_are_read_on(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b"x\n") + gzip.compress(b"y\n"))
    assert list(read(tmp_path / "a.jsonl.gz")) == [(1, b"x"), (2, b"y")]


def test_a_file_that_is_not_there_is_named(path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"a\.jsonl(\.gz)?: No such file or directory \(after line 0\)"):
        list(read(path))


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="Is a directory"):
        list(read(tmp_path))


def test_plain_lines_under_a_gzip_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(b'{"a":1}\n')
    with pytest.raises(ArchiveError, match="no sound gzip after line 0"):
        list(read(tmp_path / "a.gz"))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda content: content[: len(content) * 2 // 3], "cut off after line"),
        (lambda content: content[:-8] + b"\0" * 8, "no sound gzip after line 20000"),
        (
            lambda content: content[:5000] + bytes(255 - byte for byte in content[5000:5050]) + content[5050:],
            "no sound",
        ),
        (lambda content: content + b"garbage", "no sound gzip after line 20000"),
    ],
)
def test_a_spoilt_gzip_gives_the_lines_before_and_then_the_error(tmp_path: Path, spoil, words: str) -> None:
    lines = [b"line %d" % number for number in range(1, 20_001)]
    path = tmp_path / "a.gz"
    path.write_bytes(spoil(gzip.compress(b"\n".join(lines) + b"\n")))
    found: list[bytes] = []
    with pytest.raises(ArchiveError, match=words):
        for number, line in read(path):
            found.append(line)
            assert len(found) == number
    assert found
    assert found == lines[: len(found)]


def test_a_file_is_closed_when_its_reader_stops_early(path: Path) -> None:
    lines = read(stored(path, b"x\ny\n"))
    assert next(lines) == (1, b"x")
    lines.close()  # an open file would be a ResourceWarning, which is an error in these tests
