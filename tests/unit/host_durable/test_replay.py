"""The replay of actions against a history gives the ids and endings of the extension."""

from __future__ import annotations

from typing import Any

import pytest

from pixcrawler.host.durable.actions import (
    HTTP_ACTIVITY,
    ActivityCall,
    EntityMessage,
    SubOrchestrationCall,
    TimerSet,
)
from pixcrawler.host.durable.history import Event, Kind, event, moment
from pixcrawler.host.durable.replay import ActionUnusable, NonDeterministic, Replay

NOON = "2026-11-20T12:00:00.000000Z"


def replayed(actions: list[dict[str, Any]], *events: Event) -> Replay:
    """A replay that has heard the start and then ``events``."""
    replay = Replay("instance", "execution", [actions])
    begun = {**event(Kind.ORCHESTRATOR_STARTED), "Timestamp": NOON}
    for item in (begun, event(Kind.EXECUTION_STARTED), *events):
        replay.feed(item)
    return replay


def call(name: str = "work", **more: Any) -> dict[str, Any]:
    """The action of an activity call."""
    return {"actionType": 0, "functionName": name, "input": '"x"', **more}


def retried(attempts: int, **options: Any) -> dict[str, Any]:
    """The action of a retried activity call."""
    first = {"firstRetryIntervalInMilliseconds": 1000, "maxNumberOfAttempts": attempts}
    return {**call(), "actionType": 1, "retryOptions": {**first, **options}}


def timer(*, cancelled: bool = False) -> dict[str, Any]:
    """The action of a timer of one hour."""
    return {"actionType": 5, "fireAt": "2026-11-20T13:00:00.000000Z", "isCanceled": cancelled}


def wait(name: str) -> dict[str, Any]:
    """The action of a wait for an event."""
    return {"actionType": 6, "externalEventName": name, "reason": "ExternalEvent"}


def any_of(*children: dict[str, Any]) -> dict[str, Any]:
    """The action of task_any."""
    return {"actionType": 11, "compoundActions": list(children)}


def all_of(*children: dict[str, Any]) -> dict[str, Any]:
    """The action of task_all."""
    return {"actionType": 12, "compoundActions": list(children)}


def done(task_id: int) -> Event:
    """An activity ended well."""
    return event(Kind.TASK_COMPLETED, TaskScheduledId=task_id, Result="1")


def failed(task_id: int) -> Event:
    """An activity failed."""
    return event(Kind.TASK_FAILED, TaskScheduledId=task_id, Reason="r", Details="d")


def fired(timer_id: int) -> Event:
    """A timer fired."""
    return event(Kind.TIMER_FIRED, TimerId=timer_id, FireAt=NOON)


def raised(name: str) -> Event:
    """An external event."""
    return event(Kind.EVENT_RAISED, Name=name, Input="1")


def test_the_next_action_waits_for_the_former():
    """Only the first of two calls is asked for before it ended."""
    assert list(replayed([call(), call()]).emitted) == [0]
    assert list(replayed([call(), call()], done(0)).emitted) == [0, 1]


def test_a_failure_is_an_end_too():
    """How to go on after a failure is the SDK's affair."""
    assert list(replayed([call(), call()], failed(0)).emitted) == [0, 1]


def test_scheduled_work_is_asked_for_no_more():
    """An event in the history takes the work off the list; the end is open until it ended."""
    scheduled = event(Kind.TASK_SCHEDULED, 0, Name="Work")
    replay = replayed([call()], scheduled)
    assert (replay.emitted, replay.has_open, replay.finished) == ({}, True, False)
    replay.feed(done(0))
    assert (replay.has_open, replay.finished) == (False, True)


@pytest.mark.parametrize(
    "scheduled",
    [
        event(Kind.TASK_SCHEDULED, 0, Name="other"),
        event(Kind.TASK_SCHEDULED, 1, Name="work"),
        event(Kind.TIMER_CREATED, 0, FireAt=NOON),
        event(Kind.SUB_CREATED, 0, Name="work", InstanceId="x"),
        event(Kind.EVENT_SENT, 0, InstanceId="@a@b", Name="op"),
    ],
    ids=["name", "id", "timer", "child", "message"],
)
def test_a_history_that_tells_another_story_is_refused(scheduled):
    """Kind, id and name must be those that the orchestrator asks for now."""
    with pytest.raises(NonDeterministic, match="Non-Deterministic workflow detected"):
        replayed([call()], scheduled)


