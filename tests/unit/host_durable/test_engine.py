"""The task hub with the unmodified SDK in this process: ends, refusals, accidents."""

from __future__ import annotations

import asyncio
import datetime as dt
import json

import pytest
from azure.functions.meta import Datum

from pixcrawler.host.calls import Answer, WorkerLost
from pixcrawler.host.durable.births import Start
from pixcrawler.host.durable.errors import (
    FunctionUnknown,
    InstanceIdInvalid,
    InstanceInUse,
    InstanceMissing,
    OperationNotPossible,
)
from pixcrawler.host.durable.history import Kind, event
from tests.unit.host_durable import scenes
from tests.unit.host_durable.driver import Engine, play


@pytest.fixture
def engine(tmp_path) -> Engine:
    """A task hub that is not started yet."""
    return Engine(scenes.app(), tmp_path)


def with_engine(engine: Engine, scene) -> None:
    """Run ``scene`` while the engine runs."""

    async def scenario() -> None:
        async with engine:
            await scene()

    play(scenario)


def test_an_id_in_use_is_refused_and_a_finished_one_is_replaced(engine):
    """Starting on a running id raises; on a finished one it begins anew."""

    async def scene():
        engine.start("waiter", instance_id="x")
        with pytest.raises(InstanceInUse, match="already exists"):
            engine.start("waiter", instance_id="x")
        engine.lifecycle.raise_event("x", "go", "1")
        assert await engine.end_of("x") == ("Completed", 1)
        engine.start("echoes", 2, instance_id="x")
        assert await engine.end_of("x") == ("Completed", ["0", "1"])

    with_engine(engine, scene)


@pytest.mark.parametrize("bad", ["@x", "a/b", "a\\b", "a#b", "a?b", "a\nb", "x" * 101])
def test_an_instance_id_that_breaks_addresses_is_refused(engine, bad):
    """Ids go into URLs unquoted, so what would break them never starts."""

    async def scene():
        with pytest.raises(InstanceIdInvalid):
            engine.start("waiter", instance_id=bad)

    with_engine(engine, scene)


def test_an_unknown_orchestrator_is_refused_with_the_known_ones(engine):
    """The message is the one that the SDK shows."""

    async def scene():
        with pytest.raises(FunctionUnknown, match=r"'nope' doesn't exist.*'echoes'"):
            engine.start("nope")

    with_engine(engine, scene)


def test_names_of_functions_ignore_case(engine):
    """Orchestrators are found in any case, and keep the case they were declared with."""

    async def scene():
        instance_id = engine.start("ECHOES", 1)
        assert await engine.end_of(instance_id) == ("Completed", ["0"])
        assert engine.instance(instance_id).name == "echoes"

    with_engine(engine, scene)


def test_an_unknown_activity_fails_the_call(engine):
    """The orchestrator gets an error that names the activity."""

    async def scene():
        status, output = await engine.run("unknown_activity")
        assert status == "Completed"
        assert "'nowhere' doesn't exist" in output

    with_engine(engine, scene)


def test_an_unknown_sub_orchestration_fails_the_call(engine):
    """The parent gets an error that names the child's function."""

    async def scene():
        status, output = await engine.run("parent", {"name": "nope"})
        assert status == "Completed"
        assert "'nope' doesn't exist" in output

    with_engine(engine, scene)


def test_a_sub_orchestration_on_an_id_in_use_fails_the_call(engine):
    """Rather than wait for ever for an answer that goes to somebody else."""

    async def scene():
        engine.start("waiter", instance_id="taken")
        status, output = await engine.run("parent", {"name": "waiter", "id": "taken"})
        assert status == "Completed"
        assert "already exists" in output

    with_engine(engine, scene)


def test_a_sub_orchestration_has_a_derived_id_and_its_result_comes_back(engine):
    """Without an id the child is named by the parent's execution and the sequence id."""

    async def scene():
        parent = engine.start("parent", {"name": "echoes", "input": 1})
        execution = engine.instance(parent).execution
        assert await engine.end_of(parent) == ("Completed", ["0"])
        assert engine.instance(f"{execution}:0").parent_id == parent

    with_engine(engine, scene)


def test_non_determinism_fails_the_instance_and_says_so(engine):
    """An orchestrator that tells another story on replay ends Failed."""

    async def scene():
        status, output = await engine.run("fickle")
        assert status == "Failed"
        assert "Non-Deterministic workflow detected" in output

    with_engine(engine, scene)


