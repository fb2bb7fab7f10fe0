"""Whole stacks around a small app, for the tests of the stack."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def azurite_cache():
    """Where Azurite is installed, once for all tests of this machine."""
    named = os.environ.get("PIXCRAWLER_CACHE")
    return Path(named) if named else Path(tempfile.gettempdir()) / "pixcrawler-test-cache"


APP = """
import json, os
import azure.functions as func
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.route("settings")
def settings(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(json.dumps(dict(os.environ)), mimetype="application/json")
"""
ROLES = """
create role pixcrawler_api login noinherit;
create role pixcrawler_worker login noinherit;
create table public.kept (id int primary key);
grant select, insert on public.kept to pixcrawler_worker;
"""


@pytest.fixture(scope="session")
def app(tmp_path_factory):
    """A folder with a small Functions app that tells its settings, and its migrations."""
    folder = tmp_path_factory.mktemp("an app")
    (folder / "function_app.py").write_text(APP)
    (folder / "host.json").write_text('{"version": "2.0"}')
    migrations = folder / "supabase" / "migrations"
    migrations.mkdir(parents=True)
    (migrations / "20260101000000_roles.sql").write_text(ROLES)
    return folder


class RunningStack:
    """A stack as a process of its own, with what it said."""

    def __init__(self, app, state, cache, *options):
        command = [sys.executable, "-m", "pixcrawler.host.stack"]
        command += ["--app", str(app), "--state", str(state), "--pictures", "2", *options]
        self.state = state
        self._said = Path(tempfile.mkdtemp(prefix="said-"), "said")
        environment = {**os.environ, "PIXCRAWLER_CACHE": str(cache)}
        with self._said.open("wb") as said:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=said, env=environment
            )

    def ready(self):
        """Wait until it is ready; return its ready line."""
        line = self.process.stdout.readline()
        assert line, self.said()
        return json.loads(line)

    def said(self):
        """Return what it told a person so far."""
        return self._said.read_text()

    def end(self, number=signal.SIGTERM):
        """Send a signal and wait; return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(60)

    def close(self):
        """End it if it runs."""
        if self.process.poll() is None:
            self.end()
        self.process.stdout.close()
        shutil.rmtree(self._said.parent)


@pytest.fixture(scope="module")
def stacks(app, tmp_path_factory, azurite_cache):
    """Start stacks, each on the state folder that is asked for; all end with the module."""
    started = []

    def start(state, *options, app=app):
        folder = tmp_path_factory.getbasetemp() / f"state of {state}"
        started.append(RunningStack(app, folder, azurite_cache, *options))
        return started[-1]

    yield start
    for stack in started:
        stack.close()


@pytest.fixture
def start_stack(stacks):
    """Start stacks on one state folder, with a space in its name; they end with the test."""
    name, started = secrets.token_hex(4), []

    def start(*options, **named):
        started.append(stacks(name, *options, **named))
        return started[-1]

    yield start
    for stack in started:
        if stack.process.poll() is None:
            stack.end()
