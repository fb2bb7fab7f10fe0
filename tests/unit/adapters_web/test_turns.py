"""Turns keep to what the desk says, on a real event loop, whatever the callers do."""

from __future__ import annotations

import asyncio
import random
import time

import pytest

from pixcrawler.adapters.web.waiting import host_line
from pixcrawler.adapters.web.waiting.turns import HostClosed, Turns
from tests.fakes.turns import HOST, Visitors, Watched, run, turns_at, until


@pytest.fixture
def desk() -> Watched:
    return Watched()


# ------------------------------------------------------ the common way


def test_a_budget_holds_and_is_used(desk: Watched) -> None:
    """Of many requests to one host six are there at once, in the order in which they came."""

    async def story() -> None:
        async with turns_at(desk) as turns:
            visitors = Visitors(turns)
            await asyncio.gather(*(visitors.visit(number) for number in range(60)))
            assert visitors.most == 6
            assert visitors.order == list(range(60))

    run(story())
    assert desk.known() == 0


def test_a_chunk_is_one_question(desk: Watched) -> None:
    """A chunk of 32 pictures asks the desk once, and tells it once, on one host or on 32."""

    async def story() -> None:
        for hosts in (1, 32):
            async with turns_at(desk) as turns:
                visitors = Visitors(turns)
                visits = (visitors.visit(host=f"h{n % hosts}", takes_s=0.005) for n in range(32))
                await asyncio.gather(*visits)
                assert len(desk.wishes) == 1
                assert len(desk.wishes[0]) == hosts
            assert len(desk.wishes) == 2
            assert all(wish.wanted == wish.in_use == 0 for wish in desk.wishes[1])
            assert sum(report.requests for report in desk.reports) == 32
            assert sum(report.bytes for report in desk.reports) == 3200
            desk.wishes.clear()
            desk.reports.clear()

    run(story())


def test_the_next_chunk_needs_no_question(desk: Watched) -> None:
    """A share outlives its last request for a moment, and is given back after it."""

    async def story() -> None:
        async with turns_at(desk) as turns:
            visitors = Visitors(turns)
            for _ in range(5):
                await asyncio.gather(*(visitors.visit() for _ in range(6)))
                await asyncio.sleep(0.02)
            assert len(desk.wishes) == 1
            assert desk.held() == 6
            await until(lambda: desk.held() == 0)
            await visitors.visit()

    run(story())


def test_the_desk_is_asked_each_second_while_somebody_is_there(desk: Watched) -> None:
    """So that a pause that another worker was told is known, and the share goes on."""

    async def story() -> None:
        async with turns_at(desk) as turns:
            await Visitors(turns).visit(takes_s=1.5)
            assert len(desk.wishes) == 2

    run(story())


