"""The actions that the SDK's answer lists, and the work that each one asks for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

Action = dict[str, Any]
"""One entry of the SDK's ``actions``; keys are camelCase."""

HTTP_ACTIVITY = "BuiltIn::HttpActivity"
"""The built-in activity behind ``call_http``; its input is the request as JSON."""


class ActionKind(IntEnum):
    """The field ``actionType``.

    Source: azure.durable_functions.models.actions.ActionType, and AsyncActionType of the
    extension for SCHEDULED_SIGNAL.
    """

    CALL_ACTIVITY = 0
    CALL_ACTIVITY_WITH_RETRY = 1
    CALL_SUB_ORCHESTRATOR = 2
    CALL_SUB_ORCHESTRATOR_WITH_RETRY = 3
    CONTINUE_AS_NEW = 4
    CREATE_TIMER = 5
    WAIT_FOR_EVENT = 6
    CALL_ENTITY = 7
    CALL_HTTP = 8
    SIGNAL_ENTITY = 9
    SCHEDULED_SIGNAL = 10
    WHEN_ANY = 11
    WHEN_ALL = 12


@dataclass(frozen=True, slots=True)
class ActivityCall:
    """One attempt of an activity; ``input`` is JSON text."""

    name: str
    input: str | None


@dataclass(frozen=True, slots=True)
class TimerSet:
    """A durable timer; a cancelled one is recorded but never waited for."""

    fire_at: datetime
    cancelled: bool


@dataclass(frozen=True, slots=True)
class SubOrchestrationCall:
    """One attempt of a sub-orchestration; ``input`` is what the SDK sent, usually JSON text."""

    name: str
    input: Any
    instance_id: str
    version: str | None


@dataclass(frozen=True, slots=True)
class EntityMessage:
    """A call or signal to an entity; the answer to a call is an event named ``request_id``."""

    target: str
    operation: str
    input: Any
    is_signal: bool
    request_id: str
    due: datetime | None


Work = ActivityCall | TimerSet | SubOrchestrationCall | EntityMessage
