"""`python -m supervisor.cold MODULE:FUNCTION [ARG…]`: the call of a zygote's fork, in a new Python."""

import importlib
import sys
import traceback
from collections.abc import Sequence


def run_call(call: str, arguments: Sequence[str]) -> int:
    """Call "module:function" with the list of arguments; gives the exit code. What it raises is printed, and is a 1."""
    try:
        module, _, name = call.partition(":")
        code = getattr(importlib.import_module(module), name)(list(arguments))
        return code if isinstance(code, int) else 0
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else int(leave.code is not None)
    except BaseException:  # noqa: BLE001 – the last one to hear of it
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(run_call(sys.argv[1], sys.argv[2:]))
