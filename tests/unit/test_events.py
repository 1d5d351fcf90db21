"""The table of events, and how they are told."""

import re
import sys
from pathlib import Path

import msgspec
import pytest

import workers
from notifier import events
from workers import log
from workers.telemetry import emit


def test_an_event_has_exactly_the_fields_of_the_table():
    assert events.checked("circuit_closed", frozenset({"circuit"})).level == "INFO"
    with pytest.raises(events.UnknownEventError, match="expected the fields circuit"):
        events.checked("circuit_closed", frozenset({"circuit", "reason"}))
    with pytest.raises(events.UnknownEventError, match="expected one of the table"):
        events.checked("circuit_clsd", frozenset({"circuit"}))


def test_every_event_that_the_code_emits_is_in_the_table_with_its_fields():
    emitted = set()
    for path in Path(workers.__file__).parent.glob("*.py"):
        for call in re.finditer(r'\bemit\(\s*"(\w+)"((?:[^()]|\([^()]*(?:\([^()]*\))?[^()]*\))*)\)', path.read_text()):
            fields = frozenset(re.findall(r"\b(\w+)=(?!=)", re.sub(r"\([^()]*\)", "", call[2])))
            emitted.add(events.checked(call[1], fields).name)
    assert len(emitted) > 8


def test_a_json_line_carries_the_event_and_its_fields_and_no_address(capsys):
    hook = sys.excepthook
    try:
        log.configure("json", "DEBUG", "test")
        emit("circuit_opened", circuit="esi", reason="https://discord.com/api/webhooks/123/secretsecret said no")
    finally:
        sys.excepthook = hook
    line = msgspec.json.decode(capsys.readouterr().err)
    assert (line["event"], line["circuit"], line["level"]) == ("circuit_opened", "esi", "WARNING")
    assert "secret" not in str(line)
