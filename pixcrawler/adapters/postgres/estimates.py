"""Estimates: kept for a day, and the finished jobs that they learn from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from pixcrawler.adapters.postgres.creation import spec_hash
from pixcrawler.adapters.postgres.pool import CALLER_TIMEOUT_MS, Database
from pixcrawler.adapters.postgres.statements import statements
from pixcrawler.domain.account import Principal
from pixcrawler.domain.errors import TooManyRequests
from pixcrawler.domain.estimate import Estimate
from pixcrawler.domain.job import JobSpec
from pixcrawler.pipeline.limits import ESTIMATES_PER_HOUR
from pixcrawler.pipeline.outlook.experience import PastJob

_SQL = statements("estimates")
_CATALOGUE_SQL = statements("catalogue")


class PostgresEstimates:
    """Keeps estimates and remembers finished jobs; acts as the service.

    Raises DatabaseUnavailable when the database is away.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, principal: Principal, spec: JobSpec) -> UUID:
        """Count an estimate before engines are asked for it; return its id.

        Raises:
            TooManyRequests: the user asked for too many within an hour.
        """
        values = {
            "user_id": UUID(principal.user_id),
            "email": principal.email or None,
            "spec_hash": spec_hash(spec),
            "most": ESTIMATES_PER_HOUR,
        }
        with self._database.as_service(CALLER_TIMEOUT_MS) as connection:
            connection.execute(_CATALOGUE_SQL["repair_profile"], values)
            connection.execute(_CATALOGUE_SQL["lock_owner"], values)
            late = connection.execute(_SQL["wait"], values).fetchone()
            begun = None if late else connection.execute(_SQL["begin"], values).fetchone()
        if begun is None:
            raise _too_many(late["wait_s"] if late else 0.0)
        estimate_id: UUID = begun["id"]
        return estimate_id

    def put(self, estimate_id: UUID, estimate: Estimate) -> None:
        """Keep an estimate for the jobs that its owner creates from the same job file."""
        values = {"id": estimate_id, "estimate": Jsonb(estimate.model_dump(mode="json"))}
        with self._database.as_service(CALLER_TIMEOUT_MS) as connection:
            connection.execute(_SQL["put"], values)

    def sweep(self) -> int:
        """Remove what no new job takes any more; return how many."""
        with self._database.as_service() as connection:
            return connection.execute(_SQL["sweep"]).rowcount

    def recent(self, most: int) -> Sequence[PastJob]:
        """Return the last finished jobs of the whole service, the newest first.

        Counts only: nothing tells whose they were, or what they were about.
        """
        with self._database.as_service(CALLER_TIMEOUT_MS) as connection:
            rows = connection.execute(_SQL["past_jobs"], {"most": most}).fetchall()
        return [_past_job(row) for row in rows]


def _too_many(wait_s: float) -> TooManyRequests:
    return TooManyRequests(
        f"{ESTIMATES_PER_HOUR} estimates an hour are the most: ask again in"
        f" {math.ceil(wait_s / 60)} min.",
        retry_after_s=math.ceil(wait_s),
    )


def _past_job(row: Mapping[str, Any]) -> PastJob:
    return PastJob(
        engines={report["engine"]: report.get("candidates", 0) for report in row["engines"]},
        candidates=row["candidates"],
        good=row["good"],
        bytes=row["bytes"],
        seconds=row["seconds"] or 0.0,
    )
