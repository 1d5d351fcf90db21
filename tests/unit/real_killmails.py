"""The 1,506 real killmails and the static data, read once a session, for every test that wants them."""

import gzip
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from notifier.killmail import Killmail, decode_archived
from notifier.universe import Universe, load

PATH = Path(__file__).parent.parent / "data" / "killmails.jsonl.gz"


@lru_cache(maxsize=1)
def universe() -> Universe:
    """Give the static data that is shipped."""
    return load()


@lru_cache(maxsize=1)
def lines() -> tuple[bytes, ...]:
    """Give the archive's lines."""
    return tuple(gzip.decompress(PATH.read_bytes()).splitlines())


@lru_cache(maxsize=1)
def raw() -> tuple[dict[str, Any], ...]:
    """Give each line as plain JSON."""
    return tuple(json.loads(line) for line in lines())


@lru_cache(maxsize=1)
def decoded() -> tuple[Killmail, ...]:
    """Give each line decoded, in the same order."""
    return tuple(decode_archived(line) for line in lines())