def test_the_refusal_does_not_show_inputs():
    """Inputs may be large and private."""
    with pytest.raises(NonDeterministic) as caught:
        replayed([call(input='"secret"')], event(Kind.TIMER_CREATED, 0, FireAt=NOON))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "action",
    [{"actionType": 99}, {}, {"actionType": 0}, {**timer(), "fireAt": "soon"}, {"actionType": 1}],
)
def test_an_action_that_nobody_knows_is_refused(action):
    """Unknown kinds and missing fields are told apart from faults of the host."""
    with pytest.raises(ActionUnusable):
        replayed([action])


def test_retries_take_an_id_for_each_attempt_and_each_pause():
    """Attempt 0, pause 1, attempt 2."""
    replay = replayed([retried(3)], failed(0), fired(1))
    assert [type(work) for work in replay.emitted.values()] == [
        ActivityCall,
        TimerSet,
        ActivityCall,
    ]
    assert replay.emitted[1].fire_at == moment("2026-11-20T12:00:01.000000Z")


def test_the_last_failure_of_a_retried_call_sets_one_more_timer():
    """The retry interceptor waits once more before it gives up, and the SDK counts that id."""
    replay = replayed([retried(1), call()], failed(0))
    assert list(replay.emitted) == [0, 1]
    assert replay.emitted[1].fire_at == moment(NOON)
    replay.feed(fired(1))
    assert list(replay.emitted) == [0, 1, 2]


def test_the_backoff_coefficient_lengthens_pauses():
    """The second pause is the first one times the coefficient."""
    replay = replayed([retried(3, backoffCoefficient=3)], failed(0), fired(1), failed(2))
    assert replay.emitted[3].fire_at == moment("2026-11-20T12:00:03.000000Z")


def test_when_all_ends_with_the_last_child():
    """A failed child does not end it early: the SDK may know, the extension waits."""
    replay = replayed([all_of(call(), call()), call()], failed(0))
    assert list(replay.emitted) == [0, 1]
    replay.feed(done(1))
    assert list(replay.emitted) == [0, 1, 2]


def test_when_any_ends_with_the_first_child():
    """The rest stays open and keeps the instance running."""
    replay = replayed([any_of(call(), timer())], done(0))
    assert (replay.finished, replay.has_open) == (True, True)


def test_empty_compounds_are_done():
    """task_all and task_any of nothing hold nobody up."""
    assert replayed([all_of(), any_of()]).finished


def test_a_cancelled_timer_takes_its_id_and_holds_nobody_up():
    """It is recorded, but never open."""
    replay = replayed([any_of(timer(cancelled=True), wait("go")), call()])
    assert replay.emitted[0] == TimerSet(moment("2026-11-20T13:00:00.000000Z"), cancelled=True)
    assert isinstance(replay.emitted[1], ActivityCall)
    replay.feed(done(1))
    assert (replay.finished, replay.has_open) == (True, False)


def test_events_are_kept_for_later_waits():
    """An early event ends the wait at once; another name does not."""
    replay = replayed([call(), wait("go"), wait("stop")], raised("go"), done(0))
    assert not replay.finished
    replay.feed(raised("stop"))
    assert replay.finished


def test_names_of_events_mind_case():
    """The extension matches them exactly."""
    assert not replayed([wait("go")], raised("Go")).finished


def test_the_latest_wait_gets_the_event():
    """Waits are a stack, so that a loop can abandon the old ones."""
    abandoned = any_of(wait("go"), call())
    replay = replayed([abandoned, wait("go")], done(0), raised("go"))
    assert replay.finished


def test_waits_take_no_ids():
    """Only work that leaves the orchestrator is numbered."""
    assert list(replayed([wait("go"), call()], raised("go")).emitted) == [0]


