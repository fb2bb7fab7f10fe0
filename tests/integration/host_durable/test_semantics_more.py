"""Rewinds, continue_as_new, entities, purges and lists over HTTP with the unmodified SDK."""

from __future__ import annotations

import json
import uuid

from tests.integration.host_durable.hosts import until


def test_rewind_target_fails(host, new_id):
    """An orchestrator whose activity raises fails."""
    host.run("rewindable", instance_id=new_id)
    assert host.status(new_id)["runtimeStatus"] == "Failed"


def test_rewind_is_accepted(host, new_id):
    """A failed instance can be rewound."""
    host.run("rewindable", instance_id=new_id)
    assert host.client_raw("rewind", id=new_id)[0] == 200


def test_rewound_to_completed(host, new_id):
    """After a rewind only what failed runs again, here with success."""
    host.run("rewindable", instance_id=new_id)
    host.client("rewind", id=new_id)
    assert host.until_status(new_id, "Completed")["output"] == "ok after 2"


def test_continue_as_new_five_times(host):
    """Each execution starts with the input of the last."""
    assert host.run("eternal", 0) == (200, "done 5")


def test_entity_signal_call_and_error(host):
    """Operations run in order, results and errors come back exactly."""
    assert host.run("entity_user") == (200, [7, [7, "error bad op"]])


def test_client_signals_an_entity(host, new_id):
    """A signal from the client is accepted."""
    told = {"entity": "counter", "key": new_id, "op": "add", "input": 4}
    assert host.client_raw("signal", **told)[0] == 200


def test_client_reads_an_entity(host, new_id):
    """The state is what the operations made of it."""
    host.client("signal", entity="counter", key=new_id, op="add", input=4)
    host.client("signal", entity="counter", key=new_id, op="add", input=3)
    expected = {"exists": True, "state": 7}
    until(lambda: host.client("read", entity="counter", key=new_id) == expected)


def test_client_reads_a_missing_entity(host, new_id):
    """An entity that never ran does not exist."""
    expected = {"exists": False, "state": None}
    assert host.client("read", entity="counter", key=new_id) == expected


def test_deleted_entity_does_not_exist(host, new_id):
    """destruct_on_exit takes state and existence away."""
    host.client("signal", entity="counter", key=new_id, op="add", input=4)
    until(lambda: host.client("read", entity="counter", key=new_id)["exists"])
    host.client("signal", entity="counter", key=new_id, op="delete")
    until(lambda: not host.client("read", entity="counter", key=new_id)["exists"])


def test_timer_orchestration(host):
    """A durable timer fires."""
    assert host.run("long_timer", 1) == (200, "fired")


def test_restart(host, new_id):
    """A restarted instance runs with the old input under a new id."""
    host.run("fan", {"n": 4}, instance_id=new_id)
    restarted = host.client("restart", id=new_id)["id"]
    assert restarted != new_id
    assert host.until_status(restarted, "Completed")["output"] == 6


def test_restart_under_the_same_id(host, new_id):
    """Without a new id the finished instance is replaced."""
    host.run("fan", {"n": 4}, instance_id=new_id)
    assert host.client("restart", id=new_id, new=False)["id"] == new_id
    assert host.until_status(new_id, "Completed")["output"] == 6


def test_purge(host, new_id):
    """Purging a finished instance deletes one."""
    host.run("chain", instance_id=new_id)
    assert host.client("purge", id=new_id) == 1


def test_status_of_a_purged_id_is_falsy(host, new_id):
    """A purged instance is as if it had never been."""
    host.run("chain", instance_id=new_id)
    host.client("purge", id=new_id)
    assert host.status(new_id) is None


def test_list_by_status(host, new_id):
    """get_status_by gives the instances of a status."""
    host.run("chain", instance_id=new_id)
    assert new_id in host.client("list", statuses=["Completed"])


def test_purge_by_time_and_status(host, new_id):
    """Purging by time and status deletes what matches, and spares what runs."""
    running = uuid.uuid4().hex
    host.start_instance("race", {"s": 3600}, instance_id=running)
    host.run("chain", instance_id=new_id)
    assert host.client("purge_by", statuses=["Completed"]) >= 1
    assert host.status(new_id) is None
    assert host.status(running)["runtimeStatus"] in ("Pending", "Running")


def test_list_after_purge_is_empty(host):
    """Nothing of the purged status is left."""
    host.run("chain")
    host.client("purge_by", statuses=["Completed"])
    assert host.client("list", statuses=["Completed"]) == []


def test_unknown_orchestrator_is_an_error(host):
    """Starting a function that does not exist raises in the client."""
    assert host.run("nope")[0] == 500


def test_start_on_a_running_id_is_an_error(host, new_id):
    """An id in use cannot be started again."""
    host.start_instance("race", {"s": 3600}, instance_id=new_id)
    assert host.start_instance("race", {"s": 3600}, instance_id=new_id)[0] == 500


def test_custom_status(host, new_id):
    """The last custom status stays."""
    host.run("chain", instance_id=new_id)
    assert host.status(new_id)["customStatus"] == {"at": "lynx"}


def test_call_http(host):
    """One request, one answer: status, headers and content."""
    status, answer = host.run("http_call", host.url + "/api/n/7")
    assert (status, answer["statusCode"], answer["content"]) == (200, 200, "n=7")


def test_call_http_does_not_follow_202(host):
    """A 202 is given to the orchestrator as it is."""
    status, answer = host.run("http_call", host.url + "/api/n/7?as=202")
    assert (status, answer["statusCode"]) == (200, 202)


def test_events_arrive_over_continue_as_new(host, new_id):
    """Events raised one after another all arrive over four times continue_as_new."""
    host.start_instance("collector", [], instance_id=new_id)
    for number in range(5):
        before = number
        host.client("raise", id=new_id, event="item", data=number)
        until(
            lambda before=before: (
                (seen := host.status(new_id))["runtimeStatus"] == "Completed"
                or len(json.loads(seen["input"] or "[]")) > before
            )
        )
    output = host.until_status(new_id, "Completed")["output"]
    assert [int(value) for value in output] == [0, 1, 2, 3, 4]


def test_rewind_reaches_sub_orchestrations(host, new_id):
    """A parent that failed with its child completes after one rewind."""
    host.run("rewindable_parent", instance_id=new_id)
    host.client("rewind", id=new_id)
    assert host.until_status(new_id, "Completed")["output"] == "ok after 2"
