"""Instances and histories as the management API shows them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pixcrawler.host.durable.batches import name_and_key
from pixcrawler.host.durable.history import NAMES, Event, Kind
from pixcrawler.host.durable.tables import Instance

_INTERNAL = frozenset(
    {"EventId", "IsPlayed", "Version", "Tags", "OrchestrationInstance", "ParentInstance"}
    | {"TaskScheduledId", "TimerId", "Correlation", "Generation", "ScheduledStartTime"}
)
_FRAME = frozenset({Kind.ORCHESTRATOR_STARTED, Kind.ORCHESTRATOR_COMPLETED})
_SCHEDULED_BY = {
    Kind.TASK_COMPLETED: Kind.TASK_SCHEDULED,
    Kind.TASK_FAILED: Kind.TASK_SCHEDULED,
    Kind.SUB_COMPLETED: Kind.SUB_CREATED,
    Kind.SUB_FAILED: Kind.SUB_CREATED,
}


def value_of(raw: str | None) -> Any:
    """A payload as a JSON value; text that is no JSON stays text."""
    if raw is None:
        return None
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return raw


def status_view(instance: Instance, *, show_input: bool) -> dict[str, Any]:
    """The status of one instance."""
    return {
        "name": instance.name,
        "instanceId": instance.id,
        "runtimeStatus": instance.status,
        "input": value_of(instance.input) if show_input else None,
        "customStatus": value_of(instance.custom_status),
        "output": value_of(instance.output),
        "createdTime": _time(instance.created),
        "lastUpdatedTime": _time(instance.updated),
    }


def history_view(
    history: Sequence[Event], *, show_input: bool, show_output: bool
) -> list[dict[str, Any]]:
    """A history for people: without frames, each completion joined with what it completes."""
    scheduled = {
        (item["EventType"], item["EventId"]): item
        for item in history
        if item["EventType"] in _SCHEDULED_BY.values()
    }
    ended = {
        (_SCHEDULED_BY[item["EventType"]], item["TaskScheduledId"])
        for item in history
        if item["EventType"] in _SCHEDULED_BY
    }
    views = []
    for item in history:
        kind = item["EventType"]
        if kind in _FRAME or (kind, item["EventId"]) in ended:
            continue
        begun = scheduled.get((_SCHEDULED_BY.get(kind, -1), item.get("TaskScheduledId", -1)))
        views.append(_event_view(item, begun, show_input=show_input, show_output=show_output))
    return views


def entity_view(row: tuple[str, str | None, float], *, fetch_state: bool) -> dict[str, Any]:
    """One entity in a list: id, JSON state and time of its last operation are in ``row``."""
    target, state, updated = row
    name, key = name_and_key(target)
    view: dict[str, Any] = {"entityId": {"name": name, "key": key}}
    view["lastOperationTime"] = _time(updated)
    if fetch_state:
        view["state"] = value_of(state)
    return view


def _event_view(
    item: Event, begun: Event | None, *, show_input: bool, show_output: bool
) -> dict[str, Any]:
    view = {key: value for key, value in item.items() if key not in _INTERNAL}
    view["EventType"] = NAMES[item["EventType"]]
    if item["EventType"] == Kind.EXECUTION_STARTED:
        view["FunctionName"] = view.pop("Name")
    if begun is not None:
        view["ScheduledTime"], view["FunctionName"] = begun["Timestamp"], begun["Name"]
    if "Result" in view:
        result = value_of(view.pop("Result"))
        if show_output:
            view["Result"] = result
    if not show_input:
        view.pop("Input", None)
    return view


def _time(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
