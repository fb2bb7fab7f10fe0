"""The engines' desk in this process: an EngineDesk for tests and for trying a step."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pixcrawler.domain.engine import Access, BlockKind, EngineCard, EngineStatus, Quota
from pixcrawler.pipeline.engines import desk_rules
from pixcrawler.pipeline.engines.desk_rules import Busy, plain_detail, stated_s
from pixcrawler.pipeline.engines.ports import Closed, EngineHealth, OptIn, Page, Ticket

_MORE = timedelta(milliseconds=1)
"""So that no rounding counts both requests."""


@dataclass
class _Engine:
    """What is known of one engine; the names are those of the tables in PostgreSQL."""

    numbered: int = 0
    due_at: dict[int, datetime] = field(default_factory=dict)
    """Of the tickets that are not settled, by number."""
    ended_at: list[datetime] = field(default_factory=list)
    """Never falling."""
    status: EngineStatus | None = None
    kind: BlockKind | None = None
    detail: str | None = None
    failures: int = 0
    suspended_until: datetime | None = None
    opened_at: int = 0
    probe: int | None = None
    last_asked_at: datetime | None = None
    last_ok_at: datetime | None = None

    def end(self, at: datetime) -> None:
        """Note that a request has ended."""
        self.ended_at.append(max(at, self.ended_at[-1]) if self.ended_at else at)


class MemoryDesk:
    """Keeps everything in this object; any number of threads may ask.

    Args:
        clock: the time now, UTC; it must go on when ``sleep`` is called.
        sleep: waits for others who are at the engine.
        lost_after_s: see `PostgresDesk`.
    """

    def __init__(
        self,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
        lost_after_s: float = desk_rules.LOST_AFTER_S,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._lost_after = timedelta(seconds=lost_after_s)
        self._lock = threading.Lock()
        self._engines: dict[str, _Engine] = {}
        self._opt_ins: dict[str, OptIn] = {}
        self._off: set[str] = set()

    def admit(self, card: EngineCard, patience_s: float) -> Ticket | Closed:
        """Take a place in the engine's queue, at most ``patience_s`` away, or learn why not."""
        return desk_rules.leave(lambda left_s: self._take(card, left_s), patience_s, self._sleep)

    def _take(self, card: EngineCard, patience_s: float) -> Ticket | Closed | Busy:
        with self._lock:
            if not self._is_on(card):
                return desk_rules.switched_off(card)
            engine, now = self._engine(card.name), self._clock()
            latest = now + timedelta(seconds=patience_s)
            self._end_lost(engine, now)
            due = engine.suspended_until or now
            if due > latest:
                return desk_rules.suspended(card, engine.detail, due, now)
            if engine.probe in engine.due_at:
                until = engine.due_at[engine.probe] + self._lost_after
                return Busy(0.0, desk_rules.being_tried(card, engine.detail, until, now))
            due, refusal = _due(card, engine, max(due, now), latest, now)
            return refusal or self._given(engine, due, now)

    def _given(self, engine: _Engine, due: datetime, now: datetime) -> Ticket:
        engine.numbered += 1
        engine.due_at[engine.numbered] = engine.last_asked_at = due
        is_probe = engine.suspended_until is not None
        if is_probe:
            engine.probe = engine.numbered
        return Ticket(engine.numbered, (due - now).total_seconds(), is_probe=is_probe)

    def _end_lost(self, engine: _Engine, now: datetime) -> None:
        for number, due in sorted(engine.due_at.items(), key=lambda item: item[1]):
            if due + self._lost_after <= now:
                del engine.due_at[number]
                engine.end(due + self._lost_after)

    def settle(self, card: EngineCard, ticket: Ticket, page: Page | None) -> None:
        """Tell that the request has ended, and how; a block or failure may suspend the engine."""
        with self._lock:
            engine, now = self._engine(card.name), self._clock()
            engine.due_at.pop(ticket.number, None)
            engine.end(now)
            if engine.probe == ticket.number:
                engine.probe = None
            if page:
                _judge(engine, ticket, page, now)

    def health(self, cards: Sequence[EngineCard]) -> list[EngineHealth]:
        """Return how each engine stands, in the given order."""
        with self._lock:
            return [self._health(card) for card in cards]

    def _health(self, card: EngineCard) -> EngineHealth:
        engine, now = self._engine(card.name), self._clock()
        until = engine.suspended_until
        return EngineHealth(
            engine=card.name,
            status=engine.status,
            kind=engine.kind,
            detail=engine.detail,
            failures=engine.failures,
            suspended_until=until if until and until > now else None,
            last_asked_at=engine.last_asked_at,
            last_ok_at=engine.last_ok_at,
            used={
                quota.seconds: len(engine.due_at)
                + sum(at > now - timedelta(seconds=quota.seconds) for at in engine.ended_at)
                for quota in card.quotas
            },
        )

    def reopen(self, engine: str) -> None:
        """End an engine's suspension, because an operator says so."""
        with self._lock:
            known = self._engine(engine)
            known.suspended_until, known.probe, known.failures = None, None, 0

    def opt_ins(self) -> dict[str, OptIn]:
        """Return the engines that were switched on last, by name; the terms may be old ones."""
        return dict(self._opt_ins)

    def switched_off(self) -> frozenset[str]:
        """Return the engines that were switched off last."""
        return frozenset(self._off)

    def switch_on(self, opt_in: OptIn) -> None:
        """Record that the terms were accepted."""
        self._opt_ins[opt_in.engine] = opt_in
        self._off.discard(opt_in.engine)

    def switch_off(self, engine: str, by: str) -> None:  # noqa: ARG002 - nobody asks for history
        """Record that the engine, of whatever access, must no longer be used."""
        self._opt_ins.pop(engine, None)
        self._off.add(engine)

    def _is_on(self, card: EngineCard) -> bool:
        if card.access is not Access.OPT_IN:
            return card.name not in self._off
        accepted = self._opt_ins.get(card.name)
        return accepted is not None and accepted.terms_digest == card.terms_digest

    def _engine(self, name: str) -> _Engine:
        return self._engines.setdefault(name, _Engine())


