"""What every EngineDesk promises: run on memory in unit tests, on PostgreSQL in integration tests.

Time passes only when a test, or the desk that waits, says so; real time is milliseconds beside it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

import pytest

from pixcrawler.domain.engine import Access, BlockKind, EngineCard, EngineStatus, Quota
from pixcrawler.pipeline.engines.ports import Closed, EngineDesk, OptIn, Page, Ticket

LOST_AFTER_S = 60.0
"""What every harness gives its desk."""
SLACK_S = 5.0
"""Real time that a slow machine may lose between two calls."""
OK = Page(EngineStatus.OK)
FAILED = Page(EngineStatus.FAILED, detail="engine.example: the connection was refused")
CHANGED = Page(EngineStatus.CHANGED, detail="Example: answered with a web page")


def blocked(kind: BlockKind, retry_after_s: float | None = None) -> Page:
    """A refusal."""
    return Page(
        EngineStatus.BLOCKED, detail="Example refuses", kind=kind, retry_after_s=retry_after_s
    )


def card(*quotas: tuple[int, float], name: str = "example", **more: object) -> EngineCard:
    """A card with quotas: requests, seconds."""
    counted = tuple(Quota(requests=requests, seconds=seconds) for requests, seconds in quotas)
    return EngineCard(
        **{"name": name, "title": "Example", "access": Access.OPEN, "quotas": counted, **more}
    )


class Harness(Protocol):
    """A desk, and its clock."""

    desk: EngineDesk

    def now(self) -> float:
        """Return the desk's time, in seconds since some moment."""
        ...

    def pass_time(self, seconds: float) -> None:
        """Let time go on."""
        ...


@dataclass
class Server:
    """Counts requests as an engine would: no window may hold more than a quota allows."""

    arrivals: list[float] = field(default_factory=list)

    def most(self, seconds: float) -> int:
        """The most requests in any stretch of so many seconds."""
        arrivals = sorted(self.arrivals)
        most, start = 0, 0
        for end, at in enumerate(arrivals):
            while at - arrivals[start] >= seconds:
                start += 1
            most = max(most, end - start + 1)
        return most


