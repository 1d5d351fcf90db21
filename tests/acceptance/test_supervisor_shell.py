"""The supervisor on real processes and signals."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from supervisor import control, linux
from tests.acceptance.trees import Running, child, supervisor
from tests.servers import wait_until

ZYGOTE = {
    "id": "zygote",
    "start": {"argv": [sys.executable, "-m", "supervisor.zygote", "json"]},
    "ready": "notify",
    "start_timeout": 20,
}


def forked(name):
    return {
        "id": name,
        "start": {"zygote": "zygote", "call": "tests.acceptance.forked:main", "args": [name]},
        "ready": "notify",
        "start_timeout": 20,
    }


@pytest.fixture
def run():
    with tempfile.TemporaryDirectory(prefix="nt-") as folder:
        running = []

        def start(spec, reader=None):
            running.append(Running(Path(folder), spec, reader))
            return running[-1]

        yield start
        for one in running:
            one.end()


def is_there(pid):
    """Whether the process lives; one that is dead and waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_children_start_in_order_and_stop_in_reverse(run):
    tree = run(supervisor("root", child("a"), supervisor("sub", child("b"), child("c")), child("d")))
    tree.until_up()
    code, _ = tree.stop()
    assert code == 0
    assert tree.traced() == [*(f"start {n}" for n in "abcd"), *(f"stop {n}" for n in "dcba")]
    assert tree.alive() == []


def test_a_killed_child_is_replaced_in_its_place(run):
    tree = run(supervisor("root", child("a"), child("b"), intensity=3))
    tree.until_up()
    b = tree.find("b")["pid"]
    tree.until_replaced("a", tree.kill("a"))
    assert tree.find("b")["pid"] == b
    assert tree.find("a")["last_exit"] == "SIGKILL"
    assert tree.tree()["restarts"] == 1


def test_one_for_all_restarts_everyone_in_order(run):
    tree = run(supervisor("root", child("a"), child("b"), strategy="one_for_all", intensity=3))
    tree.until_up()
    a = tree.find("a")["pid"]
    tree.kill("b")
    tree.until_replaced("a", a)
    tree.until_up()
    assert tree.traced() == ["start a", "start b", "stop a", "start a", "start b"]


def test_rest_for_one_leaves_those_before_alone(run):
    tree = run(supervisor("root", child("a"), child("b"), child("c"), strategy="rest_for_one", intensity=3))
    tree.until_up()
    a, c = tree.find("a")["pid"], tree.find("c")["pid"]
    tree.kill("b")
    tree.until_replaced("c", c)
    assert tree.find("a")["pid"] == a
    assert tree.traced() == ["start a", "start b", "start c", "stop c", "start b", "start c"]


def test_what_a_dead_child_leaves_behind_is_killed(run):
    tree = run(supervisor("root", child("a", "parent"), intensity=3))
    tree.until_up()
    grandchild = int(Path(f"{tree.trace}.grandchild").read_text())
    assert is_there(grandchild)
    tree.until_replaced("a", tree.kill("a"))
    wait_until(lambda: not is_there(grandchild), what="the grandchild's end")


def test_after_kill_9_of_the_supervisor_its_children_die_and_a_relaunch_kills_the_rest(run):
    children = [child(f"c{n}") for n in range(10)]
    tree = run(supervisor("root", child("a", "parent"), *children))
    tree.until_up()
    grandchild = int(Path(f"{tree.trace}.grandchild").read_text())
    tree.process.kill()
    tree.process.wait()
    wait_until(lambda: tree.alive() in ([grandchild], []), 2.0, "the children's end")
    tree.start()
    tree.until_up()
    assert not is_there(grandchild)
    assert len(tree.alive()) == 12  # one of each, and the new grandchild


def test_a_second_supervisor_of_the_same_tree_is_refused(run):
    tree = run(supervisor("root", child("a")))
    tree.until_up()
    second = subprocess.run(
        [sys.executable, "-m", "supervisor", str(tree.folder / "tree.json")], capture_output=True, text=True
    )
    assert second.returncode == 69
    assert "another supervisor runs this tree" in second.stderr
    assert tree.find("a")["state"] == "running"


