"""Takes webhook addresses and bots' tokens out of any text before it reaches a log, a dead letter or an operator."""

import re

_WEBHOOK = re.compile(r"(?i)(webhooks(?:\\*/|%2F)+)[^\s\"'<>,;)\]}]+")
"""A slash may be escaped, as JSON and URLs do it."""
_BOT = re.compile(r"(?i:(\bBot(?:\s|%20|\\+)+)[\w.-]{40,})|\b[MNO][\w-]{20,30}\.[\w-]{5,8}\.[\w-]{25,}", re.ASCII)
"""After the word of the header, or by its shape alone: it begins with the digits of the bot's id in base64."""
_USERINFO = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^/\s@]*@")


def scrub(text: str) -> str:
    """`text` with every webhook's id and token, every bot's token, every URL's user and password replaced by ***."""
    return _USERINFO.sub(r"\1***@", _BOT.sub(_without_token, _WEBHOOK.sub(r"\1***", text)))


def _without_token(found: re.Match[str]) -> str:
    return f"{found[1] or ''}***"
