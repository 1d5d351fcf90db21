"""One [[destinations]] table of notifier.toml → Destination; mistakes go to whoever gathers them. Pure but for "~"."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from notifier.config import battle, duration, manners, place
from notifier.config.destinations import AMBIGUOUS, MAX_AGE, REWRITES, Destination
from notifier.config.settings import DISCORD_URL
from notifier.messages import LAYOUTS
from notifier.problem import Add, check_keys, did_you_mean, shown

Word = TypeVar("Word", bound=str)
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
        ambiguous = self._word(entry, where, "ambiguous", AMBIGUOUS)
        rewrites = self._word(entry, where, "rewrites", REWRITES)
        layout, template = self._word(entry, where, "layout", LAYOUTS), self._template(entry, where)
        thread, how = self._thread(entry, where), manners.read(entry, where, self.add)
        digest = battle.read(entry["digest"], f"{where}.digest", self.add) if "digest" in entry else None
        to = place.read(entry, where, self.path.parent, self.add)
        if to is None or not isinstance(entry.get("id"), str):
            return None
        return Destination(
            id=entry["id"],
            env=to.env,
            file=to.file,
            environ=self.environ,
            allowed_hosts=self.allowed_hosts,
            max_age=max_age,
            ambiguous=ambiguous,
            layout=layout,
            thread=thread,
            manners=how,
            digest=digest,
            rewrites=rewrites,
            channel=to.channel,
            api=self.api,
            template=template,
        )

    def _word(self, entry: dict[str, Any], where: str, key: str, known: tuple[Word, ...]) -> Word:
        """Read one of the words that are known, of which the first is the usual one."""
        found = entry.get(key, known[0])
        for word in known:
            if found == word:
                return word
        hint = did_you_mean(found, known) if isinstance(found, str) else ""
        self.add(f"{where}.{key}", shown(found), f"one of {', '.join(known)}{hint}")
        return known[0]

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
