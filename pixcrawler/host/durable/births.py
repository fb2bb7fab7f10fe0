"""How an orchestration instance begins."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass

from pixcrawler.host.durable.errors import InstanceIdInvalid, InstanceInUse
from pixcrawler.host.durable.history import execution_started
from pixcrawler.host.durable.hub import ORCHESTRATOR, Hub
from pixcrawler.host.durable.tables import Instance, storable

_LONGEST_ID = 100
_FORBIDDEN = frozenset("/\\#?")


@dataclass(frozen=True)
class Start:
    """A new instance; ``raw_input`` is JSON text, a missing id is drawn.

    ``parent`` is instance id, execution id and sequence id of a parent orchestration.
    """

    name: str
    instance_id: str | None = None
    raw_input: str | None = None
    version: str | None = None
    parent: tuple[str, str, int] | None = None


def new_execution_id() -> str:
    """An id that no execution has had."""
    return uuid.uuid4().hex


def begin(hub: Hub, start: Start) -> str:
    """Write a new instance and the message that starts it, and give its id.

    An instance of that id that has finished is replaced. The caller wakes the new one after its
    transaction.

    Raises:
        FunctionUnknown: no such orchestrator.
        InstanceIdInvalid: the id cannot be used.
        InstanceInUse: an instance of that id has not finished.
    """
    function = hub.registry.find(ORCHESTRATOR, start.name)
    instance_id = start.instance_id or uuid.uuid4().hex
    _check_id(instance_id)
    former = hub.store.instances.get(instance_id)
    if former is not None and not former.is_finished:
        raise InstanceInUse(
            f"An Orchestration instance with the status {former.status} already exists."
        )
    execution, now = new_execution_id(), time.time()
    parent = start.parent or (None, None, None)
    message = execution_started(
        function.name, (instance_id, execution), start.raw_input, start.version, start.parent
    )
    row = Instance(
        instance_id, execution, function.name, storable(start.version), storable(start.raw_input),
        None, None, "Pending", now, now, *parent,
    )  # fmt: skip
    with hub.store.tx():
        if former is not None:
            hub.store.erase(instance_id)
        hub.store.instances.add(row)
        hub.store.inbox.send(instance_id, message, execution=execution)
    return instance_id


def _check_id(instance_id: str) -> None:
    if len(instance_id) > _LONGEST_ID:
        raise InstanceIdInvalid(f"Instance IDs must have at most {_LONGEST_ID} characters.")
    if instance_id.startswith("@"):
        raise InstanceIdInvalid("Orchestration instance IDs must not start with @.")
    if any(char in _FORBIDDEN or not char.isprintable() for char in instance_id):
        raise InstanceIdInvalid("Instance IDs must not contain /, \\, #, ? or control characters.")
