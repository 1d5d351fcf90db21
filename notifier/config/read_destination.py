"""One [[destinations]] table of notifier.toml → Destination; mistakes go to whoever gathers them. Pure but for "~"."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from notifier.config import duration, manners
from notifier.config.destinations import MAX_AGE, Ambiguous, Destination
from notifier.config.settings import PREFIX
from notifier.config.tables import Add, check_keys
from notifier.messages import LAYOUTS, Layout
from notifier.problem import did_you_mean, shown

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WEBHOOK = 'a place where the address is kept: webhook = { env = "INTEL_WEBHOOK" } or { file = "/run/secrets/intel" }'


@dataclass(frozen=True, slots=True)
class DestinationReader:
    """Reads the destinations of the file at `path`; `environ` and `allowed_hosts` are what they read addresses with."""

    path: Path
    environ: Mapping[str, str]
    allowed_hosts: Collection[str]
    add: Add

    def destination(self, entry: dict[str, Any], where: str) -> Destination | None:
        """Read one table at `where`; None where its id or its address' place has a mistake."""
        known = ("id", "webhook", "max_age", "ambiguous", "layout", "thread", *manners.KEYS)
        check_keys(entry, where, known, self.add, required=("id", "webhook"))
        max_age, ambiguous = self._max_age(entry, where), self._ambiguous(entry, where)
        layout, thread = self._layout(entry, where), self._thread(entry, where)
        how = manners.read(entry, where, self.add)
        if "webhook" not in entry:
            return None
        place = self._webhook(entry["webhook"], f"{where}.webhook")
        if place is None or not isinstance(entry.get("id"), str):
            return None
        return Destination(
            entry["id"], *place, self.environ, self.allowed_hosts, max_age, ambiguous, layout, thread, how
        )

    def _max_age(self, entry: dict[str, Any], where: str) -> float:
        if "max_age" not in entry:
            return MAX_AGE
        found = duration.seconds(entry["max_age"])
        if found is None:
            self.add(f"{where}.max_age", shown(entry["max_age"]), duration.EXPECTED)
        return MAX_AGE if found is None else float(found)

    def _ambiguous(self, entry: dict[str, Any], where: str) -> Ambiguous:
        found = entry.get("ambiguous", "resend")
        if found == "hold":
            return "hold"
        if found != "resend":
            self.add(f"{where}.ambiguous", shown(found), '"resend" or "hold"')
        return "resend"

    def _thread(self, entry: dict[str, Any], where: str) -> int | None:
        if "thread" not in entry:
            return None
        found = manners.snowflake(entry["thread"])
        if found is None:
            self.add(f"{where}.thread", shown(entry["thread"]), "the id of a thread, a number of up to 19 digits")
        elif "post_name" in entry:
            self.add(f"{where}.thread", "post_name as well", "one of the two: a post of its own is no thread of yours")
        return found

    def _layout(self, entry: dict[str, Any], where: str) -> Layout:
        found = entry.get("layout", LAYOUTS[0])
        for layout in LAYOUTS:
            if found == layout:
                return layout
        hint = did_you_mean(found, LAYOUTS) if isinstance(found, str) else ""
        self.add(f"{where}.layout", shown(found), f"one of {', '.join(LAYOUTS)}{hint}")
        return LAYOUTS[0]

    def _webhook(self, webhook: object, where: str) -> tuple[str | None, Path | None] | None:
        if isinstance(webhook, str):
            self.add(where, "a plain text, perhaps the address itself", f"{_WEBHOOK}: no secret in this file")
            return None
        if not isinstance(webhook, dict) or len(webhook) != 1 or not webhook.keys() <= {"env", "file"}:
            self.add(where, shown(webhook), _WEBHOOK)
            return None
        [(kind, value)] = webhook.items()
        return self._variable(value, f"{where}.env") if kind == "env" else self._file(value, f"{where}.file")

    def _variable(self, value: object, where: str) -> tuple[str, None] | None:
        if not isinstance(value, str) or not _VARIABLE.fullmatch(value):
            self.add(where, shown(value), "the name of an environment variable, not the address itself")
            return None
        if value.upper().startswith(PREFIX):
            self.add(where, repr(value), f"a name that does not begin with {PREFIX}: those are the settings'")
            return None
        return value, None

    def _file(self, value: object, where: str) -> tuple[None, Path] | None:
        if not isinstance(value, str) or not value.strip() or "://" in value or "\0" in value:
            self.add(where, shown(value), "the path of a file, not the address itself")
            return None
        try:
            return None, (self.path.parent / Path(value).expanduser()).absolute()
        except RuntimeError:  # "~" of a user who is not known
            self.add(where, "a home directory that is not known", "the path of a file")
            return None
