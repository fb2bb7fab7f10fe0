"""The engines' desk: an EngineDesk in PostgreSQL, exact over all workers of the deployment."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from psycopg.rows import DictRow

from pixcrawler.adapters.postgres.pool import Database
from pixcrawler.adapters.postgres.statements import statements
from pixcrawler.domain.engine import Access, BlockKind, EngineCard, EngineStatus
from pixcrawler.pipeline.engines import desk_rules
from pixcrawler.pipeline.engines.desk_rules import Busy, plain_detail, stated_s
from pixcrawler.pipeline.engines.ports import Closed, EngineHealth, OptIn, Page, Ticket

_SQL = statements("desk")
_BY_MAX_CHARS = 320


class PostgresDesk:
    """An EngineDesk; acts as the service.

    The rules are in the functions private.admit_request and private.settle_request, so that a
    request costs two calls, and time is the database's.

    Args:
        database: logs in as ``pixcrawler_worker``.
        lost_after_s: a request that is not settled so long after it was due counts as ended then;
            no request may take longer.
        sleep: waits for others who are at the engine.
    """

    def __init__(
        self,
        database: Database,
        *,
        lost_after_s: float = desk_rules.LOST_AFTER_S,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._database = database
        self._lost_after_s = lost_after_s
        self._sleep = sleep

    def admit(self, card: EngineCard, patience_s: float) -> Ticket | Closed:
        """Take a place in the engine's queue, at most ``patience_s`` away, or learn why not."""
        return desk_rules.leave(lambda left_s: self._take(card, left_s), patience_s, self._sleep)

    def _take(self, card: EngineCard, patience_s: float) -> Ticket | Closed | Busy:
        values = {
            "engine": card.name,
            "terms": card.terms_digest if card.access is Access.OPT_IN else None,
            "requests": [quota.requests for quota in card.quotas],
            "seconds": [quota.seconds for quota in card.quotas],
            "patience_s": patience_s,
            "lost_after_s": self._lost_after_s,
        }
        [row] = self._rows("admit", values)
        if row["outcome"] == "given":
            return Ticket(row["number"], row["wait_s"], is_probe=row["is_probe"])
        return _refusal(card, row)

    def settle(self, card: EngineCard, ticket: Ticket, page: Page | None) -> None:
        """Tell that the request has ended, and how; a block or failure may suspend the engine."""
        pause = desk_rules.pause_of(page) if page else None
        values = {
            "engine": card.name,
            "number": ticket.number,
            "status": page.status.value if page else None,
            "kind": page.kind.value if page and page.kind else None,
            "detail": plain_detail(page) if page else None,
            "first_s": pause.first_s if pause else None,
            "step_s": pause.step_s if pause else None,
            "longest_s": max(pause.first_s, pause.longest_s) if pause else None,
            "stated_s": stated_s(page) if page else None,
            "keep": max((quota.requests for quota in card.quotas), default=0),
        }
        self._rows("settle", values)

    def health(self, cards: Sequence[EngineCard]) -> list[EngineHealth]:
        """Return how each engine stands, in the given order."""
        counted = [(card.name, quota.seconds) for card in cards for quota in card.quotas]
        values = {
            "engines": [name for name, _ in counted],
            "seconds": [seconds for _, seconds in counted],
        }
        with self._database.as_service() as connection:
            names = {"engines": [card.name for card in cards]}
            rows = connection.execute(_SQL["health"], names).fetchall()
            used = connection.execute(_SQL["used"], values).fetchall()
        known = {row["name"]: row for row in rows}
        return [_health(card, known.get(card.name, {}), used) for card in cards]

    def reopen(self, engine: str) -> None:
        """End an engine's suspension, because an operator says so."""
        with self._database.as_service() as connection:
            connection.execute(_SQL["reopen"], {"engine": engine})

    def opt_ins(self) -> dict[str, OptIn]:
        """Return the engines that were switched on last, by name; the terms may be old ones."""
        return {
            row["engine"]: OptIn(
                row["engine"], row["terms_digest"], row["switched_by"], row["switched_at"]
            )
            for row in self._rows("switches", {})
            if row["is_on"]
        }

    def switched_off(self) -> frozenset[str]:
        """Return the engines that were switched off last."""
        return frozenset(row["engine"] for row in self._rows("switches", {}) if not row["is_on"])

    def switch_on(self, opt_in: OptIn) -> None:
        """Record that the terms were accepted."""
        self._switch(opt_in.engine, opt_in.accepted_by, opt_in.terms_digest, opt_in.accepted_at)

    def switch_off(self, engine: str, by: str) -> None:
        """Record that the engine, of whatever access, must no longer be used."""
        self._switch(engine, by)

    def _switch(
        self, engine: str, by: str, digest: str | None = None, at: datetime | None = None
    ) -> None:
        values = {
            "engine": engine,
            "is_on": digest is not None,
            "terms_digest": digest,
            "by": by[:_BY_MAX_CHARS],
            "at": at,
        }
        with self._database.as_service() as connection:
            connection.execute(_SQL["switch"], values)

    def _rows(self, name: str, values: dict[str, Any]) -> list[DictRow]:
        with self._database.as_service() as connection:
            return connection.execute(_SQL[name], values).fetchall()


def _refusal(card: EngineCard, row: DictRow) -> Closed | Busy:
    if row["outcome"] == "switched_off":
        return desk_rules.switched_off(card)
    until, now = row["until"], row["asked_at"]
    if row["outcome"] == "suspended":
        return desk_rules.suspended(card, row["detail"], until, now)
    if row["outcome"] == "probing":
        return Busy(row["wait_s"], desk_rules.being_tried(card, row["detail"], until, now))
    quota = card.quotas[row["quota"] - 1]
    if row["outcome"] == "quota":
        return desk_rules.used_up(card, quota, until, now)
    closed = desk_rules.taken(card, quota, until, now)
    return Busy(row["wait_s"], closed) if row["outcome"] == "busy" else closed


def _health(card: EngineCard, row: DictRow, used: Sequence[DictRow]) -> EngineHealth:
    counts = {found["seconds"]: found["requests"] for found in used if found["engine"] == card.name}
    if not row:
        return EngineHealth(card.name, used=counts)
    return EngineHealth(
        engine=card.name,
        status=EngineStatus(row["status"]) if row["status"] else None,
        kind=BlockKind(row["kind"]) if row["kind"] else None,
        detail=row["detail"],
        failures=row["failures"],
        suspended_until=row["suspended_until"],
        last_asked_at=row["last_asked_at"],
        last_ok_at=row["last_ok_at"],
        used=counts,
    )
