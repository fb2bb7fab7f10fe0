"""./dev sets itself up once and whole, and gets out of the way."""

import fcntl
import os
import subprocess
import sys

import pytest

from tests.fakes.api_server import wait_until
from tests.fakes.dev_checkout import a_checkout, environment, run


def test_arguments_and_exit_code_are_passed_on(checkout):
    """What follows the command reaches the command line, whose exit code is ours."""
    done = run(checkout, "run", "red panda", "--seven")
    assert done.returncode == 7
    assert done.stdout == "cli run red panda --seven\n"


def test_the_second_start_sets_nothing_up(checkout):
    """Once set up, even in a folder that was moved, nothing is said and pip is not called."""
    (checkout / ".pixcrawler/set-up.log").unlink()
    done = run(checkout, "run")
    assert (done.returncode, done.stderr) == (0, "")
    assert not (checkout / ".pixcrawler/set-up.log").exists()


def test_changed_requirements_are_installed(checkout):
    """A file that changed, even an included one, is installed again, once."""
    (checkout / "requirements.txt").write_text("# something else\n")
    assert "installing requirements-stack.txt" in run(checkout, "run").stderr
    assert run(checkout, "run").stderr == ""


def test_an_old_node_is_not_used(checkout):
    """Where Node.js is too old or absent, the Python package of it is installed."""
    old = checkout.parent / "old"
    old.mkdir()
    (old / "node").write_text("#!/bin/sh\necho v18.0.0\n")
    (old / "node").chmod(0o755)
    done = run(checkout, "run", PATH=f"{old}:/usr/bin:/bin")
    assert "installing requirements-node.txt" in done.stderr


def test_a_command_that_needs_no_stack_installs_none(tmp_path):
    """`fetch` sets up neither the stack nor Node.js, and once only."""
    folder = a_checkout(tmp_path / "a b")
    done = run(folder, "fetch", "list.txt", "--out", "x", PATH="/usr/bin:/bin")
    assert done.stdout == "cli fetch list.txt --out x\n"
    assert "installing requirements-alone.txt" in done.stderr
    assert "requirements-stack.txt" not in done.stderr
    assert "requirements-node.txt" not in done.stderr
    assert run(folder, "fetch", PATH="/usr/bin:/bin").stderr == ""


def test_a_set_up_stack_is_enough_for_what_needs_none(checkout):
    """Where the stack is set up, fetch installs nothing."""
    assert run(checkout, "fetch").stderr == ""


def test_an_interrupted_set_up_is_repeated(checkout):
    """What a killed set-up has left is not trusted: it is made anew."""
    (checkout / ".venv/.set-up/unfinished").touch()
    (checkout / ".venv/half").touch()
    done = run(checkout, "run")
    assert done.returncode == 0
    assert "was interrupted: starting it again" in done.stderr
    assert not (checkout / ".venv/half").exists()


def test_kill_while_setting_up_does_no_harm(tmp_path):
    """Killed in the middle, the next start ends well."""
    folder = a_checkout(tmp_path / "a b")
    killed = subprocess.Popen(
        [sys.executable, str(folder / "dev"), "run"],
        env=environment(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_until((folder / ".venv/pyvenv.cfg").exists)
    killed.kill()
    killed.wait(10)
    done = run(folder, "run")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "cli run\n"


def test_two_starts_at_once_set_up_once(tmp_path):
    """Two starts at the same time end well, and one of them did the work."""
    folder = a_checkout(tmp_path / "a b")
    pair = [
        subprocess.Popen(
            [sys.executable, str(folder / "dev"), "run"],
            env=environment(folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [child.communicate(timeout=120) for child in pair]
    assert [out for out, _ in said] == ["cli run\n"] * 2
    assert "".join(err for _, err in said).count("making .venv") == 1


def test_a_start_waits_for_another_one(checkout):
    """While another ./dev sets up, a second one says that it waits, and goes on afterwards."""
    (checkout / "requirements.txt").write_text("# something else\n")
    with (checkout / "dev").open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        waiting = subprocess.Popen(
            [sys.executable, str(checkout / "dev"), "run"],
            env=environment(checkout),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        first = waiting.stderr.readline()
    out, _ = waiting.communicate(timeout=120)
    assert first == "[dev] another ./dev is setting up in this folder: waiting for it\n"
    assert out == "cli run\n"


def test_a_failed_installation_shows_why_and_breaks_nothing(checkout):
    """The last words of pip and the log are shown; what was there before still works."""
    (checkout / "requirements-dev.txt").write_text("no-such-package==1\n")
    done = run(checkout, "bench")
    assert done.returncode == 1
    assert "no-such-package" in done.stderr
    assert "set-up.log" in done.stderr
    assert run(checkout, "run").stdout == "cli run\n"


def test_a_broken_environment_is_made_anew(checkout):
    """A Python that was removed from the machine is noticed."""
    python = checkout / ".venv/bin/python"
    python.unlink()
    python.symlink_to("/nonexistent/python3")
    done = run(checkout, "run")
    assert (done.returncode, done.stdout) == (0, "cli run\n")
    assert "making .venv" in done.stderr


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    """Where nothing can be written, one sentence says so."""
    folder = a_checkout(tmp_path / "a b")
    (folder / ".pixcrawler").write_text("a file")
    done = run(folder, "run")
    assert done.returncode == 1
    assert "cannot set up in" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_environment_leads_nothing_astray(checkout, tmp_path):
    """PYTHONPATH and a file of a library's name in the person's folder do not reach us."""
    (tmp_path / "json.py").write_text("raise SystemExit('astray')")
    done = subprocess.run(
        [str(checkout / "dev"), "run"],
        env={**environment(checkout, PYTHONPATH=str(tmp_path)), "PATH": os.environ["PATH"]},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "astray" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code"), [([], 0), (["help"], 0), (["-h"], 0), (["frob"], 2)]
)
def test_help_needs_no_set_up(tmp_path, arguments, code):
    """Help, and an unknown command, are answered at once."""
    folder = a_checkout(tmp_path / "a b")
    done = run(folder, *arguments)
    assert done.returncode == code
    assert "usage: ./dev" in done.stdout + done.stderr
    assert not (folder / ".venv").exists()
