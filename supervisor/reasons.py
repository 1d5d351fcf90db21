"""How the end of an operating-system process reads in OTP's words."""

import signal

from supervisor.model import Exited, Kind, Reason
from supervisor.spec import ChildSpec


def of_exit(event: Exited, spec: ChildSpec) -> Reason:
    """Exit 0 is normal; by SIGTERM, SIGINT, its stop signal or its shutdown codes is shutdown; all else is abnormal."""
    # SIGKILL is never shutdown, even as a stop signal: it may as well have come for want of memory.
    asked = {signal.SIGTERM, signal.SIGINT, spec.stop_signal} - {signal.SIGKILL}
    if event.signal is not None:
        kind: Kind = "shutdown" if event.signal in asked else "abnormal"
        return Reason(kind, f"{_name(event.signal)}{' (out of memory)' if event.oom else ''}")
    code = event.code or 0
    if code == 0:
        return Reason("normal", "exit 0")
    # A shell or a runtime that catches the signal says so by 128 + its number.
    kind = "shutdown" if code in spec.shutdown_codes or code - 128 in asked else "abnormal"
    return Reason(kind, f"exit {code}")


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