def _due(
    card: EngineCard, engine: _Engine, due: datetime, latest: datetime, now: datetime
) -> tuple[datetime, Closed | Busy | None]:
    """When the next request may start, or why it may not; see private.admit_request."""
    last: Quota | None = None
    busy: Quota | None = None
    for quota in card.quotas:
        room = quota.requests - len(engine.due_at)
        free: datetime | None = None
        if room <= 0:
            busy = quota
            free = max(min(engine.due_at.values()), now)
        elif len(engine.ended_at) >= room:
            free = engine.ended_at[-room]
        if free and (start := free + timedelta(seconds=quota.seconds) + _MORE) > due:
            due, last = start, quota
    if last and due > latest:
        words = desk_rules.taken if last is busy else desk_rules.used_up
        return due, words(card, last, due, now)
    if busy:
        wait_s = (due - now).total_seconds()
        return due, Busy(wait_s, desk_rules.taken(card, busy, due, now))
    return due, None


def _judge(engine: _Engine, ticket: Ticket, page: Page, now: datetime) -> None:
    """Move the breaker; see private.settle_request."""
    pause = desk_rules.pause_of(page)
    is_old = engine.suspended_until is not None and ticket.number <= engine.opened_at
    if pause is None:
        engine.last_ok_at = now
        if not is_old:
            engine.status, engine.kind, engine.detail = page.status, None, None
            engine.failures, engine.suspended_until = 0, None
        return
    engine.failures += not is_old
    pause_s = max(pause.after(engine.failures), stated_s(page))
    until = now + timedelta(seconds=pause_s) if pause_s > 0 else None
    if is_old and (until is None or (engine.suspended_until and until <= engine.suspended_until)):
        return
    engine.status, engine.kind, engine.detail = page.status, page.kind, plain_detail(page)
    engine.suspended_until, engine.opened_at = until, engine.numbered
