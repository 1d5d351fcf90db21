"""Where `notifier preview` finds killmails: among the demo's, in a file, or, if it may ask, at zKillboard."""

import os
from itertools import islice
from pathlib import Path

import httpx
import msgspec

from notifier.config import Settings
from notifier.feeds import archive
from notifier.killmail import Killmail, Malformed, decode_archived, decode_killmail
from notifier.messages import MOST_EMBEDS
from notifier.services.http import make_client
from ops.preview_known import SHIPPED, TIMEOUT

EX_DATA, EX_UNAVAILABLE = 65, 69


class PreviewError(Exception):
    """There is nothing to show; says why. `code` is the exit code."""

    def __init__(self, reason: str, code: int = EX_DATA) -> None:
        super().__init__(reason)
        self.code = code


def killmails(named: str, *, ask: bool) -> list[Killmail]:
    """Give the killmail of an id, or those in a file, at most ten. Raises PreviewError, OSError."""
    path = Path(named)
    if named.isdecimal() and not path.exists():
        shipped = _shipped(int(named))
        return [shipped or (_from_zkillboard(int(named)) if ask else _refuse(int(named)))]
    if path.suffix in (".jsonl", ".gz"):
        found = [_read(str(path), line) for _, line in islice(archive.read(path), MOST_EMBEDS)]
        if not found:
            raise PreviewError(f"{path}: found no killmail in it")
        return found
    return [_read(str(path), path.read_bytes())]


def _shipped(killmail_id: int) -> Killmail | None:
    mails = (decode_archived(line) for _, line in archive.read(SHIPPED))
    return next((one for one in mails if one.killmail_id == killmail_id), None)


def _refuse(killmail_id: int) -> Killmail:
    raise PreviewError(
        f"killmail {killmail_id} is none of the demo's ({SHIPPED.name}): --esi asks zKillboard for it; or put "
        "ESI's JSON of it into a file and name that"
    )


def _from_zkillboard(killmail_id: int) -> Killmail:
    """Ask zKillboard's API, which answers a list: ESI's body with the zkb block in it."""
    settings = Settings.read(os.environ)
    where = f"killmail {killmail_id} at zKillboard"
    try:
        with make_client(contact=settings.contact, timeout=TIMEOUT) as client:
            reply = client.get(f"{settings.zkillboard_api_url}/api/killID/{killmail_id}/")
    except httpx.HTTPError as error:
        raise PreviewError(f"{where}: no answer ({type(error).__name__})", EX_UNAVAILABLE) from None
    if reply.status_code != httpx.codes.OK:
        raise PreviewError(f"{where}: answered by {reply.status_code}", EX_UNAVAILABLE)
    try:
        found = msgspec.json.decode(reply.content, type=list[dict[str, object]])
    except msgspec.DecodeError:
        raise PreviewError(f"{where}: found no list of killmails in the answer", EX_UNAVAILABLE) from None
    if not found:
        raise PreviewError(f"{where}: not known there")
    zkb = found[0].pop("zkb", None)
    return _read(where, msgspec.json.encode({"killmail": found[0], "hash": None, "zkb": zkb}))


def _read(where: str, body: bytes) -> Killmail:
    """Decode a line of an archive, or a body of ESI."""
    try:
        whole = msgspec.json.decode(body)
        return decode_archived(body) if isinstance(whole, dict) and "killmail" in whole else decode_killmail(body)
    except (Malformed, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PreviewError(f"{where}: no killmail: {error}") from None
