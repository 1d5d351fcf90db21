"""One [[destinations]] table of notifier.toml → Destination; mistakes go to whoever gathers them. Pure but for "~"."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from notifier.config import battle, duration, manners, place
from notifier.config.destinations import MAX_AGE, Ambiguous, Destination, Rewrites
from notifier.config.settings import DISCORD_URL
from notifier.config.tables import Add, check_keys
from notifier.messages import LAYOUTS, Layout
from notifier.problem import did_you_mean, shown

_KEYS = ("max_age", "ambiguous", "layout", "template", "thread", "digest", "rewrites")


@dataclass(frozen=True, slots=True)
class DestinationReader:
    """Reads the destinations of the file at `path`; `environ`, `allowed_hosts` and `api` are for their addresses."""

    path: Path
    environ: Mapping[str, str]
    allowed_hosts: Collection[str]
    add: Add
    api: str = DISCORD_URL

    def destination(self, entry: dict[str, Any], where: str) -> Destination | None:
        """Read one table at `where`; None where its id or its address' place has a mistake."""
        known = ("id", *place.KEYS, *_KEYS, *manners.KEYS)
        check_keys(entry, where, known, self.add, required=("id",))
        max_age = duration.read(entry, "max_age", where, self.add, MAX_AGE)
        ambiguous, rewrites = self._ambiguous(entry, where), self._rewrites(entry, where)
        layout, thread = self._layout(entry, where), self._thread(entry, where)
        how = manners.read(entry, where, self.add)
        digest = battle.read(entry["digest"], f"{where}.digest", self.add) if "digest" in entry else None
        to = place.read(entry, where, self.path.parent, self.add)
        if to is None or not isinstance(entry.get("id"), str):
            return None
        return Destination(
            entry["id"],
            to.env,
            to.file,
            self.environ,
            self.allowed_hosts,
            max_age,
            ambiguous,
            layout,
            thread,
            how,
            digest=digest,
            rewrites=rewrites,
            channel=to.channel,
            api=self.api,
            template=self._template(entry, where),
        )

    def _ambiguous(self, entry: dict[str, Any], where: str) -> Ambiguous:
        found = entry.get("ambiguous", "resend")
        if found == "hold":
            return "hold"
        if found != "resend":
            self.add(f"{where}.ambiguous", shown(found), '"resend" or "hold"')
        return "resend"

    def _rewrites(self, entry: dict[str, Any], where: str) -> Rewrites:
        found = entry.get("rewrites", "ignore")
        if found == "edit":
            return "edit"
        if found != "ignore":
            self.add(f"{where}.rewrites", shown(found), '"ignore" or "edit"')
        return "ignore"

    def _thread(self, entry: dict[str, Any], where: str) -> int | None:
        if "thread" not in entry:
            return None
        found = manners.snowflake(entry["thread"])
        if found is None:
            self.add(f"{where}.thread", shown(entry["thread"]), "the id of a thread, a number of up to 19 digits")
        elif "post_name" in entry:
            self.add(f"{where}.thread", "post_name as well", "one of the two: a post of its own is no thread of yours")
        return found

    def _template(self, entry: dict[str, Any], where: str) -> Path | None:
        if "template" not in entry:
            return None
        found = entry["template"]
        file = found["file"] if isinstance(found, dict) and found.keys() == {"file"} else None
        if not isinstance(file, str) or not file.strip() or "\0" in file:
            self.add(f"{where}.template", shown(found), 'the path of a file: template = { file = "intel.j2" }')
            return None
        try:
            return (self.path.parent / Path(file).expanduser()).absolute()
        except RuntimeError:  # "~" of a user who is not known
            self.add(f"{where}.template.file", "a home directory that is not known", "the path of a file")
            return None

    def _layout(self, entry: dict[str, Any], where: str) -> Layout:
        found = entry.get("layout", LAYOUTS[0])
        for layout in LAYOUTS:
            if found == layout:
                return layout
        hint = did_you_mean(found, LAYOUTS) if isinstance(found, str) else ""
        self.add(f"{where}.layout", shown(found), f"one of {', '.join(LAYOUTS)}{hint}")
        return LAYOUTS[0]
