"""A command line in this process, against a real HTTP server of this machine."""

from __future__ import annotations

import contextlib
import json
import signal
from dataclasses import dataclass

import pytest

from pixcrawler.cli import follow, http
from pixcrawler.cli.main import main
from tests.fakes.api_server import TOKEN, serving


@dataclass
class Said:
    """What a command has printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        """Return stdout as JSON."""
        return json.loads(self.out)


@pytest.fixture
def server():
    """Run an API server whose behaviour the test may change."""
    with serving() as running:
        yield running


@pytest.fixture
def impatient(monkeypatch):
    """Let nothing be waited for longer than a test likes."""
    patience = http.Patience(
        connect_s=2, answer_s=0.5, outage_s=3, first_outage_s=1.5, first_wait_s=0.02
    )
    monkeypatch.setattr(http.Patience, "from_environment", lambda: patience)
    monkeypatch.setattr(follow, "_PACES", ((float("inf"), 0.01),))


@pytest.fixture
def cli(server, impatient, tmp_path, monkeypatch, capsys):
    """Run a command against the server, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIXCRAWLER_TOKEN", TOKEN)

    def run(*arguments, api=server.address):
        before = signal.getsignal(signal.SIGTERM)
        capsys.readouterr()
        try:
            code = main([*arguments, *(["--api", api] if api else [])])
        finally:
            with contextlib.suppress(TypeError):
                signal.signal(signal.SIGTERM, before)
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err)

    return run
