"""`notifier match`: the dry run. Which subscriptions each killmail of a file would concern; nothing is sent."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from notifier.config import Config
from notifier.feeds import archive
from notifier.killmail import Killmail, Malformed, decode_archived
from notifier.tracking import Index, Subscription
from notifier.universe import Universe


@dataclass(frozen=True, slots=True)
class Matched:
    """One killmail of the file, and the subscriptions that it concerns, in the order of the configuration."""

    killmail: Killmail
    subscriptions: tuple[Subscription, ...]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """One line of the file that is no killmail."""

    line: int
    malformed: Malformed


def match_file(path: Path, config: Config, universe: Universe) -> Iterator[Matched | Unreadable]:
    """Match each line of `path` (.jsonl or .jsonl.gz). Raises archive.ArchiveError."""
    index = Index(config.subscriptions, universe)
    for number, line in archive.read(path):
        try:
            killmail = decode_archived(line)
        except Malformed as malformed:
            yield Unreadable(number, malformed)
        else:
            yield Matched(killmail, index.match(killmail))
