"""Ctrl-C and kill: the first one asks, the second one leaves, a pipe may close."""

import os
import signal
import subprocess
import sys

import pytest

from pixcrawler.cli.stack import ROOT
from tests.fakes.api_server import TOKEN, a_job, wait_until

RUNNING = a_job(status="running", stage="downloading")


@pytest.fixture
def started(server, tmp_path):
    """Start the command line as a program of its own, in a session of its own."""
    children = []

    def start(*arguments):
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "pixcrawler.cli", *arguments, "--api", server.address],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PIXCRAWLER_TOKEN": TOKEN},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        children.append(child)
        return child

    yield start
    for child in children:
        if child.poll() is None:
            child.kill()
        for pipe in (child.stdout, child.stderr):
            pipe.close()
        child.wait(10)


def looks(server):
    """Return how often the job was looked at."""
    return sum(path.startswith("/api/v1/jobs/") for _, path in server.will.seen)


def cancels(server):
    """Return how often cancelling was asked for."""
    return sum(path.endswith("/cancel") for _, path in server.will.seen)


def test_ctrl_c_cancels_the_job(server, started):
    """The first Ctrl-C cancels the job, waits for its end and exits with 130."""
    server.will.story = [RUNNING]
    server.will.after_cancel = [a_job(status="cancelled")]
    child = started("run", "fox")
    wait_until(lambda: looks(server) > 0)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=20)
    assert child.returncode == 130
    assert cancels(server) == 1
    assert "is cancelled" in err
    assert "Traceback" not in err


def test_a_second_ctrl_c_leaves_the_job(server, started):
    """The second Ctrl-C does not wait: the job is left to itself, and we say how to look at it."""
    server.will.story = [RUNNING]
    child = started("run", "fox")
    wait_until(lambda: looks(server) > 0)
    child.send_signal(signal.SIGINT)
    wait_until(lambda: cancels(server) == 1)
    before = looks(server)
    wait_until(lambda: looks(server) > before)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=20)
    assert child.returncode == 130
    assert "is left to itself" in err
    assert "Traceback" not in err


def test_ctrl_c_too_late_to_cancel_says_so(server, started):
    """A job past the point of no return is waited for, and the person learns why."""
    server.will.story = [RUNNING]
    server.will.cancel_refusal = (409, {"code": "conflict", "message": "it is being packaged"})
    child = started("run", "fox")
    wait_until(lambda: looks(server) > 0)
    child.send_signal(signal.SIGINT)
    wait_until(lambda: cancels(server) == 1)
    server.will.story = [a_job()]
    _, err = child.communicate(timeout=20)
    assert child.returncode == 130
    assert "cannot be cancelled any more: it is being packaged" in err


def test_watching_is_only_watching(server, started):
    """Ctrl-C while watching does nothing to the job."""
    server.will.story = [RUNNING]
    child = started("status", RUNNING["id"], "--watch")
    wait_until(lambda: looks(server) > 1)
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=20)
    assert child.returncode == 130
    assert cancels(server) == 0


def test_kill_leaves_by_the_normal_way(server, started):
    """SIGTERM ends the program at once, with the usual code and no traceback."""
    server.will.story = [RUNNING]
    child = started("run", "fox")
    wait_until(lambda: looks(server) > 0)
    child.terminate()
    _, err = child.communicate(timeout=20)
    assert child.returncode == 143
    assert "Traceback" not in err


def test_a_closed_pipe_is_no_error(server, started):
    """When the reader of our output goes away, nothing is complained of."""
    server.will.jobs = [a_job()] * 5000
    child = started("jobs", "--limit", "5000")
    child.stdout.read(1)
    child.stdout.close()
    err = child.stderr.read()
    child.stderr.close()
    child.wait(20)
    assert "Traceback" not in err
    assert "Exception" not in err
