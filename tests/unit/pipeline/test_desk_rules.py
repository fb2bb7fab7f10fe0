"""The desk's words and waits, which are the same wherever it is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pixcrawler.domain.engine import Access, BlockKind, EngineCard, EngineStatus, Quota
from pixcrawler.pipeline.engines import desk_rules
from pixcrawler.pipeline.engines.desk_rules import PAUSES, Busy, Pause, leave
from pixcrawler.pipeline.engines.ports import Closed, Page, Ticket

NOW = datetime(2026, 11, 20, 16, 30, tzinfo=UTC)
CARD = EngineCard(name="openverse", title="Openverse", access=Access.OPEN)
CLOSED = Closed(BlockKind.QUOTA, 9.0, "no")


@pytest.mark.parametrize(
    ("quota", "allows"),
    [
        ((200, 86_400), "allows 200 requests in 24 hours"),
        ((1, 1), "allows 1 request in 1 second"),
        ((10_000, 60), "allows 10,000 requests in 1 minute"),
        ((5, 90), "allows 5 requests in 90 seconds"),
        ((2, 0.5), "allows 2 requests in 0.5 seconds"),
        ((20_000, 2_592_000), "allows 20,000 requests in 720 hours"),
    ],
    ids=str,
)
def test_a_quota_is_told_in_words(quota, allows):
    """Numbers and stretches of time as people say them."""
    requests, seconds = quota
    told = Quota(requests=requests, seconds=seconds)
    assert allows in desk_rules.used_up(CARD, told, NOW, NOW).detail


@pytest.mark.parametrize(
    ("after", "moment"),
    [
        (timedelta(seconds=3), "16:30:03 UTC"),
        (timedelta(minutes=34, seconds=10), "17:05 UTC"),
        (timedelta(hours=9), "01:31 UTC on 21 November"),
    ],
    ids=["soon", "today", "tomorrow"],
)
def test_a_moment_is_never_told_too_early(after, moment):
    """Who comes at the time that was told finds a place."""
    quota = Quota(requests=1, seconds=60)
    closed = desk_rules.used_up(CARD, quota, NOW + after, NOW)
    assert closed.detail.endswith(f"the next is free at {moment}")
    assert closed.wait_s == after.total_seconds()


def test_every_trouble_has_its_pause():
    """No kind of refusal that an engine can show lets us go on at once."""
    ours = {BlockKind.SUSPENDED, BlockKind.SWITCHED_OFF}
    for kind in set(BlockKind) - ours:
        page = Page(EngineStatus.BLOCKED, kind=kind)
        assert desk_rules.pause_of(page).after(1) >= 180
        assert kind in PAUSES
    for status in (EngineStatus.OK, EngineStatus.EMPTY):
        assert desk_rules.pause_of(Page(status)) is None
    assert desk_rules.pause_of(Page(EngineStatus.BLOCKED)).after(1) == 180


def test_pauses_grow_to_their_limit():
    """Longer with each trouble in a row, and no longer than the limit."""
    pause = Pause(5, step_s=5, longest_s=120)
    assert [pause.after(count) for count in (1, 2, 24, 25, 10_000)] == [5, 10, 120, 120, 120]
    assert Pause(180).after(7) == 180


@pytest.mark.parametrize(("stated", "counted"), [(None, 0), (-5, 0), (37.5, 37.5), (10**9, 86_400)])
def test_stated_waits_are_bounded(stated, counted):
    """What an engine asks for is obeyed within reason."""
    page = Page(EngineStatus.FAILED, retry_after_s=stated)
    assert desk_rules.stated_s(page) == counted


def test_who_is_busy_is_asked_again():
    """A busy desk is asked again after its wait, with what patience is left."""
    slept, left = [], []
    answers = [Busy(2.0, CLOSED), Busy(0.0, CLOSED), Ticket(1, 0.0)]

    def take(left_s):
        left.append(left_s)
        return answers.pop(0)

    assert leave(take, 10.0, slept.append) == Ticket(1, 0.0)
    assert 2.0 <= slept[0] <= 3.0
    assert left[0] == 10.0
    assert left[-1] == pytest.approx(10.0 - sum(slept))


def test_patience_ends():
    """Waiting never takes longer than patience; then the reason is told."""
    slept = []
    assert leave(lambda left_s: Busy(4.0, CLOSED), 10.0, slept.append) is CLOSED
    assert sum(slept) == pytest.approx(10.0)
    assert leave(lambda left_s: Busy(0.0, CLOSED), 0.0, slept.append) is CLOSED
