"""Connections: lazily opened pools whose every transaction acts as one named role."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, LiteralString

from psycopg import Connection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

from pixcrawler.adapters.postgres.errors import translating

MAX_CONNECTIONS = 4
"""A process: Supabase advises 1 to 4 for functions; the pooler in front of it multiplexes."""
WAIT_S = 5.0
"""For a free connection, before the caller is told to try again."""
MAX_IDLE_S = 120.0
MAX_LIFETIME_S = 1800.0
CALLER_TIMEOUT_MS = 5_000
"""A statement, while a person waits."""
SERVICE_TIMEOUT_MS = 30_000
"""A statement, in the background."""

_CONTEXT: LiteralString = (
    "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true),"
    " set_config('statement_timeout', %s, true), set_config('timezone', 'UTC', true)"
)


class Database:
    """A pool for one login role, which has no rights of its own.

    Rights come with each transaction (``set_config(..., true)``), so nothing leaks to the next
    one, also behind a transaction pooler; that is why statements are never prepared.

    Args:
        url: ``postgresql://`` address with the login role.
        name: shown in ``pg_stat_activity``.
    """

    def __init__(self, url: str, name: str, max_connections: int = MAX_CONNECTIONS) -> None:
        self._url = url
        self._name = name
        self._max_connections = max_connections
        self._lock = threading.Lock()
        self._pool: ConnectionPool[Connection[DictRow]] | None = None

    @contextmanager
    def as_user(self, user_id: str) -> Iterator[Connection[DictRow]]:
        """Yield a transaction that sees the rows of one user only (row-level security).

        Raises:
            DatabaseUnavailable: the database is away.
            InvariantBroken: it refused a statement.
        """
        claims = {"sub": user_id, "role": "authenticated"}
        with self._transaction("authenticated", claims, CALLER_TIMEOUT_MS) as connection:
            yield connection

    @contextmanager
    def as_service(self, timeout_ms: int = SERVICE_TIMEOUT_MS) -> Iterator[Connection[DictRow]]:
        """Yield a transaction that sees every row: name the owner in every statement.

        Raises:
            DatabaseUnavailable: the database is away.
            InvariantBroken: it refused a statement.
        """
        claims = {"role": "service_role"}
        with self._transaction("service_role", claims, timeout_ms) as connection:
            yield connection

    def ping(self) -> None:
        """Ask the server for a sign of life.

        Raises:
            DatabaseUnavailable: there is none.
        """
        with translating(), self._opened().connection() as connection:
            connection.execute("select 1")

    def close(self) -> None:
        """Close every connection; the next use opens new ones."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    @contextmanager
    def _transaction(
        self, role: str, claims: Mapping[str, Any], timeout_ms: int
    ) -> Iterator[Connection[DictRow]]:
        context = (role, json.dumps(claims), str(timeout_ms))
        with translating(), self._opened().connection() as connection, connection.transaction():
            connection.execute(_CONTEXT, context)
            yield connection

    def _opened(self) -> ConnectionPool[Connection[DictRow]]:
        with self._lock:
            if self._pool is None:
                self._pool = self._new_pool()
                self._pool.open()
            return self._pool

    def _new_pool(self) -> ConnectionPool[Connection[DictRow]]:
        return ConnectionPool(
            self._url,
            connection_class=Connection[DictRow],
            min_size=0,
            max_size=self._max_connections,
            timeout=WAIT_S,
            max_idle=MAX_IDLE_S,
            max_lifetime=MAX_LIFETIME_S,
            reconnect_timeout=WAIT_S,
            open=False,
            check=ConnectionPool.check_connection,
            name=self._name,
            kwargs={
                "autocommit": True,
                "prepare_threshold": None,
                "row_factory": dict_row,
                "connect_timeout": 5,
                "keepalives_idle": 60,
                "tcp_user_timeout": 10_000,
                "application_name": self._name,
            },
        )
