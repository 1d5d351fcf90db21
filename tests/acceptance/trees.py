"""Small trees of real processes under the real supervisor."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from supervisor import control, linux
from tests.acceptance.running import everyone
from tests.servers import wait_until

# The usual child: says that it is ready, writes a line for each start, and ends as the signal says.
CHILD = """
import os, signal, sys, time
name, *what = sys.argv[1:]
def note(event):
    with open(os.environ["TRACE"], "a") as trace:
        trace.write(f"{event} {name}\\n")
def stop(number, frame):
    note("stop")
    if "deaf" not in what:
        sys.exit(0)
signal.signal(signal.SIGTERM, stop)
note("start")
if "fail" in what:
    sys.exit(3)
if "parent" in what:
    import subprocess
    grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"], start_new_session=True)
    open(os.environ["TRACE"] + ".grandchild", "w").write(str(grandchild.pid))
ready = os.environ.get("NOTIFY_FD")
if ready and "mute" not in what:
    os.write(int(ready), b"READY\\n")
while True:
    if "alive" in what:
        os.write(int(ready), b"ALIVE\\n")
    time.sleep(0.05 if "alive" in what else 1000)
"""


def child(name, *what, **spec):
    """A child spec; `what` is how it behaves."""
    argv = [sys.executable, "-S", "-E", "-c", CHILD, name, *what]
    return {"id": name, "start": {"argv": argv}, "ready": "notify", "start_timeout": 20, **spec}


def supervisor(name, *children, **flags):
    """A supervisor's spec."""
    return {"id": name, "children": list(children), **flags}


class Running:
    """A supervisor that runs a tree in `folder`; its log goes to the descriptor `reader`, or into a file."""

    def __init__(self, folder: Path, spec: dict, reader: int | None = None) -> None:
        self.reader = reader
        self.folder, self.trace, self.said = folder, folder / "trace", folder / "said"
        self.control = str(folder / "control")
        self.marker = f"TREE_MARKER={folder.name}"
        spec = {"control": self.control, "marker": self.marker, "lock": str(folder / "lock"), **spec}
        (folder / "tree.json").write_text(json.dumps(spec))
        self.start()

    def start(self) -> None:
        env = {**os.environ, "TRACE": str(self.trace)}
        command = [sys.executable, "-m", "supervisor", str(self.folder / "tree.json")]
        # A file and not a pipe: what a killed child leaves behind would hold the pipe open.
        with self.said.open("a") if self.reader is None else os.fdopen(self.reader, "w") as said:
            self.process = subprocess.Popen(command, env=env, stderr=said, start_new_session=True)

    def call(self, **request):
        return control.call(self.control, request)

    def tree(self):
        try:
            return self.call(call="tree")
        except (OSError, ValueError):
            return None

    def find(self, name):
        tree = self.tree()
        return next((one for one in everyone(tree) if one["id"] == name), None) if tree else None

    def until_up(self):
        def up():
            tree = self.tree()
            return tree if tree and all(one["state"] == "running" for one in everyone(tree)) else None

        return wait_until(up, what="the tree")

    def kill(self, name, number=signal.SIGKILL):
        pid = self.find(name)["pid"]
        os.kill(pid, number)
        return pid

    def until_replaced(self, name, pid):
        def replaced():
            found = self.find(name)
            return found if found and found["state"] == "running" and found["pid"] != pid else None

        return wait_until(replaced, what=f"a replacement of {name}")

    def traced(self):
        return self.trace.read_text().split("\n")[:-1] if self.trace.exists() else []

    def stop(self, number=signal.SIGTERM):
        """Tell it to stop; gives the exit code and what it said."""
        self.process.send_signal(number)
        return self.ended()

    def ended(self):
        return self.process.wait(timeout=30), self.said.read_text()

    def alive(self):
        return list(linux.marked(self.marker))

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pid in self.alive():
            linux.kill(pid)
