"""How the end of an operating-system process reads in OTP's words."""

import signal

from supervisor.model import Exited, Reason
from supervisor.spec import ChildSpec

_ASKED = (signal.SIGTERM, signal.SIGINT)


def of_exit(event: Exited, spec: ChildSpec) -> Reason:
    """Exit 0 is normal; SIGTERM, SIGINT and the child's shutdown codes are shutdown; anything else is abnormal."""
    if event.signal is not None:
        kind = "shutdown" if event.signal in (*_ASKED, spec.stop_signal) else "abnormal"
        return Reason(kind, f"{_name(event.signal)}{' (out of memory)' if event.oom else ''}")  # type: ignore[arg-type]
    code = event.code or 0
    if code == 0:
        return Reason("normal", "exit 0")
    # A shell or a runtime that catches the signal says so by 128 + its number.
    asked = code in spec.shutdown_codes or code - 128 in _ASKED
    return Reason("shutdown" if asked else "abnormal", f"exit {code}")


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
