import contextlib
import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from pixcrawler.host.stack.bootstrap import prepare
from pixcrawler.host.stack.postgres import Postgres


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
    with contextlib.suppress(FileNotFoundError):
        moved = json.loads((folder / "place.json").read_text())["moved_to"]
        shutil.rmtree(moved)
    shutil.rmtree(parent)


@pytest.fixture(scope="session")
def azurite_cache():
    """Where Azurite is installed, once for all tests of this machine."""
    named = os.environ.get("PIXCRAWLER_CACHE")
    return Path(named) if named else Path(tempfile.gettempdir()) / "pixcrawler-test-cache"
