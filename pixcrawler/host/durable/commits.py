"""Writes the outcome of an episode: one transaction, then the wake-up calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pixcrawler.host.durable.actions import (
    ActivityCall,
    EntityMessage,
    SubOrchestrationCall,
    TimerSet,
    Work,
)
from pixcrawler.host.durable.births import Start, begin, new_execution_id
from pixcrawler.host.durable.errors import DurableRefused
from pixcrawler.host.durable.history import Event, Kind, event, execution_started
from pixcrawler.host.durable.hub import Hub
from pixcrawler.host.durable.outcome import CONTINUED, Outcome, timer_fired
from pixcrawler.host.durable.tables import Instance, Task, packed


@dataclass
class Episode:
    """What one episode of an instance works on; ``read`` are the row numbers of its messages."""

    instance: Instance
    past: list[Event]
    fresh: list[Event]
    read: list[int]


@dataclass
class _Afterwards:
    """What must happen once the transaction is safe, and not before."""

    tasks: list[Task] = field(default_factory=list)
    calls: list[Callable[[], None]] = field(default_factory=list)


def commit(hub: Hub, episode: Episode, outcome: Outcome) -> None:
    """Make an outcome true, all of it or nothing.

    Messages consumed, history, tasks, timers, sub-orchestrations, entity requests and the
    message to the parent are one transaction.
    """
    instance, after = episode.instance, _Afterwards()
    with hub.store.tx():
        hub.store.inbox.drop(episode.read)
        for sequence_id, work in outcome.work.items():
            _start(hub, instance, sequence_id, work, after)
        if outcome.status == CONTINUED:
            _continue_as_new(hub, instance, outcome, after)
        else:
            _record(hub, episode, outcome, after)
    hub.activities.add(after.tasks)
    for call in after.calls:
        call()


def _start(hub: Hub, instance: Instance, sequence_id: int, work: Work, after: _Afterwards) -> None:
    store = hub.store
    match work:
        case ActivityCall():
            hub.budget.check(work.name, "input", work.input)
            row = (instance.id, instance.execution, sequence_id, work.name, work.input)
            after.tasks.append(store.tasks.add(row))
        case TimerSet(cancelled=False):
            due = work.fire_at.timestamp()
            fired = timer_fired(sequence_id, work)
            store.inbox.send(instance.id, fired, execution=instance.execution, due=due)
            after.calls.append(lambda: hub.wake_instance(instance.id, due))
        case SubOrchestrationCall():
            _start_child(hub, instance, sequence_id, work, after)
        case EntityMessage():
            due = work.due.timestamp() if work.due else 0.0
            store.entities.send(work.target, _request(instance, work), due)
            after.calls.append(lambda: hub.wake_entity(work.target, due))


def _start_child(
    hub: Hub,
    instance: Instance,
    sequence_id: int,
    call: SubOrchestrationCall,
    after: _Afterwards,
) -> None:
    parent = (instance.id, instance.execution, sequence_id)
    raw_input = None if call.input is None else packed(call.input)
    try:
        child = begin(hub, Start(call.name, call.instance_id, raw_input, call.version, parent))
    except DurableRefused as error:
        failed = event(Kind.SUB_FAILED, TaskScheduledId=sequence_id, Reason=str(error), Details="")
        hub.store.inbox.send(instance.id, failed, execution=instance.execution)
        child = instance.id
    after.calls.append(lambda: hub.wake_instance(child))


def _request(instance: Instance, message: EntityMessage) -> dict[str, Any]:
    return {
        "op": message.operation,
        "id": message.request_id,
        "signal": message.is_signal,
        "input": None if message.input is None else packed(message.input),
        "parent": instance.id,
        "parentExecution": instance.execution,
    }


def _continue_as_new(hub: Hub, instance: Instance, outcome: Outcome, after: _Afterwards) -> None:
    store, execution = hub.store, new_execution_id()
    store.history.clear(instance.id)
    store.inbox.drop_execution(instance.id, instance.execution)
    store.instances.renew(instance.id, execution, outcome.continue_input, outcome.custom_status)
    started = execution_started(
        instance.name,
        (instance.id, execution),
        outcome.continue_input,
        instance.version,
        instance.parent,
    )
    store.inbox.send(instance.id, started, execution=execution)
    after.calls.append(lambda: hub.wake_instance(instance.id))


def _record(hub: Hub, episode: Episode, outcome: Outcome, after: _Afterwards) -> None:
    store, instance = hub.store, episode.instance
    played = [{**item, "IsPlayed": True} for item in outcome.events]
    store.history.append(instance.id, len(episode.past), played)
    store.instances.progress(instance.id, outcome.status, outcome.output, outcome.custom_status)
    after.calls.append(lambda: episode.past.extend(played))
    if not outcome.is_final:
        return
    # Timers and late answers of this execution: nobody will read them.
    store.inbox.drop_execution(instance.id, instance.execution)
    after.calls.append(lambda: hub.finished(instance.id))
    if instance.parent is not None:
        parent_id, parent_execution, sequence_id = instance.parent
        answer = _answer(instance, outcome, sequence_id)
        store.inbox.send(parent_id, answer, execution=parent_execution)
        after.calls.append(lambda: hub.wake_instance(parent_id))


def _answer(instance: Instance, outcome: Outcome, sequence_id: int) -> Event:
    if outcome.status == "Completed":
        return event(Kind.SUB_COMPLETED, TaskScheduledId=sequence_id, Result=outcome.output)
    reason = (
        f"The orchestrator function '{instance.name}' failed: \"{outcome.output}\"."
        " See the function execution logs for additional details."
    )
    return event(
        Kind.SUB_FAILED, TaskScheduledId=sequence_id, Reason=reason, Details=outcome.output
    )
