"""Dead letters in files: what is written is read again; what is no letter is said; a torn line spoils no other."""

import io
import json
import os

import pytest

from workers import letter_file
from workers.letter import Letter
from workers.letter_file import Archive, Refused, decode, encode
from workers.queues import DELIVERY, ENRICHMENT

META = {"attempts": 3, "dead_at": 5.0, "reason": "no", "category": "permanent", "errors": {}, "history": []}
NOON = 1_795_000_000.0


def letter(number=1):
    where = {"function": "workers.deliver.perform", "args": ("{}", "intel", number, 0.5), "meta": META}
    return Letter(f"kill-{number}-intel", DELIVERY, f"kill {number} → intel", timeout=30, raw={"data": b"x"}, **where)


def lines_of(path):
    return path.read_bytes().splitlines(keepends=True)


def test_a_letter_is_read_again_as_it_was_written():
    [(number, record)] = decode(io.BytesIO(encode(letter())))
    assert (number, record.id, record.queue, record.timeout) == (1, "kill-1-intel", DELIVERY, 30)
    assert (record.args, record.meta, record.function) == (["{}", "intel", 1, 0.5], META, "workers.deliver.perform")


def test_a_line_tells_a_reader_why_and_where():
    shown = json.loads(encode(letter()))
    assert (shown["version"], shown["reason"], shown["category"], shown["dead_at"]) == (1, "no", "permanent", 5.0)
    assert shown["link"] == "https://zkillboard.com/kill/1/"


def test_a_letter_that_cannot_be_read_is_kept_as_it_stands():
    broken = Letter("x", ENRICHMENT, unreadable="no JSON", raw={"data": b"\x80\x04\xff", "origin": b"enrichment"})
    [(_, record)] = decode(io.BytesIO(encode(broken)))
    assert record.raw == {"data": b"\x80\x04\xff", "origin": b"enrichment"}
    assert record.unreadable == "no JSON"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"{broken", "malformed"),
        (b"[]", "Expected `object`"),
        (b"{}", "missing required field"),
        (b'{"version": 2, "id": "x", "queue": "delivery"}', "Invalid enum value"),
        (b'{"version": 1, "id": "x", "queue": "other"}', "Invalid enum value"),
        (b'{"version": 1, "id": "", "queue": "delivery"}', "length >= 1"),
        (b'{"version": 1, "id": "x", "queue": "delivery", "args": 5}', "$.args"),
        (b'{"version": 1, "id": "x", "queue": "delivery", "meta": {"attempts": "3"}}', "$.attempts"),
        (b'{"version": 1, "id": "x", "queue": "delivery", "raw": {"data": "no base64 \xc2\xa7"}}', "base64"),
        (b'{"version": 1, "id": "\xff"}', ""),
        (b"[" * 100_000, ""),
        (b'{"version": 1, "id": "x", "queue": "delivery", "unreadable": "gone"}', "nothing is left"),
    ],
)
def test_a_line_that_is_no_letter_is_refused_with_its_number_and_the_next_is_read(line, why):
    first, second = decode(io.BytesIO(b"\n" + line + b"\n" + encode(letter())))
    assert isinstance(first, Refused)
    assert first.line == 2
    assert second[0] == 3
    assert why in first.reason


def test_the_archive_has_a_private_file_a_day_and_only_adds_to_it(tmp_path):
    archive = Archive(tmp_path, clock=lambda: NOON)
    path = archive.append([letter(1)])
    assert archive.append([letter(2), letter(3)]) == path
    assert path.relative_to(tmp_path).as_posix() == "dead-letters/2026-11-18.jsonl"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [json.loads(line)["id"] for line in lines_of(path)] == ["kill-1-intel", "kill-2-intel", "kill-3-intel"]


def test_after_a_writer_that_was_killed_in_a_line_the_next_begins_a_new_one(tmp_path):
    archive = Archive(tmp_path, clock=lambda: NOON)
    path = archive.append([letter(1)])
    with path.open("ab") as file:
        file.write(encode(letter(2))[:20])
    archive.append([letter(3)])
    with path.open("rb") as file:
        first, torn, last = decode(file)
    assert (first[1].id, torn.line, last[1].id) == ("kill-1-intel", 2, "kill-3-intel")


def test_a_disk_that_fills_up_in_the_middle_leaves_nothing_of_it(tmp_path, monkeypatch):
    archive = Archive(tmp_path, clock=lambda: NOON)
    path = archive.append([letter(1)])
    write, written = os.write, []

    def full(descriptor, content):
        if written:
            raise OSError(28, "No space left on device")
        written.append(write(descriptor, bytes(content)[:10]))
        return written[0]

    monkeypatch.setattr(letter_file.os, "write", full)
    with pytest.raises(OSError, match="No space"):
        archive.append([letter(2)])
    monkeypatch.undo()
    assert path.read_bytes() == encode(letter(1))
