"""One turn of an entity function: what it is told, and what it answers."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

Request = dict[str, Any]
"""One operation: op, id, signal, input (JSON text), and who asked (parent, parentExecution)."""


def entity_id(name: str, key: str) -> str:
    """How an entity is addressed: ``@name@key``, the name in lower case."""
    return f"@{name.lower()}@{key}"


def name_and_key(target: str) -> tuple[str, str]:
    """The parts of an entity's id.

    Raises:
        ValueError: it is not one.
    """
    empty, name, key = target.split("@", 2)
    if empty or not name:
        raise ValueError(f"{target!r} is no entity id")
    return name, key


def signal(operation: str, raw_input: str | None) -> Request:
    """An operation that nobody waits for; ``raw_input`` is JSON text."""
    request_id = str(uuid.uuid4())
    return {"op": operation, "id": request_id, "signal": True, "input": raw_input}


@dataclass(frozen=True)
class EntityState:
    """Whether an entity exists, and its state as JSON text."""

    exists: bool
    value: str | None


@dataclass(frozen=True)
class Batch:
    """What became of a batch of operations.

    ``results`` are pairs of "it failed" and JSON text, one for each operation; ``signals`` are
    entity id and operation of what the entity sends on.
    """

    state: EntityState
    results: list[tuple[bool, str]]
    signals: list[tuple[str, Request]] = field(default_factory=list)


def context_json(target: str, state: EntityState, requests: list[Request]) -> str:
    """The input of an entity function."""
    name, key = name_and_key(target)
    return json.dumps(
        {
            "self": {"name": name, "key": key},
            "exists": state.exists,
            "state": state.value,
            "batch": [
                {"name": each["op"], "input": each["input"], "isSignal": each["signal"]}
                for each in requests
            ],
        }
    )


def read_batch(text: Any, operations: int) -> Batch:
    """The answer of an entity function, JSON text.

    Raises:
        ValueError: it cannot be read, or does not answer so many operations.

    Source: TaskEntityShim.OutOfProcResult of the extension.
    """
    try:
        answer = json.loads(text)
        batch = Batch(
            EntityState(bool(answer["entityExists"]), answer["entityState"]),
            [(bool(each["isError"]), each["result"]) for each in answer["results"]],
            [
                (
                    entity_id(each["target"]["name"], each["target"]["key"]),
                    signal(each["name"], each.get("input")),
                )
                for each in answer.get("signals") or []
            ],
        )
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"the entity function's answer is unusable: {error!r}") from error
    if len(batch.results) != operations:
        raise ValueError("the entity function did not answer every operation")
    return batch


def all_failed(state: EntityState, operations: int, reason: str) -> Batch:
    """A batch that changed nothing."""
    return Batch(state, [(True, json.dumps(reason))] * operations)
