"""Ctrl-C and kill: what was finished stays, and the same command goes on."""

import contextlib
import io
import json
import os
import signal
import tarfile
from pathlib import Path

import pytest
from PIL import Image

from tests.fakes.api_server import wait_until

PATHS = [f"/ok/{n}" for n in range(60)]


def child_of(process):
    """The process id of the one that does the work."""
    [child] = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return int(child)


def is_gone(pid):
    """Whether a process has ended, also one that nobody asked for yet."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


def keys_in_shards(out):
    """The keys of all pictures, each opened."""
    keys = []
    for path in sorted(out.glob("*.tar")):
        with tarfile.open(path) as shard:
            for member in shard.getmembers():
                if member.name.endswith(".jpg"):
                    Image.open(io.BytesIO(shard.extractfile(member).read())).load()
                    keys.append(member.name.removesuffix(".jpg"))
    return keys


def begun(program, *options):
    """A fetch of which twenty pictures came and the others wait."""
    program.server.free = 20
    program.server.gate.clear()
    process = program.start(program.list(*PATHS), "--out", "out", "--shard-size", "8", *options)
    wait_until((program.out / "00001.tar").exists, 30)
    return process


def goes_on(program):
    """Run the same command to its end; return the addresses that it asked for."""
    program.server.hits.clear()
    program.server.gate.set()
    said = program.run("list.txt", "--out", "out", "--shard-size", "8")
    assert said.code == 0, said.err
    return program.server.pictures()


@pytest.mark.parametrize("whom", ["worker", "both"])
def test_kill_loses_little_and_repeats_nothing(program, whom):
    """After kill -9 the same command fetches what is missing: nothing lost, nothing twice."""
    process = begun(program)
    worker = child_of(process)
    if whom == "both":
        process.kill()
    else:
        os.kill(worker, signal.SIGKILL)
    _, err = process.communicate(timeout=30)
    if whom == "worker":
        assert (process.returncode, "nothing that was finished is lost" in err) == (1, True)
    # Without anyone to tell, the worker ends by itself.
    program.server.gate.set()
    wait_until(lambda: is_gone(worker), 30)
    asked = goes_on(program)
    assert len(asked) == len(set(asked)) <= 60 - 16
    keys = keys_in_shards(program.out)
    assert sorted(keys) == [f"{n:09}" for n in range(60)]
    assert {one["status"] for one in program.outcomes()} == {"success"}
    assert {one["key"]: one["shard"] for one in program.outcomes()}.keys() == set(keys)


def test_ctrl_c_leaves_everything_finished_in_place(program):
    """Ctrl-C ends with 130 within seconds, whole files and a message; then it goes on."""
    process = begun(program)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=40)
    assert process.returncode == 130
    assert "the same command goes on" in err
    assert "Traceback" not in err
    done = keys_in_shards(program.out)
    assert 16 <= len(done) < 60
    assert len(program.outcomes()) == len(done)
    assert json.loads((program.out / "report.json").read_text())["is_complete"] is False
    assert "pictures kept" in out
    asked = goes_on(program)
    assert len(asked) == 60 - len(done)
    assert sorted(keys_in_shards(program.out)) == [f"{n:09}" for n in range(60)]


def test_ctrl_c_twice_leaves_at_once(program):
    """The second Ctrl-C waits for nothing; what was safe is still there."""
    process = begun(program)
    worker = child_of(process)
    process.send_signal(signal.SIGINT)
    for line in process.stderr:
        if "Ctrl-C again" in line:
            break
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert is_gone(worker)
    goes_on(program)
    assert sorted(keys_in_shards(program.out)) == [f"{n:09}" for n in range(60)]


def test_terminate_ends_the_worker_too(program):
    """SIGTERM ends the program and the worker, which leaves whole files."""
    process = begun(program)
    worker = child_of(process)
    process.terminate()
    process.communicate(timeout=40)
    assert process.returncode == 143
    assert is_gone(worker)
    assert len(keys_in_shards(program.out)) >= 16


def test_ctrl_c_while_the_list_is_awaited(program):
    """Ctrl-C before standard input has ended leaves nothing behind and waits for nothing."""
    process = program.start("-", "--out", "out")
    wait_until((program.out / ".fetch" / "list.new").exists, 30)
    process.send_signal(signal.SIGINT)
    process.wait(30)
    assert process.returncode == 130
    assert "before anything new was fetched" in process.stderr.read()
    assert not program.out.exists()
