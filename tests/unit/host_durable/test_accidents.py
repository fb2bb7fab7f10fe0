"""Lost workers, crashes, stops and large histories: results come once, poison is found out."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest
from azure.functions.meta import Datum

from pixcrawler.host.calls import Answer, WorkerLost
from tests.unit.host_durable import scenes
from tests.unit.host_durable.driver import Engine, with_engine


@pytest.fixture
def engine(tmp_path) -> Engine:
    """A task hub that is not started yet."""
    return Engine(scenes.app(), tmp_path)


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


def test_a_full_disk_loses_no_result(engine, monkeypatch):
    """What could not be written is written once there is room, and nothing ran in vain."""
    monkeypatch.setattr("pixcrawler.host.durable.lanes._REST_AFTER_ERROR_S", 0.02)
    monkeypatch.setattr("pixcrawler.host.durable.activities._RETRY_S", 0.02)

    async def scene():
        gate = asyncio.Event()

        async def wait_for_it(name: str) -> None:
            if name == "swell":
                await gate.wait()

        engine.caller.before = wait_for_it
        instance_id = engine.start("swelling", 200_000)
        await engine.until(lambda: engine.host._hub.activities._running)
        database = engine.store._db
        pages = database.execute("PRAGMA page_count").fetchone()[0]
        database.execute(f"PRAGMA max_page_count={pages + 2}")
        gate.set()
        await engine.until(lambda: engine.host._hub.activities._results)
        await asyncio.sleep(0.1)
        assert engine.instance(instance_id).status == "Running"
        database.execute("PRAGMA max_page_count=1000000")
        assert await engine.end_of(instance_id) == ("Completed", 200_000)
        assert engine.caller.calls["swell"] == 1

    with_engine(engine, scene)


def test_a_full_disk_refuses_new_instances_and_the_hub_lives_on(engine):
    """The one who starts gets the error; nothing half-made is left."""

    async def scene():
        database = engine.store._db
        pages = database.execute("PRAGMA page_count").fetchone()[0]
        database.execute(f"PRAGMA max_page_count={pages + 1}")
        with pytest.raises(sqlite3.OperationalError, match="full"):
            engine.start("large", "x" * 200_000, instance_id="big")
        assert engine.store.instances.get("big") is None
        database.execute("PRAGMA max_page_count=1000000")
        assert await engine.run("echoes", 1) == ("Completed", ["0"])

    with_engine(engine, scene)
