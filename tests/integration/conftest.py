"""A real PostgreSQL for the tests of this folder: one server a run, an empty database a test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from pixcrawler.adapters.postgres.catalogue import PostgresCatalogue
from pixcrawler.adapters.postgres.pool import Database
from pixcrawler.domain.account import Principal
from pixcrawler.host.stack.bootstrap import API_ROLE, WORKER_ROLE, prepare
from pixcrawler.host.stack.postgres import SUPERUSER, Postgres

ROOT = Path(__file__).resolve().parents[2]
MIGRATIONS = ROOT / "supabase" / "migrations"
TEMPLATE = "template_of_tests"


class TestDatabase:
    """One migrated database, empty at first, and shortcuts to look into it."""

    __test__ = False

    def __init__(self, server: Postgres, name: str) -> None:
        self.server = server
        self.name = name

    def dsn(self, role: str) -> str:
        """Address for a login role, password included."""
        return self.server.dsn(role, self.name)

    @property
    def api_url(self) -> str:
        """What DATABASE_API_URL would be."""
        return self.dsn(API_ROLE)

    @property
    def worker_url(self) -> str:
        """What DATABASE_WORKER_URL would be."""
        return self.dsn(WORKER_ROLE)

    def rows(self, query: str, parameters: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        """Run a statement as the superuser and return its rows."""
        with self.server.connect(SUPERUSER, self.name) as connection:
            cursor = connection.execute(query.encode(), parameters)
            return cursor.fetchall() if cursor.description else []

    def count(self, table: str) -> int:
        """How many rows a table of the app has."""
        ((count,),) = self.rows(f"select count(*) from public.{table}")  # noqa: S608 - our names
        return int(str(count))

    def counts(self) -> dict[str, int]:
        """Rows of everything that creating a job creates."""
        tables = ("projects", "datasets", "dataset_versions", "crawl_jobs", "job_chunks")
        return {table: self.count(table) for table in tables}

    def sign_up(self, email: str | None = None) -> tuple[str, str]:
        """Make a user of Supabase Auth with an open session; return both ids."""
        user, session = str(uuid.uuid4()), str(uuid.uuid4())
        self.rows(
            "insert into auth.users (id, aud, role, email) "
            "values (%s, 'authenticated', 'authenticated', %s)",
            (user, email or f"{user}@example.org"),
        )
        self.rows("insert into auth.sessions (id, user_id) values (%s, %s)", (session, user))
        return user, session


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A server of this test run with one migrated database to clone."""
    with Postgres(tmp_path_factory.mktemp("postgres"), durable=False) as server:
        prepare(server, MIGRATIONS, TEMPLATE)
        yield server


@contextmanager
def cloned(postgres: Postgres) -> Iterator[TestDatabase]:
    """Clone the migrated, empty database, and drop the clone at the end."""
    name = sql.Identifier(f"test_{uuid.uuid4().hex}")
    with postgres.connect() as connection:
        template = sql.Identifier(TEMPLATE)
        connection.execute(sql.SQL("create database {} template {}").format(name, template))
    yield TestDatabase(postgres, name.as_string().strip('"'))
    with postgres.connect() as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(name))


@pytest.fixture(scope="session")
def _shared_database(postgres: Postgres) -> Iterator[TestDatabase]:
    with cloned(postgres) as database:
        yield database


@pytest.fixture
def database(_shared_database: TestDatabase) -> Iterator[TestDatabase]:
    """A migrated, empty database; it is emptied again, so leave its tables as they are."""
    yield _shared_database
    _shared_database.rows(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )
    # Everything else belongs to a user.
    _shared_database.rows("delete from auth.users")
    _shared_database.rows(
        "truncate private.engines, private.engine_switches, private.hosts, private.site_files"
        " cascade"
    )


@pytest.fixture
def own_database(postgres: Postgres) -> Iterator[TestDatabase]:
    """A migrated, empty database of this test alone, to do anything with."""
    with cloned(postgres) as database:
        yield database


@pytest.fixture
def superuser(database: TestDatabase) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """An autocommit connection of the superuser to the test's database."""
    with database.server.connect(SUPERUSER, database.name) as connection:
        yield connection


class App:
    """The app's own adapters on the test's database."""

    def __init__(self, database: TestDatabase) -> None:
        self.database = database
        self.api = Database(database.api_url, "pixcrawler-api")
        self.worker = Database(database.worker_url, "pixcrawler-worker")
        self.catalogue = PostgresCatalogue(self.api, self.worker)

    def principal(self) -> Principal:
        """Sign somebody up and in."""
        user, session = self.database.sign_up()
        later = datetime.now(UTC) + timedelta(hours=1)
        return Principal(user_id=user, session_id=session, expires_at=later)


@pytest.fixture
def app(database: TestDatabase) -> Iterator[App]:
    """Pools and catalogue on the test's database."""
    app = App(database)
    yield app
    app.api.close()
    app.worker.close()
