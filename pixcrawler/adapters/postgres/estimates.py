"""Estimates: kept for a day, and the finished jobs that they learn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from pixcrawler.adapters.postgres.catalogue import spec_hash
from pixcrawler.adapters.postgres.pool import CALLER_TIMEOUT_MS, Database
from pixcrawler.adapters.postgres.statements import statements
from pixcrawler.domain.account import Principal
from pixcrawler.domain.estimate import Estimate
from pixcrawler.domain.job import JobSpec
from pixcrawler.pipeline.experience import PastJob

_SQL = statements("estimates")
_CATALOGUE_SQL = statements("catalogue")


class PostgresEstimates:
    """Keeps estimates and remembers finished jobs; acts as the service.

    Raises DatabaseUnavailable when the database is away.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, principal: Principal, spec: JobSpec, estimate: Estimate) -> None:
        """Keep an estimate for the jobs that its owner creates from the same job file."""
        values = {
            "user_id": UUID(principal.user_id),
            "email": principal.email or None,
            "spec_hash": spec_hash(spec),
            "estimate": Jsonb(estimate.model_dump(mode="json")),
        }
        with self._database.as_service(CALLER_TIMEOUT_MS) as connection:
            connection.execute(_CATALOGUE_SQL["repair_profile"], values)
            connection.execute(_SQL["sweep"])
            connection.execute(_SQL["put"], values)

    def recent(self, most: int) -> Sequence[PastJob]:
        """Return the last finished jobs of the whole service, the newest first.

        Counts only: nothing tells whose they were, or what they were about.
        """
        with self._database.as_service(CALLER_TIMEOUT_MS) as connection:
            rows = connection.execute(_SQL["past_jobs"], {"most": most}).fetchall()
        return [_past_job(row) for row in rows]


def _past_job(row: Mapping[str, Any]) -> PastJob:
    return PastJob(
        engines={report["engine"]: report.get("candidates", 0) for report in row["engines"]},
        candidates=row["candidates"],
        good=row["good"],
        bytes=row["bytes"],
        seconds=row["seconds"] or 0.0,
    )
