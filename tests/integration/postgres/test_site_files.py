"""Site files in PostgreSQL keep the contract, and go when they are old."""

from __future__ import annotations

import pytest

from pixcrawler.adapters.postgres.hosts import PostgresHosts
from pixcrawler.adapters.postgres.site_files import PostgresSiteFiles
from tests.contracts.site_files import DAY_S, SiteFilesContract, a_file
from tests.integration.conftest import App


class PostgresFilesHarness:
    """Time passes by moving everything that is stored into the past."""

    def __init__(self, app: App) -> None:
        self.database = app.database
        self.files = PostgresSiteFiles(app.worker)

    def pass_time(self, seconds: float) -> None:
        by = f"{seconds:.6f} seconds"
        self.database.rows("update private.site_files set until = until - %s::interval", (by,))


class TestPostgresSiteFiles(SiteFilesContract):
    @pytest.fixture
    def harness(self, app: App) -> PostgresFilesHarness:
        return PostgresFilesHarness(app)

    def test_what_is_old_is_swept(self, harness: PostgresFilesHarness, app: App) -> None:
        """A file goes with the hosts' sweep when it has not been believed for a day."""
        harness.files.put(a_file(), 60)
        harness.files.put(a_file("https://b.example/robots.txt"), 3600)
        harness.pass_time(DAY_S + 61)
        PostgresHosts(app.worker).sweep()
        rows = harness.database.rows("select url from private.site_files")
        assert rows == [("https://b.example/robots.txt",)]
