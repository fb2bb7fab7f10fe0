"""The task hub's SQLite file: schema, one writer, transactions."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from pixcrawler.host.durable.errors import StoreUnusable
from pixcrawler.host.durable.tables import Entities, History, Inbox, Instances, Tasks

SCHEMA_VERSION = 1
"""Kept in ``PRAGMA user_version``; a file with another number is refused."""

_SCHEMA = """
CREATE TABLE instances(
  id TEXT PRIMARY KEY, execution TEXT NOT NULL, name TEXT NOT NULL, version TEXT,
  input TEXT, output TEXT, custom_status TEXT, status TEXT NOT NULL,
  created REAL NOT NULL, updated REAL NOT NULL,
  parent_id TEXT, parent_execution TEXT, parent_task INTEGER);
CREATE INDEX instances_by_status ON instances(status, created);
CREATE TABLE history(
  id TEXT NOT NULL, seq INTEGER NOT NULL, event TEXT NOT NULL,
  PRIMARY KEY(id, seq)) WITHOUT ROWID;
CREATE TABLE inbox(
  n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, execution TEXT,
  due REAL NOT NULL, event TEXT NOT NULL);
CREATE INDEX inbox_by_instance ON inbox(id, due);
CREATE TABLE tasks(
  n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, execution TEXT NOT NULL,
  task_id INTEGER NOT NULL, name TEXT NOT NULL, input TEXT,
  tries INTEGER NOT NULL DEFAULT 0, running INTEGER NOT NULL DEFAULT 0);
CREATE INDEX tasks_by_instance ON tasks(id);
CREATE TABLE entities(
  id TEXT PRIMARY KEY, state TEXT, present INTEGER NOT NULL, updated REAL NOT NULL);
CREATE TABLE operations(
  n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, request TEXT NOT NULL,
  due REAL NOT NULL);
CREATE INDEX operations_by_entity ON operations(id, due);
"""


class Store:
    """One open task hub; used by one thread, the event loop's.

    WAL with ``synchronous=NORMAL`` survives the death of the process at any moment, not the loss
    of power. Every change goes through `tx`; what is not committed never happened.
    """

    def __init__(self, path: Path) -> None:
        """Open the hub at ``path``, make it when it is new, and lock it for this process.

        Raises:
            StoreUnusable: another process has it open, or its schema version is not ours.
        """
        self._lock = _locked(path)
        try:
            self._db = _opened(path)
        except BaseException:
            self._lock.close()
            raise
        self._in_tx = False
        self.instances = Instances(self._db)
        self.history = History(self._db)
        self.inbox = Inbox(self._db)
        self.tasks = Tasks(self._db)
        self.entities = Entities(self._db)

    @contextlib.contextmanager
    def tx(self) -> Iterator[None]:
        """One transaction; nested uses join the outermost, and any error undoes all of it."""
        if self._in_tx:
            yield
            return
        self._db.execute("BEGIN IMMEDIATE")
        self._in_tx = True
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            # A full disk ends the transaction by itself.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        finally:
            self._in_tx = False

    def erase(self, instance_id: str) -> None:
        """Forget an instance: its row, history, messages and tasks."""
        with self.tx():
            for table in ("instances", "history", "inbox", "tasks"):
                self._db.execute(f"DELETE FROM {table} WHERE id=?", (instance_id,))  # noqa: S608 - constant names

    def close(self) -> None:
        """Close the file and release the lock."""
        self._db.close()
        self._lock.close()


def _locked(path: Path) -> sqlite3.Connection:
    # SQLite's own file lock: portable, and the system drops it when the process dies.
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = sqlite3.connect(path.with_name(path.name + ".lock"), timeout=0, isolation_level=None)
    try:
        lock.execute("PRAGMA journal_mode=DELETE")
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        lock.close()
        raise StoreUnusable(
            f"The task hub {path} is in use by another host. Stop that one, or name another"
            " state folder."
        ) from error
    return lock


def _opened(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        db.execute("PRAGMA temp_store=MEMORY")
        _migrate(db, path)
    except sqlite3.DatabaseError as error:
        db.close()
        raise StoreUnusable(f"The task hub {path} cannot be opened: {error}") from error
    except BaseException:
        db.close()
        raise
    return db


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version == 0 and not db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
        # One transaction: a host killed here leaves an empty file, not half a schema.
        db.executescript(f"BEGIN;{_SCHEMA}PRAGMA user_version={SCHEMA_VERSION};COMMIT;")
    elif version != SCHEMA_VERSION:
        raise StoreUnusable(
            f"The task hub {path} has schema version {version}, this host needs"
            f" {SCHEMA_VERSION}. Finish its orchestrations with the host that wrote it, or move"
            " the file away."
        )
