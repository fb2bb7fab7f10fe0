"""Durable semantics over HTTP with the unmodified SDK, in the host and in worker processes."""

from __future__ import annotations

import json

from tests.integration.host_durable.hosts import until


def test_chain(host):
    """Activities run one after another and their results come back in order."""
    expected = ["Hello otter!", "Hello heron!", "Hello lynx!"]
    assert host.run("chain") == (200, expected)


def test_fan_out_of_50_sync(host):
    """task_all gives the results of fifty sync activities."""
    assert host.run("fan", {"n": 50}) == (200, 1225)


def test_fan_out_of_50_async_by_function_object(host):
    """Async activities can be called by the function object."""
    assert host.run("afan", {"n": 50, "ms": 20}) == (200, 1225)


def test_instance_id_and_input_round_trip(host, new_id):
    """An explicit id is kept, and non-ASCII text and quotes reach the orchestrator."""
    assert host.run("fan", {"n": 3, "text": 'é"x'}, instance_id=new_id) == (200, 3)


def test_status_input_is_what_the_sdk_sent(host, new_id):
    """status.input is the JSON string that the SDK posted."""
    host.run("fan", {"n": 3, "text": 'é"x'}, instance_id=new_id)
    assert host.status(new_id)["input"] == json.dumps({"n": 3, "text": 'é"x'})


def test_retries_that_succeed_beside_a_plain_activity(host):
    """Three keys fail twice, are retried, and task_all gives all results."""
    told = {"keys": ["a", "b", "c"], "fails": 2, "max": 3, "ms": 50}
    expected = [["ok after 3"] * 3 + ["Hello mid!"], "Hello end!"]
    assert host.run("retry", told) == (200, expected)


def test_retries_used_up_are_caught_and_the_next_activity_runs(host):
    """The last error reaches the orchestrator, which goes on with the right ids."""
    status, output = host.run("retry", {"keys": ["a"], "fails": 9, "max": 3, "ms": 50})
    assert status == 200
    assert "flaky 3" in output[0]["error"]
    assert output[1] == "Hello end!"


def test_timer_beats_event(host):
    """Without the event the timer wins."""
    assert host.run("race", {"s": 0.3}) == (200, {"timeout": True})


def test_raise_through_the_client(host, new_id):
    """Raising an event of a running instance is accepted."""
    host.start_instance("race", {"s": 3600}, instance_id=new_id)
    assert host.client_raw("raise", id=new_id, event="approval", data={"ok": 1})[0] == 200


def test_event_wins_and_its_payload_is_a_json_string(host, new_id):
    """What the SDK raises arrives as a JSON string (azure-functions-durable-python issue 295)."""
    host.start_instance("race", {"s": 3600}, instance_id=new_id)
    host.client("raise", id=new_id, event="approval", data={"ok": 1})
    assert host.until_status(new_id, "Completed")["output"] == {"event": '{"ok": 1}'}


def test_raise_through_the_webhook(host):
    """The webhook takes an event and delivers the object itself."""
    _, links = host.start_instance("race", {"s": 3600})
    uri = links["sendEventPostUri"].replace("{eventName}", "approval")
    assert host.request("POST", uri, {"ok": 2})[0] == 202
    assert host.until_status(links["id"], "Completed")["output"] == {"event": {"ok": 2}}


def test_uncancelled_timer_keeps_the_instance_running(host):
    """An orchestrator that returned stays Running until its open timer fired."""
    _, links = host.start_instance("race", {"s": 20, "cancel": False})
    uri = links["sendEventPostUri"].replace("{eventName}", "approval")
    host.request("POST", uri, {"ok": 2})
    # The event is in the history, so the orchestrator has returned.
    until(
        lambda: any(
            event["EventType"] == "EventRaised"
            for event in host.status(links["id"], history=True)["historyEvents"]
        )
    )
    assert host.status(links["id"])["runtimeStatus"] == "Running"


def test_uncancelled_timer_then_completed(host):
    """Once the open timer fired, the output is there."""
    _, links = host.start_instance("race", {"s": 0.5, "cancel": False})
    uri = links["sendEventPostUri"].replace("{eventName}", "approval")
    host.request("POST", uri, {"ok": 2})
    assert host.until_status(links["id"], "Completed")["output"] == {"event": {"ok": 2}}


def test_terminate(host, new_id):
    """Terminating a running instance is accepted."""
    host.start_instance("race", {"s": 3600}, instance_id=new_id)
    assert host.client_raw("terminate", id=new_id, reason="stop it")[0] == 200


def test_terminated_with_the_reason_as_output(host, new_id):
    """A terminated instance says so, with the reason as its output."""
    host.start_instance("race", {"s": 3600}, instance_id=new_id)
    host.client("terminate", id=new_id, reason="stop it")
    assert host.until_status(new_id, "Terminated")["output"] == "stop it"


def test_raise_on_a_finished_instance_is_an_error(host, new_id):
    """The host answers 410, which the SDK raises."""
    host.run("chain", instance_id=new_id)
    assert host.client_raw("raise", id=new_id, event="x")[0] == 500


def test_suspended_past_its_timer(host, new_id):
    """A suspended instance stays Suspended although its timer fired."""
    host.start_instance("race", {"s": 1.2}, instance_id=new_id)
    host.client("suspend", id=new_id)
    host.until_status(new_id, "Suspended")
    until(
        lambda: any(
            event["EventType"] == "TimerFired"
            for event in host.status(new_id, history=True)["historyEvents"]
        )
    )
    assert host.status(new_id)["runtimeStatus"] == "Suspended"


def test_resumed(host, new_id):
    """What came during a suspension counts after it."""
    host.start_instance("race", {"s": 1.2}, instance_id=new_id)
    host.client("suspend", id=new_id)
    host.until_status(new_id, "Suspended")
    host.client("resume", id=new_id)
    assert host.until_status(new_id, "Completed")["output"] == {"timeout": True}


def test_sub_orchestrations(host, new_id):
    """Children run in parallel and with an explicit id; the parent has no parent."""
    status, output = host.run("sub_parent", {"n": 2}, instance_id=new_id)
    greetings = ["Hello otter!", "Hello heron!", "Hello lynx!"]
    assert (status, output) == (200, [[greetings, greetings], greetings, None])


def test_failure_of_a_sub_orchestration_is_caught(host):
    """The error names the child's function and what it said."""
    status, output = host.run("sub_fail")
    assert status == 200
    assert "failing" in output
    assert "exploded" in output


def test_failing_orchestrator(host):
    """Status 500, runtime status Failed, and the output in the extension's words."""
    status, body = host.run("failing")
    assert (status, body["runtimeStatus"]) == (500, "Failed")
    assert body["output"] == "Orchestrator function 'failing' failed: orchestrator exploded"
