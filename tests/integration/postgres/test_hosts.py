"""The hosts' desk in PostgreSQL keeps the contract, counts, and keeps its tables small."""

from __future__ import annotations

import time

import pytest

from pixcrawler.adapters.postgres.hosts import PostgresHosts
from pixcrawler.pipeline.visits.ports import HostReport, Wish
from tests.contracts.host_desk import HOST, LASTS_S, HostDeskContract
from tests.integration.conftest import App, TestDatabase

_BACK = """
with shares as (
  update private.host_shares set since = since - %(by)s, held_at = held_at - %(by)s,
    until = until - %(by)s
)
update private.hosts set last_asked_at = last_asked_at - %(by)s, seen_at = seen_at - %(by)s,
  ended_at = ended_at - %(by)s, paused_until = paused_until - %(by)s,
  suspended_until = suspended_until - %(by)s
"""


class PostgresHostsHarness:
    """Time passes by moving everything that is stored into the past."""

    def __init__(self, app: App) -> None:
        self.database = app.database
        self.desk = PostgresHosts(app.worker, lasts_s=LASTS_S)
        self.passed = 0.0

    def now(self) -> float:
        return self.passed + time.monotonic()

    def pass_time(self, seconds: float) -> None:
        self.passed += seconds
        self.database.rows(_BACK.replace("%(by)s", f"interval '{seconds:.6f} seconds'"))


class TestPostgresHosts(HostDeskContract):
    @pytest.fixture
    def harness(self, app: App) -> PostgresHostsHarness:
        return PostgresHostsHarness(app)

    def test_what_was_seen_is_counted(self, desk: PostgresHosts, database: TestDatabase) -> None:
        """Operators see of each host requests, bytes, failures, refusals and the last visit."""
        desk.report("ann", [HostReport(HOST, 30, 5_000_000_000), HostReport("b.example", 1)])
        desk.report("bob", [HostReport(HOST, 3, 7, 2, True), HostReport(HOST, 1, 0, pause_s=1.0)])
        rows = database.rows(
            "select name, requests, bytes, failures, throttled, last_asked_at > now() - interval"
            " '1 minute' from private.hosts order by requests"
        )
        assert rows == [("b.example", 1, 0, 0, 0, True), (HOST, 34, 5_000_000_007, 2, 1, True)]

    def test_a_share_that_was_given_back_leaves_no_row(
        self, desk: PostgresHosts, database: TestDatabase
    ) -> None:
        """Nor does a wish of nothing."""
        desk.share("ann", [Wish(HOST, 0, 5, 6)])
        desk.share("ann", [Wish(HOST, 0, 0, 6)])
        desk.share("bob", [Wish(HOST, 0, 0, 6)])
        assert database.rows("select * from private.host_shares") == []

    def test_what_is_old_is_swept(self, harness: PostgresHostsHarness) -> None:
        """Hosts that nobody visited for 30 days go, with their shares; others stay."""
        desk, database = harness.desk, harness.database
        for host in ("old.example", "visited.example", "wanted.example"):
            desk.share("ann", [Wish(host, 0, 5, 6)])
        harness.pass_time(20 * 86_400)
        desk.report("ann", [HostReport("visited.example", 1)])
        desk.share("bob", [Wish("wanted.example", 0, 5, 6)])
        assert desk.sweep() == 0
        assert database.rows("select host, worker from private.host_shares") == [
            ("wanted.example", "bob")
        ]
        harness.pass_time(11 * 86_400)
        assert desk.sweep() == 1
        names = database.rows("select name from private.hosts order by name")
        assert names == [("visited.example",), ("wanted.example",)]

    def test_people_cannot_look(self, app: App) -> None:
        """Neither visitors nor users see which hosts are visited."""
        for role in ("anon", "authenticated"):
            for table in ("hosts", "host_shares", "site_files"):
                ((granted,),) = app.database.rows(
                    f"select has_table_privilege(%s, 'private.{table}', 'select')", (role,)
                )
                assert granted is False
