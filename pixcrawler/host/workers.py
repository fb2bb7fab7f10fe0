"""Run calls in worker processes: the least loaded one gets the next, lost ones are replaced."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

from pixcrawler.host.caller import timed_out
from pixcrawler.host.calls import Answer, FunctionFailed, FunctionInfo
from pixcrawler.host.errors import AppNotLoaded, HostError
from pixcrawler.host.frames import FrameBroken
from pixcrawler.host.invoke import Call
from pixcrawler.host.launcher import Launcher
from pixcrawler.host.logs import HOST
from pixcrawler.host.processes import OpenCall, WorkerProcess

_LOAD_DEADLINE_S = 120.0
_CANCEL_GRACE_S = 2.0
_RETIRE_GRACE_S = 10.0
_FIRST_DELAY_S = 0.5
_LONGEST_DELAY_S = 30.0
_FOREGROUND = frozenset({"httpTrigger", "orchestrationTrigger", "entityTrigger"})


class WorkerPool:
    """A backend of N worker processes.

    Sync functions of the background (activities, queues, blobs, timers) leave one thread in four
    of each worker free, so that HTTP calls and orchestrators always find one.
    """

    def __init__(
        self, app: Path, processes: int, *, threads: int, timeout_s: float | None, debug: bool
    ) -> None:
        self._launcher = Launcher(app, threads=threads, debug=debug)
        self._processes = processes
        self._background_limit = max(1, threads - max(1, threads // 4))
        self._timeout_s = timeout_s
        self._functions: dict[str, FunctionInfo] = {}
        self._is_async: dict[str, bool] = {}
        self._workers: list[WorkerProcess] = []
        self._waiting: dict[bool, deque[asyncio.Future[WorkerProcess]]] = {
            False: deque(),
            True: deque(),
        }
        self._keepers: list[asyncio.Task[None]] = []
        self._chores: set[asyncio.Task[None]] = set()
        self._loaded = asyncio.Event()
        self._stopping = False

    @property
    def functions(self) -> Mapping[str, FunctionInfo]:
        """The app's functions by name, as the first worker found them."""
        return self._functions

    @property
    def workers(self) -> list[WorkerProcess]:
        """The workers that have loaded the app."""
        return list(self._workers)

    async def start(self) -> None:
        """Start the workers and wait for the first one to load the app.

        Raises:
            AppNotLoaded: the app does not load in a worker, in the worker's words.
        """
        await self._launcher.open()
        first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._keepers = [asyncio.create_task(self._keep_one(first)) for _ in range(self._processes)]
        try:
            await asyncio.wait_for(first, _LOAD_DEADLINE_S)
        except TimeoutError:
            raise HostError(f"no worker loaded the app in {_LOAD_DEADLINE_S:.0f} s") from None

    async def invoke(self, call: Call) -> Answer:
        """Run one call in the least loaded worker; `functionTimeout` counts from there.

        Raises:
            FunctionFailed: the function raised or ran out of time.
            WorkerLost: the worker died before it answered.
        """
        in_background = self._in_background(call.name)
        worker = await self._seat(in_background=in_background)
        try:
            return await self._run(worker, call)
        finally:
            worker.leave(in_background=in_background)
            self._fill_seats()

    async def wait_until_able(self, timeout_s: float) -> bool:
        """Wait until a worker is there; False when the time is over."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._loaded.wait(), timeout_s)
        return self._loaded.is_set()

    async def stop(self) -> None:
        """End all workers; calls in flight are lost."""
        self._stopping = True
        for task in [*self._keepers, *self._chores]:
            task.cancel()
        await asyncio.gather(*self._keepers, *self._chores, return_exceptions=True)
        await self._launcher.close()

    def _in_background(self, name: str) -> bool:
        return self._functions[name].kind not in _FOREGROUND and not self._is_async[name]

    async def _seat(self, *, in_background: bool) -> WorkerProcess:
        """Wait for a worker and take a place in it."""
        turn: asyncio.Future[WorkerProcess] = asyncio.get_running_loop().create_future()
        self._waiting[in_background].append(turn)
        self._fill_seats()
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                turn.result().leave(in_background=in_background)
                self._fill_seats()
            raise

    def _fill_seats(self) -> None:
        for in_background, queue in self._waiting.items():
            while queue:
                if queue[0].done():
                    queue.popleft()
                    continue
                worker = self._least_loaded(in_background=in_background)
                if worker is None:
                    break
                worker.enter(in_background=in_background)
                queue.popleft().set_result(worker)

    def _least_loaded(self, *, in_background: bool) -> WorkerProcess | None:
        able = [
            worker
            for worker in self._workers
            if worker.is_able
            and not (in_background and worker.background >= self._background_limit)
        ]
        return min(able, key=lambda worker: worker.load, default=None)

    async def _run(self, worker: WorkerProcess, call: Call) -> Answer:
        try:
            opened = await worker.begin(call)
        except FrameBroken as error:
            raise FunctionFailed("ValueError", str(error), str(error)) from error
        done, _ = await asyncio.wait({opened.answer}, timeout=self._timeout_s)
        if done:
            return opened.answer.result()
        self._later(self._put_down(worker, opened))
        raise timed_out(call, self._timeout_s or 0.0)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)

    async def _put_down(self, worker: WorkerProcess, stuck: OpenCall) -> None:
        """Stop a call that ran out of time: cancel it, or else end its worker."""
        await worker.cancel(stuck)
        await asyncio.wait({stuck.answer}, timeout=_CANCEL_GRACE_S)
        if stuck.answer.done():
            return
        worker.is_able = False
        HOST.warning("Worker process %d cannot stop a function that timed out", worker.pid)
        await worker.drain(stuck, _RETIRE_GRACE_S)
        worker.kill()

    async def _keep_one(self, first: asyncio.Future[None]) -> None:
        """Keep one worker alive, with growing pauses while it cannot load the app."""
        delay_s = _FIRST_DELAY_S
        while True:
            worker = None
            try:
                worker = await self._launcher.launch()
                self._accept(await worker.loaded())
                self._workers.append(worker)
                self._loaded.set()
                if not first.done():
                    first.set_result(None)
                self._fill_seats()
                delay_s = _FIRST_DELAY_S
                HOST.debug("Worker process %d is ready", worker.pid)
                status = await worker.ended()
                HOST.error("Worker process %d %s; a new one takes over", worker.pid, status)
            except AppNotLoaded as error:
                if not first.done():
                    first.set_exception(error)
                if first.exception() is not None:
                    return
                HOST.error("A worker cannot load the app, next try in %.1f s: %s", delay_s, error)
                await asyncio.sleep(delay_s)
                delay_s = min(_LONGEST_DELAY_S, delay_s * 2)
            finally:
                if worker is not None:
                    await self._forget(worker)

    async def _forget(self, worker: WorkerProcess) -> None:
        if worker in self._workers:
            self._workers.remove(worker)
        if not self._workers:
            self._loaded.clear()
        await worker.close()

    def _accept(self, loaded: tuple[dict[str, FunctionInfo], dict[str, bool]]) -> None:
        functions, is_async = loaded
        if not self._functions:
            self._functions, self._is_async = functions, is_async
        elif functions != self._functions:
            raise AppNotLoaded("the app's functions changed while the host runs; restart the host")
