import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx
import pytest

from pixcrawler.host.stack import pgaccount
from pixcrawler.host.stack.auth import AuthServer, AuthSettings
from pixcrawler.host.stack.bootstrap import AUTH_ROLE, DATABASE, prepare
from pixcrawler.host.stack.postgres import Postgres
from tests.integration.stack.signin import ANN, PUBLISHABLE, SECRET, client


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A PostgreSQL server with the Supabase look and an empty database "pixcrawler"."""
    with Postgres(tmp_path_factory.mktemp("postgres"), durable=False) as running:
        prepare(running)
        yield running


@pytest.fixture(scope="session")
def ask():
    """Return what a server answers to one statement, as rows."""

    def answer(server, statement, role="supabase_admin", database="postgres"):
        with contextlib.closing(server.connect(role, database)) as connection:
            return connection.execute(statement).fetchall()

    return answer


@pytest.fixture
def private_folder():
    """A folder with a space in its name under a parent that only we may enter."""
    parent = Path(tempfile.mkdtemp(prefix="private "))
    folder = parent / "a folder" / "pg"
    yield folder
    pgaccount.remove_moved(folder)
    shutil.rmtree(parent)


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


@pytest.fixture
def settings(server, tmp_path):
    """How the issuer is set up; refresh tokens may be reused for no time at all."""
    dsn = server.dsn(AUTH_ROLE, DATABASE)
    return AuthSettings(dsn, tmp_path / "keys.json", PUBLISHABLE, SECRET, reuse_s=0)


@pytest.fixture
def calls():
    """Method and path of each request so far."""
    return []


@pytest.fixture
def auth(server, settings, calls):
    """An issuer without users."""
    with (
        AuthServer(settings, lambda *call: calls.append(call)) as running,
        httpx.Client(timeout=20) as running.http,
    ):
        yield running
    with server.connect(database=DATABASE) as connection:
        connection.execute("delete from auth.users")


@pytest.fixture
def ann(auth):
    """A client that Ann has signed up with."""
    signed_up = client(auth)
    signed_up.auth.sign_up(ANN)
    return signed_up


@pytest.fixture
def admin(auth):
    """What the secret key may do."""
    return client(auth, SECRET).auth.admin
