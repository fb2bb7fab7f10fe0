"""The work an orchestration has asked for: sequence ids, what is open, what waits for events."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from pixcrawler.host.durable.actions import (
    Action,
    EntityMessage,
    SubOrchestrationCall,
    TimerSet,
    Work,
)
from pixcrawler.host.durable.history import now


class Step:
    """Something the action list waits for: done or not, failed or not."""

    __slots__ = ("_callbacks", "done", "failed")

    def __init__(self, *, done: bool = False) -> None:
        self.done = done
        self.failed = False
        self._callbacks: list[Callable[[Step], None]] = []

    def then(self, callback: Callable[[Step], None]) -> None:
        """Call ``callback`` when this ends; at once when it has ended."""
        if self.done:
            callback(self)
        else:
            self._callbacks.append(callback)

    def complete(self, *, failed: bool = False) -> None:
        """End this step; a second time changes nothing."""
        if self.done:
            return
        self.done, self.failed = True, failed
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)


class Ledger:
    """What the Durable Task Framework keeps of one execution.

    Each activity attempt, timer, sub-orchestration and entity message takes the next sequence
    id, in the order of invocation; waits for events take none. The SDK derives the same ids on
    its own, so any difference here would deliver results to the wrong task.

    Source: TaskOrchestrationContext and RetryInterceptor of DurableTask.Core.
    """

    def __init__(self, instance_id: str, execution_id: str) -> None:
        self.clock: datetime = now()
        self.emitted: dict[int, Work] = {}
        self.open: dict[int, Step] = {}
        self.next_id = 0
        self._ids = (instance_id, execution_id)
        self._requests = 0
        self._waiting: dict[str, list[Step]] = {}
        self._buffered: dict[str, int] = {}
        self._parked: dict[int, Work] = {}

    # What follows starts work.

    def start(self, work: Work) -> Step:
        """Ask for ``work`` under the next id; the step ends when its completion arrives."""
        step = self.open[self.next_id] = Step()
        self._emit(work)
        return step

    def timer(self, fire_at: datetime, *, cancelled: bool = False) -> Step:
        """Set a timer; a cancelled one takes its id and is over at once."""
        if not cancelled:
            return self.start(TimerSet(fire_at, cancelled=False))
        self._emit(TimerSet(fire_at, cancelled=True))
        return Step(done=True)

    def sub_orchestration(self, action: Action) -> Step:
        """Start a child, named by the action or else by execution and sequence id."""
        instance_id = action.get("instanceId") or f"{self._ids[1]}:{self.next_id:x}"
        name, value, version = action["functionName"], action.get("input"), action.get("version")
        return self.start(SubOrchestrationCall(name, value, instance_id, version))

    def message(self, action: Action, *, is_signal: bool, due: datetime | None = None) -> str:
        """Send an operation to an entity and give the id under which the answer comes."""
        # Derived, not drawn: every replay must give a request the same id.
        name = "|".join((*self._ids, str(self._requests)))
        request_id = str(uuid.uuid5(uuid.NAMESPACE_OID, name))
        self._requests += 1
        target, operation, value = action["instanceId"], action["operation"], action.get("input")
        self._emit(EntityMessage(target, operation, value, is_signal, request_id, due))
        return request_id

    def wait(self, name: str) -> Step:
        """Wait for the event ``name``, which may have come already."""
        if self._buffered.get(name):
            self._buffered[name] -= 1
            return Step(done=True)
        step = Step()
        self._waiting.setdefault(name, []).append(step)
        return step

    def retried(self, attempt: Callable[[], Step], options: dict[str, Any]) -> Step:
        """Run ``attempt`` until it succeeds or the options give up, with a timer in between."""
        outcome = Step()
        first = timedelta(milliseconds=options["firstRetryIntervalInMilliseconds"])
        factor = options.get("backoffCoefficient") or 1
        most = options["maxNumberOfAttempts"]

        def run(tries: int) -> None:
            def ended(step: Step) -> None:
                if not step.failed:
                    outcome.complete()
                elif tries + 1 >= most:
                    # RetryInterceptor sets one more timer before it gives up; the SDK counts it.
                    self.timer(self.clock).then(lambda _: outcome.complete(failed=True))
                else:
                    pause = self.timer(self.clock + first * factor**tries)
                    pause.then(lambda _: run(tries + 1))

            attempt().then(ended)

        run(0)
        return outcome

    def _emit(self, work: Work) -> None:
        self.emitted[self.next_id] = work
        self.next_id += 1

    # What follows ends it.

    def end(self, sequence_id: int, *, failed: bool = False) -> None:
        """The work with this id ended; unknown and repeated ids change nothing."""
        step = self.open.pop(sequence_id, None)
        if step is not None:
            step.complete(failed=failed)

    def raise_event(self, name: str) -> None:
        """Give an event to the latest wait for it, or keep it for the next one."""
        # A stack, so that a loop may abandon waits it no longer cares about.
        if waits := self._waiting.get(name):
            waits.pop().complete()
        else:
            self._buffered[name] = self._buffered.get(name, 0) + 1

    def park(self) -> None:
        """Set aside the work that is not scheduled yet."""
        self._parked, self.emitted = {**self._parked, **self.emitted}, {}

    def unpark(self) -> None:
        """Bring back what was set aside."""
        self._parked, self.emitted = {}, {**self._parked, **self.emitted}
