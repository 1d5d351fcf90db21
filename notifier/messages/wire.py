"""A notice as text, the argument of a delivery job."""

from typing import TypeAlias

import msgspec

from notifier.messages.admin import AdminNotice
from notifier.messages.character import CharacterNotice
from notifier.messages.notice import KillNotice
from notifier.messages.rally import RallyNotice
from notifier.messages.status import StatusNotice
from notifier.messages.system import SystemNotice

Notice: TypeAlias = KillNotice | AdminNotice | SystemNotice | CharacterNotice | RallyNotice | StatusNotice
"""Every kind of notice; its tag in the JSON tells which."""

_decoder: msgspec.json.Decoder[Notice] = msgspec.json.Decoder(Notice)


def notice_to_json(notice: Notice) -> str:
    """Give the notice as JSON, without loss."""
    return msgspec.json.encode(notice).decode()


def notice_from_json(text: str) -> Notice:
    """Read what `notice_to_json` gave. Raises ValueError, with the place and no content, for anything else."""
    try:
        return _decoder.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ValueError(f"not a notice: {error}") from None
