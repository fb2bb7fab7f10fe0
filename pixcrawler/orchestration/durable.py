"""The grammar of stories: run a step, fan a step out, tell a sub-story, wait for an event.

The only file that knows how Durable Functions schedules work. Activities and sub-stories never
raise for what can be expected: they answer ``{"done": …}`` or ``{"failed": …}``, because an
exception loses its type at the Durable boundary and fails a whole fan-out.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import azure.durable_functions as df
from pydantic import ValidationError

from pixcrawler.domain.job import Failure
from pixcrawler.domain.model import Value
from pixcrawler.pipeline.limits import STEP_PAUSES_S
from pixcrawler.pipeline.steps import Step

In = TypeVar("In", bound=Value)
Out = TypeVar("Out", bound=Value)
Told = TypeVar("Told")
Story = Generator[Any, Any, Told]


class StepFailed(Exception):
    """A step gave up; ``failure`` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def done(value: Value) -> dict[str, Any]:
    """Wrap what a step or sub-story gives."""
    return {"done": value.model_dump(mode="json")}


def failed(failure: Failure, *, may_heal: bool = False) -> dict[str, Any]:
    """Wrap why a step or sub-story gave up; ``may_heal``: the step may succeed later."""
    return {"failed": failure.model_dump(mode="json"), "may_heal": may_heal}


def given(context: df.DurableOrchestrationContext, takes: type[In]) -> In:
    """Return the story's input.

    Raises:
        StepFailed: the input is not what the story takes.
    """
    try:
        return takes.model_validate(context.get_input(expected_type=dict))
    except ValidationError as error:
        raise StepFailed(Failure(code="invariant_broken", message=str(error)[:500])) from error


def run(context: df.DurableOrchestrationContext, step: Step[In, Out], value: In) -> Story[Out]:
    """Run ``step`` and wait for what it gives.

    Raises:
        StepFailed: the step gave up for good, or its worker died too often.
    """
    return (yield from fan_out(context, step, [value]))[0]


def fan_out(
    context: df.DurableOrchestrationContext, step: Step[In, Out], values: Iterable[In]
) -> Story[list[Out]]:
    """Run ``step`` for every value at once and wait for all of them.

    What may heal is run again after each of the ``STEP_PAUSES_S``: an outage of a database or a
    store holds the story up, it does not end it.

    Raises:
        StepFailed: any of them gave up for good.
    """
    open_values = dict(enumerate(values))
    answers: dict[int, Any] = {}
    for pause_s in (0, *STEP_PAUSES_S):
        if pause_s:
            yield from pause(context, pause_s)
        tasks = [_activity(context, step, value) for value in open_values.values()]
        answers |= dict(zip(open_values, (yield from _all(context, tasks)), strict=True))
        open_values = {at: one for at, one in open_values.items() if not _is_done(answers[at])}
        if not _may_heal([answers[at] for at in open_values]):
            break
    return [_opened(step.name, step.gives, answers[at]) for at in sorted(answers)]


def tell_all(
    context: df.DurableOrchestrationContext,
    story: str,
    values: Sequence[In],
    gives: type[Out],
    at_once: int,
    until: Callable[[Out], bool],
) -> Story[list[Out]]:
    """Tell the sub-story ``story`` for every value, in waves of ``at_once``.

    Waves, so that the first groups go all their way before the last begin, and progress is
    seen. Not a window that slides by task_any: the SDK leaves out of a second task_any what a
    first one scheduled, and the extension then waits for the new tasks only, one after another.
    Once ``until`` is true of what one gives, no further wave begins.

    Raises:
        StepFailed: any of them gave up.
    """
    told: list[Out] = []
    for start in range(0, len(values), at_once):
        tasks = [
            context.call_sub_orchestrator(story, value.model_dump(mode="json"), expected_type=dict)
            for value in values[start : start + at_once]
        ]
        answers = yield from _all(context, tasks)
        wave = [_opened(story, gives, answer) for answer in answers]
        told += wave
        if any(until(one) for one in wave):
            break
    return told


def now(context: df.DurableOrchestrationContext) -> datetime:
    """Return the time of the story's turn, UTC: the same whenever the turn is replayed."""
    at: datetime = context.current_utc_datetime
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def pause(context: df.DurableOrchestrationContext, seconds: float) -> Story[None]:
    """Wait for ``seconds``, through restarts, and without holding a worker."""
    yield context.create_timer(context.current_utc_datetime + timedelta(seconds=seconds))


def wait_for(
    context: df.DurableOrchestrationContext, event: str, seconds: float
) -> Generator[Any, Any, bool]:
    """Wait for the external event ``event``, at most ``seconds``; say whether it came."""
    timer = context.create_timer(context.current_utc_datetime + timedelta(seconds=seconds))
    arrival = context.wait_for_external_event(event)
    first = yield context.task_any([arrival, timer])
    if first is arrival:
        # An open timer would keep the instance running after its story has ended.
        timer.cancel()
        return True
    return False


def chapters(
    story: Callable[[df.DurableOrchestrationContext], Story[Out]],
) -> Callable[[df.DurableOrchestrationContext], Generator[Any, Any, dict[str, Any]]]:
    """Make an orchestrator of ``story`` that answers in the wrapping above and never raises."""

    def orchestrator(
        context: df.DurableOrchestrationContext,
    ) -> Generator[Any, Any, dict[str, Any]]:
        try:
            value = yield from story(context)
        except StepFailed as error:
            return failed(error.failure)
        return done(value)

    orchestrator.__name__ = story.__name__
    orchestrator.__doc__ = story.__doc__
    return orchestrator


def _activity(context: df.DurableOrchestrationContext, step: Step[In, Out], value: In) -> Any:
    return context.call_activity(step.name, value.model_dump(mode="json"), expected_type=dict)


def _all(context: df.DurableOrchestrationContext, tasks: list[Any]) -> Story[list[Any]]:
    try:
        answers: list[Any] = yield context.task_all(tasks)
    except Exception as error:
        # Only a worker that dies again and again, or a bug of the host, comes this way.
        raise StepFailed(Failure(code="activity_lost", message=_first_line(error))) from error
    return answers


def _is_done(answer: Any) -> bool:
    return isinstance(answer, dict) and "done" in answer


def _may_heal(open_answers: list[Any]) -> bool:
    """Whether there are failures, and none of them is for good."""
    return bool(open_answers) and all(
        isinstance(answer, dict) and answer.get("may_heal") is True for answer in open_answers
    )


def _opened(name: str, gives: type[Out], answer: Any) -> Out:
    if _is_done(answer):
        return gives.model_validate(answer["done"])
    if isinstance(answer, dict) and "failed" in answer:
        raise StepFailed(Failure.model_validate(answer["failed"]))
    raise StepFailed(Failure(code="invariant_broken", message=f"{name} gave no known answer"))


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:500]
