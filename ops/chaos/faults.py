"""The faults of a storm, as the simulators take them: each strikes a few requests and is over. Data only.

Left out are those that stop the system for minutes by right: Cloudflare's block and zKillboard's 403.
"""

from typing import Any, Final, TypeAlias

Plan: TypeAlias = list[dict[str, Any]]

_POST = {"path": r"/webhooks/|/channels/\d+/messages", "method": "POST"}
_NAMES = {"path": "/universe/names"}
_FILE = {"path": r"/ephemeral/\d+\.json"}


def _discord(**fault: Any) -> Plan:
    return [{"service": "discord", "match": _POST, "times": 2, **fault}]


def _esi(**fault: Any) -> Plan:
    return [{"service": "esi", "match": _NAMES, "times": 2, **fault}]


def _feed(**fault: Any) -> Plan:
    return [{"service": "zkillboard", "match": _FILE, "times": 2, **fault}]


def _limited(retry_after: float, **more: Any) -> dict[str, Any]:
    return {"message": "You are being rate limited.", "retry_after": retry_after, "global": False, **more}


FAULTS: Final[dict[str, Plan]] = {
    "discord: connection reset": _discord(drop=True),
    "discord: response lost": _discord(drop=True, after_effect=True),
    "discord: 500 before the effect": _discord(status=500),
    "discord: 500 after the effect": _discord(status=500, after_effect=True),
    "discord: 502": _discord(status=502),
    "discord: 503": _discord(status=503),
    "discord: 504 after the effect": _discord(status=504, after_effect=True),
    "discord: 429 in the body": _discord(status=429, body=_limited(0.7)),
    "discord: 429 in the headers, any letter case": _discord(
        status=429, body="", headers={"x-ratelimit-scope": "user", "X-RATELIMIT-RESET-AFTER": "0.6", "via": "1.1"}
    ),
    "discord: 429 by Retry-After alone": _discord(
        status=429, body={}, headers={"Retry-After": "1", "X-RateLimit-Limit": "5"}
    ),
    "discord: 429 for all": _discord(
        status=429, body=_limited(0.5, **{"global": True}), headers={"X-RateLimit-Global": "true"}
    ),
    "discord: 429 of the channel": _discord(status=429, body=_limited(0.8), headers={"X-RateLimit-Scope": "shared"}),
    "discord: HTML instead of JSON": _discord(status=200, body="<html>hello</html>", after_effect=True),
    "discord: JSON cut off": _discord(status=200, body='{"id": "12', after_effect=True),
    "discord: slow": _discord(delay=1.5),
    "discord: too slow": _discord(delay=11.0, times=1),
    "esi: connection reset": _esi(drop=True),
    "esi: 420": _esi(status=420, headers={"X-ESI-Error-Limit-Reset": "1"}),
    "esi: 429": _esi(status=429, headers={"Retry-After": "1"}),
    "esi: 502 in HTML": _esi(status=502),
    "esi: 503": _esi(status=503),
    "esi: 504": _esi(status=504),
    "esi: JSON cut off": _esi(status=200, body='[{"id": 9'),
    "esi: slow": _esi(delay=1.0),
    "feed: connection reset": _feed(drop=True),
    "feed: 500": _feed(status=500),
    "feed: 503": _feed(status=503),
    "feed: 429": _feed(status=429, headers={"Retry-After": "1"}),
    "feed: HTML instead of JSON": _feed(status=200, body="<html>hello</html>"),
    "feed: JSON cut off": _feed(status=200, body='{"killmail_id": 1, "esi": {"attac'),
    "feed: stale 404": _feed(status=404, times=4),
    "feed: gap": [{"service": "zkillboard", "match": {"path": r"/ephemeral/\d*[37]\.json"}, "status": 404, "times": 6}],
    "feed: slow": _feed(delay=1.0),
}
