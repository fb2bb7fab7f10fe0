"""What one episode changes: the verdict on an instance, and the events and work it adds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from pixcrawler.host.durable.actions import (
    ActivityCall,
    EntityMessage,
    SubOrchestrationCall,
    TimerSet,
    Work,
)
from pixcrawler.host.durable.history import Event, Kind, event, stamp
from pixcrawler.host.durable.replay import ActionUnusable, NonDeterministic, Replay
from pixcrawler.host.durable.story import Told
from pixcrawler.host.durable.tables import FINISHED, Instance

CONTINUED = "ContinuedAsNew"
_CUSTOM_STATUS_BYTES = 16 * 1024


@dataclass(frozen=True)
class Outcome:
    """How an episode ended; payloads are JSON text.

    ``events`` are all events of the episode; ``work`` is what to start, by sequence id.
    """

    status: str
    output: str | None
    custom_status: str | None
    events: list[Event]
    work: dict[int, Work] = field(default_factory=dict)
    continue_input: str | None = None

    @property
    def is_final(self) -> bool:
        """Whether the instance has come to its end."""
        return self.status in FINISHED


def judge(instance: Instance, past: Sequence[Event], fresh: Sequence[Event], told: Told) -> Outcome:
    """Replay the orchestrator's answer and decide what becomes of the instance.

    Args:
        instance: as it was before.
        past: the events of former episodes.
        fresh: those of this one.
        told: the answer.
    """
    replay = Replay(instance.id, instance.execution, told.actions)
    custom_status, failure = _custom_status(instance, told)
    try:
        for item in _told_again(past, fresh):
            replay.feed(item)
    except (NonDeterministic, ActionUnusable, OverflowError) as error:
        failure = str(error)
    if told.crash:
        failure = _failed(instance, told.crash)
    status, output = _verdict(instance, told, replay, failure)
    # After a crash the ids are not to be trusted: nothing is started.
    work = {} if failure or replay.terminated else dict(sorted(replay.emitted.items()))
    return Outcome(
        status=status,
        output=output,
        custom_status=custom_status,
        events=_events(fresh, work, (status, output), replay.next_id),
        work=work,
        continue_input=_dumped(replay.continue_input) if status == CONTINUED else None,
    )


def _told_again(past: Sequence[Event], fresh: Sequence[Event]) -> Iterable[Event]:
    # A terminated orchestrator was not asked again, so there are no actions to replay.
    end = next((item for item in fresh if item["EventType"] == Kind.EXECUTION_TERMINATED), None)
    return chain(past, fresh) if end is None else (end,)


def _verdict(
    instance: Instance, told: Told, replay: Replay, failure: str | None
) -> tuple[str, str | None]:
    if replay.terminated:
        return "Terminated", replay.terminate_reason
    if failure:
        return "Failed", failure
    if replay.suspended:
        return "Suspended", None
    if not replay.finished or replay.has_open:
        return "Running", None
    return _ending(instance, told, replay)


def _ending(instance: Instance, told: Told, replay: Replay) -> tuple[str, str | None]:
    if told.error:
        return "Failed", _failed(instance, told.error)
    if replay.continued:
        return CONTINUED, None
    if told.is_done:
        return "Completed", _dumped(told.output)
    return "Running", None


def _failed(instance: Instance, error: str) -> str:
    return f"Orchestrator function '{instance.name}' failed: {error}"


def _custom_status(instance: Instance, told: Told) -> tuple[str | None, str | None]:
    # The SDK leaves out a falsy status, so that the former one stays.
    if told.custom_status is None:
        return instance.custom_status, None
    shown = json.dumps(told.custom_status, ensure_ascii=False)
    if len(shown.encode("utf-16-le", "surrogatepass")) > _CUSTOM_STATUS_BYTES:
        return instance.custom_status, (
            "The UTF-16 size of the JSON-serialized payload must not exceed 16 KB. The custom"
            f" status of '{instance.name}' is larger."
        )
    return json.dumps(told.custom_status), None


def _dumped(value: Any) -> str | None:
    return None if value is None else json.dumps(value)


def _events(
    fresh: Sequence[Event], work: dict[int, Work], ending: tuple[str, str | None], next_id: int
) -> list[Event]:
    events = [*fresh, *(scheduled(sequence_id, item) for sequence_id, item in work.items())]
    status, output = ending
    if status in FINISHED:
        completed = {"OrchestrationStatus": status, "Result": output}
        events.append(event(Kind.EXECUTION_COMPLETED, next_id, **completed))
    events.append(event(Kind.ORCHESTRATOR_COMPLETED))
    return events


def scheduled(sequence_id: int, work: Work) -> Event:
    """The event that says ``work`` was started; inputs stay out, to keep histories small."""
    match work:
        case ActivityCall():
            return event(Kind.TASK_SCHEDULED, sequence_id, Name=work.name, Version="", Input=None)
        case TimerSet():
            return event(Kind.TIMER_CREATED, sequence_id, FireAt=stamp(work.fire_at))
        case SubOrchestrationCall():
            fields = {"Name": work.name, "Version": "", "InstanceId": work.instance_id}
            return event(Kind.SUB_CREATED, sequence_id, **fields, Input=None)
        case EntityMessage():
            # The SDK reads the id, under which it then waits for the answer.
            sent = json.dumps({"op": work.operation, "id": work.request_id})
            fields = {"InstanceId": work.target, "Name": "op", "Input": sent}
            return event(Kind.EVENT_SENT, sequence_id, **fields)


def timer_fired(sequence_id: int, timer: TimerSet) -> Event:
    """The event that ends a timer, stamped with the time it was set for."""
    fire_at = stamp(timer.fire_at)
    return {**event(Kind.TIMER_FIRED, TimerId=sequence_id, FireAt=fire_at), "Timestamp": fire_at}
