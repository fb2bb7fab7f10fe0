"""The desk in PostgreSQL keeps the contract, keeps history, and keeps its tables small."""

from __future__ import annotations

import time

import pytest

from pixcrawler.adapters.postgres.desk import PostgresDesk
from pixcrawler.domain.engine import Access
from pixcrawler.pipeline.engines.ports import OptIn
from tests.contracts.engine_breaker import EngineBreakerContract
from tests.contracts.engine_desk import (
    LOST_AFTER_S,
    OK,
    EngineDeskContract,
    asked,
    card,
    given,
    opt_in,
)
from tests.integration.conftest import App, TestDatabase

_BACK = """
with tickets as (
  update private.engine_tickets set due_at = due_at - %(by)s, lost_at = lost_at - %(by)s
), ends as (
  update private.engine_ends set ended_at = ended_at - %(by)s
)
update private.engines set suspended_until = suspended_until - %(by)s,
  last_asked_at = last_asked_at - %(by)s, last_ok_at = last_ok_at - %(by)s
"""


class PostgresDeskHarness:
    """Time passes by moving everything that is stored into the past."""

    def __init__(self, app: App) -> None:
        self.database = app.database
        self.desk = PostgresDesk(app.worker, lost_after_s=LOST_AFTER_S, sleep=self.pass_time)
        self.passed = 0.0

    def now(self) -> float:
        return self.passed + time.monotonic()

    def pass_time(self, seconds: float) -> None:
        self.passed += seconds
        self.database.rows(_BACK.replace("%(by)s", f"interval '{seconds:.6f} seconds'"))


class TestPostgresDesk(EngineDeskContract):
    @pytest.fixture
    def harness(self, app: App) -> PostgresDeskHarness:
        return PostgresDeskHarness(app)

    def test_only_what_a_quota_counts_is_kept(
        self, desk: PostgresDesk, database: TestDatabase
    ) -> None:
        """However many requests there were, an engine has as many rows as its largest quota."""
        ours = card((7, 0.001))
        for _ in range(30):
            desk.settle(ours, given(desk, ours, 5), OK)
        ((ends,),) = database.rows("select count(*) from private.engine_ends")
        ((tickets,),) = database.rows("select count(*) from private.engine_tickets")
        assert (ends, tickets) == (7, 0)

    def test_switches_are_history(self, desk: PostgresDesk, database: TestDatabase) -> None:
        """Every switch is a line with who, when and which terms; none is ever replaced."""
        ours = card(access=Access.OPT_IN, terms="Do as we say.")
        desk.switch_on(opt_in(ours))
        desk.switch_off(ours.name, "bob@example.org")
        desk.switch_on(OptIn(ours.name, "ab" * 32, "c" * 999, opt_in(ours).accepted_at))
        lines = database.rows(
            "select is_on, terms_digest, switched_by from private.engine_switches order by id"
        )
        assert lines == [
            (True, ours.terms_digest, "ann@example.org"),
            (False, None, "bob@example.org"),
            (True, "ab" * 32, "c" * 320),
        ]

    def test_the_service_cannot_rewrite_history(self, app: App) -> None:
        """Neither update nor delete of a switch is granted to the app."""
        for privilege in ("update", "delete"):
            ((granted,),) = app.database.rows(
                "select has_table_privilege('service_role', 'private.engine_switches', %s)",
                (privilege,),
            )
            assert granted is False

    def test_a_desk_that_was_never_used_answers(self, desk: PostgresDesk) -> None:
        """Settling for an engine that has no row harms nobody."""
        ours = card()
        ticket = given(desk, card(name="other"))
        desk.settle(ours, ticket, OK)
        assert desk.health([ours])[0].last_asked_at is None
        asked(desk, ours)
        assert desk.health([ours])[0].last_ok_at is not None


class TestPostgresBreaker(EngineBreakerContract):
    @pytest.fixture
    def harness(self, app: App) -> PostgresDeskHarness:
        return PostgresDeskHarness(app)