def test_an_output_that_is_no_json_fails_the_instance(engine):
    """The SDK's own words are the output."""

    async def scene():
        status, output = await engine.run("unserialisable")
        assert status == "Failed"
        assert "not JSON serializable" in output

    with_engine(engine, scene)


def test_a_crash_without_a_state_fails_the_instance_at_once(engine):
    """A number posted to the webhook makes get_input raise: the instance is Failed, not stuck."""

    async def scene():
        instance_id = engine.lifecycle.start(Start("crasher", None, "7"))
        status, output = await engine.end_of(instance_id)
        assert status == "Failed"
        assert "must be str" in output

    with_engine(engine, scene)


def test_a_custom_status_over_16_kb_fails_the_instance(engine):
    """8,000 characters of UTF-16 fit, 9,000 do not."""

    async def scene():
        assert await engine.run("statuses", 8_000) == ("Completed", "done")
        status, output = await engine.run("statuses", 9_000)
        assert status == "Failed"
        assert "16 KB" in output

    with_engine(engine, scene)


def test_managed_identities_are_refused_clearly(engine):
    """call_http with a token source fails with the reason."""

    async def scene():
        _, output = await engine.run("with_token")
        assert "exist only in Azure" in output

    with_engine(engine, scene)


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


def test_a_history_of_more_than_10000_events(tmp_path):
    """5,200 activities at once make 10,404 events and more; the result is complete."""
    engine = Engine(scenes.app(), tmp_path, episode_pacing=2.0)

    async def scene():
        instance_id = engine.start("echoes", 5_200)
        status, output = await engine.end_of(instance_id)
        assert (status, output) == ("Completed", [str(i) for i in range(5_200)])
        assert len(engine.store.history.of(instance_id)) > 10_000

    with_engine(engine, scene)


def test_a_large_history_survives_a_crash(tmp_path):
    """Cut off in the middle of 5,200 activities, the instance still ends with all results."""
    engine = Engine(scenes.app(), tmp_path, episode_pacing=2.0)

    async def scene():
        instance_id = engine.start("echoes", 5_200)
        await engine.until(lambda: engine.caller.calls["echo"] > 1_000)
        await engine.crash()
        status, output = await engine.end_of(instance_id)
        assert (status, output) == ("Completed", [str(i) for i in range(5_200)])

    with_engine(engine, scene)


def test_an_orchestrator_that_loses_its_worker_runs_again(engine):
    """Four deaths in a row cost nothing."""

    async def scene():
        engine.caller.losses["echoes"] = 4
        assert await engine.run("echoes", 1) == ("Completed", ["0"])

    with_engine(engine, scene)


def test_an_orchestrator_that_always_loses_its_worker_fails(engine):
    """The fifth death in a row ends it, with a reason."""

    async def scene():
        engine.caller.losses["echoes"] = 99
        status, output = await engine.run("echoes", 1)
        assert status == "Failed"
        assert "worker process died 5 times" in output

    with_engine(engine, scene)


def test_an_entity_that_loses_its_worker_runs_again(engine):
    """The operation counts once."""

    async def scene():
        engine.caller.losses["counter"] = 4
        assert await engine.run("counting") == ("Completed", 5)

    with_engine(engine, scene)


def test_an_entity_operation_that_always_loses_its_worker_fails(engine):
    """The caller gets the reason, and the state is as before."""

    async def scene():
        engine.caller.losses["counter"] = 5
        status, output = await engine.run("counting")
        assert status == "Completed"
        assert "died 5 times" in output
        assert await engine.run("counting") == ("Completed", 5)

    with_engine(engine, scene)


def test_an_activity_that_loses_its_worker_four_times_succeeds(engine):
    """Its fifth try counts."""

    async def scene():
        engine.caller.losses["echo"] = 4
        assert await engine.run("echoes", 1) == ("Completed", ["0"])
        assert engine.caller.calls["echo"] == 5

    with_engine(engine, scene)


def test_an_activity_that_loses_its_worker_five_times_is_failed(engine):
    """There is no sixth try, and the reason is clear."""

    async def scene():
        engine.caller.losses["echo"] = 99
        status, output = await engine.run("echoes", 1)
        assert status == "Failed"
        assert "Activity function 'echo' failed" in output
        assert "died 5 times" in output
        assert engine.caller.calls["echo"] == 5

    with_engine(engine, scene)