class EngineDeskContract:
    """Subclass it, and give a fixture ``harness``."""

    @pytest.fixture
    def desk(self, harness: Harness) -> EngineDesk:
        return harness.desk

    def test_without_a_quota_everybody_passes(self, desk: EngineDesk) -> None:
        """An engine without limits gives tickets at once, each with a number of its own."""
        tickets = [given(desk, card()) for _ in range(5)]
        assert len({ticket.number for ticket in tickets}) == 5
        assert all(ticket.wait_s == 0 and not ticket.is_probe for ticket in tickets)

    def test_a_quota_counts_from_the_end_of_requests(self, harness: Harness) -> None:
        """When the quota is used up, the next place is its seconds after a request has ended."""
        ours = card((3, 100))
        for _ in range(3):
            asked(harness.desk, ours)
        closed = refused(harness.desk, ours, 20)
        assert closed.kind is BlockKind.QUOTA
        assert closed.wait_s == pytest.approx(100, abs=SLACK_S)
        harness.pass_time(90)
        ticket = given(harness.desk, ours, 20)
        assert ticket.wait_s == pytest.approx(10, abs=SLACK_S)

    def test_a_used_up_quota_is_told_in_words(self, harness: Harness) -> None:
        """The detail names the engine, what it allows, and when the next place is free."""
        ours = card((2, 86_400))
        asked(harness.desk, ours)
        asked(harness.desk, ours)
        detail = refused(harness.desk, ours).detail
        assert detail.startswith("Example allows 2 requests in 24 hours; the next is free at ")
        assert " UTC" in detail

    def test_asking_in_vain_takes_no_place(self, harness: Harness) -> None:
        """Whoever is refused has used nothing up."""
        ours = card((1, 50))
        asked(harness.desk, ours)
        for _ in range(5):
            refused(harness.desk, ours, 1)
        harness.pass_time(51)
        assert given(harness.desk, ours).wait_s == 0

    def test_places_are_reserved_one_after_the_other(self, harness: Harness) -> None:
        """Two who wait get two places; the third does not fit into its patience."""
        ours = card((2, 10))
        asked(harness.desk, ours)
        harness.pass_time(6)
        asked(harness.desk, ours)
        first, second = (given(harness.desk, ours, 12) for _ in range(2))
        assert first.wait_s == pytest.approx(4, abs=SLACK_S)
        assert second.wait_s == pytest.approx(10, abs=SLACK_S)
        assert second.wait_s > first.wait_s + 2
        assert refused(harness.desk, ours, 12).kind is BlockKind.QUOTA

    def test_quotas_combine(self, harness: Harness) -> None:
        """All quotas of a card hold at once; the refusal names the one that is used up."""
        ours = card((2, 10), (3, 3600))
        for _ in range(2):
            asked(harness.desk, ours)
        assert "in 10 seconds" in refused(harness.desk, ours).detail
        harness.pass_time(11)
        asked(harness.desk, ours)
        assert "3 requests in 1 hour" in refused(harness.desk, ours, 60).detail

    def test_a_request_under_way_counts_until_it_ends(self, harness: Harness) -> None:
        """A request that others overtook still holds its place, however old its number."""
        ours = card((2, 10))
        slow, quick = (given(harness.desk, ours) for _ in range(2))
        harness.desk.settle(ours, quick, OK)
        harness.pass_time(11)
        asked(harness.desk, ours)
        refused(harness.desk, ours)
        harness.pass_time(11)
        harness.desk.settle(ours, slow, OK)
        asked(harness.desk, ours)
        assert refused(harness.desk, ours).wait_s == pytest.approx(10, abs=SLACK_S)

    def test_who_waits_for_others_is_let_in_when_they_are_done(self, harness: Harness) -> None:
        """With every place under way, patience is waited out; an end makes room."""
        ours = card((1, 2))
        other = given(harness.desk, ours)
        closed = refused(harness.desk, ours, 10)
        assert (closed.kind, "others" in closed.detail) == (BlockKind.QUOTA, True)
        harness.desk.settle(ours, other, OK)
        assert given(harness.desk, ours, 10).wait_s <= 2.01

    def test_a_lost_request_ends_by_itself(self, harness: Harness) -> None:
        """A worker that was killed with a ticket blocks its place for a bounded time."""
        ours = card((1, 10))
        given(harness.desk, ours)
        harness.pass_time(LOST_AFTER_S - SLACK_S)
        refused(harness.desk, ours, 1)
        harness.pass_time(SLACK_S)
        closed = refused(harness.desk, ours, 1)
        assert closed.wait_s == pytest.approx(10, abs=SLACK_S)
        harness.pass_time(11)
        assert given(harness.desk, ours).wait_s == 0

    def test_a_lost_request_that_ends_after_all_counts_from_then(self, harness: Harness) -> None:
        """A worker that was only stopped, and comes back, cannot make the quota overflow."""
        ours = card((1, 10))
        late = given(harness.desk, ours)
        harness.pass_time(LOST_AFTER_S + 11)
        asked(harness.desk, ours)
        harness.pass_time(11)
        harness.desk.settle(ours, late, OK)
        assert refused(harness.desk, ours, 1).wait_s == pytest.approx(10, abs=SLACK_S)

    @pytest.mark.parametrize("seed", range(3))
    def test_no_window_ever_holds_more_than_the_quota(self, harness: Harness, seed: int) -> None:
        """Whatever requests take, overtake and lose, the engine counts no quota exceeded."""
        chance = random.Random(seed)
        quotas = ((4, 3.0), (9, 20.0))
        ours, server = card(*quotas), Server()
        under_way: list[tuple[float, float, Ticket]] = []
        for _ in range(120):
            outcome = harness.desk.admit(ours, 0)
            if isinstance(outcome, Ticket):
                started = harness.now()
                ends_in = chance.choice((0.01, 0.3, 1.0, 6.0))
                under_way.append((started, started + ends_in, outcome))
            harness.pass_time(chance.choice((0.0, 0.05, 0.4, 2.0)))
            for entry in [entry for entry in under_way if entry[1] <= harness.now()]:
                under_way.remove(entry)
                # It arrived at any time between its start and its end.
                server.arrivals.append(chance.uniform(entry[0], harness.now()))
                harness.desk.settle(ours, entry[2], OK)
        assert len(server.arrivals) > 10
        for requests, seconds in quotas:
            assert server.most(seconds) <= requests

    def test_engines_do_not_share(self, harness: Harness) -> None:
        """The quota and the breaker of one engine are no matter of another."""
        ours, other = card((1, 100)), card((1, 100), name="other")
        asked(harness.desk, ours, blocked(BlockKind.CAPTCHA))
        assert given(harness.desk, other).wait_s == 0

    def test_an_engine_with_terms_is_off_until_they_are_accepted(self, harness: Harness) -> None:
        """Nobody asks it before its very terms were accepted, or after it was switched off."""
        ours = card(access=Access.OPT_IN, terms="Do as we say.")
        closed = refused(harness.desk, ours)
        assert closed.kind is BlockKind.SWITCHED_OFF
        assert "pixcrawler engines enable example" in closed.detail
        harness.desk.switch_on(opt_in(ours))
        asked(harness.desk, ours)
        other_terms = ours.model_copy(update={"terms": "Do as we say, and pay."})
        assert refused(harness.desk, other_terms).kind is BlockKind.SWITCHED_OFF
        harness.desk.switch_off(ours.name, "ann@example.org")
        assert refused(harness.desk, ours).kind is BlockKind.SWITCHED_OFF

    def test_any_engine_can_be_switched_off(self, harness: Harness) -> None:
        """An operator may close an engine that needs no acceptance, and open it again."""
        ours = card()
        harness.desk.switch_off(ours.name, "ann@example.org")
        assert harness.desk.switched_off() == {ours.name}
        assert refused(harness.desk, ours).kind is BlockKind.SWITCHED_OFF
        harness.desk.switch_on(opt_in(ours))
        assert harness.desk.switched_off() == frozenset()
        asked(harness.desk, ours)

    def test_opt_ins_say_who_and_when(self, harness: Harness) -> None:
        """What was accepted comes back with the digest, the operator and the time."""
        ours = card(access=Access.OPT_IN, terms="Do as we say.")
        assert harness.desk.opt_ins() == {}
        harness.desk.switch_on(opt_in(ours, "bob@example.org"))
        harness.desk.switch_on(opt_in(ours))
        assert harness.desk.opt_ins() == {ours.name: opt_in(ours)}
        harness.desk.switch_off(ours.name, "ann@example.org")
        assert harness.desk.opt_ins() == {}

    def test_health_is_told_in_the_given_order(self, harness: Harness) -> None:
        """Each engine with its last answer, its suspension and what is used of its quotas."""
        well = card((5, 60), (100, 3600), name="well")
        ill, unknown = card(name="ill"), card((1, 1), name="unknown")
        asked(harness.desk, well)
        given(harness.desk, well)
        asked(harness.desk, ill, blocked(BlockKind.CAPTCHA))
        found = harness.desk.health([unknown, ill, well])
        assert [health.engine for health in found] == ["unknown", "ill", "well"]
        nothing, bad, good = found
        assert (nothing.status, nothing.last_asked_at, dict(nothing.used)) == (None, None, {1: 0})
        assert (bad.status, bad.kind, bad.failures) == (
            EngineStatus.BLOCKED,
            BlockKind.CAPTCHA,
            1,
        )
        assert (bad.detail, bad.last_ok_at) == ("Example refuses", None)
        assert bad.suspended_until > bad.last_asked_at
        assert (good.status, good.suspended_until, good.failures) == (EngineStatus.OK, None, 0)
        assert dict(good.used) == {60: 2, 3600: 2}
        assert good.last_ok_at
        assert harness.desk.health([]) == []

    def test_use_falls_as_time_passes(self, harness: Harness) -> None:
        """What a quota no longer counts is not used; a suspension that is over is not told."""
        ours = card((5, 60))
        asked(harness.desk, ours, FAILED)
        harness.pass_time(61)
        [health] = harness.desk.health([ours])
        assert (dict(health.used), health.suspended_until) == ({60: 0}, None)

    def test_odd_details_are_kept(self, harness: Harness) -> None:
        """An engine's words cannot break the desk."""
        ours = card()
        page = Page(EngineStatus.FAILED, detail="\x00\ud800" + "x" * 100_000)
        asked(harness.desk, ours, page)
        assert len(harness.desk.health([ours])[0].detail or "") <= 1000


def given(desk: EngineDesk, ours: EngineCard, patience_s: float = 0) -> Ticket:
    outcome = desk.admit(ours, patience_s)
    assert isinstance(outcome, Ticket), outcome
    return outcome


def refused(desk: EngineDesk, ours: EngineCard, patience_s: float = 0) -> Closed:
    outcome = desk.admit(ours, patience_s)
    assert isinstance(outcome, Closed), outcome
    return outcome


def asked(desk: EngineDesk, ours: EngineCard, page: Page = OK) -> None:
    """One request from its ticket to its end."""
    desk.settle(ours, given(desk, ours), page)


def opt_in(ours: EngineCard, by: str = "ann@example.org") -> OptIn:
    return OptIn(ours.name, ours.terms_digest, by, datetime(2026, 11, 20, 9, 30, tzinfo=UTC))
