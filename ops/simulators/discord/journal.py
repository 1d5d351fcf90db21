"""What was posted, as lines of JSON in a file; memory holds only where each message lies.

A line is {"action": "post" | "edit" | "delete", "id", "webhook", "channel", "at", "payload", "author"}; no tokens.
`author` is the id of the bot whose message it is; its `webhook` is then the channel's id.
"""

import os
import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

_KILL = re.compile(r"https?://zkillboard\.com/kill/(\d{1,19})(?!\d)")


class Line(msgspec.Struct, omit_defaults=True):
    """One line of the journal; `at` in epoch seconds."""

    action: str
    id: str
    webhook: str
    channel: str
    at: float
    payload: msgspec.Raw = msgspec.Raw(b"{}")
    author: str = ""


@dataclass(slots=True)
class _Place:
    webhook: str
    channel: str
    at: float
    offset: int
    length: int
    author: str


_lines = msgspec.json.Decoder(Line)


class Journal:
    """Keeps messages in `folder`/discord.jsonl, or without a folder in a temporary file; reads back what is there."""

    def __init__(self, folder: Path | None) -> None:
        self._places: dict[str, _Place] = {}
        self.channels: defaultdict[str, list[str]] = defaultdict(list)
        self.arrivals: defaultdict[str, Counter[int]] = defaultdict(Counter)
        self.last_id = 0
        if folder is None:
            with tempfile.TemporaryFile() as file:
                self._file = os.dup(file.fileno())
        else:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = os.open(folder / "discord.jsonl", os.O_RDWR | os.O_CREAT, 0o600)
        self._end = self._read_back()

    def _read_back(self) -> int:
        """Take up what the file holds; a torn last line, left by a kill, is cut off."""
        end = 0
        with os.fdopen(os.dup(self._file), "rb") as file:
            for text in file:
                if not text.endswith(b"\n"):
                    break
                try:
                    self._take(_lines.decode(text), end, len(text))
                except msgspec.MsgspecError as error:
                    raise ValueError(f"discord.jsonl, byte {end}: not a line of the journal: {error}") from None
                end += len(text)
        os.ftruncate(self._file, end)
        return end

    def add(self, line: Line) -> None:
        """Write a line; it is in the file when this returns."""
        text = msgspec.json.encode(line) + b"\n"
        os.pwrite(self._file, text, self._end)
        self._take(line, self._end, len(text))
        self._end += len(text)

    def _take(self, line: Line, offset: int, length: int) -> None:
        self.last_id = max(self.last_id, int(line.id))
        if line.action == "delete":
            place = self._places.pop(line.id, None)
            if place is not None:
                self.channels[place.channel].remove(line.id)
            return
        told = killmails(msgspec.json.decode(line.payload))
        if line.action == "post":
            self.channels[line.channel].append(line.id)
        elif (before := self._places.get(line.id)) is not None:
            # An edit brings what the message did not hold before.
            known = killmails(msgspec.json.decode(self._load(before).payload))
            told = [one for one in told if one not in known]
        self.arrivals[line.webhook].update(told)
        self._places[line.id] = _Place(line.webhook, line.channel, line.at, offset, length, line.author)

    def find(self, webhook: str, message: str) -> Line | None:
        """Give a message of this webhook as it stands now."""
        place = self._places.get(message)
        return None if place is None or place.author or place.webhook != webhook else self._load(place)

    def find_in(self, channel: str, message: str) -> Line | None:
        """Give a message of this channel as it stands now, whoever sent it."""
        place = self._places.get(message)
        return None if place is None or place.channel != channel else self._load(place)

    def newest(self, channel: str, most: int) -> Iterator[Line]:
        """Give the channel's last `most` messages, oldest first."""
        for message in self.channels.get(channel, [])[-most:]:
            yield self._load(self._places[message])

    def _load(self, place: _Place) -> Line:
        return _lines.decode(os.pread(self._file, place.length, place.offset))

    @property
    def size(self) -> int:
        """Bytes of the file so far; it grows with every change."""
        return self._end

    def count(self) -> int:
        """How many messages there are."""
        return len(self._places)

    def close(self) -> None:
        """Give the file back."""
        os.close(self._file)


def killmails(payload: Any) -> list[int]:
    """Which killmails a message tells of: an embed's url or title, or a text, names one by its zKillboard link."""
    found = [int(number) for number in _KILL.findall(str(payload.get("content") or ""))]
    for embed in payload.get("embeds") or ():
        for text in (embed.get("url"), embed.get("title")):
            match = _KILL.search(str(text)) if text else None
            if match:
                found.append(int(match[1]))
                break
    return found
