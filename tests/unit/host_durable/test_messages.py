"""Events, timers, suspensions and entity operations with the unmodified SDK in this process."""

from __future__ import annotations

import asyncio
import datetime as dt
import json

import pytest
from azure.functions.meta import Datum

from pixcrawler.host.calls import Answer
from pixcrawler.host.durable.history import Kind, event
from tests.unit.host_durable import scenes
from tests.unit.host_durable.driver import Engine, with_engine


@pytest.fixture
def engine(tmp_path) -> Engine:
    """A task hub that is not started yet."""
    return Engine(scenes.app(), tmp_path)


@pytest.mark.filterwarnings("ignore:Potential duplicate Task completion")
def test_events_before_the_first_episode_are_not_lost(engine):
    """An event that arrives with the start is delivered."""

    async def scene():
        instance_id = engine.start("waiter")
        engine.lifecycle.raise_event(instance_id, "go", '"early"')
        assert await engine.end_of(instance_id) == ("Completed", "early")

    with_engine(engine, scene)


def test_events_during_an_episode_are_not_lost(engine):
    """An event that arrives while the orchestrator runs is read in the next episode."""

    async def scene():
        instance_id = engine.start("waiter")

        async def raise_meanwhile(name: str) -> None:
            await asyncio.sleep(0)
            if name == "waiter" and engine.caller.calls["waiter"] == 0:
                engine.lifecycle.raise_event(instance_id, "go", '"meanwhile"')
                await asyncio.sleep(0.01)

        engine.caller.before = raise_meanwhile
        assert await engine.end_of(instance_id) == ("Completed", "meanwhile")
        assert engine.caller.calls["waiter"] == 2

    with_engine(engine, scene)


def test_suspended_in_the_first_episode_starts_nothing_until_resumed(engine):
    """Work that was asked for during a suspension is scheduled at its end."""

    async def scene():
        instance_id = engine.start("echoes", 3)
        engine.lifecycle.suspend(instance_id, "wait")
        await engine.until(lambda: engine.instance(instance_id).status == "Suspended")
        assert engine.store.tasks.all() == []
        engine.lifecycle.resume(instance_id, "go")
        assert await engine.end_of(instance_id) == ("Completed", ["0", "1", "2"])

    with_engine(engine, scene)


def test_a_suspended_instance_can_be_terminated(engine):
    """Termination is heard while suspended."""

    async def scene():
        instance_id = engine.start("waiter")
        engine.lifecycle.suspend(instance_id, "wait")
        await engine.until(lambda: engine.instance(instance_id).status == "Suspended")
        engine.lifecycle.terminate(instance_id, "enough")
        assert await engine.end_of(instance_id) == ("Terminated", "enough")

    with_engine(engine, scene)


def test_a_terminated_instance_drops_late_results(engine):
    """An activity that ends after the termination changes nothing."""

    async def scene():
        gate = asyncio.Event()

        async def slow_echo(name: str) -> None:
            if name == "echo":
                await gate.wait()

        engine.caller.before = slow_echo
        instance_id = engine.start("echoes", 1)
        await engine.until(lambda: engine.host._hub.activities._running)
        engine.lifecycle.terminate(instance_id, "stop")
        assert await engine.end_of(instance_id) == ("Terminated", "stop")
        gate.set()
        await engine.until(lambda: not engine.store.tasks.all())
        await engine.until(lambda: not engine.store.inbox.alarms())
        assert engine.instance(instance_id).status == "Terminated"

    with_engine(engine, scene)


def test_completions_of_an_old_execution_are_dropped(engine):
    """What belongs to the execution before continue_as_new never reaches the new one."""

    async def scene():
        instance_id = engine.start("waiter")
        await engine.until(lambda: engine.instance(instance_id).status == "Running")
        stale = event(Kind.TASK_COMPLETED, TaskScheduledId=0, Result='"stale"')
        with engine.store.tx():
            engine.store.inbox.send(instance_id, stale, execution="another")
        engine.host._hub.wake_instance(instance_id)
        await engine.until(lambda: not engine.store.inbox.alarms())
        assert all(
            item["EventType"] != Kind.TASK_COMPLETED
            for item in engine.store.history.of(instance_id)
        )

    with_engine(engine, scene)


def test_continue_as_new_keeps_the_id_and_begins_an_empty_history(engine):
    """Each execution has an id of its own and only its own events."""

    async def scene():
        instance_id = engine.start("forever", 0)
        first = engine.instance(instance_id).execution
        assert await engine.end_of(instance_id) == ("Completed", 3)
        history = engine.store.history.of(instance_id)
        assert engine.instance(instance_id).execution != first
        assert sum(item["EventType"] == Kind.EXECUTION_STARTED for item in history) == 1
        assert engine.store.inbox.alarms() == []

    with_engine(engine, scene)


