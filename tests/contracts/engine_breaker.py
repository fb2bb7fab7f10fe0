"""What every EngineDesk promises of engines in trouble: run as the rest of its contract is."""

from __future__ import annotations

import pytest

from pixcrawler.domain.engine import BlockKind, EngineCard, EngineStatus
from pixcrawler.pipeline.engines.ports import Page, Ticket
from tests.contracts.engine_desk import (
    FAILED,
    LOST_AFTER_S,
    OK,
    SLACK_S,
    Harness,
    asked,
    blocked,
    card,
    given,
    refused,
)

CHANGED = Page(EngineStatus.CHANGED, detail="Example: answered with a web page")


class EngineBreakerContract:
    """Subclass it, and give a fixture ``harness``."""

    @pytest.mark.parametrize(
        ("page", "seconds"),
        [
            (blocked(BlockKind.DENIED), 180),
            (blocked(BlockKind.THROTTLED), 180),
            (blocked(BlockKind.THROTTLED, 20), 20),
            (blocked(BlockKind.THROTTLED, 500), 500),
            (blocked(BlockKind.THROTTLED, 1e12), 86_400),
            (blocked(BlockKind.CAPTCHA), 3_600),
            (blocked(BlockKind.RECAPTCHA), 604_800),
            (blocked(BlockKind.CLOUDFLARE_DENIED), 86_400),
            (blocked(BlockKind.CLOUDFLARE_CAPTCHA), 1_296_000),
            (FAILED, 5),
        ],
        ids=lambda value: (
            f"{value.kind or value.status}-{value.retry_after_s}"
            if isinstance(value, Page)
            else None
        ),
    )
    def test_trouble_suspends_the_engine(
        self, harness: Harness, page: Page, seconds: float
    ) -> None:
        """After each kind of trouble the engine is left alone for its time, and it is told why."""
        ours = card()
        asked(harness.desk, ours, page)
        closed = refused(harness.desk, ours, 0)
        assert closed.kind is BlockKind.SUSPENDED
        assert closed.wait_s == pytest.approx(seconds, abs=SLACK_S)
        assert closed.detail.startswith("Example is left alone until ")
        assert closed.detail.endswith(f"after this: {page.detail}")
        harness.pass_time(seconds + 1)
        assert given(harness.desk, ours).is_probe

    def test_failures_in_a_row_suspend_for_longer(self, harness: Harness) -> None:
        """Each further failure adds five seconds, up to two minutes; a success starts again."""
        ours = card()
        waits = []
        for _ in range(26):
            asked(harness.desk, ours, FAILED)
            waits.append(refused(harness.desk, ours, 0).wait_s)
            harness.pass_time(waits[-1] + 1)
        expected = [min(120, 5 * count) for count in range(1, 27)]
        assert waits == pytest.approx(expected, abs=SLACK_S)
        asked(harness.desk, ours, OK)
        asked(harness.desk, ours, FAILED)
        assert refused(harness.desk, ours, 0).wait_s <= 5

    def test_one_answer_that_cannot_be_read_suspends_nothing(self, harness: Harness) -> None:
        """A single odd answer may be due to an odd query; a second one in a row counts."""
        ours = card()
        asked(harness.desk, ours, CHANGED)
        asked(harness.desk, ours, OK)
        asked(harness.desk, ours, CHANGED)
        asked(harness.desk, ours, CHANGED)
        assert 0 < refused(harness.desk, ours, 0).wait_s <= 5

    def test_a_suspension_within_patience_is_waited_for(self, harness: Harness) -> None:
        """Whoever is patient enough gets the ticket of the probe, for when the time has come."""
        ours = card()
        asked(harness.desk, ours, blocked(BlockKind.DENIED))
        ticket = given(harness.desk, ours, 200)
        assert ticket.is_probe
        assert ticket.wait_s == pytest.approx(180, abs=SLACK_S)

    def test_one_probe_tries_a_suspended_engine(self, harness: Harness) -> None:
        """After the suspension one request goes, others wait for it; its success lets all in."""
        ours = card()
        probe = _probed(harness, ours)
        waiting = refused(harness.desk, ours, 0)
        assert waiting.kind is BlockKind.SUSPENDED
        assert "tried again" in waiting.detail
        assert waiting.wait_s <= LOST_AFTER_S
        harness.desk.settle(ours, probe, Page(EngineStatus.EMPTY))
        assert not any(given(harness.desk, ours).is_probe for _ in range(3))

    def test_a_probe_in_trouble_suspends_again(self, harness: Harness) -> None:
        """A probe that is refused, too, leaves the engine suspended."""
        ours = card()
        harness.desk.settle(ours, _probed(harness, ours), blocked(BlockKind.CAPTCHA))
        assert refused(harness.desk, ours).wait_s == pytest.approx(3600, abs=SLACK_S)

    def test_a_lost_probe_makes_room_for_another(self, harness: Harness) -> None:
        """When the worker of a probe was killed, another probe goes after a bounded time."""
        ours = card()
        _probed(harness, ours)
        harness.pass_time(LOST_AFTER_S + 1)
        assert given(harness.desk, ours).is_probe

    def test_late_answers_do_not_move_an_open_breaker(self, harness: Harness) -> None:
        """What was under way when the engine refused neither reopens it nor counts twice."""
        ours = card()
        first, bad, good, worse = (given(harness.desk, ours) for _ in range(4))
        harness.desk.settle(ours, first, FAILED)
        harness.desk.settle(ours, bad, FAILED)
        harness.desk.settle(ours, good, OK)
        [health] = harness.desk.health([ours])
        assert (health.failures, health.status) == (1, EngineStatus.FAILED)
        assert health.last_ok_at
        assert 0 < refused(harness.desk, ours, 0).wait_s <= 5
        harness.desk.settle(ours, worse, blocked(BlockKind.CAPTCHA))
        assert refused(harness.desk, ours, 0).wait_s == pytest.approx(3600, abs=SLACK_S)

    def test_a_try_that_will_be_repeated_moves_nothing(self, harness: Harness) -> None:
        """The end of a try counts for the quota, not for the breaker."""
        ours = card((1, 30))
        harness.desk.settle(ours, given(harness.desk, ours), None)
        closed = refused(harness.desk, ours, 0)
        assert closed.kind is BlockKind.QUOTA
        assert harness.desk.health([ours])[0].status is None

    def test_an_operator_ends_a_suspension(self, harness: Harness) -> None:
        """Reopening lets everybody in at once, and forgets the failures; unknown names are fine."""
        ours = card()
        asked(harness.desk, ours, blocked(BlockKind.RECAPTCHA))
        harness.desk.reopen(ours.name)
        harness.desk.reopen("never_heard_of")
        ticket = given(harness.desk, ours)
        assert (ticket.is_probe, ticket.wait_s) == (False, 0)
        assert harness.desk.health([ours])[0].failures == 0


def _probed(harness: Harness, ours: EngineCard) -> Ticket:
    """Suspend the engine, wait, and return the ticket of the probe."""
    asked(harness.desk, ours, FAILED)
    harness.pass_time(6)
    probe = given(harness.desk, ours)
    assert probe.is_probe
    return probe
