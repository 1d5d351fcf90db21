"""How the end of a process reads in OTP's words."""

import signal

import pytest
from supervisor_run import child

from supervisor.model import Exited
from supervisor.reasons import of_exit


@pytest.mark.parametrize(
    ("event", "kind", "text"),
    [
        (Exited(1, code=0), "normal", "exit 0"),
        (Exited(1, code=75), "shutdown", "exit 75"),
        (Exited(1, code=143), "shutdown", "exit 143"),
        (Exited(1, code=130), "shutdown", "exit 130"),
        (Exited(1, code=1), "abnormal", "exit 1"),
        (Exited(1, code=137), "abnormal", "exit 137"),
        (Exited(1, signal=15), "shutdown", "SIGTERM"),
        (Exited(1, signal=2), "shutdown", "SIGINT"),
        (Exited(1, signal=9), "abnormal", "SIGKILL"),
        (Exited(1, signal=9, oom=True), "abnormal", "SIGKILL (out of memory)"),
        (Exited(1, signal=11), "abnormal", "SIGSEGV"),
        (Exited(1, signal=200), "abnormal", "signal 200"),
    ],
)
def test_an_exit_has_a_kind_and_a_text(event: Exited, kind: str, text: str):
    reason = of_exit(event, child("a"))
    assert (reason.kind, reason.text) == (kind, text)


def test_its_own_stop_signal_and_codes_are_a_shutdown():
    spec = child("a", stop_signal=signal.SIGQUIT, shutdown_codes=(3,))
    assert of_exit(Exited(1, signal=signal.SIGQUIT), spec).kind == "shutdown"
    assert of_exit(Exited(1, code=128 + signal.SIGQUIT), spec).kind == "shutdown"
    assert of_exit(Exited(1, code=3), spec).kind == "shutdown"
    assert of_exit(Exited(1, code=75), spec).kind == "abnormal"


def test_sigkill_is_abnormal_even_as_a_stop_signal():
    assert of_exit(Exited(1, signal=9), child("a", stop_signal=signal.SIGKILL)).kind == "abnormal"
