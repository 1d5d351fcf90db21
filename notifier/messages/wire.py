"""A notice as text, the argument of a delivery job."""

import msgspec

from notifier.messages.notice import KillNotice

_decoder = msgspec.json.Decoder(KillNotice)


def notice_to_json(notice: KillNotice) -> str:
    """Give the notice as JSON, without loss."""
    return msgspec.json.encode(notice).decode()


def notice_from_json(text: str) -> KillNotice:
    """Read what `notice_to_json` gave. Raises ValueError, with the place and no content, for anything else."""
    try:
        return _decoder.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ValueError(f"not a notice: {error}") from None
