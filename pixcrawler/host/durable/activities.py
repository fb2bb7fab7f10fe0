"""Activities: each runs at least once, its result counts once, and poison is found out."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import deque
from collections.abc import Iterable

from azure.functions.meta import Datum

from pixcrawler.host.calls import FunctionFailed, WorkerLost
from pixcrawler.host.durable.actions import HTTP_ACTIVITY
from pixcrawler.host.durable.callhttp import call_http
from pixcrawler.host.durable.errors import FunctionUnknown
from pixcrawler.host.durable.history import Event, Kind, event
from pixcrawler.host.durable.hub import ACTIVITY, Hub, WriteOutputs
from pixcrawler.host.durable.tables import Task

_log = logging.getLogger(__name__)

# An activity that was running this often when its process died runs beside no other such one:
# so the innocent neighbours of a poisonous activity end well before they are blamed too.
_SUSPECT_FROM = 2
_RETRY_S = 1.0


class Activities:
    """Dispatches tasks and keeps their results.

    The start of a task is counted in the store before it runs, so that deaths of the host count
    as well as deaths of a worker; an orderly stop takes the count back. Results and starts of
    one moment are one transaction.
    """

    def __init__(self, hub: Hub, write_outputs: WriteOutputs) -> None:
        self._hub = hub
        self._write_outputs = write_outputs
        self._fresh: deque[Task] = deque()
        self._suspects: deque[Task] = deque()
        self._running: dict[asyncio.Task[None], Task] = {}
        self._results: list[tuple[Task, Event]] = []
        self._move: asyncio.Handle | None = None
        self._stopped = False

    def add(self, tasks: Iterable[Task]) -> None:
        """Run these tasks, which are committed."""
        for task in tasks:
            if task.tries >= self._hub.settings.activity_tries:
                self._results.append((task, self._poisoned(task)))
            else:
                self._queue(task).append(task)
        self._schedule()

    def flush(self) -> None:
        """Commit the results that have arrived, and start what there is room for."""
        results, self._results = self._results, []
        starting = [] if self._stopped else self._pick()
        if not results and not starting:
            return
        try:
            begun = self._commit(results, starting)
        except sqlite3.Error:
            # Such as a full disk. Nothing happened yet: what was done is kept for the next try.
            _log.exception("%d results of activities cannot be written yet", len(results))
            self._results = results + self._results
            for task in reversed(starting):
                self._queue(task).appendleft(task)
            self._retry()
            return
        for task, _ in results:
            self._hub.wake_instance(task.id)
        for task in begun:
            running = asyncio.get_running_loop().create_task(self._run(task))
            self._running[running] = task
            running.add_done_callback(self._ended)
        if len(begun) < len(starting):
            self._schedule()

    def _commit(self, results: list[tuple[Task, Event]], starting: list[Task]) -> list[Task]:
        store = self._hub.store
        with store.tx():
            for task, outcome in results:
                if store.tasks.finish(task.n):
                    store.inbox.send(task.id, outcome, execution=task.execution)
            return [task for task in starting if store.tasks.begin(task.n)]

    async def stop(self, drain_s: float) -> None:
        """Start nothing more, let what runs end for a while, and give back the rest uncounted."""
        self._stopped = True
        if self._running:
            await asyncio.wait(list(self._running), timeout=drain_s)
        left = dict(self._running)
        for running in left:
            running.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        self.flush()
        if self._move is not None:
            self._move.cancel()
        with self._hub.store.tx():
            self._hub.store.tasks.release(task.n for task in left.values())

    def _schedule(self) -> None:
        # Once per turn of the event loop, so that what comes together is written together.
        if self._move is None:
            self._move = asyncio.get_running_loop().call_soon(self._moved)

    def _retry(self) -> None:
        if self._move is None and not self._stopped:
            self._move = asyncio.get_running_loop().call_later(_RETRY_S, self._moved)

    def _moved(self) -> None:
        self._move = None
        self.flush()

    def _queue(self, task: Task) -> deque[Task]:
        return self._suspects if task.tries >= _SUSPECT_FROM else self._fresh

    def _pick(self) -> list[Task]:
        picked: list[Task] = []
        room = self._hub.settings.activities_at_once - len(self._running)
        if self._suspects and room > 0 and not self._suspect_runs():
            picked.append(self._suspects.popleft())
        while self._fresh and len(picked) < room:
            picked.append(self._fresh.popleft())
        return picked

    def _suspect_runs(self) -> bool:
        return any(task.tries >= _SUSPECT_FROM for task in self._running.values())

    def _ended(self, running: asyncio.Task[None]) -> None:
        self._running.pop(running, None)
        self._schedule()

    async def _run(self, task: Task) -> None:
        try:
            outcome = await self._outcome(task)
        except WorkerLost:
            self._lost(task)
        else:
            self._results.append((task, outcome))

    async def _outcome(self, task: Task) -> Event:
        if task.name == HTTP_ACTIVITY:
            return await call_http(task.task_id, task.input or "")
        try:
            function = self._hub.registry.find(ACTIVITY, task.name)
            inputs = {str(function.trigger["name"]): Datum(task.input, "string")}
            answer = await self._hub.caller.call(function.name, inputs)
            # Before the activity counts as done: outputs are written at least once.
            if answer.outputs:
                await self._write_outputs(function, answer.outputs, {})
        except FunctionUnknown as unknown:
            return _failed(task, str(unknown))
        except FunctionFailed as failure:
            reason = f"Activity function '{task.name}' failed:  {failure.message}"
            return _failed(task, reason, failure.stack)
        except WorkerLost:
            raise
        except Exception as error:  # noqa: BLE001 - the door to storage and converters: it fails the activity, never the host
            _log.exception("activity %s of %s", task.name, task.id)
            return _failed(task, f"Activity function '{task.name}' failed:  {error!r}")
        result = None if answer.returned is None else answer.returned.value
        self._hub.budget.check(task.name, "result", result)
        return event(Kind.TASK_COMPLETED, TaskScheduledId=task.task_id, Result=result)

    def _lost(self, task: Task) -> None:
        store = self._hub.store
        if self._stopped:
            with store.tx():
                store.tasks.release([task.n])
            return
        with store.tx():
            store.tasks.lose(task.n)
        tries, most = task.tries + 1, self._hub.settings.activity_tries
        _log.warning("the worker of activity %s died; try %d of %d", task.name, tries, most)
        self.add(
            [Task(task.n, task.id, task.execution, task.task_id, task.name, task.input, tries)]
        )

    def _poisoned(self, task: Task) -> Event:
        return _failed(
            task,
            f"Activity function '{task.name}' failed:  the process that ran it died"
            f" {task.tries} times, so it is not tried again.",
        )


def _failed(task: Task, reason: str, details: str = "") -> Event:
    return event(Kind.TASK_FAILED, TaskScheduledId=task.task_id, Reason=reason, Details=details)
