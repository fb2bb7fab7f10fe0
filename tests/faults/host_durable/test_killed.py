"""kill -9 of the host and of its workers: every instance ends with the right result."""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from pathlib import Path

import psutil
import pytest

from tests.integration.host_durable.hosts import HostProcess, until


def runs(folder: Path) -> Counter[int]:
    """How often each numbered activity has started."""
    path = folder / "runs.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return Counter(told["i"] for line in lines if "i" in (told := json.loads(line)))


def deaths(folder: Path, key: str) -> int:
    """How often the deadly activity of an instance has started."""
    path = folder / "runs.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return sum(json.loads(line).get("deadly") == key for line in lines)


def workers(host: HostProcess) -> list[psutil.Process]:
    """The worker processes of a host."""
    return [
        child
        for child in psutil.Process(host.pid).children()
        if child.status() != psutil.STATUS_ZOMBIE
    ]


@pytest.fixture(params=[0, 2], ids=["in-process", "2-workers"])
def host(request, tmp_path):
    """A host that the test kills; what is left of it ends with the test."""
    running = HostProcess("durable_semantics", tmp_path, processes=request.param).start()
    yield running
    running.kill()


def test_everything_survives_three_kills_of_the_host(host, tmp_path):
    """Activities, timers, events, children, retries and entities go on where they were."""
    started = {
        "fan": {"n": 150, "ms": 40},
        "long_timer": 2,
        "race": {"s": 3600},
        "sub_parent": {"n": 10},
        "eternal": 0,
        "retry": {"keys": ["a", "b"], "fails": 2, "max": 4, "ms": 600},
        "entity_user": None,
    }
    ids = {name: uuid.uuid4().hex for name in started}
    for name, value in started.items():
        assert host.start_instance(name, value, instance_id=ids[name])[0] == 202
    for goal in (10, 60, 110):
        until(lambda goal=goal: sum(runs(tmp_path).values()) >= goal)
        host.kill()
        host.start()
    host.client("raise", id=ids["race"], event="approval", data="late")
    outputs = {name: host.until_status(ids[name], "Completed")["output"] for name in started}
    greetings = ["Hello otter!", "Hello heron!", "Hello lynx!"]
    assert outputs == {
        "fan": 150 * 149 // 2,
        "long_timer": "fired",
        "race": {"event": '"late"'},
        "sub_parent": [[greetings] * 10, greetings, None],
        "eternal": "done 5",
        "retry": [["ok after 3", "ok after 3", "Hello mid!"], "Hello end!"],
        "entity_user": [7, [7, "error bad op"]],
    }
    counted = runs(tmp_path)
    assert set(counted) == set(range(150))
    # At least once, and again only where a kill cut it off: twenty are in flight at a time.
    assert sum(counted.values()) <= 150 + 3 * 20


def test_a_timer_that_became_due_while_the_host_was_dead_fires(host):
    """A late timer fires at once after the restart."""
    instance = uuid.uuid4().hex
    host.start_instance("long_timer", 1, instance_id=instance)
    until(lambda: host.status(instance)["runtimeStatus"] == "Running")
    host.kill()
    time.sleep(1.2)
    host.start()
    assert host.until_status(instance, "Completed")["output"] == "fired"


def test_entity_state_survives_kills(host):
    """Signals that were accepted are all counted, each once."""
    key = uuid.uuid4().hex
    for _ in range(3):
        for _ in range(20):
            assert host.client_raw("signal", entity="counter", key=key, op="add", input=1)[0] == 200
        host.kill()
        host.start()
    expected = {"exists": True, "state": 60}
    until(lambda: host.client("read", entity="counter", key=key) == expected)


def test_killed_workers_are_replaced_and_their_activities_run_again(tmp_path):
    """Three dead workers cost nothing but time."""
    host = HostProcess("durable_semantics", tmp_path, processes=2).start()
    try:
        instance = uuid.uuid4().hex
        host.start_instance("fan", {"n": 150, "ms": 40}, instance_id=instance)
        for goal in (10, 60, 110):
            until(lambda goal=goal: sum(runs(tmp_path).values()) >= goal)
            until(lambda: workers(host))[0].kill()
        assert host.until_status(instance, "Completed")["output"] == 150 * 149 // 2
        assert set(runs(tmp_path)) == set(range(150))
    finally:
        host.kill()


def test_an_activity_that_kills_its_worker_five_times_is_failed(tmp_path):
    """Poison is found out; the innocent beside it, and long ones too, all succeed."""
    host = HostProcess("durable_semantics", tmp_path, processes=1).start()
    try:
        instance = uuid.uuid4().hex
        told = {"n": 12, "ms": 300, "deaths": 99}
        host.start_instance("deaths", told, instance_id=instance)
        total, outcome = host.until_status(instance, "Completed")["output"]
        assert total == sum(range(12))
        assert "Activity function 'deadly' failed" in outcome
        assert "died 5 times" in outcome
        assert deaths(tmp_path, instance) == 5
    finally:
        host.kill()


def test_an_activity_that_killed_its_worker_four_times_may_still_succeed(tmp_path):
    """Four deaths are forgiven."""
    host = HostProcess("durable_semantics", tmp_path, processes=1).start()
    try:
        instance = uuid.uuid4().hex
        host.start_instance("deaths", {"n": 1, "ms": 0, "deaths": 4}, instance_id=instance)
        assert host.until_status(instance, "Completed")["output"] == [0, "alive after 5"]
    finally:
        host.kill()


def test_an_activity_that_kills_the_host_itself_is_failed_too(tmp_path):
    """In one process every death takes the host along; after five the activity is given up."""
    host = HostProcess("durable_semantics", tmp_path).start()
    try:
        instance = uuid.uuid4().hex
        host.start_instance("deaths", {"n": 6, "ms": 100, "deaths": 99}, instance_id=instance)
        for death in range(1, 6):
            until(host.has_died)
            host.kill()
            # At a restart the deadly activity is as fast as the ready line: either may win.
            assert host.try_to_start() or death < 5
        total, outcome = host.until_status(instance, "Completed")["output"]
        assert total == sum(range(6))
        assert "died 5 times" in outcome
        assert deaths(tmp_path, instance) == 5
    finally:
        host.kill()


def test_an_orderly_stop_is_no_death(tmp_path):
    """An activity that is cut off by six orderly stops runs again each time and succeeds."""
    host = HostProcess("durable_semantics", tmp_path, processes=1, drain_s=0).start()
    try:
        instance = uuid.uuid4().hex
        host.start_instance("fan", {"n": 1, "ms": 2_000}, instance_id=instance)
        for number in range(1, 7):
            until(lambda number=number: runs(tmp_path)[0] >= number)
            host.stop()
            host.start()
        assert host.until_status(instance, "Completed")["output"] == 0
        assert runs(tmp_path)[0] == 7
    finally:
        host.kill()
