"""Replays the SDK's list of actions against the history, as the Durable extension does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from pixcrawler.host.durable.actions import (
    HTTP_ACTIVITY,
    Action,
    ActionKind,
    ActivityCall,
    EntityMessage,
    SubOrchestrationCall,
    TimerSet,
    Work,
)
from pixcrawler.host.durable.history import NAMES, Event, Kind, moment
from pixcrawler.host.durable.ledger import Ledger, Step


class NonDeterministic(Exception):
    """The orchestrator told its story otherwise than the history has it."""


class ActionUnusable(Exception):
    """The orchestrator asked for something of an unknown kind or shape."""


_WORK_OF: dict[int, type[Work]] = {
    Kind.TASK_SCHEDULED: ActivityCall,
    Kind.TIMER_CREATED: TimerSet,
    Kind.SUB_CREATED: SubOrchestrationCall,
    Kind.EVENT_SENT: EntityMessage,
}
_FAILURES = frozenset({Kind.TASK_FAILED, Kind.SUB_FAILED})
_HEARD_WHILE_SUSPENDED = frozenset(
    {Kind.EXECUTION_RESUMED, Kind.EXECUTION_TERMINATED, Kind.ORCHESTRATOR_STARTED}
)
_NEVER_PARKED = frozenset({Kind.EXECUTION_SUSPENDED, Kind.ORCHESTRATOR_COMPLETED})


class Replay:
    """One execution of one instance, told again from its first event.

    Feed it every event of the history, past and new. Then ``emitted`` holds the work that no
    event has scheduled yet, by sequence id; ``finished`` says that the action list came to its
    end, and ``has_open`` that something the instance started has not ended.

    Actions are invoked one after another, the next when the former ended, well or badly: how a
    failure is handled is the SDK's affair. While suspended, nothing is heard but the end of the
    suspension; what came meanwhile is told afterwards, in order.

    Source: OutOfProcOrchestrationShim and DurableOrchestrationContext of the extension.
    """

    def __init__(self, instance_id: str, execution_id: str, actions: list[list[Action]]) -> None:
        self.finished = False
        self.continued = False
        self.continue_input: Any = None
        self.terminated = False
        self.terminate_reason: str | None = None
        self.suspended = False
        self._ledger = Ledger(instance_id, execution_id)
        self._actions: Iterator[Action] = (action for group in actions for action in group)
        self._parked: list[Event] = []
        self._on_event: dict[int, Callable[[Event], None]] = {
            Kind.EXECUTION_STARTED: lambda _: self._proceed(),
            Kind.ORCHESTRATOR_STARTED: self._on_orchestrator_started,
            Kind.TIMER_FIRED: lambda event: self._ledger.end(event["TimerId"]),
            Kind.EVENT_RAISED: lambda event: self._ledger.raise_event(event["Name"]),
            Kind.EXECUTION_TERMINATED: self._on_terminated,
            Kind.EXECUTION_SUSPENDED: self._on_suspended,
            Kind.EXECUTION_RESUMED: self._on_resumed,
            **dict.fromkeys(_WORK_OF, self._on_scheduled),
            **dict.fromkeys((Kind.TASK_COMPLETED, Kind.SUB_COMPLETED, *_FAILURES), self._on_ended),
        }
        self._invoke_kind = self._invokers()

    @property
    def emitted(self) -> dict[int, Work]:
        """Work by sequence id that the history does not have yet."""
        return self._ledger.emitted

    @property
    def next_id(self) -> int:
        """The sequence id that the next work would take."""
        return self._ledger.next_id

    @property
    def has_open(self) -> bool:
        """Whether an activity, timer or sub-orchestration has not ended yet."""
        return bool(self._ledger.open)

    def feed(self, event: Event) -> None:
        """Take the next event of the history.

        Raises:
            NonDeterministic: the event scheduled something that the actions do not ask for.
            ActionUnusable: an action is of a kind or shape that nobody knows.
        """
        kind = event["EventType"]
        if self.suspended and kind not in _HEARD_WHILE_SUSPENDED:
            if kind not in _NEVER_PARKED:
                self._parked.append(event)
            return
        handler = self._on_event.get(kind)
        if handler is not None:
            handler(event)

    def _on_orchestrator_started(self, event: Event) -> None:
        self._ledger.clock = moment(event["Timestamp"])

    def _on_scheduled(self, event: Event) -> None:
        sequence_id, kind = event["EventId"], event["EventType"]
        work = self.emitted.get(sequence_id)
        if not isinstance(work, _WORK_OF[kind]) or not _same_name(work, event):
            raise NonDeterministic(
                f"Non-Deterministic workflow detected: the history has {NAMES[kind]} with id"
                f" {sequence_id} and name {event.get('Name')!r}, but the orchestrator asked for"
                f" {_described(work)}. Orchestrator code must be deterministic."
            )
        del self.emitted[sequence_id]

    def _on_ended(self, event: Event) -> None:
        self._ledger.end(event["TaskScheduledId"], failed=event["EventType"] in _FAILURES)

    def _on_terminated(self, event: Event) -> None:
        self.terminated, self.terminate_reason = True, event.get("Input")

    def _on_suspended(self, _: Event) -> None:
        self.suspended = True
        self._ledger.park()

    def _on_resumed(self, _: Event) -> None:
        self.suspended = False
        self._ledger.unpark()
        parked, self._parked = self._parked, []
        for event in parked:
            self.feed(event)

    def _proceed(self, _: Step | None = None) -> None:
        # A loop, not recursion: thousands of actions may find their step already done.
        while (action := next(self._actions, None)) is not None:
            step = self._invoke(action)
            if not step.done:
                step.then(self._proceed)
                return
        self.finished = True

    def _invoke(self, action: Action) -> Step:
        try:
            return self._invoke_kind[action["actionType"]](action)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ActionUnusable(f"The orchestrator's action is unusable: {error!r}") from error

    def _invokers(self) -> dict[int, Callable[[Action], Step]]:
        ledger = self._ledger
        return {
            ActionKind.CALL_ACTIVITY: self._activity,
            ActionKind.CALL_ACTIVITY_WITH_RETRY: lambda action: ledger.retried(
                lambda: self._activity(action), action["retryOptions"]
            ),
            ActionKind.CALL_SUB_ORCHESTRATOR: ledger.sub_orchestration,
            ActionKind.CALL_SUB_ORCHESTRATOR_WITH_RETRY: lambda action: ledger.retried(
                lambda: ledger.sub_orchestration(action), action["retryOptions"]
            ),
            ActionKind.CONTINUE_AS_NEW: self._continue_as_new,
            ActionKind.CREATE_TIMER: lambda action: ledger.timer(
                moment(action["fireAt"]), cancelled=bool(action.get("isCanceled"))
            ),
            ActionKind.WAIT_FOR_EVENT: lambda action: ledger.wait(action["externalEventName"]),
            ActionKind.CALL_ENTITY: lambda action: ledger.wait(
                ledger.message(action, is_signal=False)
            ),
            ActionKind.CALL_HTTP: lambda action: ledger.start(
                ActivityCall(HTTP_ACTIVITY, json.dumps(action["httpRequest"]))
            ),
            ActionKind.SIGNAL_ENTITY: self._signal,
            ActionKind.SCHEDULED_SIGNAL: self._signal,
            ActionKind.WHEN_ANY: lambda action: self._compound(action, all_of_them=False),
            ActionKind.WHEN_ALL: lambda action: self._compound(action, all_of_them=True),
        }

    def _activity(self, action: Action) -> Step:
        return self._ledger.start(ActivityCall(action["functionName"], action.get("input")))

    def _continue_as_new(self, action: Action) -> Step:
        self.continued, self.continue_input = True, action.get("input")
        return Step(done=True)

    def _signal(self, action: Action) -> Step:
        due = moment(action["fireAt"]) if action.get("fireAt") else None
        self._ledger.message(action, is_signal=True, due=due)
        return Step(done=True)

    def _compound(self, action: Action, *, all_of_them: bool) -> Step:
        children = [self._invoke(child) for child in action.get("compoundActions", [])]
        outcome = Step(done=not children)
        missing = len(children)

        def ended(_: Step) -> None:
            nonlocal missing
            missing -= 1
            if not all_of_them or missing == 0:
                outcome.complete()

        for child in children:
            child.then(ended)
        return outcome


def _same_name(work: Work, event: Event) -> bool:
    if isinstance(work, ActivityCall | SubOrchestrationCall):
        return work.name.lower() == str(event["Name"]).lower()
    return True


def _described(work: Work | None) -> str:
    # Never the input: it may be large, and it may be private.
    if work is None:
        return "nothing under that id"
    return f"{type(work).__name__} {getattr(work, 'name', '')}".rstrip()
