"""Turns a plain PostgreSQL server into the app's local Supabase database."""

from __future__ import annotations

import hashlib
from pathlib import Path

from psycopg import sql

from pixcrawler.host.stack.migrations import Migration, apply_migrations, read_migrations
from pixcrawler.host.stack.postgres import SUPERUSER, Postgres

DATABASE = "pixcrawler"
AUTH_ROLE = "supabase_auth_admin"
MIGRATION_ROLE = "postgres"
API_ROLE = "pixcrawler_api"
WORKER_ROLE = "pixcrawler_worker"
_SHIM = Path(__file__).with_name("shim.sql")
_SHIM_LOCK = 5_037_861_942_200
_OPERATOR = sql.SQL("""
create or replace function private.local_operator() returns trigger
language plpgsql set search_path = '' as $$
begin
  if new.email = {email} then
    new.role := 'admin';
  end if;
  return new;
end
$$;
create or replace trigger profiles_local_operator before insert on public.profiles
  for each row execute function private.local_operator();
""")


def prepare(
    server: Postgres, migrations: Path | None = None, database: str = DATABASE
) -> list[Migration]:
    """Make the database what the app expects; safe to repeat, and quick when nothing is new.

    Creates the database, the roles and schemas of hosted Supabase, applies the migrations of the
    folder, and gives passwords to every role that may log in (`Postgres.dsn` knows them).
    Returns the newly applied migrations.

    Raises:
        MigrationRefused: see `apply_migrations`.
        MigrationFailed: see `apply_migrations`.
    """
    _create_database(server, database)
    _apply_shim(server, database)
    _set_passwords(server, [MIGRATION_ROLE, AUTH_ROLE])
    applied: list[Migration] = []
    if migrations is not None:
        history = read_migrations(migrations)
        with server.connect(MIGRATION_ROLE, database) as connection:
            applied = apply_migrations(connection, history)
    _set_passwords(server, [API_ROLE, WORKER_ROLE])
    return applied


def make_operator(server: Postgres, email: str, database: str = DATABASE) -> None:
    """Let the user of this address be an operator, whether signed up already or later.

    Safe to repeat; nothing happens where the app has no profiles.
    """
    told = sql.Literal(email)
    with server.connect(MIGRATION_ROLE, database) as connection, connection.transaction():
        if connection.execute("select to_regclass('public.profiles')").fetchone() == (None,):
            return
        connection.execute(_OPERATOR.format(email=told))
        connection.execute(
            sql.SQL(
                "update public.profiles set role = 'admin' where email = {} and role <> 'admin'"
            ).format(told)
        )


def _create_database(server: Postgres, database: str) -> None:
    with server.connect() as connection:
        known = connection.execute("select from pg_database where datname = %s", (database,))
        if known.fetchone() is None:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(database)))


def _apply_shim(server: Postgres, database: str) -> None:
    text = _SHIM.read_bytes()
    digest = hashlib.sha256(text).hexdigest()
    with server.connect(SUPERUSER, database) as connection:
        seen = connection.execute(
            "select obj_description(to_regnamespace('supabase_migrations'), 'pg_namespace')"
        ).fetchone()
        if seen == (digest,):
            return
        with connection.transaction():
            connection.execute("select pg_advisory_xact_lock(%s)", (_SHIM_LOCK,))
            connection.execute("set local client_min_messages = error")
            connection.execute(text)
            connection.execute(
                sql.SQL("comment on schema supabase_migrations is {}").format(sql.Literal(digest))
            )


def _set_passwords(server: Postgres, roles: list[str]) -> None:
    with server.connect() as connection:
        present = connection.execute(
            "select rolname from pg_roles where rolname = any(%s) and rolcanlogin", (roles,)
        ).fetchall()
        for (role,) in present:
            connection.execute(
                sql.SQL("alter role {} password {}").format(
                    sql.Identifier(str(role)), sql.Literal(server.password(str(role)))
                )
            )
