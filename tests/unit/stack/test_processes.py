import os
import signal
import subprocess
import sys
import time

from pixcrawler.host.stack import processes
from pixcrawler.host.stack.files import write_json
from pixcrawler.host.stack.processes import Launch, Mark

SLEEPER = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"]


def wait_until(condition, patience_s=20):
    """Wait for a condition, or fail."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_output_goes_to_the_log(tmp_path):
    """A child's output lands in its log, appended."""
    log = tmp_path / "a b.log"
    for word in ("one", "two"):
        child = processes.spawn(["/bin/echo", word], Launch(log=log))
        assert child.wait(20) == 0
    assert log.read_text() == "one\ntwo\n"


def test_run_gives_code_and_output():
    """A short program's exit code and words come back."""
    assert processes.run(["/bin/sh", "-c", "echo hello; exit 3"]) == (3, "hello\n")


def test_child_dies_with_its_parent(tmp_path):
    """A child ends when its parent is killed with SIGKILL, even one started from a short thread."""
    script = f"""
import threading, time
from pixcrawler.host.stack import processes
from pixcrawler.host.stack.files import write_json
def start():
    print(processes.spawn({SLEEPER!r}, processes.Launch()).pid, flush=True)
thread = threading.Thread(target=start); thread.start(); thread.join()
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        mark = Mark.of(int(parent.stdout.readline()))
        assert mark.is_alive()
        parent.kill()
    wait_until(lambda: not mark.is_alive())


def test_stop_goes_up_to_kill():
    """A child that ignores polite signals is ended by the last one."""
    stubborn = "import signal; signal.signal(15, signal.SIG_IGN); print(1, flush=True); import time"
    argv = [*SLEEPER[:-1], stubborn + "; time.sleep(60)"]
    child = processes.spawn(argv, Launch(), pipe_output=True)
    child.stdout.readline()
    processes.stop(child, [(signal.SIGTERM, 0.05), (signal.SIGKILL, 10)])
    assert child.returncode == -signal.SIGKILL
    child.stdout.close()


def test_mark_tells_a_process_from_a_later_one():
    """A process is known by its start, not by its number alone; a zombie counts as gone."""
    me = Mark.of(os.getpid())
    assert me.is_alive()
    assert not Mark(me.pid, me.started + 1).is_alive()
    child = processes.spawn(["/bin/true"], Launch())
    mark = Mark.of(child.pid)
    wait_until(lambda: not mark.is_alive())
    assert processes.command_line(child.pid) == []
    child.wait()


def test_stranger_is_ended_only_when_it_is_the_same():
    """A leftover is ended by its mark; a process that merely has its number is left alone."""
    child = processes.spawn(SLEEPER, Launch())
    mark = Mark.of(child.pid)
    processes.end_stranger(Mark(mark.pid, mark.started + 1), [(signal.SIGKILL, 1)])
    assert mark.is_alive()
    processes.end_stranger(mark, [(signal.SIGTERM, 10)])
    assert not mark.is_alive()
    child.wait()


def test_remembered_child_is_ended(tmp_path):
    """A child that was written down is ended by a later owner, who knows a word of its command."""
    child = processes.spawn([*SLEEPER, "my-own-word"], Launch())
    processes.remember(tmp_path / "note", child.pid)
    processes.end_remembered(tmp_path / "note", "my-own-word", [(signal.SIGKILL, 10)])
    assert child.wait(20) == -signal.SIGKILL
    assert not (tmp_path / "note").exists()


def test_remembered_stranger_is_left_alone(tmp_path):
    """Neither another start time nor another command is taken for the child."""
    child = processes.spawn(SLEEPER, Launch())
    note, kill = tmp_path / "note", [(signal.SIGKILL, 1)]
    processes.remember(note, child.pid)
    processes.end_remembered(note, "another-word", kill)
    write_json(note, {"pid": child.pid, "started": 1})
    processes.end_remembered(note, "sleep", kill)
    processes.end_remembered(tmp_path / "missing", "sleep", kill)
    assert child.poll() is None
    child.kill()
    child.wait()
