"""Entities: operations run in order, in batches, each batch one transaction."""

from __future__ import annotations

import logging
import time

from azure.functions.meta import Datum

from pixcrawler.host.calls import FunctionFailed, WorkerLost
from pixcrawler.host.durable.batches import (
    Batch,
    EntityState,
    Request,
    all_failed,
    context_json,
    entity_id,
    name_and_key,
    read_batch,
    signal,
)
from pixcrawler.host.durable.history import Kind, event
from pixcrawler.host.durable.hub import ENTITY, Hub
from pixcrawler.host.durable.tables import packed

_log = logging.getLogger(__name__)

_BATCH = 50


class Entities:
    """Runs the operations of all entities; a lane gives each entity one turn at a time."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._losses: dict[str, int] = {}

    def send(self, name: str, key: str, operation: str, raw_input: str | None) -> None:
        """Signal an entity from outside; ``raw_input`` is JSON text.

        Raises:
            FunctionUnknown: no such entity function.
        """
        self._hub.registry.find(ENTITY, name)
        target = entity_id(name, key)
        with self._hub.store.tx():
            self._hub.store.entities.send(target, signal(operation, raw_input))
        self._hub.wake_entity(target)

    async def turn(self, target: str) -> float:
        """Run what waits for one entity, at most 50 operations.

        Returns:
            Seconds before the next turn: none.
        """
        # After a death one at a time, so that only the deadly operation is given up.
        most = 1 if target in self._losses else _BATCH
        waiting = self._hub.store.entities.waiting(target, time.time(), most)
        if not waiting:
            return 0.0
        requests = [request for _, request in waiting]
        batch = await self._run(target, requests)
        if batch is not None:
            self._keep(target, [number for number, _ in waiting], requests, batch)
        if batch is None or len(waiting) == most:
            self._hub.wake_entity(target)
        return 0.0

    async def _run(self, target: str, requests: list[Request]) -> Batch | None:
        """What the function made of the operations; None when its worker died."""
        state = EntityState(*self._hub.store.entities.state(target))
        try:
            function = self._hub.registry.find(ENTITY, name_and_key(target)[0])
            text = context_json(target, state, requests)
            inputs = {str(function.trigger["name"]): Datum(text, "string")}
            answer = await self._hub.caller.call(function.name, inputs)
            returned = None if answer.returned is None else answer.returned.value
            batch = read_batch(returned, len(requests))
        except WorkerLost:
            return self._lost(target, state, requests)
        except (FunctionFailed, ValueError) as error:
            _log.warning("%d operations of entity %s failed", len(requests), target)
            batch = all_failed(state, len(requests), str(error))
        self._losses.pop(target, None)
        return batch

    def _lost(self, target: str, state: EntityState, requests: list[Request]) -> Batch | None:
        tries = self._losses.pop(target, 0) + 1
        most = self._hub.settings.episode_tries
        _log.warning("the worker of entity %s died; try %d of %d", target, tries, most)
        if tries >= most:
            reason = f"The worker process died {tries} times during this operation."
            return all_failed(state, len(requests), reason)
        self._losses[target] = tries
        return None

    def _keep(self, target: str, read: list[int], requests: list[Request], batch: Batch) -> None:
        store = self._hub.store
        answered: set[str] = set()
        with store.tx():
            store.entities.drop(read)
            store.entities.save(target, exists=batch.state.exists, state=batch.state.value)
            for request, (is_error, result) in zip(requests, batch.results, strict=True):
                if not request["signal"]:
                    self._answer(request, is_error, result)
                    answered.add(request["parent"])
            for other, sent in batch.signals:
                store.entities.send(other, sent)
        for instance_id in answered:
            self._hub.wake_instance(instance_id)
        for other, _ in batch.signals:
            self._hub.wake_entity(other)

    def _answer(self, request: Request, is_error: bool, result: str) -> None:
        body = {"result": result}
        if is_error:
            # The SDK raises when the field is there, whatever it says.
            body["exceptionType"] = "Error"
        answer = event(Kind.EVENT_RAISED, Name=request["id"], Input=packed(body))
        execution = request["parentExecution"]
        self._hub.store.inbox.send(request["parent"], answer, execution=execution)
