"""Turns when the desk is slow, away or broken: nobody is visited without it."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from pixcrawler.domain.errors import DatabaseUnavailable, InvariantBroken
from tests.fakes.turns import HOST, Visitors, Watched, run, turns_at, until


@pytest.fixture
def desk() -> Watched:
    return Watched()


def test_a_slow_desk_stops_nobody_who_has_a_share(desk: Watched) -> None:
    """While it is being asked, what it was told is in use goes on; and it is asked elsewhere."""

    async def story() -> None:
        async with turns_at(desk) as turns:
            visitors = Visitors(turns)
            await visitors.visit()
            desk.slow_s = 0.4
            busy = [visitors.visit(takes_s=0.05) for _ in range(6 * 35)]
            asked = len(desk.wishes)
            await asyncio.gather(*busy)
            # One share and two renewals, and no round without an answer.
            assert len(desk.wishes) - asked <= 3
            assert visitors.most == 6
        assert threading.get_ident() not in desk.threads
        assert len(desk.threads) == 1

    run(story())


def test_while_the_desk_is_asked_no_more_start_than_it_was_told(desk: Watched) -> None:
    """It may give to others what it was not told is in use."""

    async def story() -> None:
        async with turns_at(desk) as turns:
            visitors = Visitors(turns)
            await asyncio.gather(*(visitors.visit() for _ in range(6)))
            first = asyncio.create_task(visitors.visit(takes_s=1.7))
            await asyncio.sleep(0)
            desk.slow_s = 0.2
            asked = len(desk.wishes)
            await until(lambda: turns._lines[HOST]._asked_in_use is not None)
            second = asyncio.create_task(visitors.visit())
            await asyncio.sleep(0.1)
            assert (visitors.now, len(desk.wishes)) == (1, asked)
            await second
            assert len(desk.wishes) > asked
            await first

    run(story())


def test_without_the_desk_nobody_is_visited(desk: Watched) -> None:
    """After a few tries those in line are told that the database is away."""

    async def story() -> None:
        desk.error = DatabaseUnavailable("gone")
        async with turns_at(desk) as turns:
            visitors = Visitors(turns)
            found = await asyncio.gather(
                *(visitors.visit(host=f"h{number}") for number in range(3)),
                return_exceptions=True,
            )
            assert [type(one) for one in found] == [DatabaseUnavailable] * 3
            assert visitors.order == []
            with pytest.raises(DatabaseUnavailable):
                await visitors.visit(patience_s=0.1)
            desk.error = None
            await visitors.visit()

    run(story())


@pytest.mark.parametrize("fault", ["error", "share_error"], ids=["report", "share"])
def test_a_hiccup_of_the_desk_is_waited_out(desk: Watched, fault: str) -> None:
    """What was seen meanwhile is told after it, and nothing is told twice."""

    async def story() -> None:
        async with turns_at(desk) as turns:
            visitors = Visitors(turns)
            await visitors.visit()
            setattr(desk, fault, DatabaseUnavailable("gone"))
            busy = asyncio.gather(*(visitors.visit(takes_s=0.3) for _ in range(30)))
            await until(lambda: turns._tries > 0)
            setattr(desk, fault, None)
            await busy
            assert len(visitors.order) == 31
        assert sum(report.requests for report in desk.reports) == 31

    run(story())


def test_while_the_desk_is_away_nothing_starts(desk: Watched) -> None:
    """Not even with a share that would last."""

    async def story() -> None:
        async with turns_at(desk) as turns:
            visitors = Visitors(turns)
            busy = [asyncio.create_task(visitors.visit(takes_s=0.05)) for _ in range(400)]
            await until(lambda: len(visitors.order) > 6)
            desk.error = DatabaseUnavailable("gone")
            await until(lambda: turns._tries > 0)
            away_at = time.monotonic()
            found = await asyncio.gather(*busy, return_exceptions=True)
            assert max(visitors.started_at) <= away_at + 0.01
            assert DatabaseUnavailable in {type(one) for one in found}
            desk.error = None

    run(story())


def test_a_share_that_is_renewed_is_not_cut() -> None:
    """However long a request takes."""
    desk = Watched(lasts_s=1.5)

    async def story() -> None:
        async with turns_at(desk) as turns:
            visitors = Visitors(turns)
            await visitors.visit(takes_s=2.5)
            assert len(visitors.ended_at) == 1

    run(story())


def test_after_its_end_a_share_starts_nothing() -> None:
    """Whoever comes then waits until the desk has answered again."""
    desk = Watched(lasts_s=0.3)

    async def story() -> None:
        async with turns_at(desk) as turns:
            visitors = Visitors(turns)
            await visitors.visit()
            await asyncio.sleep(0.4)
            assert len(desk.wishes) == 1
            await visitors.visit()
            assert len(desk.wishes) == 2

    run(story())


def test_a_share_that_cannot_be_renewed_is_cut() -> None:
    """At its end no request is under way, so that others may have the places."""
    desk = Watched(lasts_s=1.5)

    async def story() -> None:
        async with turns_at(desk) as turns:
            visitors = Visitors(turns)
            began = time.monotonic()
            visit = asyncio.create_task(visitors.visit(takes_s=20))
            await until(lambda: visitors.now == 1)
            desk.error = DatabaseUnavailable("gone")
            with pytest.raises(DatabaseUnavailable, match="could not be renewed"):
                await visit
            assert visitors.ended_at[0] - began < 10
            # The desk, had it been there, would have given the place away after this moment.
            assert visitors.ended_at[0] - visitors.started_at[0] <= 1.6
            desk.error = None

    run(story())


def test_a_desk_with_a_fault_is_no_desk(desk: Watched, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever it raises reaches those in line, and the next one tries again."""

    async def story() -> None:
        async with turns_at(desk) as turns:
            visitors = Visitors(turns)
            desk.error = InvariantBroken("odd")
            with pytest.raises(InvariantBroken):
                await visitors.visit()
            desk.error = None
            await visitors.visit()

    run(story())
    assert "turns.failed" in caplog.text
