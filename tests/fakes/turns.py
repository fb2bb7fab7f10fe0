"""Visitors that take turns at hosts, and a desk that can be watched, slow, away or broken."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pixcrawler.adapters.memory.hosts import MemoryHosts
from pixcrawler.adapters.web.waiting.turns import Turns
from pixcrawler.pipeline.visits.ports import HostReport, Share, Wish

HOST = "pictures.example"
DEADLINE_S = 30.0


class Watched(MemoryHosts):
    """A desk that notes what it is asked, and may be slow, away or broken."""

    def __init__(self, lasts_s: float = 30.0) -> None:
        super().__init__(lasts_s=lasts_s)
        self.wishes: list[Sequence[Wish]] = []
        self.reports: list[HostReport] = []
        self.slow_s = 0.0
        self.error: Exception | None = None
        self.share_error: Exception | None = None
        self.threads: set[int] = set()

    def share(self, worker: str, wishes: Sequence[Wish]) -> Mapping[str, Share]:
        self._suffer()
        if self.share_error:
            raise self.share_error
        self.wishes.append(wishes)
        return super().share(worker, wishes)

    def report(self, worker: str, reports: Sequence[HostReport]) -> None:
        self._suffer()
        self.reports += reports
        super().report(worker, reports)

    def _suffer(self) -> None:
        self.threads.add(threading.get_ident())
        time.sleep(self.slow_s)
        if self.error:
            raise self.error

    def held(self) -> int:
        """How many places all workers have."""
        return sum(s.places for host in self._hosts.values() for s in host.shares.values())

    def known(self) -> int:
        """How many workers have or want something."""
        return sum(len(host.shares) for host in self._hosts.values())


class Visitors:
    """Requests that count how many of them there are at once."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.now = 0
        self.most = 0
        self.order: list[int] = []
        self.started_at: list[float] = []
        self.ended_at: list[float] = []

    async def visit(
        self,
        number: int = 0,
        host: str = HOST,
        takes_s: float = 0.01,
        interval_s: float = 0.0,
        patience_s: float = DEADLINE_S,
    ) -> None:
        """One request."""
        turn = self.turns.turn(host, interval_s=interval_s, patience_s=patience_s)
        async with turn as told:
            self.now += 1
            self.most = max(self.most, self.now)
            self.order.append(number)
            self.started_at.append(time.monotonic())
            try:
                await asyncio.sleep(takes_s)
            finally:
                self.now -= 1
                self.ended_at.append(time.monotonic())
            told.tell(bytes_=100)


@asynccontextmanager
async def turns_at(desk: MemoryHosts, at_once: int = 6) -> AsyncIterator[Turns]:
    turns = Turns(desk, lambda _: at_once)
    try:
        yield turns
    finally:
        await turns.close()


def run(story: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(DEADLINE_S):
            await story

    asyncio.run(bounded())


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    while not condition():  # noqa: ASYNC110 - of what has no event
        await asyncio.sleep(0.005)
