"""What died together is not run together again."""

from __future__ import annotations

import asyncio

from pixcrawler.host.suspects import Suspects


def test_only_suspects_wait():
    """Suspects run one at a time; the rest, and the cleared, run at once."""

    async def story():
        suspects = Suspects()
        for name in ("a", "b", "c"):
            suspects.accuse(name)
        suspects.clear("c")
        running, most = set(), set()
        free = asyncio.Event()

        async def work(name):
            async with suspects.alone(name):
                running.add(name)
                most.add(frozenset(running))
                await free.wait()
                running.discard(name)

        tasks = [asyncio.create_task(work(name)) for name in ("a", "b", "c", "d")]
        while len(running) < 3:  # noqa: ASYNC110 - three tasks, no one moment to signal
            await asyncio.sleep(0)
        free.set()
        await asyncio.gather(*tasks)
        return most

    most = asyncio.run(story())
    assert frozenset({"a", "c", "d"}) in most
    assert not any({"a", "b"} <= together for together in most)