def test_suspects_run_one_at_a_time(engine):
    """Activities that lost their process twice never run beside each other."""
    together: list[int] = []
    running: list[int] = []
    seen = [0]

    async def before(name: str) -> None:
        if name != "echo":
            return
        seen[0] += 1
        if seen[0] <= 20:
            await asyncio.sleep(0.01)
            raise WorkerLost
        running.append(1)
        together.append(len(running))
        await asyncio.sleep(0.002)
        running.pop()

    engine.caller.before = before

    async def scene():
        assert await engine.run("echoes", 10) == ("Completed", [str(i) for i in range(10)])
        assert max(together) == 1

    with_engine(engine, scene)


def test_an_orderly_stop_takes_the_start_of_an_activity_back(engine):
    """What was cut off by a stop has as many tries left as before."""

    async def scene():
        gate = asyncio.Event()

        async def hang(name: str) -> None:
            if name == "echo":
                await gate.wait()

        engine.caller.before = hang
        instance_id = engine.start("echoes", 1)
        for _ in range(7):
            await engine.until(lambda: engine.host._hub.activities._running)
            await engine.restart()
        assert [task.tries for task in engine.store.tasks.all()] in ([0], [1])
        gate.set()
        assert await engine.end_of(instance_id) == ("Completed", ["0"])

    with_engine(engine, scene)


def test_a_death_of_the_host_counts_against_activities_inside_it(engine):
    """Five crashes while it ran give an activity up; the instance learns why."""

    async def scene():
        async def hang(name: str) -> None:
            if name == "echo":
                await asyncio.Event().wait()

        engine.caller.before = hang
        instance_id = engine.start("echoes", 1)
        for _ in range(5):
            await engine.until(lambda: engine.host._hub.activities._running)
            await engine.crash()
        status, output = await engine.end_of(instance_id)
        assert status == "Failed"
        assert "died 5 times" in output

    with_engine(engine, scene)


def test_a_death_of_the_host_does_not_count_against_activities_in_workers(engine):
    """An activity in another process cannot have killed the host."""
    engine.in_process = False
    engine.host = engine._new()

    async def scene():
        gate = asyncio.Event()

        async def hang(name: str) -> None:
            if name == "echo":
                await gate.wait()

        engine.caller.before = hang
        instance_id = engine.start("echoes", 1)
        for _ in range(7):
            await engine.until(lambda: engine.host._hub.activities._running)
            await engine.crash()
        gate.set()
        assert await engine.end_of(instance_id) == ("Completed", ["0"])

    with_engine(engine, scene)


def test_outputs_are_written_before_the_activity_counts_as_done(engine):
    """An activity whose outputs cannot be written has failed."""

    async def broken(function, outputs, data):
        raise OSError("the storage is away")

    async def call(name, inputs, metadata=None, retry=None):
        answer = await plain(name, inputs, metadata, retry)
        return Answer(answer.returned, {"out": Datum("x", "string")}) if name == "echo" else answer

    plain, engine.caller.call = engine.caller.call, call
    engine.host._write_outputs = broken

    async def scene():
        status, output = await engine.run("echoes", 1)
        assert status == "Failed"
        assert "the storage is away" in output

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


def test_an_orchestrator_that_answers_nonsense_fails(engine):
    """An answer that is not the SDK's fails the instance, not the host."""
    plain = engine.caller.call

    async def call(name, inputs, metadata=None, retry=None):
        if name == "waiter":
            return Answer(Datum("[1, 2]", "json"))
        return await plain(name, inputs, metadata, retry)

    engine.caller.call = call

    async def scene():
        status, output = await engine.run("waiter")
        assert status == "Failed"
        assert "valid JSON schema" in output

    with_engine(engine, scene)


def test_purge_spares_what_runs(engine):
    """Only finished instances are forgotten, with everything they had."""

    async def scene():
        running, done = engine.start("waiter"), engine.start("echoes", 2)
        await engine.end_of(done)
        assert engine.lifecycle.purge(running) is False
        assert engine.lifecycle.purge(done) is True
        assert engine.store.instances.get(done) is None
        assert engine.store.history.of(done) == []

    with_engine(engine, scene)


def test_rewind_refuses_what_has_not_failed(engine):
    """Only failed instances can be rewound, and only existing ones restarted."""

    async def scene():
        running = engine.start("waiter")
        with pytest.raises(OperationNotPossible, match="only supported on failed"):
            engine.lifecycle.rewind(running, "why")
        with pytest.raises(InstanceMissing):
            engine.lifecycle.restart("nobody", with_new_id=True)

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
