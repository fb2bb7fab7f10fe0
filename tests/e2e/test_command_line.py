"""The command line on the real stack: what a person does in the first five minutes."""

import hashlib
import json
import os
import signal
import subprocess
import sys

import psutil
import pytest

from tests.embedded import ROOT, until


@pytest.fixture
def start(stack, tmp_path):
    """Start the command line in an empty folder; whatever still runs at the end is killed."""
    children = []

    def begin(*arguments, state=stack.state):
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "pixcrawler.cli", *arguments, "--state", str(state)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), **stack.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        children.append(child)
        return child

    yield begin
    for child in children:
        if child.poll() is None:
            child.kill()
        child.wait(10)
        child.stdout.close()
        child.stderr.close()


@pytest.fixture
def cli(start):
    """Run the command line to its end; return exit code, stdout and stderr."""

    def run(*arguments, **places):
        child = start(*arguments, **places)
        out, err = child.communicate(timeout=240)
        assert "Traceback" not in err
        return child.returncode, out, err

    return run


def test_words_become_a_dataset_in_a_folder(cli, tmp_path):
    """The folder holds exactly the pictures that its manifest lists, byte by byte."""
    code, out, err = cli(
        "run", "apple", "fish", "--engine", "local", "--max", "30", "--name", "two"
    )
    assert code == 0, err
    folder = tmp_path / "out/two-v1"
    images = json.loads((folder / "manifest.json").read_bytes())["images"]
    listed = {image["path"]: image["facts"]["sha256"] for image in images}
    found = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (folder / "images").rglob("*")
        if path.is_file()
    }
    assert found == listed
    assert len(found) == 30
    assert "30 images, as many as wanted" in out
    assert "Not in the dataset" in out


def test_fewer_than_wanted_exits_with_3(cli, tmp_path):
    """What the website cannot give is missing, is said, and shows in the exit code."""
    arguments = ("run", "moon", "--engine", "local", "--max", "1000", "--json")
    code, out, err = cli(*arguments)
    assert code == 3, err
    shown = json.loads(out)
    assert shown["job"]["status"] == "partial"
    assert 0 < shown["job"]["progress"]["kept"] < 1000
    assert (tmp_path / shown["files"]["folder"] / "manifest.json").exists()


def test_an_engine_that_cannot_be_reached_is_told(cli, tmp_path):
    """Without a way to the engine the job fails and says which engine, why, and what to do."""
    code, out, err = cli("run", "red panda", "--engine", "openverse", "--json")
    assert code == 1
    assert "openverse could not be reached" in err
    assert "choose another engine" in err
    assert json.loads(out)["error"]["code"] == "source_unavailable"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "x", "--max", "10001"), "max_images"),
        (("run", "x", "--engine", "nope"), "engines.0"),
        (("run", ""), "keywords.0"),
        (("run", "x", "--name", "a" * 500), "name"),
        (("status", "00000000-0000-4000-8000-000000000000"), "no such job"),
        (("cancel", "00000000-0000-4000-8000-000000000000"), "no such job"),
        (("download", "no such dataset"), "there is no dataset"),
    ],
)
def test_mistakes_exit_with_2_and_make_nothing(cli, arguments, said):
    """A mistake is told with its field, exits with 2, and leaves no job."""
    before = cli("jobs", "--json", "--limit", "1000")[1]
    code, _, err = cli(*arguments)
    assert (code, said in err) == (2, True), err
    assert cli("jobs", "--json", "--limit", "1000")[1] == before


def test_a_file_of_five_megabytes_is_refused(cli, tmp_path):
    """A job file beyond all measure is not even sent."""
    (tmp_path / "huge.yaml").write_text("keywords: [apple]\n# " + "x" * 5_000_000)
    code, _, err = cli("run", "huge.yaml")
    assert code == 2
    assert "at most 1,048,576 bytes" in err


def test_ctrl_c_cancels_the_job(start, client):
    """The first Ctrl-C ends the job on the server, too."""
    child = start("run", "tree", "--engine", "local", "--max", "1000", "--name", "stopped")
    job_id = _job_of(child)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 130, err
    assert f"job {job_id} is cancelled" in err


def test_a_host_that_dies_is_waited_for(start, stack):
    """The Functions host is killed in the middle of a job: the run goes on to its end."""
    child = start("run", "car", "house", "--engine", "local", "--max", "60", "--name", "survivor")
    _job_of(child)
    stack.kill_host()
    out, err = child.communicate(timeout=240)
    assert child.returncode == 0, err
    assert "60 images, as many as wanted" in out


def _job_of(child):
    """Return the id that a starting run tells."""
    for line in child.stderr:
        if line.startswith("job "):
            return line.split()[1].rstrip(":")
    raise AssertionError("it told no job")


def test_a_stack_is_started_and_stopped_for_a_command(cli, tmp_path):
    """Where none runs, a command starts the stack and leaves no process behind."""
    state = tmp_path / "a state"
    code, _, err = cli("run", "apple", "--engine", "local", "--max", "3", state=state)
    assert code == 0, err
    assert "starting the local stack" in err
    assert "stopping the local stack" in err
    assert [process for process in psutil.process_iter() if _works_in(process, state)] == []


def _works_in(process, folder):
    try:
        return any(str(folder) in part for part in process.cmdline())
    except psutil.Error:
        return False


def test_serve_keeps_a_stack_until_it_is_told_to_stop(start, cli, tmp_path):
    """A served stack is used and left alone by commands; serve --stop ends it."""
    state = tmp_path / "a state"
    served = start("serve", state=state)
    until("a served stack", (state / "stack.json").exists, 120)
    assert cli("jobs", state=state)[1].startswith("no jobs yet")
    assert served.poll() is None
    assert cli("serve", state=state)[0] == 1
    assert cli("serve", "--stop", state=state)[0] == 0
    out, _ = served.communicate(timeout=60)
    assert served.returncode == 0
    assert "/api/v1/health" in out


def test_the_person_at_this_machine_is_the_operator(cli, client):
    """Who started the stack switches engines for everybody; other users may not, and see it."""
    code, out, err = cli("engines", "enable", "bing", "--accept-terms")
    assert (code, out) == (0, "bing is ready\n"), err
    states = {one["name"]: one["state"] for one in client.call("GET", "/engines").json()["items"]}
    assert states["bing"] == "ready"
    refused = client.call("POST", "/engines/bing/switch", json={"on": False})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "forbidden")
    assert cli("engines", "disable", "bing")[0] == 0
    code, _, err = cli("run", "wren", "--engine", "bing")
    assert code == 2
    assert "pixcrawler engines enable bing" in err