def test_a_task_that_an_earlier_task_any_scheduled_is_not_raced_again(engine):
    """The SDK leaves a scheduled timer out of a second task_any, so its firing ends nothing.

    The extension waits for the event alone; a host that completed here would hide it.
    """

    async def scene():
        instance_id = engine.start("timed_again", 60)
        await engine.until(lambda: engine.caller.calls["timed_again"] == 1)
        engine.lifecycle.raise_event(instance_id, "go", "1")
        await engine.until(
            lambda: any(
                item["EventType"] == Kind.TIMER_FIRED
                for item in engine.store.history.of(instance_id)
            )
        )
        assert engine.instance(instance_id).status == "Running"

    with_engine(engine, scene)


def test_a_long_timer_is_split_by_the_sdk(tmp_path):
    """Beyond the longest timer the SDK sets one part after another, and then goes on."""
    engine = Engine(
        scenes.app(),
        tmp_path,
        short_timer=dt.timedelta(milliseconds=200),
        long_timer_part=dt.timedelta(milliseconds=100),
    )

    async def scene():
        instance_id = engine.start("sleeper", {"ms": 350})
        assert await engine.end_of(instance_id) == ("Completed", "awake")
        timers = [
            item
            for item in engine.store.history.of(instance_id)
            if item["EventType"] == Kind.TIMER_CREATED
        ]
        assert len(timers) >= 3

    with_engine(engine, scene)


def test_a_timer_of_seven_days_is_kept_and_fires_late(engine):
    """A long timer waits in the store; when it becomes due while nobody runs, it still fires."""

    async def scene():
        instance_id = engine.start("sleeper", {"ms": 5 * 24 * 3600 * 1000})
        await engine.until(engine.store.inbox.alarms)
        await engine.until(lambda: engine.instance(instance_id).status == "Running")
        with engine.store.tx():
            engine.store._db.execute("UPDATE inbox SET due=1")
        await engine.restart()
        assert await engine.end_of(instance_id) == ("Completed", "awake")

    with_engine(engine, scene)


def test_a_cancelled_timer_leaves_nothing_behind(engine):
    """An instance that ended before its timer has no message waiting for that time."""

    async def scene():
        instance_id = engine.start("timed_again", 3_600_000)
        for number in (1, 2):
            await engine.until(lambda n=number: engine.caller.calls["timed_again"] == n)
            engine.lifecycle.raise_event(instance_id, "go", str(number))
        assert await engine.end_of(instance_id) == ("Completed", "two events")
        assert engine.store.inbox.alarms() == []

    with_engine(engine, scene)


def test_everything_at_rest_costs_nothing_in_the_store(engine):
    """After their end instances leave no message, timer or task behind."""

    async def scene():
        for name, value in (("echoes", 3), ("forever", 0), ("counting", None)):
            await engine.run(name, value)
        assert engine.store.inbox.alarms() == []
        assert engine.store.tasks.all() == []
        assert engine.store.entities.alarms() == []

    with_engine(engine, scene)


def test_more_operations_than_one_batch_are_all_run(engine):
    """A hundred and twenty signals add up, in three batches or more."""

    async def scene():
        for _ in range(120):
            engine.entities.send("counter", "busy", "add", '"1"')
        await engine.until(lambda: engine.store.entities.state("@counter@busy") == (True, "120"))

    with_engine(engine, scene)


def test_entities_signal_entities(engine):
    """What an entity sends on reaches the other one; the extension's shape is understood."""
    plain = engine.caller.call

    async def call(name, inputs, metadata=None, retry=None):
        context = json.loads(next(iter(inputs.values())).value)
        if context.get("self", {}).get("key") != "first":
            return await plain(name, inputs, metadata, retry)
        target = {"name": "Counter", "key": "second"}
        answer = {
            "entityExists": True,
            "entityState": "1",
            "results": [{"isError": False, "result": "null"} for _ in context["batch"]],
            "signals": [{"target": target, "name": "add", "input": json.dumps("3")}],
        }
        return Answer(Datum(json.dumps(answer), "json"))

    engine.caller.call = call

    async def scene():
        engine.entities.send("counter", "first", "go", None)
        await engine.until(lambda: engine.store.entities.state("@counter@second") == (True, "3"))

    with_engine(engine, scene)


def test_an_entity_that_answers_nonsense_fails_its_operations(engine):
    """The caller gets an error; nothing is stuck."""
    plain = engine.caller.call

    async def call(name, inputs, metadata=None, retry=None):
        if name == "counter":
            return Answer(Datum('{"entityExists": true}', "json"))
        return await plain(name, inputs, metadata, retry)

    engine.caller.call = call

    async def scene():
        status, output = await engine.run("counting")
        assert status == "Completed"
        assert output.startswith("error: the entity function's answer is unusable")

    with_engine(engine, scene)
