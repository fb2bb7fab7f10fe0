"""A Durable Functions host in one file: drives a story by real replay through the real SDK.

Every turn replays the whole history, so an orchestrator that is not deterministic, or a payload
that does not survive JSON, fails here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.durable_functions.models import DurableOrchestrationContext
from azure.durable_functions.orchestrator import Orchestrator

Activity = Callable[[dict[str, Any]], Any]

EXECUTION, COMPLETED, FAILED, SCHEDULED = 0, 5, 6, 4
SUB_CREATED, SUB_COMPLETED = 7, 8
TIMER_CREATED, TIMER_FIRED, TURN_STARTED, TURN_ENDED, EVENT_RAISED = 10, 11, 12, 13, 15
CALL_ACTIVITY, CALL_STORY, CREATE_TIMER, WAIT_EVENT = 0, 2, 5, 6


class StoryFailed(Exception):
    """The orchestrator raised."""


class Stage:
    """Everything around a story: activities, sub-stories, and when events arrive.

    ``events`` maps an event's name to the number of waits that time out before it arrives.
    """

    def __init__(
        self,
        activities: Mapping[str, Activity],
        stories: Mapping[str, Callable[..., Any]] | None = None,
        events: Mapping[str, int] | None = None,
    ) -> None:
        self.activities = activities
        self.stories = stories or {}
        self.events = dict(events or {})
        self.called: list[tuple[str, dict[str, Any]]] = []
        self.waits_s: list[float] = []
        """Seconds that each timer was set to, in order."""

    def play(self, story: Callable[..., Any], given: dict[str, Any]) -> Any:
        """Run ``story`` to its end and return its output.

        Raises:
            StoryFailed: it raised, was not deterministic, or waits for nothing.
        """
        return _Performance(self, story, given).play()


class _Performance:
    def __init__(self, stage: Stage, story: Callable[..., Any], given: dict[str, Any]) -> None:
        self.stage, self.story, self.given = stage, story, json.dumps(given)
        self.now = datetime(2030, 1, 1, tzinfo=UTC)
        self.history: list[dict[str, Any]] = []
        self.told: list[tuple[Any, ...]] = []
        self.next_id = 0
        self.waiting: list[str] = []

    def add(self, kind: int, event_id: int = -1, **more: Any) -> None:
        self.now += timedelta(seconds=1)
        stamp = self.now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        event = {"EventType": kind, "EventId": event_id, "IsPlayed": False, "Timestamp": stamp}
        self.history.append({**event, **more})

    def play(self) -> Any:
        self.add(TURN_STARTED)
        self.begun = self.now
        self.add(EXECUTION, Name=self.story.__name__, Version="", Input=self.given)
        for _turn in range(1000):
            state = self.turn()
            if state["isDone"]:
                return state.get("output")
            self.advance(list(_flat(state["actions"])))
        raise StoryFailed("the story never ends")

    def turn(self) -> dict[str, Any]:
        body = {
            "history": self.history,
            "input": self.given,
            "instanceId": "job",
            "isReplaying": False,
            "parentInstanceId": None,
            "upperSchemaVersion": 1,
            "upperSchemaVersionNew": 2,
            "longRunningTimerIntervalDuration": "3.00:00:00",
            "maximumShortTimerDuration": "6.00:00:00",
            "defaultHttpAsyncRequestSleepTimeMillseconds": 30000,
        }
        try:
            context = DurableOrchestrationContext.from_json(json.dumps(body))
            return json.loads(Orchestrator(self.story).handle(context))
        except Exception as error:
            raise StoryFailed(str(error).split("$OutOfProcData$", maxsplit=1)[0]) from error

    def advance(self, actions: list[dict[str, Any]]) -> None:
        told = [_signature(action) for action in actions]
        if told[: len(self.told)] != self.told:
            raise StoryFailed("the story told itself differently on replay")
        fresh = actions[len(self.told) :]
        if not fresh:
            raise StoryFailed("the story waits for something nobody was asked to do")
        self.told = told
        answers = [answer for action in fresh for answer in self.schedule(action)]
        self.add(TURN_ENDED)
        self.add(TURN_STARTED)
        self.begun = self.now
        for answer in answers:
            answer()

    def schedule(self, action: dict[str, Any]) -> Iterator[Callable[[], None]]:
        kind = action["actionType"]
        if kind == WAIT_EVENT:
            self.waiting.append(action["externalEventName"])
            return
        event_id, self.next_id = self.next_id, self.next_id + 1
        if kind == CALL_ACTIVITY:
            self.add(SCHEDULED, event_id, Name=action["functionName"])
            yield lambda: self.perform(event_id, action["functionName"], action["input"])
        elif kind == CALL_STORY:
            self.add(SUB_CREATED, event_id, Name=action["functionName"], InstanceId="sub")
            yield lambda: self.tell(event_id, action["functionName"], action["input"])
        elif kind == CREATE_TIMER:
            self.add(TIMER_CREATED, event_id, FireAt=action["fireAt"])
            ends = datetime.fromisoformat(action["fireAt"])
            self.stage.waits_s.append(round((ends - self.begun).total_seconds()))
            yield lambda: self.fire(event_id, action["fireAt"])
        else:
            raise StoryFailed(f"action {kind} is not known here")

    def perform(self, event_id: int, name: str, given: str) -> None:
        self.stage.called.append((name, json.loads(given)))
        try:
            result = self.stage.activities[name](json.loads(given))
        except Exception as error:  # noqa: BLE001 - the host catches everything
            reason = f"Activity function '{name}' failed: {error}"
            self.add(FAILED, TaskScheduledId=event_id, Reason=reason, Details="")
        else:
            self.add(COMPLETED, TaskScheduledId=event_id, Result=json.dumps(result))

    def tell(self, event_id: int, name: str, given: str) -> None:
        output = self.stage.play(self.stage.stories[name], json.loads(given))
        self.add(SUB_COMPLETED, TaskScheduledId=event_id, Result=json.dumps(output))

    def fire(self, event_id: int, fire_at: str) -> None:
        for name in self.waiting:
            left = self.stage.events.get(name)
            if left == 0:
                self.add(EVENT_RAISED, Name=name, Input="{}")
                self.waiting.remove(name)
                return
            if left is not None:
                self.stage.events[name] = left - 1
        self.add(TIMER_FIRED, TimerId=event_id, FireAt=fire_at)


def _flat(actions: Any) -> Iterator[dict[str, Any]]:
    for action in actions:
        if isinstance(action, list):
            yield from _flat(action)
        elif "compoundActions" in action:
            yield from _flat(action["compoundActions"])
        else:
            yield action


def _signature(action: dict[str, Any]) -> tuple[Any, ...]:
    """What must be the same on every replay; a timer may be cancelled later."""
    named = action.get("functionName") or action.get("externalEventName") or action.get("fireAt")
    return action["actionType"], named, action.get("input")