def test_sub_orchestrations_are_named_by_execution_and_hexadecimal_id():
    """A child without an id gets one that every replay finds again."""
    child = {"actionType": 2, "functionName": "child", "input": None}
    replay = replayed([all_of(*[call() for _ in range(10)], child)])
    assert replay.emitted[10] == SubOrchestrationCall("child", None, "execution:a", None)


def test_retried_sub_orchestrations_get_a_new_id_for_each_attempt():
    """The second attempt does not collide with the first."""
    options = {"firstRetryIntervalInMilliseconds": 1, "maxNumberOfAttempts": 2}
    child = {"actionType": 3, "functionName": "child", "retryOptions": options}
    gone = event(Kind.SUB_FAILED, TaskScheduledId=0, Reason="r", Details="d")
    replay = replayed([child], gone, fired(1))
    assert [replay.emitted[i].instance_id for i in (0, 2)] == ["execution:0", "execution:2"]


def test_entity_calls_wait_for_an_event_named_by_the_request():
    """The request id is the same in every replay, and differs between requests."""
    ask = {"actionType": 7, "instanceId": "@a@b", "operation": "get", "input": "null"}
    first, second = replayed([all_of(ask, ask)]), replayed([all_of(ask, ask)])
    ids = [work.request_id for work in first.emitted.values()]
    assert ids == [work.request_id for work in second.emitted.values()]
    assert len(set(ids)) == 2
    for request_id in ids:
        assert not first.finished
        first.feed(raised(request_id))
    assert first.finished


@pytest.mark.parametrize(
    ("more", "due"),
    [({"actionType": 9}, None), ({"actionType": 10, "fireAt": NOON}, moment(NOON))],
    ids=["now", "scheduled"],
)
def test_signals_hold_nobody_up(more, due):
    """A signal takes an id and is over at once; a scheduled one says when."""
    signal = {"instanceId": "@a@b", "operation": "add", "input": "1", **more}
    replay = replayed([signal])
    assert replay.finished
    assert isinstance(replay.emitted[0], EntityMessage)
    assert (replay.emitted[0].is_signal, replay.emitted[0].due) == (True, due)


def test_call_http_is_an_activity_of_the_host():
    """The request travels as the input of a built-in activity."""
    replay = replayed([{"actionType": 8, "httpRequest": {"method": "GET", "uri": "http://x"}}])
    assert replay.emitted[0] == ActivityCall(HTTP_ACTIVITY, '{"method": "GET", "uri": "http://x"}')


def test_continue_as_new_is_remembered_with_its_input():
    """It ends nothing by itself; the verdict looks at it."""
    replay = replayed([{"actionType": 4, "input": "5"}])
    assert (replay.continued, replay.continue_input, replay.finished) == (True, "5", True)


def test_a_suspension_parks_events_and_work_and_gives_both_back():
    """Nothing is scheduled and nothing heard while it lasts; afterwards all of it, in order."""
    replay = replayed([call(), call()], event(Kind.EXECUTION_SUSPENDED), done(0))
    assert (replay.suspended, replay.emitted) == (True, {})
    replay.feed(event(Kind.EXECUTION_RESUMED))
    assert (replay.suspended, list(replay.emitted)) == (False, [0, 1])


def test_a_termination_is_heard_during_a_suspension():
    """The reason becomes the output."""
    ended = event(Kind.EXECUTION_TERMINATED, Input="enough")
    replay = replayed([call()], event(Kind.EXECUTION_SUSPENDED), ended)
    assert (replay.terminated, replay.terminate_reason) == (True, "enough")


def test_completions_nobody_waits_for_change_nothing():
    """Late, repeated and unknown completions are passed over."""
    replay = replayed([call(), call()], done(0), done(0), done(77), fired(9))
    assert list(replay.emitted) == [0, 1]


def test_thousands_of_finished_actions_need_no_deep_stack():
    """Ten thousand signals in a row are invoked in a loop."""
    signal = {"actionType": 9, "instanceId": "@a@b", "operation": "add", "input": "1"}
    replay = replayed([signal] * 10_000)
    assert replay.finished
    assert len(replay.emitted) == 10_000