def test_a_child_that_exits_at_once_is_started_intensity_plus_one_times_then_the_tree_gives_up(run):
    spec = child("a")
    spec["start"]["argv"][-1:] = ["a", "fail"]
    spec["ready"] = "exec"
    tree = run(supervisor("root", spec, intensity=3, period=60))
    code, said = tree.ended()
    assert code == 70
    assert tree.traced() == ["start a"] * 4
    assert "reached_max_restart_intensity" in said and "exit 3" in said


def test_a_child_that_ends_before_it_is_ready_fails_the_start_of_the_tree(run):
    tree = run(supervisor("root", child("a"), child("b", "fail")))
    code, said = tree.ended()
    assert code == 71
    assert "it ended before it was ready: exit 3" in said
    assert tree.traced() == ["start a", "start b", "stop a"]


def test_a_child_that_is_never_ready_fails_the_start(run):
    tree = run(supervisor("root", child("a", "mute", start_timeout=0.3)))
    code, said = tree.ended()
    assert code == 71
    assert "it was not ready within 0.3 s" in said
    assert tree.alive() == []


def test_a_command_that_does_not_exist_fails_the_start(run):
    tree = run(supervisor("root", {"id": "a", "start": {"argv": ["/no/such/command"]}}))
    code, said = tree.ended()
    assert code == 71
    assert "/no/such/command: No such file or directory" in said


def test_every_mistake_of_a_spec_is_named_and_nothing_is_started(run):
    broken = {"id": "a", "start": {"argv": []}, "restart": "always", "shutdown": -1}
    tree = run(supervisor("root", child("b"), broken, {"start": {"argv": ["x"]}}, strategy="one_for_some"))
    code, said = tree.ended()
    assert code == 64
    for word in ("invalid_strategy", "invalid_mfa", "invalid_restart_type", "invalid_shutdown", "missing_id"):
        assert word in said
    assert tree.traced() == []


def test_a_deaf_child_is_killed_at_its_deadline(run):
    tree = run(supervisor("root", child("a"), child("b", "deaf", shutdown=200)))
    tree.until_up()
    code, said = tree.stop()
    assert code == 0
    assert "shutdown_error supervisor=root id=b reason=SIGKILL" in said
    assert tree.traced()[-2:] == ["stop b", "stop a"]


def test_a_second_sigterm_means_hurry(run):
    tree = run(supervisor("root", child("a", "deaf", shutdown="infinity")))
    tree.until_up()
    tree.process.send_signal(signal.SIGTERM)
    wait_until(lambda: "stop a" in tree.traced(), what="the first signal")
    code, _ = tree.stop()
    assert code == 0
    assert tree.alive() == []


def test_the_whole_stop_has_a_deadline(run):
    tree = run({**supervisor("root", child("a", "deaf", shutdown="infinity")), "stop_timeout": 0.3})
    tree.until_up()
    code, _ = tree.stop()
    assert code == 0
    assert tree.alive() == []


def test_sigterm_while_a_child_starts_stops_at_once(run):
    tree = run(supervisor("root", child("a"), child("b", "mute", start_timeout=60)))
    wait_until(lambda: "start b" in tree.traced(), what="the start of b")
    code, _ = tree.stop()
    assert code == 0
    assert tree.traced() == ["start a", "start b", "stop b", "stop a"]


def test_quiet_tells_a_whole_pool_at_once(run):
    pool = [child(f"p{n}", "deaf", shutdown=400) for n in range(4)]
    tree = run(supervisor("root", supervisor("pool", *pool, quiet=True)))
    tree.until_up()
    tree.process.send_signal(signal.SIGTERM)
    wait_until(lambda: sum(line.startswith("stop") for line in tree.traced()) == 4, 0.35, "all four signals")
    assert tree.ended()[0] == 0


def test_a_child_without_a_sign_of_life_is_killed_and_replaced(run):
    tree = run(supervisor("root", child("a", "alive", liveness=0.5), intensity=3))
    tree.until_up()
    pid = tree.kill("a", signal.SIGSTOP)
    found = tree.until_replaced("a", pid)
    assert found["last_exit"] == "unhealthy: no sign of life for 0.5 s"


