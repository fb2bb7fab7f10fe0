"""Instances with the unmodified SDK in this process: beginnings, endings, refusals."""

from __future__ import annotations

import pytest
from azure.functions.meta import Datum

from pixcrawler.host.calls import Answer
from pixcrawler.host.durable.births import Start
from pixcrawler.host.durable.errors import (
    FunctionUnknown,
    InstanceIdInvalid,
    InstanceInUse,
    InstanceMissing,
    OperationNotPossible,
)
from tests.unit.host_durable import scenes
from tests.unit.host_durable.driver import Engine, with_engine


@pytest.fixture
def engine(tmp_path) -> Engine:
    """A task hub that is not started yet."""
    return Engine(scenes.app(), tmp_path)


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


def test_half_a_surrogate_pair_gets_stuck_nowhere(engine):
    """Text that JSON can carry and SQLite cannot is spelt out, in status, payload and error."""

    async def scene():
        instance_id = engine.start("half_a_pair")
        status, output = await engine.end_of(instance_id)
        assert (status, output) == (
            "Failed",
            "Orchestrator function 'half_a_pair' failed: \\ud800",
        )
        stopped = engine.start("waiter")
        engine.lifecycle.terminate(stopped, "\ud800")
        assert await engine.end_of(stopped) == ("Terminated", "\\ud800")

    with_engine(engine, scene)


def test_large_payloads_are_told_once(engine, caplog):
    """Azure would keep them as blobs; here nobody would notice."""

    async def scene():
        for _ in range(2):
            await engine.run("large", 50_000)

    with_engine(engine, scene)
    told = [record.message for record in caplog.records if "Azure keeps it" in record.message]
    assert [text.split(" has ")[0] for text in told] == ["the input of echo", "the result of echo"]


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