def test_who_wants_more_asks_at_once(desk: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """A share that was asked for one request grows when more come, without a heartbeat."""
    monkeypatch.setattr(host_line, "HEARTBEAT_S", 600)

    async def story() -> None:
        async with turns_at(desk) as turns:
            visitors = Visitors(turns)
            first = asyncio.create_task(visitors.visit(takes_s=0.5))
            await until(lambda: visitors.now == 1)
            await asyncio.gather(*(visitors.visit(takes_s=0.1) for _ in range(5)))
            await first
            assert visitors.most == 6

    run(story())


def test_whoever_has_too_many_gives_back_as_they_end(
    desk: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once it knows that others wait it tells of each end, and does not start anew."""

    async def story() -> None:
        async with turns_at(desk) as one, turns_at(desk) as two:
            greedy, modest = Visitors(one), Visitors(two)
            busy = asyncio.gather(*(greedy.visit(takes_s=1.2) for _ in range(12)))
            await until(lambda: greedy.now == 6)
            waiting = asyncio.gather(*(modest.visit(takes_s=0.1) for _ in range(3)))
            await until(lambda: one._lines[HOST]._owes)
            monkeypatch.setattr(host_line, "HEARTBEAT_S", 600)
            await until(lambda: modest.order)
            assert greedy.now <= 5
            await waiting
            monkeypatch.undo()
            await busy

    run(story())


# ------------------------------------------------------ Crawl-delay


def test_an_interval_lies_between_requests(desk: Watched) -> None:
    """One at a time, and the next one an interval after the end of the last."""

    async def story() -> None:
        async with turns_at(desk) as turns:
            visitors = Visitors(turns)
            await asyncio.gather(*(visitors.visit(interval_s=0.1) for _ in range(5)))
            assert visitors.most == 1
            ended = zip(visitors.ended_at, visitors.started_at[1:], strict=False)
            assert all(start - end >= 0.1 for end, start in ended)

    run(story())


def test_an_interval_lies_between_workers(desk: Watched) -> None:
    """Three processes hand the only place on, and each gets its work done."""

    async def story() -> None:
        async with turns_at(desk) as one, turns_at(desk) as two, turns_at(desk) as three:
            workers = [Visitors(one), Visitors(two), Visitors(three)]
            await asyncio.gather(
                *(worker.visit(interval_s=0.5) for worker in workers for _ in range(2))
            )
            starts = sorted(at for worker in workers for at in worker.started_at)
            ends = sorted(at for worker in workers for at in worker.ended_at)
            assert len(starts) == 6
            gaps = zip(ends, starts[1:], strict=False)
            assert all(start - end >= 0.5 for end, start in gaps)

    run(story())


def test_who_cannot_come_in_time_is_told_at_once(desk: Watched) -> None:
    """With ten seconds between requests, the fourth does not wait for half a minute in vain."""

    async def story() -> None:
        async with turns_at(desk) as turns:
            visitors = Visitors(turns)
            began = time.monotonic()
            visits = [
                asyncio.create_task(visitors.visit(interval_s=10, patience_s=15)) for _ in range(4)
            ]
            done, waiting = await asyncio.wait(visits, return_when=asyncio.ALL_COMPLETED, timeout=2)
            assert time.monotonic() - began < 10
            errors = [visit.exception() for visit in done]
            refused = [error for error in errors if isinstance(error, HostClosed)]
            assert (len(errors), len(refused), len(waiting)) == (3, 2, 1)
            assert "10 s between requests" in refused[0].detail
            assert 15 < refused[0].wait_s <= 30
            assert not refused[0].is_pause
            for visit in waiting:
                visit.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    run(story())


# ------------------------------------------------------ pauses


def test_a_pause_is_obeyed_at_once_and_then_over(desk: Watched) -> None:
    """Who has the patience waits for its end; the others are told how long, and why."""

    async def story() -> None:
        async with turns_at(desk) as turns:
            visitors = Visitors(turns)
            async with turns.turn(HOST, interval_s=0, patience_s=1) as turn:
                turn.tell(pause_s=1.5, because="status 429, asked for 1.5 s")
            began = time.monotonic()
            with pytest.raises(HostClosed) as closed:
                await visitors.visit(patience_s=1)
            assert time.monotonic() - began < 0.5
            assert closed.value.is_pause
            assert closed.value.wait_s == pytest.approx(1.5, abs=0.5)
            assert "status 429, asked for 1.5 s" in str(closed.value)
            await asyncio.gather(*(visitors.visit(patience_s=10) for _ in range(6)))
            assert min(visitors.started_at) - began >= 1.4

    run(story())


def test_a_pause_reaches_other_workers(desk: Watched) -> None:
    """Those that visit or wait know of it within about a second, and start nothing more."""

    async def story() -> None:
        async with turns_at(desk) as one, turns_at(desk) as two:
            visitors = Visitors(two)
            busy = [
                asyncio.create_task(visitors.visit(takes_s=0.02, patience_s=5)) for _ in range(2000)
            ]
            await until(lambda: visitors.now > 0)
            async with one.turn(HOST, interval_s=0, patience_s=5) as turn:
                turn.tell(pause_s=600, because="status 503")
            paused_at = time.monotonic()
            found = await asyncio.gather(*busy, return_exceptions=True)
            assert max(visitors.started_at) < paused_at + 3
            assert any(isinstance(one, HostClosed) and one.is_pause for one in found)

    run(story())


def test_a_pause_is_not_forgotten_for_an_older_answer(desk: Watched) -> None:
    """What the desk says to a question from before the refusal knows nothing of it."""

    async def story() -> None:
        async with turns_at(desk) as turns:
            visitors = Visitors(turns)
            long = asyncio.create_task(visitors.visit(takes_s=1.5))
            await until(lambda: visitors.now == 1)
            async with turns.turn(HOST, interval_s=0, patience_s=5) as turn:
                desk.slow_s = 0.2
                await until(lambda: turns._lines[HOST]._asked_in_use is not None)
                asked = len(desk.wishes)
                turn.tell(pause_s=600)
            await until(lambda: len(desk.wishes) > asked)
            await asyncio.sleep(0.01)
            with pytest.raises(HostClosed) as closed:
                await visitors.visit(patience_s=0.01)
            assert closed.value.is_pause
            await long

    run(story())


def test_failures_of_all_workers_suspend_a_host(
    desk: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are told at once, not with the next heartbeat."""
    monkeypatch.setattr(host_line, "HEARTBEAT_S", 600)
    monkeypatch.setattr(host_line, "IDLE_S", 600)

    async def story() -> None:
        async with turns_at(desk) as one, turns_at(desk) as two:
            for turns in (one, two, one, two, one):
                async with turns.turn(HOST, interval_s=0, patience_s=5) as turn:
                    turn.tell(failed=True, because="no connection")
            await until(lambda: len(desk.reports) == 5)
            for turns in (one, two):
                with pytest.raises(HostClosed, match="no connection") as closed:
                    await Visitors(turns).visit(patience_s=10)
                assert closed.value.is_pause
                assert closed.value.wait_s > 15

    run(story())


# ------------------------------------------------------ patience, cancelling, closing


def test_nobody_waits_longer_than_its_patience(desk: Watched) -> None:
    """With every place in use, whoever waits is told when its patience ends."""

    async def story() -> None:
        async with turns_at(desk, at_once=1) as turns:
            visitors = Visitors(turns)
            long = asyncio.create_task(visitors.visit(takes_s=1.0))
            await until(lambda: visitors.now == 1)
            with pytest.raises(HostClosed, match="no turn came in time") as closed:
                await visitors.visit(patience_s=0.1)
            assert not closed.value.is_pause
            await long

    run(story())


@pytest.mark.parametrize("seed", range(3))
def test_cancelling_leaves_no_place_behind(desk: Watched, seed: int) -> None:
    """Whoever is cancelled, in line or at the host, at any moment: all places are there after."""
    chance = random.Random(seed)

    async def story() -> None:
        async with turns_at(desk, at_once=3) as turns:
            visitors = Visitors(turns)
            for _ in range(15):
                visits = [asyncio.create_task(visitors.visit()) for _ in range(12)]
                for _ in range(chance.randint(0, 12)):
                    await asyncio.sleep(chance.choice((0, 0, 0.001, 0.004, 0.01)))
                    chance.choice(visits).cancel()
                await asyncio.gather(*visits, return_exceptions=True)
                assert turns._lines[HOST].in_use == 0
            assert visitors.most == 3
            await asyncio.gather(*(visitors.visit() for _ in range(3)))

    run(story())
    assert desk.known() == 0


def test_what_goes_wrong_in_a_turn_goes_on(desk: Watched) -> None:
    """Also a timeout of the caller's own; and the place is free again."""

    async def story() -> None:
        async with turns_at(desk, at_once=1) as turns:
            for error in (ValueError("odd"), TimeoutError("own")):
                with pytest.raises(type(error), match=str(error)):
                    async with turns.turn(HOST, interval_s=0, patience_s=5):
                        raise error
            await Visitors(turns).visit()

    run(story())


def test_closing_gives_all_back_and_sends_away(desk: Watched) -> None:
    """Nothing is left at the desk; those in line, and those who come later, are told."""

    async def story() -> None:
        turns = Turns(desk, lambda _: 1)
        visitors = Visitors(turns)
        first = asyncio.create_task(visitors.visit(takes_s=0.3))
        await until(lambda: visitors.now == 1)
        second = asyncio.create_task(visitors.visit())
        await asyncio.sleep(0.01)
        closing = asyncio.create_task(turns.close())
        with pytest.raises(HostClosed, match="being ended"):
            await second
        await first
        await closing
        with pytest.raises(HostClosed, match="being ended"):
            await visitors.visit()

    run(story())
