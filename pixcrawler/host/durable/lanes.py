"""When things run: turns by key with a limit, alarms by due time."""

from __future__ import annotations

import asyncio
import heapq
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable

_log = logging.getLogger(__name__)

_REST_AFTER_ERROR_S = 1.0
# The wall clock may jump and a laptop may sleep: never trust one long wait.
_LONGEST_WAIT_S = 30.0


class Lane:
    """Gives turns to keys: one turn of a key at a time, so many keys together.

    A key that becomes ready during its own turn gets another one afterwards; no call of `ready`
    is ever lost.
    """

    def __init__(self, limit: int, turn: Callable[[str], Awaitable[float]]) -> None:
        """A lane of ``limit`` keys at once; ``turn`` gives the seconds its key shall rest."""
        self._limit = limit
        self._turn = turn
        self._queue: deque[str] = deque()
        self._queued: set[str] = set()
        self._busy: set[str] = set()
        self._again: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False

    def ready(self, key: str) -> None:
        """This key wants a turn."""
        if key in self._busy:
            self._again.add(key)
        elif key not in self._queued:
            self._queued.add(key)
            self._queue.append(key)
            self._pump()

    async def stop(self, drain_s: float) -> None:
        """Start no more turns, let those that run end, and cancel what has not after a while."""
        self._stopped = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=drain_s)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _pump(self) -> None:
        while self._queue and len(self._tasks) < self._limit and not self._stopped:
            key = self._queue.popleft()
            self._queued.discard(key)
            self._busy.add(key)
            task = asyncio.get_running_loop().create_task(self._run(key))
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._pump()

    async def _run(self, key: str) -> None:
        rest = _REST_AFTER_ERROR_S
        try:
            rest = await self._turn(key)
        except Exception:  # noqa: BLE001 - the door of a background task: log, rest, try again
            _log.exception("the turn of %s failed and will be repeated", key)
            self._again.add(key)
        finally:
            if rest > 0:
                asyncio.get_running_loop().call_later(rest, self._rested, key)
            else:
                self._rested(key)

    def _rested(self, key: str) -> None:
        self._busy.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.ready(key)


class Alarms:
    """Calls back for a key when its time has come, by the wall clock."""

    def __init__(self, ring: Callable[[tuple[str, str]], None]) -> None:
        self._ring = ring
        self._heap: list[tuple[float, tuple[str, str]]] = []
        self._handle: asyncio.TimerHandle | None = None

    def set(self, due: float, key: tuple[str, str]) -> None:
        """Ring for ``key`` at ``due``, in seconds since the epoch."""
        heapq.heappush(self._heap, (due, key))
        if self._heap[0][0] >= due:
            self._arm()

    def stop(self) -> None:
        """Ring no more."""
        self._heap.clear()
        if self._handle is not None:
            self._handle.cancel()

    def _arm(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
        wait = min(max(0.001, self._heap[0][0] - time.time()), _LONGEST_WAIT_S)
        self._handle = asyncio.get_running_loop().call_later(wait, self._look)

    def _look(self) -> None:
        now = time.time()
        while self._heap and self._heap[0][0] <= now:
            self._ring(heapq.heappop(self._heap)[1])
        if self._heap:
            self._arm()
