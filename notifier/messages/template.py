"""What a template of one's own is to the rest: something that makes an embed of a kill, or says why it does not.

Jinja2 is imported only where a template is read: it takes 7 MB of a process.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from notifier.messages.notice import Distance, Item, KillNotice, Named, Party, Place, Share
from notifier.messages.wire import Notice

LARGEST: Final = 65_536
"""Bytes of a template's file."""


_PARTY: Final = Party(
    character=Named(90000001, "Some Pilot"),
    corporation=Named(98000001, "Some Corporation", "SOME"),
    alliance=Named(99000001, "Some Alliance", "ALLY"),
    ship=Named(587, "Rifter"),
    weapon=Named(484, "125mm Gatling AutoCannon I"),
    damage=1_000,
)
SAMPLE: Final = KillNotice(
    killmail_id=1,
    time=1_700_000_000,
    victim=_PARTY,
    place=Place(Named(30000142, "Jita"), "Kimotoro", Named(10000002, "The Forge"), 0.9, "highsec"),
    attacker_count=12,
    final_blow=_PARTY,
    top_damage=_PARTY,
    organisations=(Share("Some Alliance", 11), Share("Others", 1)),
    ship_groups=(Share("Frigate", 12),),
    total_value=3e10,
    dropped_value=1e10,
    destroyed_value=2e10,
    subscriptions=("sample",),
    side="kill",
    delay=60,
    distances=(Distance("Amarr", 9, 9.5),),
    items=(Item(Named(34, "Tritanium"), 5, True, 25.0),),
)
"""A kill of which everything is known, to try a template on."""


class TemplateFailed(Exception):  # noqa: N818 - what happened to the template, not to us
    """A template cannot be read, or not be used for a kill: `reason`, and the line of its file where that is known.

    The reason names what stands in the template, and nothing of the kill.
    """

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason if line is None else f"line {line}: {reason}")
        self.reason, self.line = reason, line


class Template(Protocol):
    """Gives each kill a look of its own."""

    def embed(self, notice: KillNotice, /) -> dict[str, object]:
        """Give the embed of one kill, inside every limit of Discord's by itself. Raises TemplateFailed."""


def read_template(path: Path) -> Template:
    """Read a template as it is now. Raises TemplateFailed for a file that cannot be read or is no template."""
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):  # a pipe would be waited for
            raise TemplateFailed("nothing readable (not a file)")
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        source = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TemplateFailed("a byte that is not UTF-8", 1 + content.count(b"\n", 0, error.start)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise TemplateFailed(f"nothing readable ({reason})") from None
    if len(content) > LARGEST:
        raise TemplateFailed(f"more than {LARGEST:,} bytes")
    return compiled(source)


def compiled(source: str) -> Template:
    """Give the template with this text. Raises TemplateFailed for a mistake in it."""
    if "/api/webhooks/" in source:
        raise TemplateFailed("a webhook's address, which is a secret and no template")
    from notifier.messages.template_render import JinjaTemplate

    return JinjaTemplate(source)


def applied(template: Template | None, notices: Sequence[Notice]) -> tuple[list[dict[str, object] | None], list[str]]:
    """Give the template's embed of each notice, None where it has or makes none; and what failed, each reason once."""
    embeds: list[dict[str, object] | None] = []
    failures: dict[str, None] = {}
    for notice in notices:
        embed = None
        if template is not None and isinstance(notice, KillNotice):
            try:
                embed = template.embed(notice)
            except TemplateFailed as failed:
                failures[str(failed)] = None
        embeds.append(embed)
    return embeds, list(failures)
