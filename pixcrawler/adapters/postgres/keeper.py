"""Jobs as the timers know them: a JobKeeper in PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg.rows import DictRow

from pixcrawler.adapters.postgres.identifiers import uuid_of
from pixcrawler.adapters.postgres.pool import Database
from pixcrawler.adapters.postgres.statements import statements
from pixcrawler.pipeline.payloads import Order

_SQL = statements("keeper")
AT_ONCE = 200
"""Jobs a call, oldest first: a timer comes again."""


class PostgresKeeper:
    """A JobKeeper; acts as the service."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def unstarted(self, before: datetime) -> list[Order]:
        """Return jobs created before ``before`` that no story has begun."""
        return [_order(row) for row in self._rows("unstarted", before)]

    def silent(self, before: datetime) -> list[Order]:
        """Return unfinished jobs that gave no sign of life since ``before``."""
        return [_order(row) for row in self._rows("silent", before)]

    def ended(self, before: datetime) -> list[str]:
        """Return ids of jobs that ended before ``before`` and are not yet swept."""
        return [str(row["id"]) for row in self._rows("ended", before)]

    def mark_swept(self, job_id: str) -> None:
        """Record that the job's working files are gone."""
        with self._database.as_service() as connection:
            connection.execute(_SQL["mark_swept"], {"job_id": uuid_of(job_id, "job")})

    def _rows(self, name: str, before: datetime) -> list[DictRow]:
        values: dict[str, Any] = {"before": before, "limit": AT_ONCE}
        with self._database.as_service() as connection:
            return connection.execute(_SQL[name], values).fetchall()


def _order(row: DictRow) -> Order:
    base = row["retry_of"]
    return Order(
        job_id=str(row["id"]),
        wanted=row["wanted"],
        retry_of=str(base) if base else None,
        reasons=row["retry_reasons"],
    )
