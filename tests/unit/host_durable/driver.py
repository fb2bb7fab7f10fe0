"""A task hub in this process: the unmodified SDK, a real store, no HTTP."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Self

import azure.functions as func
from azure.functions import meta
from azure.functions.meta import Datum

from pixcrawler.host.calls import Answer, FunctionFailed, FunctionInfo, Retry, WorkerLost
from pixcrawler.host.durable import DurableHost, DurableSettings
from pixcrawler.host.durable.births import Start
from pixcrawler.host.durable.tables import FINISHED, Instance

DEADLINE_S = 20.0


class SdkCaller:
    """Runs the functions of an app object through azure.functions' converters.

    ``losses`` says how often the worker of a function dies before it answers. ``before`` is
    awaited before each call, with the function's name; it may take time, or raise WorkerLost.
    """

    def __init__(self, app: func.FunctionApp) -> None:
        self.functions: dict[str, FunctionInfo] = {}
        self.losses: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.before: Callable[[str], Awaitable[None]] = _at_once
        self._code: dict[str, Callable[..., Any]] = {}
        for function in app.get_functions():
            bindings = tuple(json.loads(raw) for raw in function.get_raw_bindings())
            name, trigger = function.get_function_name(), function.get_trigger().name
            binding = next(each for each in bindings if each["name"] == trigger)
            self.functions[name] = FunctionInfo(name, binding, bindings)
            self._code[name] = function.get_user_function()

    async def call(
        self,
        name: str,
        inputs: Mapping[str, Datum],
        metadata: Mapping[str, Datum] | None = None,
        retry: Retry | None = None,
    ) -> Answer:
        await self.before(name)
        self.calls[name] += 1
        if self.losses[name] > 0:
            self.losses[name] -= 1
            raise WorkerLost
        info = self.functions[name]
        converter = meta.get_binding_registry().get(info.kind)
        try:
            value = converter.decode(next(iter(inputs.values())), trigger_metadata={})
            result = self._code[name](value)
            if isinstance(result, Awaitable):
                result = await result
        except WorkerLost:
            raise
        except Exception as error:
            raise FunctionFailed(type(error).__name__, str(error), "the stack") from error
        return Answer(converter.encode(result, expected_type=None))


async def until(condition: Callable[[], Any]) -> Any:
    """Poll until ``condition`` holds, and give what it said."""
    deadline = time.monotonic() + DEADLINE_S
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.002)
    return found


async def _at_once(_: str) -> None:
    await asyncio.sleep(0)


class Engine:
    """A running task hub on one file, and what a test wants to do with it."""

    def __init__(self, app: func.FunctionApp, folder: Path, **settings: Any) -> None:
        self.caller = SdkCaller(app)
        self.path = folder / "hub.db"
        self.settings = DurableSettings(**{"episode_pacing": 0.0, **settings})
        self.in_process = True
        self.host = self._new()

    def _new(self) -> DurableHost:
        return DurableHost(
            functions=self.caller.functions,
            caller=self.caller,
            store_path=self.path,
            settings=self.settings,
            system_key="key",
            write_outputs=self._write,
            activities_in_process=self.in_process,
        )

    async def _write(
        self, function: FunctionInfo, outputs: Mapping[str, Datum], data: Mapping[str, Any]
    ) -> None:
        """Nothing here has outputs."""

    async def __aenter__(self) -> Self:
        await self.host.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.host.stop(drain_s=0.2)

    async def restart(self) -> None:
        """Stop in good order and start again on the same file."""
        await self.host.stop(drain_s=0.2)
        self.host = self._new()
        await self.host.start()

    async def crash(self) -> None:
        """End like kill -9 would, between two transactions, and start again on the same file."""
        hub, self.host._hub = self.host._hub, None
        hub.silence()
        hub.store._db.close()
        hub.store._lock.close()
        tasks = [*hub.activities._running, *(t for lane in hub.lanes.values() for t in lane._tasks)]
        for lane in hub.lanes.values():
            lane._stopped = True
        hub.activities._stopped = True
        hub.activities._results.clear()
        if hub.activities._move is not None:
            hub.activities._move.cancel()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.host = self._new()
        await self.host.start()

    @property
    def lifecycle(self):
        return self.host._api._instances._lifecycle

    @property
    def entities(self):
        return self.host._api._entities

    @property
    def store(self):
        return self.host._hub.store

    def start(self, name: str, value: Any = None, instance_id: str | None = None) -> str:
        """Begin an instance as the client would: JSON inside a JSON string."""
        raw = None if value is None else json.dumps(json.dumps(value))
        return self.lifecycle.start(Start(name, instance_id, raw))

    def instance(self, instance_id: str) -> Instance:
        found = self.store.instances.get(instance_id)
        assert found is not None
        return found

    async def until(self, condition: Callable[[], Any]) -> Any:
        """Poll until ``condition`` holds."""
        return await until(condition)

    async def end_of(self, instance_id: str) -> tuple[str, Any]:
        """Status and output of an instance, once it has finished."""
        await self.until(lambda: self.instance(instance_id).status in FINISHED)
        last = self.instance(instance_id)
        try:
            return last.status, None if last.output is None else json.loads(last.output)
        except ValueError:
            return last.status, last.output

    async def run(self, name: str, value: Any = None) -> tuple[str, Any]:
        """Start an instance and wait for its end."""
        return await self.end_of(self.start(name, value))


def play(scenario: Callable[[], Awaitable[None]]) -> None:
    """Run one scenario on an event loop of its own."""
    asyncio.run(asyncio.wait_for(scenario(), 3 * DEADLINE_S))


def with_engine(engine: Engine, scene: Callable[[], Awaitable[None]]) -> None:
    """Run ``scene`` while the engine runs."""

    async def scenario() -> None:
        async with engine:
            await scene()

    play(scenario)
