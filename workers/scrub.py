"""Takes webhook addresses out of any text before it reaches a log, a dead letter or an operator."""

import re

_WEBHOOK = re.compile(r"(?i)(webhooks(?:\\*/|%2F)+)[^\s\"'<>,;)\]}]+")
"""A slash may be escaped, as JSON and URLs do it."""
_USERINFO = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^/\s@]*@")


def scrub(text: str) -> str:
    """`text` with every webhook's id and token, and every URL's user and password, replaced by ***."""
    return _USERINFO.sub(r"\1***@", _WEBHOOK.sub(r"\1***", text))
