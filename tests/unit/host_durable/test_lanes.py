"""Turns and alarms: one turn of a key at a time, limits kept, no call lost."""

from __future__ import annotations

import asyncio
import time

from pixcrawler.host.durable.lanes import Alarms, Lane
from tests.unit.host_durable.driver import play, until


def test_no_more_keys_run_together_than_the_limit():
    """Ten keys through a lane of three."""
    running: list[str] = []
    most: list[int] = []

    async def turn(key: str) -> float:
        running.append(key)
        most.append(len(running))
        await asyncio.sleep(0.001)
        running.remove(key)
        return 0.0

    async def scenario() -> None:
        lane = Lane(3, turn)
        for number in range(10):
            lane.ready(str(number))
        await until(lambda: len(most) == 10)
        await lane.stop(1)

    play(scenario)
    assert max(most) == 3


def test_a_key_that_becomes_ready_during_its_turn_gets_another():
    """Twice ready during one turn is one more turn, and never two at once."""
    turns: list[str] = []

    async def scenario() -> None:
        async def turn(key: str) -> float:
            turns.append("begin")
            if len(turns) == 1:
                lane.ready(key)
                lane.ready(key)
            await asyncio.sleep(0)
            turns.append("end")
            return 0.0

        lane = Lane(3, turn)
        lane.ready("a")
        await until(lambda: len(turns) == 4)
        await asyncio.sleep(0.01)
        await lane.stop(1)

    play(scenario)
    assert turns == ["begin", "end", "begin", "end"]


def test_a_key_rests_as_long_as_its_turn_asked_for():
    """Ready during the rest means a turn after it."""
    begun: list[float] = []

    async def turn(_: str) -> float:
        begun.append(time.monotonic())
        return 0.05

    async def scenario() -> None:
        lane = Lane(1, turn)
        lane.ready("a")
        await until(lambda: begun)
        lane.ready("a")
        await until(lambda: len(begun) == 2)
        await lane.stop(1)

    play(scenario)
    assert begun[1] - begun[0] >= 0.05


def test_a_turn_that_fails_is_repeated(monkeypatch):
    """A fault of ours is logged and tried again; the lane lives on."""
    monkeypatch.setattr("pixcrawler.host.durable.lanes._REST_AFTER_ERROR_S", 0.01)
    tries: list[int] = []

    async def turn(_: str) -> float:
        tries.append(1)
        if len(tries) == 1:
            raise RuntimeError("once")
        return 0.0

    async def scenario() -> None:
        lane = Lane(1, turn)
        lane.ready("a")
        await until(lambda: len(tries) == 2)
        await lane.stop(1)

    play(scenario)


def test_stop_lets_turns_end_and_starts_no_more():
    """What runs may finish; what waits stays."""
    ended: list[str] = []

    async def turn(key: str) -> float:
        await asyncio.sleep(0.02)
        ended.append(key)
        return 0.0

    async def scenario() -> None:
        lane = Lane(1, turn)
        lane.ready("a")
        lane.ready("b")
        await asyncio.sleep(0)
        await lane.stop(5)

    play(scenario)
    assert ended == ["a"]


def test_alarms_ring_in_order_of_time():
    """An earlier alarm set later rings first, and none before its time."""
    rung: list[tuple[str, float]] = []

    async def scenario() -> None:
        alarms = Alarms(lambda key: rung.append((key[1], time.time())))
        now = time.time()
        alarms.set(now + 0.06, ("x", "late"))
        alarms.set(now + 0.02, ("x", "early"))
        await until(lambda: len(rung) == 2)
        alarms.set(time.time() + 60, ("x", "never"))
        alarms.stop()
        assert rung[0][1] >= now + 0.02
        assert rung[1][1] >= now + 0.06

    play(scenario)
    assert [name for name, _ in rung] == ["early", "late"]
