"""The crew: one thread with one event loop, in which the visits of all calls are made."""

from __future__ import annotations

import asyncio
import heapq
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, suppress

from pixcrawler.adapters.web.visiting.visits import Visitor
from pixcrawler.domain.errors import InvariantBroken
from pixcrawler.pipeline.optout.gate import Gate
from pixcrawler.pipeline.ports import Fetched, Unfetched

END_PATIENCE_S = 10.0
"""For whoever closes a crew: a desk may have to be told. The thread ends with its process."""

Result = tuple[int, Fetched | Unfetched]


class Crew:
    """Works from its making until it is closed, or something breaks it.

    Args:
        opened: gives the visitor, in the crew's loop, and ends what belongs to it.
    """

    def __init__(self, opened: Callable[[], AbstractAsyncContextManager[Visitor]]) -> None:
        self._opened = opened
        self._lock = threading.Lock()
        self._calls: set[Call] = set()
        self._is_ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing = asyncio.Event()
        self._end: BaseException | None = None
        self._thread = threading.Thread(target=self._main, name="fetch", daemon=True)
        self._thread.start()

    @property
    def is_over(self) -> bool:
        """It takes no more calls."""
        return self._end is not None

    def take(self, call: Call) -> None:
        """Begin a call; if the crew is broken, what broke it is raised."""
        self._is_ready.wait()
        with self._lock:
            if self._end is not None:
                raise self._end
            self._calls.add(call)
        self.soon(lambda: self._begin(call))

    def soon(self, what: Callable[[], object]) -> None:
        """Do something in the loop, if it is still there."""
        with suppress(RuntimeError):
            if self._loop is not None:
                self._loop.call_soon_threadsafe(what)

    def close(self) -> None:
        """End what is under way, and the thread; whoever waits for a result is told."""
        self._is_ready.wait()
        self.soon(self._closing.set)
        if not self.is_own_thread:
            self._thread.join(END_PATIENCE_S)

    @property
    def is_own_thread(self) -> bool:
        """Whether the crew itself is asking, as the garbage collector may: nobody awaits itself."""
        return threading.current_thread() is self._thread

    def _main(self) -> None:
        end: BaseException = InvariantBroken("the fetcher was closed while it was in use")
        try:
            asyncio.run(self._live())
        except BaseException as error:  # noqa: BLE001 - a thread's door: the callers raise it
            end = error
        with self._lock:
            self._end = end
            calls = list(self._calls)
        self._is_ready.set()
        for call in calls:
            call.end(end)

    async def _live(self) -> None:
        async with self._opened() as visitor:
            self._visitor = visitor
            self._loop = asyncio.get_running_loop()
            self._is_ready.set()
            await self._closing.wait()
            with self._lock:
                tasks = [call.task for call in self._calls if call.task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, call: Call) -> None:
        def ended(_: object) -> None:
            if not self._closing.is_set():
                # Else `_main` tells whoever waits for more.
                with self._lock:
                    self._calls.discard(call)
            call.end()

        if self._closing.is_set():
            # Those that are under way are being ended; `_main` tells this one.
            return
        call.task = asyncio.get_running_loop().create_task(call.visits(self._visitor))
        call.task.add_done_callback(ended)


class Call:
    """One call of ``fetch_all``: its visits, and the way back from the crew's thread.

    Args:
        window: visits that are begun and not taken by the caller, at most.
    """

    def __init__(self, crew: Crew, urls: Sequence[str], gate: Gate, window: int) -> None:
        self.task: asyncio.Task[None] | None = None
        self._crew = crew
        self._urls = urls
        self._gate = gate
        self._room = asyncio.Semaphore(window)
        self._is_long = len(urls) > window
        self._spread = Spread(urls)
        self._came: queue.SimpleQueue[Result | BaseException] = queue.SimpleQueue()
        self._is_ended = threading.Event()
        self._is_complete = False

    def results(self) -> Iterator[Result]:
        """Yield what comes; raise what broke a visit or the crew."""
        self._crew.take(self)
        try:
            for _ in self._urls:
                came = self._came.get()
                if isinstance(came, BaseException):
                    raise came
                if self._is_long:
                    self._crew.soon(self._room.release)
                yield came
            self._is_complete = True
        finally:
            if not self._is_complete:
                self._stop()

    async def visits(self, visitor: Visitor) -> None:
        """Make the visits, a window of them at a time."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in self._urls:
                    await self._room.acquire()
                    group.create_task(self._visit(visitor, self._spread.next()))
        except BaseExceptionGroup as broken:
            self._came.put(broken.exceptions[0])

    def end(self, error: BaseException | None = None) -> None:
        """Let nobody wait any longer."""
        if error is not None:
            self._came.put(error)
        self._is_ended.set()

    async def _visit(self, visitor: Visitor, index: int) -> None:
        self._came.put((index, await visitor.visit(self._urls[index], self._gate, self)))
        self._spread.ended(index)

    def _stop(self) -> None:
        """End what is under way and wait for it; give up what nobody will take."""
        self._crew.soon(self._cancel)
        if not self._crew.is_own_thread:
            self._is_ended.wait(END_PATIENCE_S)
        while not self._came.empty():
            left = self._came.get()
            if isinstance(left, tuple) and isinstance(left[1], Fetched):
                left[1].body.close()

    def _cancel(self) -> None:
        if self.task is not None:
            self.task.cancel()


class Spread:
    """The order in which addresses are visited: the next is of the host with fewest under way.

    A list is often sorted by site, and a window full of a host that is slow, or wants to be left
    alone, would wait for that host alone.
    """

    def __init__(self, urls: Sequence[str]) -> None:
        self._hosts = ["".join(url.split("/", 3)[2:3]) for url in urls]
        self._left: dict[str, deque[int]] = {}
        for index, host in enumerate(self._hosts):
            self._left.setdefault(host, deque()).append(index)
        self._under_way = dict.fromkeys(self._left, 0)
        self._hosts_next = [(0, left[0]) for left in self._left.values()]
        """How many are under way, and the first address that is left; those that say what is true
        no more are passed over."""

    def next(self) -> int:
        """Return the address whose visit begins now.

        Raises:
            IndexError: none is left.
        """
        while True:
            under_way, index = heapq.heappop(self._hosts_next)
            host = self._hosts[index]
            left = self._left[host]
            if left and (under_way, index) == (self._under_way[host], left[0]):
                left.popleft()
                self._under_way[host] += 1
                self._changed(host)
                return index

    def ended(self, index: int) -> None:
        """Note that a visit is no longer under way."""
        self._under_way[self._hosts[index]] -= 1
        self._changed(self._hosts[index])

    def _changed(self, host: str) -> None:
        if left := self._left[host]:
            heapq.heappush(self._hosts_next, (self._under_way[host], left[0]))
