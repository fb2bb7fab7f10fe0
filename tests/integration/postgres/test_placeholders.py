"""The book of placeholders in PostgreSQL keeps the contract, also with many workers at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pixcrawler.adapters.postgres.placeholders import PostgresPlaceholders
from pixcrawler.pipeline.visits.ports import Placeholder, PlaceholderBook
from tests.contracts.placeholder_book import HOST, PlaceholderBookContract
from tests.integration.conftest import App, TestDatabase

_BACK = """
update private.placeholders
set first_seen_at = first_seen_at - interval '{0} days', seen_at = seen_at - interval '{0} days'
"""


class PostgresPlaceholdersHarness:
    """Time passes by moving everything that is stored into the past."""

    def __init__(self, app: App) -> None:
        self.database = app.database
        self.book = PostgresPlaceholders(app.worker)

    def now(self) -> datetime:
        ((now,),) = self.database.rows("select now()")
        assert isinstance(now, datetime)
        return now.astimezone(UTC)

    def pass_days(self, days: float) -> None:
        self.database.rows(_BACK.format(days))


class TestPostgresPlaceholders(PlaceholderBookContract):
    @pytest.fixture
    def harness(self, app: App) -> Iterator[PostgresPlaceholdersHarness]:
        yield PostgresPlaceholdersHarness(app)
        app.database.rows("truncate private.placeholders")

    def test_of_two_counts_the_largest_is_kept(
        self, book: PlaceholderBook, banner: Placeholder, database: TestDatabase
    ) -> None:
        """How many addresses a placeholder had in the job that saw most of them."""
        for addresses in (4, 9, 5):
            book.remember([replace(banner, addresses=addresses)])
        assert database.rows("select addresses from private.placeholders") == [(9,)]

    def test_what_is_forgotten_goes(
        self, harness: PostgresPlaceholdersHarness, book: PlaceholderBook, banner: Placeholder
    ) -> None:
        """The table holds what counts: old lines go when the next ones come."""
        book.remember([replace(banner, host=f"h{number}.example") for number in range(50)])
        harness.pass_days(181)
        book.remember([replace(banner, seen_at=harness.now())])
        assert harness.database.rows("select host from private.placeholders") == [(HOST,)]

    def test_many_workers_tell_the_same(
        self, harness: PostgresPlaceholdersHarness, book: PlaceholderBook, banner: Placeholder
    ) -> None:
        """Eight workers with the same finds in any order never wait for each other for ever."""
        finds = [replace(banner, host=f"h{number}.example") for number in range(200)]
        book.remember(finds)
        harness.pass_days(181)
        now = harness.now()
        again = [replace(one, seen_at=now) for one in finds]
        with ThreadPoolExecutor(8) as workers:
            list(workers.map(book.remember, [again, again[::-1]] * 4))
        assert len(book.known([(one.host, one.sha256) for one in finds])) == 200

    def test_nobody_else_reads_it(self, harness: PostgresPlaceholdersHarness) -> None:
        """What jobs of others saw is for the service alone."""
        for role in ("anon", "authenticated"):
            ((granted,),) = harness.database.rows(
                "select has_table_privilege(%s, 'private.placeholders', 'select')", (role,)
            )
            assert granted is False
