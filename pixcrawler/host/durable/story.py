"""One turn of an orchestrator function: what it is told, and what it answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pixcrawler.host.durable.actions import Action
from pixcrawler.host.durable.history import Event
from pixcrawler.host.durable.settings import DurableSettings
from pixcrawler.host.durable.tables import Instance

STATE_MARK = "\n\n$OutOfProcData$:"
"""What stands between the message and the state in the exception that the SDK raises."""


@dataclass(frozen=True)
class Told:
    """What the orchestrator has asked for since the beginning, and how far it came.

    ``error`` is the exception it raised, after which ``actions`` still count; ``crash`` is a
    failure that left no state at all.
    """

    actions: list[list[Action]] = field(default_factory=list)
    is_done: bool = False
    output: Any = None
    error: str | None = None
    custom_status: Any = None
    crash: str | None = None


def context_json(
    instance: Instance, past: Sequence[Event], fresh: Sequence[Event], settings: DurableSettings
) -> str:
    """The input of an orchestrator function.

    Args:
        instance: which one.
        past: the events of former episodes.
        fresh: those of this one, beginning with OrchestratorStarted.
        settings: for the timer limits.

    Source: OrchestrationContextToString of the extension; the misspelt name is theirs.
    """
    context = {
        "history": [*past, *fresh],
        "input": None if instance.input is None else json.loads(instance.input),
        "instanceId": instance.id,
        "isReplaying": bool(past),
        "parentInstanceId": instance.parent_id,
        "upperSchemaVersion": 1,
        "upperSchemaVersionNew": 2,
        "longRunningTimerIntervalDuration": _time_span(settings.long_timer_part),
        "maximumShortTimerDuration": _time_span(settings.short_timer),
        "defaultHttpAsyncRequestSleepTimeMillseconds": 30_000,
    }
    return json.dumps(context)


def read_state(text: Any) -> Told:
    """The orchestrator's answer, JSON text.

    What cannot be read is a crash, not an exception: the instance must fail, not the host.
    """
    try:
        state = json.loads(text)
        return Told(
            actions=[list(group) for group in state["actions"]],
            is_done=bool(state["isDone"]),
            output=state.get("output"),
            error=state.get("error") or None,
            custom_status=state.get("customStatus"),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return Told(crash=f"The orchestrator function must return a valid JSON schema: {error!r}")


def read_failure(text: str) -> Told:
    """What the exception of an orchestrator function carries."""
    message, mark, state = text.partition(STATE_MARK)
    if not mark:
        return Told(crash=text)
    told = read_state(state)
    return told if told.crash is None else Told(crash=message)


def _time_span(duration: timedelta) -> str:
    # .NET's "c" format: [d.]hh:mm:ss[.fffffff]
    seconds = duration.seconds
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    fraction = f".{duration.microseconds:06}0" if duration.microseconds else ""
    days = f"{duration.days}." if duration.days else ""
    return f"{days}{clock}{fraction}"
