"""The history events of the Durable Task Framework, as JSON objects."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

Event = dict[str, Any]
"""One history event; keys are PascalCase, as the SDK reads them."""


class Kind(IntEnum):
    """The field ``EventType``.

    Source: DurableTask.Core.History.EventType.
    """

    EXECUTION_STARTED = 0
    EXECUTION_COMPLETED = 1
    EXECUTION_FAILED = 2
    EXECUTION_TERMINATED = 3
    TASK_SCHEDULED = 4
    TASK_COMPLETED = 5
    TASK_FAILED = 6
    SUB_CREATED = 7
    SUB_COMPLETED = 8
    SUB_FAILED = 9
    TIMER_CREATED = 10
    TIMER_FIRED = 11
    ORCHESTRATOR_STARTED = 12
    ORCHESTRATOR_COMPLETED = 13
    EVENT_SENT = 14
    EVENT_RAISED = 15
    CONTINUE_AS_NEW = 16
    GENERIC = 17
    HISTORY_STATE = 18
    EXECUTION_SUSPENDED = 19
    EXECUTION_RESUMED = 20


NAMES = {
    Kind.EXECUTION_STARTED: "ExecutionStarted",
    Kind.EXECUTION_COMPLETED: "ExecutionCompleted",
    Kind.EXECUTION_FAILED: "ExecutionFailed",
    Kind.EXECUTION_TERMINATED: "ExecutionTerminated",
    Kind.TASK_SCHEDULED: "TaskScheduled",
    Kind.TASK_COMPLETED: "TaskCompleted",
    Kind.TASK_FAILED: "TaskFailed",
    Kind.SUB_CREATED: "SubOrchestrationInstanceCreated",
    Kind.SUB_COMPLETED: "SubOrchestrationInstanceCompleted",
    Kind.SUB_FAILED: "SubOrchestrationInstanceFailed",
    Kind.TIMER_CREATED: "TimerCreated",
    Kind.TIMER_FIRED: "TimerFired",
    Kind.ORCHESTRATOR_STARTED: "OrchestratorStarted",
    Kind.ORCHESTRATOR_COMPLETED: "OrchestratorCompleted",
    Kind.EVENT_SENT: "EventSent",
    Kind.EVENT_RAISED: "EventRaised",
    Kind.CONTINUE_AS_NEW: "ContinueAsNew",
    Kind.GENERIC: "GenericEvent",
    Kind.HISTORY_STATE: "HistoryState",
    Kind.EXECUTION_SUSPENDED: "ExecutionSuspended",
    Kind.EXECUTION_RESUMED: "ExecutionResumed",
}


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """A moment as history and actions write it: ``2026-11-20T08:30:00.000000Z``."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment(text: str) -> datetime:
    """The moment that `stamp` wrote, in UTC.

    Raises:
        ValueError: not an ISO 8601 time.
    """
    read = datetime.fromisoformat(text)
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


def event(kind: Kind, event_id: int = -1, **fields: Any) -> Event:
    """A new event, stamped now and not yet played.

    Args:
        kind: its type.
        event_id: the sequence id of a scheduling event; -1 for all others.
        fields: what else this kind carries.
    """
    return {
        "EventType": int(kind),
        "EventId": event_id,
        "IsPlayed": False,
        "Timestamp": stamp(now()),
        **fields,
    }


def execution_started(
    name: str,
    instance: tuple[str, str],
    raw_input: str | None,
    version: str | None,
    parent: tuple[str, str, int] | None,
) -> Event:
    """The first event of an execution.

    Args:
        name: the orchestrator function.
        instance: instance id and execution id.
        raw_input: JSON text.
        version: the orchestration version, free text.
        parent: instance id, execution id and sequence id in the parent orchestration.
    """
    return event(
        Kind.EXECUTION_STARTED,
        Name=name,
        Version=version or "",
        Input=raw_input,
        Tags=None,
        OrchestrationInstance={"InstanceId": instance[0], "ExecutionId": instance[1]},
        ParentInstance=None if parent is None else _parent_instance(parent),
        Correlation=None,
        ScheduledStartTime=None,
        Generation=0,
    )


def _parent_instance(parent: tuple[str, str, int]) -> dict[str, Any]:
    return {
        "Name": "",
        "OrchestrationInstance": {"InstanceId": parent[0], "ExecutionId": parent[1]},
        "TaskScheduleId": parent[2],
        "Version": "",
    }
