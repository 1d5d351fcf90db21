"""Discord's rules for a webhook's message, from docs/resources/webhook.mdx "Execute Webhook" of discord-api-docs."""

from collections.abc import Mapping
from typing import Any

from ops.simulators.discord.embeds import check_embeds, check_text, check_url
from ops.simulators.discord.form import Form

FLAGS = 1 << 2 | 1 << 12 | 1 << 15
"""SUPPRESS_EMBEDS, SUPPRESS_NOTIFICATIONS, IS_COMPONENTS_V2: the only flags that a webhook may set."""

COMPONENTS_V2 = 1 << 15
EMPTY = {"message": "Cannot send an empty message", "code": 50006}
MISPLACED = {
    50083: "Tried to perform an operation on an archived thread, such as editing a message",
    220001: "Webhooks posted to forum channels must have a thread_name or thread_id",
    220002: "Webhooks posted to forum channels cannot have both a thread_name and thread_id",
    220003: "Webhooks can only create threads in forum channels",
}
"""Codes and their texts, from docs/topics/opcodes-and-status-codes."""
_MENTIONS = ("roles", "users", "everyone")


def refusal(payload: object) -> dict[str, Any] | None:
    """Give the 400's body for a message that Discord refuses, None for one that it takes."""
    if not isinstance(payload, dict):
        form = Form()
        form.add((), "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
        return form.body()
    form = Form()
    content = check_text(payload, "content", 2000, (), form)
    shown = check_embeds(payload.get("embeds"), form)
    _sender(payload, form)
    _allowed_mentions(payload.get("allowed_mentions"), form)
    _flags(payload, form)
    found = form.body()
    if found is None and not (content or shown or payload.get("components") or payload.get("poll")):
        return EMPTY
    return found


def forum_refusal(forum: bool, thread: str | None, name: object) -> int | None:
    """Give the code for a message whose thread or name of a new post does not fit its channel, None if they do."""
    if not forum:
        return 220003 if name else None
    if name and thread is not None:
        return 220002
    return None if name or thread is not None else 220001


def _sender(payload: Mapping[str, Any], form: Form) -> None:
    name = payload.get("username")
    if name is not None:
        length = check_text(payload, "username", 80, (), form)
        if isinstance(name, str) and not length:
            form.add(("username",), "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 80 in length.")
        for word in ("discord", "clyde"):
            if word in str(name).lower():
                form.add(("username",), "USERNAME_INVALID_CONTAINS", f'Username cannot contain "{word}"')
    check_text(payload, "thread_name", 100, (), form)
    if payload.get("avatar_url"):
        check_url(payload["avatar_url"], ("avatar_url",), form)
    if not isinstance(payload.get("tts", False), bool):
        form.add(("tts",), "BOOLEAN_TYPE_CONVERT", "Must be either true or false.")


def _allowed_mentions(allowed: object, form: Form) -> None:
    path = ("allowed_mentions",)
    if allowed is None:
        return
    if not isinstance(allowed, dict):
        form.add(path, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
        return
    parse = allowed.get("parse") or []
    for at, kind in enumerate(parse if isinstance(parse, list) else [parse]):
        if kind not in _MENTIONS:
            form.add((*path, "parse", at), "BASE_TYPE_CHOICES", f"Value must be one of {_MENTIONS}.")
    for kind in ("roles", "users"):
        ids = allowed.get(kind) or []
        if len(ids) > 100:
            form.add((*path, kind), "BASE_TYPE_MAX_LENGTH", "Must be 100 or fewer in length.")
        if ids and kind in parse:
            reason = f"parse:[{kind!r}] and {kind}: [ids...] are mutually exclusive."
            form.add(path, "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", reason)


def _flags(payload: Mapping[str, Any], form: Form) -> None:
    flags = payload.get("flags") or 0
    if not isinstance(flags, int):
        form.add(("flags",), "NUMBER_TYPE_COERCE", f'Value "{flags}" is not int.')
        return
    if flags & ~FLAGS:
        form.add(("flags",), "BITFIELD_TYPE_INVALID", "Only flags that a webhook may set are allowed.")
    if not flags & COMPONENTS_V2:
        return
    for key in ("content", "embeds", "poll"):
        if payload.get(key):
            reason = "Cannot be used with MessageFlags.IS_COMPONENTS_V2"
            form.add((key,), "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", reason)
