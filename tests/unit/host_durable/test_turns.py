"""What functions are told and what they answer: contexts, states, outcomes, batches."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from pixcrawler.host.durable.batches import (
    EntityState,
    name_and_key,
    read_batch,
    signal,
)
from pixcrawler.host.durable.batches import (
    context_json as entity_context,
)
from pixcrawler.host.durable.history import Kind, event
from pixcrawler.host.durable.outcome import judge
from pixcrawler.host.durable.settings import DurableSettings
from pixcrawler.host.durable.story import Told, context_json, read_failure, read_state
from pixcrawler.host.durable.tables import Instance

INSTANCE = Instance(
    "id", "execution", "story", None, '"{}"', None, '{"at": 1}', "Running", 0, 0, "up", "e", 3
)
EVENT = {"actionType": 6, "externalEventName": "go", "reason": "ExternalEvent"}
STARTED = [event(Kind.ORCHESTRATOR_STARTED), event(Kind.EXECUTION_STARTED)]


def test_an_orchestrator_is_told_what_the_extension_tells():
    """Every field has the name, the type and the spelling of OrchestrationContextToString."""
    context = json.loads(context_json(INSTANCE, [], STARTED, DurableSettings()))
    assert context.pop("history") == STARTED
    assert context == {
        "input": "{}",
        "instanceId": "id",
        "isReplaying": False,
        "parentInstanceId": "up",
        "upperSchemaVersion": 1,
        "upperSchemaVersionNew": 2,
        "longRunningTimerIntervalDuration": "3.00:00:00",
        "maximumShortTimerDuration": "6.00:00:00",
        "defaultHttpAsyncRequestSleepTimeMillseconds": 30000,
    }


def test_time_spans_are_written_as_dotnet_writes_them():
    """Days only when there are any, fractions with seven digits."""
    settings = DurableSettings(
        short_timer=timedelta(hours=26, minutes=3, seconds=4, milliseconds=5)
    )
    context = json.loads(context_json(INSTANCE, STARTED, STARTED, settings))
    assert context["maximumShortTimerDuration"] == "1.02:03:04.0050000"
    assert context["isReplaying"] is True


@pytest.mark.parametrize(
    "text", [None, "", "7", "[]", "{}", '{"actions": 1, "isDone": true}', "[" * 100_000]
)
def test_a_state_that_cannot_be_read_is_a_crash(text):
    """Whatever the function returns, the host goes on."""
    assert read_state(text).crash is not None


def test_the_state_is_cut_out_of_the_exception():
    """The SDK raises message and state in one; the state counts."""
    state = '{"isDone": false, "actions": [[]], "error": "bad", "schemaVersion": 2}'
    told = read_failure(f"bad\n\n$OutOfProcData$:{state}")
    assert told == Told(actions=[[]], error="bad")


def test_an_exception_without_a_state_is_a_crash():
    """So is one whose state is broken; the message is kept."""
    assert read_failure("boom").crash == "boom"
    assert read_failure("boom\n\n$OutOfProcData$:{").crash == "boom"


def test_an_error_waits_for_open_work():
    """A failing orchestrator stays Running until what it started has ended."""
    call = {"actionType": 0, "functionName": "work", "input": "1"}
    told = Told(actions=[[call]], error="bad")
    assert judge(INSTANCE, [], STARTED, told).status == "Running"
    ended = event(Kind.TASK_COMPLETED, TaskScheduledId=0, Result="1")
    outcome = judge(INSTANCE, [], [*STARTED, ended], told)
    assert outcome.status == "Failed"
    assert outcome.output == "Orchestrator function 'story' failed: bad"


def test_signals_of_a_failing_orchestrator_are_sent():
    """What it asked for before it raised still happens."""
    told = Told(
        actions=[[{"actionType": 9, "instanceId": "@a@b", "operation": "x", "input": "1"}]],
        error="bad",
    )
    outcome = judge(INSTANCE, [], STARTED, told)
    assert (outcome.status, list(outcome.work)) == ("Failed", [0])


def test_a_crash_starts_nothing():
    """Without a state the ids cannot be trusted."""
    outcome = judge(INSTANCE, [], STARTED, Told(crash="boom"))
    assert (outcome.status, outcome.work) == ("Failed", {})


def test_after_non_determinism_nothing_is_started():
    """Ids that do not fit the history would deliver results to the wrong task."""
    calls = [{"actionType": 0, "functionName": name, "input": "1"} for name in ("a", "b")]
    both = Told(actions=[[{"actionType": 12, "compoundActions": calls}]])
    past = [*STARTED, event(Kind.TASK_SCHEDULED, 1, Name="c")]
    outcome = judge(INSTANCE, past, [event(Kind.ORCHESTRATOR_STARTED)], both)
    assert (outcome.status, outcome.work) == ("Failed", {})


def test_an_open_timer_keeps_a_finished_orchestrator_running():
    """It returned, but what it started has not ended."""
    timer = {"actionType": 5, "fireAt": "2999-01-01T00:00:00.000000Z", "isCanceled": False}
    either = {"actionType": 11, "compoundActions": [timer, EVENT]}
    told = Told(actions=[[either]], is_done=True, output=1)
    raised = event(Kind.EVENT_RAISED, Name="go", Input="1")
    assert judge(INSTANCE, [], [*STARTED, raised], told).status == "Running"
    cancelled = {"actionType": 11, "compoundActions": [{**timer, "isCanceled": True}, EVENT]}
    told = Told(actions=[[cancelled]], is_done=True, output=1)
    assert judge(INSTANCE, [], [*STARTED, raised], told).status == "Completed"


def test_a_status_left_out_keeps_the_former_one():
    """The SDK leaves out what is falsy."""
    assert judge(INSTANCE, [], STARTED, Told(actions=[[]])).custom_status == '{"at": 1}'


def test_the_events_of_an_episode_are_framed():
    """Started first, completed last, the end of the execution before it."""
    outcome = judge(INSTANCE, [], STARTED, Told(actions=[[]], is_done=True, output=[1]))
    kinds = [item["EventType"] for item in outcome.events]
    assert kinds == [
        Kind.ORCHESTRATOR_STARTED,
        Kind.EXECUTION_STARTED,
        Kind.EXECUTION_COMPLETED,
        Kind.ORCHESTRATOR_COMPLETED,
    ]
    assert (outcome.status, outcome.output) == ("Completed", "[1]")


def test_an_entity_is_told_its_state_and_the_batch():
    """Names, state as JSON text, operations in order."""
    told = json.loads(entity_context("@a@k@1", EntityState(True, "5"), [signal("add", "1")]))
    assert told == {
        "self": {"name": "a", "key": "k@1"},
        "exists": True,
        "state": "5",
        "batch": [{"name": "add", "input": "1", "isSignal": True}],
    }


@pytest.mark.parametrize("bad", ["a", "a@b", "x@a@b", "@@b"])
def test_what_is_no_entity_id_is_refused(bad):
    """An id is @name@key."""
    with pytest.raises(ValueError):
        name_and_key(bad)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "x",
        "{}",
        '{"entityExists": true, "entityState": "1", "results": []}',
        '{"entityExists": true, "entityState": "1", "results": [{"isError": false}]}',
        '{"entityExists": true, "entityState": "1", "results": [1], "signals": [1]}',
    ],
)
def test_an_answer_of_an_entity_that_cannot_be_read_is_refused(text):
    """One result for each operation, all fields there."""
    with pytest.raises((ValueError, TypeError)):
        read_batch(text, 1)
