"""Site files in PostgreSQL: what one worker fetched, no other one fetches again that day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pixcrawler.adapters.postgres.pool import Database
from pixcrawler.adapters.postgres.statements import statements
from pixcrawler.pipeline.visits.host_rules import FILE_LASTS_MAX_S, FILE_URL_MAX_CHARS
from pixcrawler.pipeline.visits.ports import SiteFile

_SQL = statements("site_files")


class PostgresSiteFiles:
    """A SiteFiles; acts as the service. Raises DatabaseUnavailable when the database is away.

    Args:
        database: logs in as ``pixcrawler_worker``.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, urls: Sequence[str]) -> Mapping[str, SiteFile]:
        """Return those of the addresses that are known and fresh."""
        asked = [url for url in urls if _is_kept(url)]
        if not asked:
            return {}
        with self._database.as_service() as connection:
            rows = connection.execute(_SQL["get"], {"urls": asked}).fetchall()
        return {
            row["url"]: SiteFile(row["url"], row["status"], bytes(row["body"]), row["sha256"])
            for row in rows
        }

    def put(self, found: SiteFile, lasts_s: float) -> None:
        """Keep a file for so long, a day at most; what was kept under its address is replaced.

        Raises:
            InvariantBroken: the body is longer than 500 KiB.
        """
        if not _is_kept(found.url):
            return
        values = {
            "url": found.url,
            "status": found.status,
            "body": found.body,
            "sha256": found.sha256,
            "lasts_s": min(FILE_LASTS_MAX_S, lasts_s),
        }
        with self._database.as_service() as connection:
            connection.execute(_SQL["put"], values)


def _is_kept(url: str) -> bool:
    # No site's own file has a longer address, or one that PostgreSQL cannot store.
    return len(url) <= FILE_URL_MAX_CHARS and url.isprintable() and url.isascii()
