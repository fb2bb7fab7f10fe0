"""Connections: opened late, as nobody, and given back clean."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pixcrawler.adapters.postgres import pool
from pixcrawler.adapters.postgres.pool import Database
from pixcrawler.domain.errors import DatabaseUnavailable, InvariantBroken, NotFound
from tests.integration.conftest import App, TestDatabase


def sessions(database: TestDatabase, name: str) -> int:
    """How many sessions of a pool the server has."""
    ((count,),) = database.rows(
        "select count(*) from pg_stat_activity where application_name = %s", (name,)
    )
    return int(str(count))


def test_nothing_is_opened_before_it_is_needed(database: TestDatabase) -> None:
    """Building a database object connects to nothing; closing it leaves nothing open."""
    api = Database(database.api_url, "lazy")
    assert sessions(database, "lazy") == 0
    api.ping()
    assert sessions(database, "lazy") == 1
    api.close()
    assert sessions(database, "lazy") == 0
    api.ping()
    api.close()


def test_a_transaction_is_somebody_and_the_next_is_not(app: App) -> None:
    """Role, claims, time limit and time zone hold for one transaction of a shared connection."""
    query = (
        "select current_user as who, coalesce(auth.uid()::text, '') as uid,"
        " current_setting('statement_timeout') as limit, current_setting('timezone') as zone"
    )
    owner = app.principal()
    with app.api.as_user(owner.user_id) as connection:
        inside = connection.execute(query).fetchone()
    assert inside == {
        "who": "authenticated",
        "uid": owner.user_id,
        "limit": "5s",
        "zone": "UTC",
    }
    with app.worker.as_service() as connection:
        inside = connection.execute(query).fetchone()
    assert inside is not None
    assert (inside["who"], inside["uid"]) == ("service_role", "")


def test_users_at_once_do_not_mix(app: App) -> None:
    """Many users over few connections each are themselves."""
    owners = [app.principal().user_id for _ in range(16)]

    def who(user_id: str) -> str:
        with app.api.as_user(user_id) as connection:
            row = connection.execute("select auth.uid()::text as uid").fetchone()
            return str(row["uid"]) if row else ""

    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(who, owners * 5)) == owners * 5
    assert sessions(app.database, "pixcrawler-api") <= pool.MAX_CONNECTIONS


def test_an_error_of_ours_undoes_the_transaction(app: App) -> None:
    """Whatever is raised inside rolls back, and leaves as it is."""
    owner = app.principal()

    def begin_and_fail() -> None:
        with app.worker.as_service() as connection:
            statement = "insert into projects (user_id, name) values (%s, 'p')"
            connection.execute(statement, (owner.user_id,))
            raise NotFound("not psycopg's")

    with pytest.raises(NotFound):
        begin_and_fail()
    assert app.database.count("projects") == 0


def test_a_mistake_of_ours_is_told_as_one(app: App) -> None:
    """A statement that the server refuses is a bug, told without its data."""
    with pytest.raises(InvariantBroken) as broken, app.worker.as_service() as connection:
        connection.execute("select * from projects where id = 'secret'")
    assert "secret" not in str(broken.value)


def test_a_slow_statement_is_stopped(app: App) -> None:
    """A statement over its time limit is cancelled; trying again may succeed."""
    with pytest.raises(DatabaseUnavailable), app.worker.as_service(50) as connection:
        connection.execute("select pg_sleep(30)")


def test_a_lost_connection_is_replaced(app: App) -> None:
    """After the server ended every session, the next transaction works."""
    app.worker.ping()
    app.database.rows(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = %s",
        ("pixcrawler-worker",),
    )
    with app.worker.as_service() as connection:
        assert connection.execute("select 1 as one").fetchone() == {"one": 1}


def test_a_connection_lost_inside(app: App) -> None:
    """A session that ends in the middle of a transaction is told as the database being away."""

    def lose_it() -> None:
        with app.worker.as_service() as connection:
            pid = connection.info.backend_pid
            app.database.rows("select pg_terminate_backend(%s)", (pid,))
            connection.execute("select 1")

    with pytest.raises(DatabaseUnavailable):
        lose_it()
    app.worker.ping()


def test_all_connections_taken(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever cannot get a connection in time is told to try again."""
    monkeypatch.setattr(pool, "WAIT_S", 0.2)
    busy = Database(app.database.worker_url, "busy", max_connections=1)
    holding, done = threading.Event(), threading.Event()

    def hold() -> None:
        with busy.as_service():
            holding.set()
            done.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert holding.wait(10)
        with pytest.raises(DatabaseUnavailable):
            busy.ping()
    finally:
        done.set()
        holder.join()
        busy.close()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://nobody:wrong@127.0.0.1:{port}/postgres",
        "postgresql://127.0.0.1:1/postgres",
        "this is no address",
    ],
)
def test_nowhere_to_connect(
    database: TestDatabase, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """A wrong password, a closed port and a broken address are all the database being away."""
    monkeypatch.setattr(pool, "WAIT_S", 0.2)
    away = Database(url.format(port=database.server.port), "away")
    with pytest.raises(DatabaseUnavailable) as told:
        away.ping()
    assert "wrong" not in str(told.value)
    away.close()
