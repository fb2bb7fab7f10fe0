"""Slots are shared fairly between callers, and none is ever lost."""

from __future__ import annotations

import asyncio

import pytest

from pixcrawler.adapters.web.crew import Spread
from pixcrawler.adapters.web.waiting.slots import Slots


async def settle():
    """Let everything that can run, run."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_each_caller_gets_one_in_turn():
    """Where one waits with many and another with one, the other is second, not last."""

    async def play():
        slots, order = Slots(1), []

        async def take(caller):
            await slots.take(caller)
            order.append(caller)

        await slots.take("first")
        waiting = [asyncio.create_task(take("many")) for _ in range(5)]
        await settle()
        waiting += [asyncio.create_task(take("one")), asyncio.create_task(take("two"))]
        await settle()
        for _ in range(7):
            slots.give()
            await settle()
        await asyncio.gather(*waiting)
        return order

    assert asyncio.run(play()) == ["many", "one", "two", "many", "many", "many", "many"]


def test_no_more_than_there_are():
    """Whoever finds none free waits until one is given back."""

    async def play():
        slots = Slots(2)
        taken = [asyncio.create_task(slots.take(n)) for n in range(3)]
        await settle()
        before = [task.done() for task in taken]
        slots.give()
        await settle()
        return before, [task.done() for task in taken]

    assert asyncio.run(play()) == ([True, True, False], [True, True, True])


def test_who_gives_up_loses_no_slot():
    """One that is cancelled while it waits, or just when it is given a slot, passes it on."""

    async def play():
        slots = Slots(1)
        await slots.take("holder")
        waits, late, last = (asyncio.create_task(slots.take(name)) for name in "abc")
        await settle()
        waits.cancel()
        await settle()
        slots.give()
        late.cancel()
        await settle()
        await asyncio.wait_for(last, 5)
        slots.give()
        await asyncio.wait_for(slots.take("next"), 5)
        return waits.cancelled(), late.cancelled()

    assert asyncio.run(play()) == (True, True)


def test_hosts_take_turns_in_a_sorted_list():
    """One address of each host comes first, then the second of each, in their order."""
    urls = ["http://a/1", "http://a/2", "http://a/3", "http://b/1", "https://b/2", "nonsense", ""]
    spread = Spread(urls)
    assert [spread.next() for _ in urls] == [0, 3, 5, 1, 4, 6, 2]
    with pytest.raises(IndexError):
        spread.next()


def test_a_host_whose_visits_do_not_end_gives_way():
    """Room that becomes free goes to the hosts whose visits end, however many wait of others."""
    spread = Spread([f"http://{host}/{n}" for host in ("slow", "quick") for n in range(50)])
    under_way = [spread.next() for _ in range(8)]
    assert sorted(under_way) == [0, 1, 2, 3, 50, 51, 52, 53]
    for n in range(46):
        spread.ended(50 + n)
        assert spread.next() == 54 + n
    for n in range(4):
        spread.ended(96 + n)
    assert [spread.next() for _ in range(46)] == list(range(4, 50))
