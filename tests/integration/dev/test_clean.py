"""./dev clean removes what was made here, and nothing that is in use."""

import os
import signal
import subprocess
import sys

from tests.fakes.dev_checkout import run


def test_clean_removes_data_and_keeps_what_was_installed(checkout):
    """Data go; the environment and the cache of tools stay, unless all is to go."""
    (checkout / ".pixcrawler/database").mkdir()
    assert run(checkout, "clean").returncode == 0
    assert sorted(p.name for p in (checkout / ".pixcrawler").iterdir()) == ["cache"]
    assert (checkout / ".venv").exists()
    assert run(checkout, "clean", "--all").returncode == 0
    assert not (checkout / ".pixcrawler").exists()
    assert not (checkout / ".venv").exists()


def test_clean_refuses_what_it_does_not_know(checkout):
    """A mistyped argument removes nothing."""
    assert run(checkout, "clean", "--al").returncode == 1
    assert (checkout / ".pixcrawler/cache").exists()


def test_clean_does_not_pull_the_data_from_under_a_stack(checkout):
    """A running stack is left alone, unless it may be stopped."""
    program = "import signal; signal.signal(signal.SIGTERM, signal.SIG_DFL); signal.pause()"
    stack = subprocess.Popen([sys.executable, "-c", program, "pixcrawler.host.stack"])
    (checkout / ".pixcrawler/stack.json").write_text(f'{{"pid": {stack.pid}}}')
    try:
        refused = run(checkout, "clean")
        assert refused.returncode == 1
        assert "is running" in refused.stderr
        assert stack.poll() is None
        assert run(checkout, "clean", "--stop").returncode == 0
        assert stack.wait(10) == -signal.SIGTERM
    finally:
        stack.kill()
        stack.wait(10)
    assert not (checkout / ".pixcrawler/stack.json").exists()


def test_clean_does_not_mind_a_number_that_went_to_another(checkout):
    """A process that has our old number by chance is neither waited for nor stopped."""
    (checkout / ".pixcrawler/stack.json").write_text(f'{{"pid": {os.getpid()}}}')
    assert run(checkout, "clean").returncode == 0