def test_forked_workers_outlive_their_zygote_and_die_with_the_supervisor(run):
    tree = run(supervisor("root", ZYGOTE, forked("w1"), forked("w2"), intensity=5))
    tree.until_up()
    w1 = tree.find("w1")["pid"]
    assert linux.children(tree.process.pid).count(w1) == 1
    tree.until_replaced("zygote", tree.kill("zygote"))
    assert tree.find("w1")["pid"] == w1
    tree.until_replaced("w2", tree.kill("w2"))
    tree.process.kill()
    tree.process.wait()
    wait_until(lambda: not tree.alive(), 1.0, "everyone's end")


def test_a_forked_worker_ignores_a_broken_pipe_as_python_does_and_a_program_does_not(run):
    tree = run(supervisor("root", ZYGOTE, forked("w1"), {"id": "p", "start": {"argv": ["sleep", "1000"]}}))
    tree.until_up()
    ignored = {name: _ignored_signals(tree.find(name)["pid"]) for name in ("w1", "p")}
    assert signal.SIGPIPE in ignored["w1"]
    assert signal.SIGPIPE not in ignored["p"]


def _ignored_signals(pid):
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigIgn"))
    mask = int(line.split()[1], 16)
    return {number for number in range(1, 65) if mask >> number - 1 & 1}


def test_a_worker_is_started_cold_while_its_zygote_does_not_answer(run):
    tree = run(supervisor("root", ZYGOTE, forked("w1"), intensity=5, period=60))
    tree.until_up()
    zygote = tree.kill("zygote", signal.SIGSTOP)
    tree.until_replaced("w1", tree.kill("w1"))
    found = tree.until_replaced("zygote", zygote)
    assert found["last_exit"] == "unhealthy: it does not fork"


def test_a_probed_server_is_ready_when_it_answers(run, tmp_path):
    path = f"/tmp/nt-probe-{os.getpid()}"
    script = (
        "import os, socket, time\n"
        f"s = socket.socket(socket.AF_UNIX); s.bind({path!r}); s.listen()\n"
        "first, _ = s.accept(); first.recv(10); first.sendall(b'-LOADING'); first.close()\n"
        "while True:\n    c, _ = s.accept(); c.recv(10); c.sendall(b'+PONG')\n"
    )
    probe = {"socket": path, "send": "PING\r\n", "expect": "+PONG"}
    spec = {"id": "a", "start": {"argv": [sys.executable, "-c", script]}, "ready": probe, "start_timeout": 20}
    try:
        tree = run(supervisor("root", spec, child("b")))
        tree.until_up()
        assert tree.traced() == ["start b"]
    finally:
        Path(path).unlink(missing_ok=True)


def test_the_control_socket_is_its_owners_and_takes_otps_calls(run):
    tree = run(supervisor("root", child("a"), intensity=3))
    tree.until_up()
    assert Path(tree.control).stat().st_mode & 0o777 == 0o600
    assert tree.call(call="start_child", path=["root"], spec=child("b"))["ok"]["id"] == "b"
    assert tree.call(call="terminate_child", path=["root"], id="b") == {"ok": "ok"}
    assert tree.call(call="delete_child", path=["root"], id="b") == {"ok": "ok"}
    with pytest.raises(control.CallError, match="not_found"):
        tree.call(call="delete_child", path=["root"], id="b")
    a = tree.find("a")["pid"]
    assert "ok" in tree.call(call="restart", id="a")
    assert tree.find("a")["pid"] != a
    with pytest.raises(control.CallError, match="expected one line of JSON"):
        tree.call(nonsense=1)
    for nonsense in (
        {"call": []},
        {"call": "which_children", "path": [[1]]},
        {"call": "start_child", "path": ["root"]},
    ):
        with pytest.raises(control.CallError):
            tree.call(**nonsense)
    assert tree.find("a")["state"] == "running"


def test_a_new_tree_can_be_loaded_while_the_old_one_runs(run):
    tree = run(supervisor("root", supervisor("p", child("a"), child("b")), child("c"), intensity=3))
    tree.until_up()
    kept = tree.find("a")["pid"]
    new = supervisor("root", supervisor("p", child("a", "changed"), child("d"), intensity=7), child("c"), intensity=3)
    assert "ok" in tree.call(call="reload", tree=new)
    assert [one["id"] for one in tree.until_up()["children"][0]["children"]] == ["a", "d"]
    assert tree.find("a")["pid"] == kept
    assert tree.find("p")["intensity"] == 7
    assert tree.traced()[-2:] == ["stop b", "start d"]
    with pytest.raises(control.CallError, match="invalid_strategy"):
        tree.call(call="reload", tree={**new, "strategy": "none"})


