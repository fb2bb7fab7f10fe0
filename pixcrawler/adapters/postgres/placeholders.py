"""Known placeholders in PostgreSQL: a PlaceholderBook for all workers of the deployment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from pixcrawler.adapters.postgres.pool import Database
from pixcrawler.adapters.postgres.statements import statements
from pixcrawler.pipeline.limits import PLACEHOLDER_KEPT_DAYS
from pixcrawler.pipeline.visits.ports import Placeholder

_SQL = statements("placeholders")


class PostgresPlaceholders:
    """A PlaceholderBook; acts as the service.

    Args:
        database: logs in as ``pixcrawler_worker``.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self, seen: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], datetime]:
        """Return those of the (host, sha256) pairs that are placeholders, and since when."""
        if not seen:
            return {}
        values = {
            "hosts": [host for host, _ in seen],
            "sha256s": [sha256 for _, sha256 in seen],
            "days": PLACEHOLDER_KEPT_DAYS,
        }
        with self._database.as_service() as connection:
            rows = connection.execute(_SQL["known"], values).fetchall()
        return {(row["host"], row["sha256"]): row["first_seen_at"] for row in rows}

    def remember(self, found: Sequence[Placeholder]) -> None:
        """Keep placeholders; of one that is known the largest count and the last time stay."""
        if not found:
            return
        values = {
            "hosts": [one.host for one in found],
            "sha256s": [one.sha256 for one in found],
            "addresses": [one.addresses for one in found],
            "seen_at": [one.seen_at for one in found],
            "days": PLACEHOLDER_KEPT_DAYS,
        }
        with self._database.as_service() as connection:
            connection.execute(_SQL["forget"], values)
            connection.execute(_SQL["remember"], values)
