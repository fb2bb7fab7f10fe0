"""What every part of the task hub shares: functions, store, settings, and who to wake."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol

from azure.functions.meta import Datum

from pixcrawler.host.calls import Caller, FunctionInfo
from pixcrawler.host.durable.errors import FunctionUnknown
from pixcrawler.host.durable.lanes import Alarms, Lane
from pixcrawler.host.durable.payloads import PayloadBudget
from pixcrawler.host.durable.settings import DurableSettings
from pixcrawler.host.durable.store import Store
from pixcrawler.host.durable.tables import Task

WriteOutputs = Callable[
    [FunctionInfo, Mapping[str, Datum], Mapping[str, Any]],
    Awaitable[None],
]
"""Writes the output bindings of a function that succeeded."""

ORCHESTRATOR, ACTIVITY, ENTITY = "orchestrationTrigger", "activityTrigger", "entityTrigger"
_ARTICLE = {ORCHESTRATOR: "an orchestrator", ACTIVITY: "an activity", ENTITY: "an entity"}


class Registry:
    """The durable functions of the app, by kind and by name in any case."""

    def __init__(self, functions: Iterable[FunctionInfo]) -> None:
        self._by_kind: dict[str, dict[str, FunctionInfo]] = {kind: {} for kind in _ARTICLE}
        for function in functions:
            if function.kind in self._by_kind:
                self._by_kind[function.kind][function.name.lower()] = function

    def find(self, kind: str, name: str) -> FunctionInfo:
        """The function of this kind and name.

        Raises:
            FunctionUnknown: there is none; the message is the one that the SDK shows.
        """
        known = self._by_kind[kind]
        found = known.get(name.lower())
        if found is None:
            noun = _ARTICLE[kind].split(" ", 1)[1]
            names = ", ".join(repr(function.name) for function in known.values())
            raise FunctionUnknown(
                f"The function '{name}' doesn't exist, is disabled, or is not {_ARTICLE[kind]}"
                f" function. The following are the known {noun} functions: {names}."
            )
        return found


class ActivityRunner(Protocol):
    """The part that runs activities, as the other parts see it."""

    def add(self, tasks: Iterable[Task]) -> None:
        """Run these tasks, which are committed."""
        ...

    def flush(self) -> None:
        """Commit the results that have arrived."""
        ...

    async def stop(self, drain_s: float) -> None:
        """Start nothing more, and let what runs end for a while."""
        ...


class Hub:
    """One running task hub; the parts reach each other through it."""

    def __init__(
        self, store: Store, settings: DurableSettings, registry: Registry, caller: Caller
    ) -> None:
        self.store = store
        self.settings = settings
        self.registry = registry
        self.caller = caller
        self.budget = PayloadBudget()
        self.lanes: dict[str, Lane] = {}
        self.activities: ActivityRunner
        self._alarms = Alarms(lambda key: self.lanes[key[0]].ready(key[1]))
        self._waiters: dict[str, list[asyncio.Future[None]]] = {}

    def wake_instance(self, instance_id: str, due: float = 0.0) -> None:
        """An instance has something to read, at ``due`` (seconds since the epoch) or now."""
        self._wake(ORCHESTRATOR, instance_id, due)

    def wake_entity(self, entity_id: str, due: float = 0.0) -> None:
        """An entity has an operation to run, at ``due`` (seconds since the epoch) or now."""
        self._wake(ENTITY, entity_id, due)

    def _wake(self, kind: str, key: str, due: float) -> None:
        if due > time.time():
            self._alarms.set(due, (kind, key))
        else:
            self.lanes[kind].ready(key)

    def finished(self, instance_id: str) -> None:
        """An instance came to its end: tell who waits for it."""
        for waiter in self._waiters.pop(instance_id, []):
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self, instance_id: str, timeout_s: float) -> None:
        """Wait until an instance that runs now has finished, or for so long."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.setdefault(instance_id, []).append(waiter)
        try:
            await asyncio.wait([waiter], timeout=timeout_s)
        finally:
            # Still there after a timeout, or when the one who waited went away.
            waiters = self._waiters.get(instance_id, [])
            if waiter in waiters:
                waiters.remove(waiter)
            if not waiters:
                self._waiters.pop(instance_id, None)

    def resume(self) -> None:
        """Pick up everything that was left in the store."""
        self.activities.add(self.store.tasks.all())
        for instance_id, due in self.store.inbox.alarms():
            self.wake_instance(instance_id, due)
        for entity_id, due in self.store.entities.alarms():
            self.wake_entity(entity_id, due)

    def silence(self) -> None:
        """No more alarms."""
        self._alarms.stop()