def test_a_child_can_be_stopped_and_started(run):
    tree = run(supervisor("root", child("a"), child("b"), intensity=3))
    tree.until_up()
    tree.call(call="stop", id="a")
    assert tree.find("a")["state"] == "undefined"
    tree.call(call="start", id="a")
    assert tree.find("a")["state"] == "running"
    with pytest.raises(control.CallError, match="running"):
        tree.call(call="start", id="a")


def test_a_log_that_nobody_reads_does_not_stop_the_supervisor(run):
    reading, writing = os.pipe()
    os.close(reading)
    tree = run(supervisor("root", child("a"), intensity=3), writing)
    tree.until_up()
    tree.until_replaced("a", tree.kill("a"))
    assert tree.process.poll() is None


def test_a_long_answer_arrives_whole_and_a_client_that_does_not_read_holds_nobody_up(run):
    tree = run(supervisor("root", child("a"), intensity=3))
    tree.until_up()
    spec = {"id": "x" * 300_000, "start": {"argv": ["sleep", "1000"]}}
    assert tree.call(call="start_child", path=["root"], spec=spec)["ok"]["id"] == spec["id"]
    with socket.socket(socket.AF_UNIX) as idle:
        idle.connect(tree.control)
        idle.sendall(b'{"call": "tree"}\n' * 5)
        assert tree.find(spec["id"])["state"] == "running"


def test_more_clients_than_are_taken_are_turned_away_and_nobody_else_notices(run):
    tree = run(supervisor("root", child("a"), intensity=3))
    tree.until_up()
    clients = [socket.socket(socket.AF_UNIX) for _ in range(80)]
    try:
        for client in clients:
            client.connect(tree.control)
        # The last ones were accepted and closed at once.
        assert clients[-1].recv(1) == b""
    finally:
        for client in clients:
            client.close()
    wait_until(lambda: tree.find("a"), what="room for one more client")
    tree.until_replaced("a", tree.kill("a"))


def test_a_pool_can_be_scaled(run):
    pool = [child(f"p-{n}") for n in (1, 2)]
    tree = run(supervisor("root", supervisor("p", *pool), child("a")))
    tree.until_up()
    tree.call(call="scale", id="p", size=4)
    assert [one["id"] for one in tree.until_up()["children"][0]["children"]] == ["p-1", "p-2", "p-3", "p-4"]
    tree.call(call="scale", id="p", size=1)
    assert tree.traced()[-5:] == ["start p-3", "start p-4", "stop p-4", "stop p-3", "stop p-2"]
    with pytest.raises(control.CallError, match="a is no pool"):
        tree.call(call="scale", id="a", size=2)


def test_events_can_be_followed(run):
    tree = run(supervisor("root", child("a"), intensity=3))
    tree.until_up()
    with socket.socket(socket.AF_UNIX) as follower:
        follower.settimeout(10)
        follower.connect(tree.control)
        follower.sendall(b'{"call": "events"}\n')
        lines = follower.makefile()
        assert json.loads(next(lines)) == {"event": "following"}
        tree.kill("a")
        assert [json.loads(next(lines))["event"] for _ in range(3)] == ["child_exited", "restarting", "child_started"]


def test_restarts_leak_neither_descriptors_nor_zombies(run):
    tree = run(supervisor("root", ZYGOTE, forked("w1"), child("a"), intensity=1000, period=60))
    tree.until_up()
    for name in ("w1", "a"):
        tree.until_replaced(name, tree.kill(name))
    folder = Path(f"/proc/{tree.process.pid}/fd")

    def descriptors():
        return len(list(folder.iterdir()))

    before = descriptors()
    for _ in range(25):
        for name in ("w1", "a"):
            tree.until_replaced(name, tree.kill(name))
    # The connection of our last look may take the supervisor a moment to close.
    wait_until(lambda: descriptors() <= before, what="as few descriptors as before 50 restarts")
    assert len(linux.children(tree.process.pid)) == 3
