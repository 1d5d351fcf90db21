"""What a channel is told when a pilot is now tracked on a map."""

import msgspec

from notifier.messages import links, parts
from notifier.messages.escape import plain
from notifier.messages.notice import Named

COLOUR = 0x00BCD4
_NAME, _FOOTER = 40, 40
"""Code units of a name before escaping."""


class CharacterNotice(msgspec.Struct, frozen=True, tag="character"):
    """A pilot who is tracked on a map since `time` (epoch seconds); `map` is the map's name."""

    character: Named
    time: int
    map: str = ""
    corporation: Named | None = None
    alliance: Named | None = None


def embed(notice: CharacterNotice) -> dict[str, object]:
    """Give its embed, at most some 550 code units; its url is the pilot's page at zKillboard."""
    pilot = notice.character
    found: dict[str, object] = {
        "title": f"Now tracked: {parts.label(pilot, 'Unknown pilot', _NAME)}",
        "url": links.page("character", pilot.id),
        "color": COLOUR,
        "description": "\n".join([*_flies_for(notice), f"[EVE Who]({links.eve_who(pilot.id)})"]),
        "thumbnail": {"url": links.portrait(pilot.id)},
    }
    return parts.signed(found, plain(notice.map, _FOOTER), notice.time)


def _flies_for(notice: CharacterNotice) -> list[str]:
    known = (("corporation", notice.corporation), ("alliance", notice.alliance))
    return [
        parts.linked(one, kind, f"Unknown {kind}", _NAME) + parts.tag(one) for kind, one in known if one is not None
    ]
