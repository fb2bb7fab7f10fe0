"""Turns: which request may start now, so that all workers together stay within a host's budget."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from pixcrawler.adapters.web.waiting.host_line import HostClosed, HostLine, Waiter
from pixcrawler.domain.errors import DatabaseUnavailable, PixCrawlerError
from pixcrawler.pipeline.visits.ports import HostDesk, HostReport, Share

__all__ = ["HostClosed", "Turn", "Turns"]

log = logging.getLogger("pixcrawler.turns")

GATHER_S = 0.003
"""After a wish is known, before the desk is asked: a chunk's wishes come together."""
TRY_AGAIN_S = (0.25, 0.5, 1.0)
"""Between askings of a desk that is away; after the last one those in line are told, and after
each further one."""


class Turn:
    """One request's turn."""

    def __init__(self, turns: Turns, line: HostLine) -> None:
        self._turns = turns
        self._line = line

    def tell(
        self,
        *,
        bytes_: int = 0,
        failed: bool = False,
        pause_s: float | None = None,
        because: str = "",
    ) -> None:
        """Tell how the request went, once, at its end; one that is not told of is not counted.

        Args:
            bytes_: that came.
            failed: by a trouble of the host: no connection, no answer, 5xx.
            pause_s: it asked to be left alone (429, 503) for so long; 0: it did not say how long.
            because: what happened, in words.
        """
        report = HostReport(
            host=self._line.host,
            requests=1,
            bytes=bytes_,
            failures=int(failed),
            failed_last=failed,
            pause_s=pause_s,
            because=because,
        )
        self._turns.told(self._line, report)


class Turns:
    """The hosts' desk as one process uses it, from one event loop.

    Args:
        desk: is asked in a thread, for all hosts together, once a second while they are visited.
        at_once: the budget of a host.
    """

    def __init__(self, desk: HostDesk, at_once: Callable[[str], int]) -> None:
        self._desk = desk
        self._at_once = at_once
        self._worker = uuid.uuid4().hex
        self._lines: dict[str, HostLine] = {}
        self._thread = ThreadPoolExecutor(1, "hosts-desk")
        self._keeper: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()
        self._tries = 0

    @asynccontextmanager
    async def turn(self, host: str, *, interval_s: float, patience_s: float) -> AsyncIterator[Turn]:
        """Wait for a turn at a host, first come first served, and hold it.

        Args:
            host: lower case, with its port where that is not the scheme's own.
            interval_s: the host's Crawl-delay; 0: none, or nobody knows yet.
            patience_s: for the turn, not for what is done in it.

        Raises:
            HostClosed: none comes in time; raised as soon as that is known.
            DatabaseUnavailable: nobody knows what others do at the host; also when the share ends
                while the turn is held: what is done in it is cut.
        """
        line = await self._entered(host, interval_s, patience_s)
        limit = asyncio.timeout_at(line.ends_at)
        try:
            async with limit:
                line.limits.add(limit)
                yield Turn(self, line)
        except TimeoutError:
            if limit.expired():
                message = f"{host}: cut, because its share of the budget could not be renewed"
                raise DatabaseUnavailable(message) from None
            raise
        finally:
            line.limits.discard(limit)
            line.end()
            if line.is_urgent or line.is_done_with:
                self._wake.set()

    async def close(self) -> None:
        """Give everything back, and tell what was seen; whoever is in line is sent away."""
        self._closing.set()
        self._wake.set()
        for line in self._lines.values():
            line.fail(_ending)
        try:
            if self._keeper:
                await self._keeper
            if self._lines:
                # What cannot be given back comes back by itself.
                with contextlib.suppress(PixCrawlerError):
                    await self._ask(list(self._lines.values()))
        finally:
            self._thread.shutdown(wait=False)

    def told(self, line: HostLine, report: HostReport) -> None:
        """Note what was seen; trouble is told at once."""
        line.seen.add(report)
        if report.pause_s is not None:
            line.pause(report.pause_s, report.because)
        if report.pause_s is not None or report.failures:
            line.is_urgent = True
            self._wake.set()

    async def _entered(self, host: str, interval_s: float, patience_s: float) -> HostLine:
        if self._closing.is_set():
            raise _ending()
        loop = asyncio.get_running_loop()
        line = self._lines.get(host)
        if line is None:
            line = self._lines[host] = HostLine(host, self._at_once(host), loop)
        if interval_s > 0:
            line.interval_s = interval_s
        if not line.waiting and line.may_start():
            line.start()
            return line
        waiter = Waiter(loop, loop.time() + patience_s)
        if refusal := line.refusal(waiter, len(line.waiting)):
            raise refusal
        line.join(waiter)
        if line.is_urgent:
            self._wake.set()
        if self._keeper is None or self._keeper.done():
            self._keeper = loop.create_task(self._keep())
        await self._placed(line, waiter)
        return line

    async def _placed(self, line: HostLine, waiter: Waiter) -> None:
        def give_up() -> None:
            line.leave(waiter)
            waiter.refuse(line.late(waiter, is_away=self._tries > 0))

        timer = asyncio.get_running_loop().call_at(waiter.give_up_at, give_up)
        try:
            await waiter.place
        except asyncio.CancelledError:
            if waiter.place.cancelled():
                line.leave(waiter)
            elif waiter.place.exception() is None:
                line.end()
            raise
        finally:
            timer.cancel()

    # ---------------------------------------------------------- the keeper

    async def _keep(self) -> None:
        """Ask the desk whenever a host is due, until nothing is held, wanted or left to tell."""
        loop = asyncio.get_running_loop()
        while self._lines and not self._closing.is_set():
            next_at = min(line.asks_at() for line in self._lines.values())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(next_at):
                    await self._wake.wait()
            self._wake.clear()
            await asyncio.sleep(GATHER_S)
            soon = loop.time() + GATHER_S
            due = [line for line in self._lines.values() if line.asks_at() <= soon]
            if due and not self._closing.is_set():
                await self._ask_again(due)
            for host in [host for host, line in self._lines.items() if line.is_over]:
                del self._lines[host]

    async def _ask_again(self, due: Sequence[HostLine]) -> None:
        try:
            await self._ask(due)
        except DatabaseUnavailable as error:
            words = str(error)
            self._cut_off(lambda: DatabaseUnavailable(words))
        except Exception as error:
            log.exception("turns.failed")
            broken = error
            self._tries = len(TRY_AGAIN_S)
            self._cut_off(lambda: broken)
        else:
            self._tries = 0
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TRY_AGAIN_S[min(self._tries, len(TRY_AGAIN_S)) - 1]):
                await self._closing.wait()

    def _cut_off(self, error: Callable[[], Exception]) -> None:
        self._tries += 1
        log.warning("turns.away tries=%d cause=%s", self._tries, error())
        for line in self._lines.values():
            line.cut_off()
            if self._tries > len(TRY_AGAIN_S):
                line.fail(error)

    async def _ask(self, lines: Sequence[HostLine]) -> None:
        taken = [(line, line.seen.take()) for line in lines]
        reports = [report for _, some in taken for report in some]
        wishes = [line.asking() for line in lines]

        def ask() -> Mapping[str, Share]:
            if reports:
                self._desk.report(self._worker, reports)
                reports.clear()
            return self._desk.share(self._worker, wishes)

        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        try:
            found = await loop.run_in_executor(self._thread, ask)
        except Exception:
            for line, some in taken if reports else ():
                line.seen.put_back(some)
            raise
        for line in lines:
            line.learn(found[line.host], asked_at)


def _ending() -> HostClosed:
    return HostClosed("the visits are being ended", 0.0, is_pause=False)
