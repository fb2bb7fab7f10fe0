import contextlib
import shutil
import tempfile
from pathlib import Path

import httpx
import pytest

from pixcrawler.host.stack import pgaccount
from pixcrawler.host.stack.auth import AuthServer, AuthSettings
from pixcrawler.host.stack.bootstrap import AUTH_ROLE, DATABASE, prepare
from pixcrawler.host.stack.postgres import Postgres
from tests.integration.stack.fixtures import app, azurite_cache, stacks, start_stack
from tests.integration.stack.signin import ANN, PUBLISHABLE, SECRET, client

__all__ = ["app", "azurite_cache", "stacks", "start_stack"]


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
