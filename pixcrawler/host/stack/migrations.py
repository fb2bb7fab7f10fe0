"""Applies a folder of SQL migrations in order, once each, and notices edited ones."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from pixcrawler.host.stack.errors import CannotStart

_FILE_NAME = re.compile(r"(?P<version>\d{14})_(?P<name>[a-z0-9_]+)\.sql")
_LOCK = 5_037_861_942_201  # any number that only migrations use


class MigrationRefused(CannotStart):
    """The migrations in the folder do not continue those in the database."""


class MigrationFailed(CannotStart):
    """A migration's SQL failed; nothing of that file was applied."""


@dataclass(frozen=True)
class Migration:
    """One file: its version (UTC, YYYYMMDDHHMMSS), its name, its SQL."""

    version: str
    name: str
    sql: str

    @property
    def sha256(self) -> bytes:
        """The checksum by which an edit is noticed, 32 bytes."""
        return hashlib.sha256(self.sql.encode()).digest()

    @property
    def file_name(self) -> str:
        """The name of its file."""
        return f"{self.version}_{self.name}.sql"


def read_migrations(folder: Path) -> list[Migration]:
    """Return the migrations in a folder, oldest first; empty when there is no folder.

    Raises:
        MigrationRefused: a ``.sql`` file has another name than YYYYMMDDHHMMSS_lower_case.sql,
            two share a version, or one is not UTF-8.
    """
    found: dict[str, Migration] = {}
    for path in sorted(folder.glob("*.sql")):
        parts = _FILE_NAME.fullmatch(path.name)
        if not parts:
            raise MigrationRefused(
                f"{path} should be named YYYYMMDDHHMMSS_what_it_does.sql (lower case)"
            )
        if parts["version"] in found:
            raise MigrationRefused(f"{path} has the same version as another migration")
        try:
            sql = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise MigrationRefused(f"{path} is not UTF-8") from error
        found[parts["version"]] = Migration(parts["version"], parts["name"], sql)
    return list(found.values())


def apply_migrations(
    connection: psycopg.Connection[Any], migrations: list[Migration]
) -> list[Migration]:
    """Apply those that the database has not seen, oldest first, each in a transaction of its own.

    Two runs at once wait for each other. Returns the newly applied ones.

    Args:
        connection: autocommit, as the role ``postgres``.
        migrations: the whole history, as `read_migrations` gives it.

    Raises:
        MigrationRefused: an applied file was edited or is missing, or a new one is older than an
            applied one.
        MigrationFailed: the SQL of one failed; those before it stay applied.
    """
    connection.execute("select pg_advisory_lock(%s)", (_LOCK,))
    try:
        pending = _pending(connection, migrations)
        for migration in pending:
            _apply(connection, migration)
    finally:
        connection.execute("select pg_advisory_unlock(%s)", (_LOCK,))
    return pending


def _pending(connection: psycopg.Connection[Any], migrations: list[Migration]) -> list[Migration]:
    rows = connection.execute(
        "select version, sha256 from supabase_migrations.schema_migrations order by version"
    ).fetchall()
    applied: dict[str, bytes | None] = dict(rows)
    missing = sorted(applied.keys() - {migration.version for migration in migrations})
    if missing:
        raise MigrationRefused(
            f"the database has migration {missing[-1]}, which the folder has not: it was used "
            "with a newer version of the app; use that version, or begin with a new database"
        )
    newest = max(applied, default="")
    pending = []
    for migration in migrations:
        if migration.version not in applied:
            if migration.version < newest:
                raise MigrationRefused(
                    f"{migration.file_name} is older than {newest}, which is already applied: "
                    "give it a version of today"
                )
            pending.append(migration)
        # None: applied by another tool, which keeps no checksum.
        elif applied[migration.version] not in (None, migration.sha256):
            raise MigrationRefused(
                f"{migration.file_name} was edited after it was applied: put it back and write "
                "the change as a new migration (or begin with a new database)"
            )
    return pending


def _apply(connection: psycopg.Connection[Any], migration: Migration) -> None:
    try:
        with connection.transaction():
            # No parameters: the server then takes many statements at once.
            connection.execute(migration.sql.encode())
            connection.execute("reset role")
            connection.execute(
                "insert into supabase_migrations.schema_migrations"
                " (version, statements, name, sha256) values (%s, %s, %s, %s)",
                (migration.version, [migration.sql], migration.name, migration.sha256),
            )
    except psycopg.Error as error:
        line = _line(migration.sql, error)
        raise MigrationFailed(f"{migration.file_name}{line}: {error}") from error
    # What a file set for its session must not reach the next file.
    connection.execute("reset all")


def _line(sql: str, error: psycopg.Error) -> str:
    position = error.diag.statement_position
    if not position:
        return ""
    return f", line {sql.count(chr(10), 0, int(position) - 1) + 1}"
