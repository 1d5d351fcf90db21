"""Discord's limits on embeds, from docs/resources/message.mdx "Embed Limits" of discord-api-docs.

Lengths are counted in UTF-16 code units after trimming: the stricter reading of "characters".
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from ops.simulators.discord.form import Form

Path: TypeAlias = tuple[str | int, ...]

MOST_EMBEDS = 10
MOST_FIELDS = 25
MOST_TEXT = 6_000
MOST_URL = 2_048

_TEXTS = {"title": 256, "description": 4096}
_PARTS = {"footer": ("text", 2048), "author": ("name", 256)}
_PICTURES = ("image", "thumbnail", "video")


def check_embeds(embeds: object, form: Form) -> int:
    """Check the list; gives how many embeds show something. Every error goes to `form`."""
    if embeds is None:
        return 0
    if not isinstance(embeds, list):
        form.add(("embeds",), "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
        return 0
    if len(embeds) > MOST_EMBEDS:
        form.add(("embeds",), "BASE_TYPE_MAX_LENGTH", f"Must be {MOST_EMBEDS} or fewer in length.")
    sizes = [_embed(embed, ("embeds", at), form) for at, embed in enumerate(embeds)]
    if sum(sizes) > MOST_TEXT:
        form.add(("embeds",), "MAX_EMBED_SIZE_EXCEEDED", f"Embed size exceeds maximum size of {MOST_TEXT}")
    return sum(1 for embed in embeds if embed)


def _embed(embed: object, path: Path, form: Form) -> int:
    """Check one embed; gives what it adds to MOST_TEXT."""
    if not isinstance(embed, dict):
        form.add(path, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
        return 0
    size = sum(check_text(embed, key, most, path, form) for key, most in _TEXTS.items())
    for part, (key, most) in _PARTS.items():
        size += _part(embed, part, key, most, path, form)
    for part in _PICTURES:
        _part(embed, part, None, 0, path, form)
    size += _fields(embed.get("fields"), (*path, "fields"), form)
    check_url(embed.get("url"), (*path, "url"), form)
    _colour(embed.get("color"), (*path, "color"), form)
    _timestamp(embed.get("timestamp"), (*path, "timestamp"), form)
    if not any(embed.get(key) for key in ("title", "description", "fields", *_PARTS, *_PICTURES)) and embed:
        form.add((*path, "description"), "BASE_TYPE_REQUIRED", "This field is required")
    return size


def check_text(owner: Mapping[str, Any], key: str, most: int, path: Path, form: Form, *, required: bool = False) -> int:
    """Check a text; gives its length."""
    value = owner.get(key)
    if value is None or (value == "" and not required):
        if required:
            form.add((*path, key), "BASE_TYPE_REQUIRED", "This field is required")
        return 0
    if not isinstance(value, str):
        if isinstance(value, int | float) and not isinstance(value, bool):
            return len(str(value))
        form.add((*path, key), "STRING_TYPE_CONVERT", f'Could not interpret "{value}" as string.')
        return 0
    length = text_length(value.strip())
    if required and not length:
        form.add((*path, key), "BASE_TYPE_REQUIRED", "This field is required")
    if length > most:
        form.add((*path, key), "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")
    return length


def text_length(text: str) -> int:
    """Count UTF-16 code units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def check_url(value: object, path: Path, form: Form) -> None:
    """Check a link: http or https, with a host."""
    if value is None:
        return
    if not isinstance(value, str):
        form.add(path, "URL_TYPE_INVALID_URL", "Not a well formed URL.")
        return
    if text_length(value) > MOST_URL:
        form.add(path, "BASE_TYPE_MAX_LENGTH", f"Must be {MOST_URL} or fewer in length.")
    try:
        parts = urlsplit(value)
        host = parts.hostname
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme and parts.scheme.lower() not in ("http", "https"):
        reason = f"Scheme \"{parts.scheme}\" is not supported. Scheme must be one of ('http', 'https')."
        form.add(path, "URL_TYPE_INVALID_SCHEME", reason)
    elif not host or any(char.isspace() for char in value):
        form.add(path, "URL_TYPE_INVALID_URL", "Not a well formed URL.")


def _part(embed: Mapping[str, Any], part: str, key: str | None, most: int, path: Path, form: Form) -> int:
    """Check footer, author or a picture; gives the length of its text."""
    value, here = embed.get(part), (*path, part)
    if value is None:
        return 0
    if not isinstance(value, dict):
        form.add(here, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
        return 0
    for link in ("url", "icon_url"):
        check_url(value.get(link), (*here, link), form)
    if key is None:
        if value.get("url") is None:
            form.add((*here, "url"), "BASE_TYPE_REQUIRED", "This field is required")
        return 0
    return check_text(value, key, most, here, form, required=True)


def _fields(fields: object, path: Path, form: Form) -> int:
    if fields is None:
        return 0
    if not isinstance(fields, list):
        form.add(path, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
        return 0
    if len(fields) > MOST_FIELDS:
        form.add(path, "BASE_TYPE_MAX_LENGTH", f"Must be {MOST_FIELDS} or fewer in length.")
    return sum(_field(field, (*path, at), form) for at, field in enumerate(fields))


def _field(field: object, path: Path, form: Form) -> int:
    if not isinstance(field, dict):
        form.add(path, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
        return 0
    if not isinstance(field.get("inline", False), bool):
        form.add((*path, "inline"), "BOOLEAN_TYPE_CONVERT", "Must be either true or false.")
    name = check_text(field, "name", 256, path, form, required=True)
    return name + check_text(field, "value", 1024, path, form, required=True)


def _colour(value: object, path: Path, form: Form) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        form.add(path, "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
    elif value > 0xFFFFFF:
        form.add(path, "NUMBER_TYPE_MAX", "int value should be less than or equal to 16777215.")
    elif value < 0:
        form.add(path, "NUMBER_TYPE_MIN", "int value should be greater than or equal to 0.")


def _timestamp(value: object, path: Path, form: Form) -> None:
    if value is None:
        return
    try:
        datetime.fromisoformat(str(value))
    except ValueError:
        form.add(path, "DATE_TIME_TYPE_PARSE", f"Could not parse {value}. Should be ISO8601.")
