"""Triggers while workers, hosts and the storage service go away."""

from __future__ import annotations

import threading

import psutil
import pytest

from pixcrawler.host.stack.azurite import Azurite
from tests.integration.host.running import RunningHost, until
from tests.integration.host.space import Space


def bodies(host: RunningHost, kind: str) -> list[str]:
    return [note["body"] for note in host.notes(kind)]


@pytest.fixture
def host(start_host, space) -> RunningHost:
    return start_host("stored", "--processes", "1", **space.environment)


def test_message_of_a_dead_worker_comes_back(host, space):
    """A message whose worker was killed is tried again soon, not after its hidden time."""
    space.send("work", "sleep 1.5")
    (first,) = until("it runs", lambda: host.notes("work"))
    psutil.Process(first["pid"]).kill()
    until("it slept", lambda: bodies(host, "slept") == ["sleep 1.5"], within_s=15)
    assert [note["count"] for note in host.notes("work")] == [1, 2]
    until("deleted", lambda: space.count("work") == 0)


def test_killer_goes_to_poison_alone(host, space):
    """A message that kills its worker five times is poison; those beside it are not."""
    innocent = [f"sleep 0.{n}" for n in range(1, 7)]
    for text in [*innocent[:3], "kill", *innocent[3:]]:
        space.send("work", text)
    until("poison", lambda: bodies(host, "poison") == ["kill"], within_s=90)
    until("the others", lambda: set(bodies(host, "slept")) == set(innocent))
    assert [n["count"] for n in host.notes("work") if n["body"] == "kill"] == [1, 2, 3, 4, 5]
    until("the queue is empty", lambda: space.count("work") == 0)


def test_killing_blob_goes_to_poison(host, space):
    """A blob that kills its worker five times is given up."""
    space.put("drop", "bad.txt", b"kill")
    (told,) = until("poison", space.poison_blobs, within_s=90)
    assert told["BlobName"] == "bad.txt"
    assert [note["data"] for note in host.notes("blob")] == ["kill"] * 5


def test_message_of_a_killed_host_comes_back(host, space):
    """After kill -9 of the host its message is seen again within half a minute."""
    space.send("work", "sleep 3")
    until("it runs", lambda: host.notes("work"))
    host.kill()
    host.start()
    until("it slept", lambda: bodies(host, "slept") == ["sleep 3"])
    assert [note["count"] for note in host.notes("work")] == [1, 2]


def test_long_message_stays_hidden(host, space):
    """A message whose function runs longer than it is hidden is not handed out twice."""
    space.send("work", "sleep 24")
    until("it slept", lambda: bodies(host, "slept") == ["sleep 24"], within_s=60)
    until("deleted", lambda: space.count("work") == 0)
    assert len(host.notes("work")) == 1


def test_stop_gives_messages_back(start_host, space):
    """A message that outlasts the drain is visible at once for the next host."""
    host = start_host("stored", "--drain", "0.5", **space.environment)
    space.send("work", "sleep 8")
    until("it runs", lambda: host.notes("work"))
    host.stop()
    until("visible", lambda: len(space.peek("work")) == 1, within_s=5)


def test_storage_restarts(start_host, tmp_path):
    """While storage is away triggers wait, with one line in the log, and go on when it is back."""
    azurite = Azurite(tmp_path / "azurite").start()
    space = Space(azurite.connection_string)
    try:
        host = start_host("stored", "--processes", "1", **space.environment)
        space.send("work", "before")
        until("handled", lambda: bodies(host, "work") == ["before"])
        azurite.stop()
        until("noticed", lambda: host.log.count("cannot be used, triggers wait for it") == 2)
        assert host.request("GET", "/admin/host/ping").status == 200
        azurite.start()
        space.send("work", "after")
        space.put("drop", "a.txt", b"x")
        until("handled again", lambda: bodies(host, "work") == ["before", "after"])
        until("blobs too", lambda: space.blobs("archive"))
        assert host.log.count("cannot be used, triggers wait for it") == 2
        assert host.log.count("is back after") == 2
        assert "Traceback" not in host.log
    finally:
        space.close()
        azurite.stop()


def test_host_starts_before_storage(start_host, tmp_path):
    """A host may be there before its storage: triggers begin when it comes."""
    azurite = Azurite(tmp_path / "azurite").start()
    space = Space(azurite.connection_string)
    azurite.stop()
    try:
        host = start_host("stored", "--processes", "1", **space.environment)
        until("noticed", lambda: "triggers wait for it" in host.log)
        azurite.start()
        space.send("work", "x")
        until("handled", lambda: bodies(host, "work") == ["x"])
    finally:
        space.close()
        azurite.stop()


def test_output_waits_for_storage(start_host, tmp_path):
    """An output that is written while storage restarts is late, not lost."""
    azurite = Azurite(tmp_path / "azurite").start()
    space = Space(azurite.connection_string)
    try:
        host = start_host("stored", "--processes", "1", **space.environment)
        azurite.stop()
        answers: list[int] = []
        call = threading.Thread(
            target=lambda: answers.append(host.request("POST", "/api/multi", b"late").status)
        )
        call.start()
        until("the function ran", lambda: "Executed 'Functions.multi'" in host.log)
        azurite.start()
        call.join()
        assert answers == [201]
        until("the message ran", lambda: bodies(host, "work") == ["late"])
    finally:
        space.close()
        azurite.stop()
