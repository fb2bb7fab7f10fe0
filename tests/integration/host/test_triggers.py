"""Queue, blob and timer triggers and outputs, on Azurite."""

from __future__ import annotations

import json
import time

import pytest

from tests.integration.host.running import RunningHost, until


@pytest.fixture
def host(start_host, space) -> RunningHost:
    return start_host("stored", "--processes", "2", **space.environment)


def bodies(host: RunningHost, kind: str) -> list[str]:
    return [note["body"] for note in host.notes(kind)]


def test_message_is_handled_and_gone(host, space):
    """A message runs its function once and leaves the queue; the queue may come later."""
    space.send("work", "hello")
    until("handled", lambda: bodies(host, "work") == ["hello"])
    until("deleted", lambda: space.count("work") == 0)
    assert host.notes("work")[0]["count"] == 1


def test_many_messages(host, space):
    """A hundred messages are all handled, each once."""
    wanted = sorted(f"m{n}" for n in range(100))
    for text in wanted:
        space.send("work", text)
    until("all handled", lambda: len(bodies(host, "work")) >= 100)
    until("all deleted", lambda: space.count("work") == 0)
    assert sorted(bodies(host, "work")) == wanted


def test_failing_message_is_poison_after_five(host, space):
    """A message fails five times, then the poison queue has it, unchanged, and the queue not."""
    space.send("work", "fail")
    until("poison", lambda: bodies(host, "poison") == ["fail"])
    assert [note["count"] for note in host.notes("work")] == [1, 2, 3, 4, 5]
    assert space.count("work") == 0


def test_undecodable_message(host, space):
    """A message that is not base64 never runs; in a poison queue it stays and goes no further."""
    space.send("work", "not base64!", encode=False)
    until("moved", lambda: space.exists("work-poison") and space.count("work-poison") == 1)
    until("seen there", lambda: "work-poison is not base64" in host.log)
    until("hidden", lambda: space.peek("work-poison") == [])
    assert space.count("work") == 0
    assert not space.exists("work-poison-poison")
    assert host.notes("work") == []


def test_outputs_of_a_message(host, space):
    """A message's outputs are written, a blob under names from the message's JSON."""
    text = json.dumps({"box": "b1", "id": "x"})
    space.send("relay", text)
    until("both arrived", lambda: sorted(bodies(host, "work")) == [f"{text} 1", f"{text} 2"])
    assert space.blobs("out") == {"b1/x.txt": text.encode()}


def test_outputs_of_a_request(host, space):
    """A request's outputs are written before it is answered."""
    assert host.request("POST", "/api/multi", b"payload").status == 201
    assert list(space.blobs("out").values()) == [b"payload\0\xff"]
    until("the message ran", lambda: bodies(host, "work") == ["payload"])


def test_output_that_cannot_be_named(host, space):
    """An output path that names nothing fails the function, and the log says which."""
    assert host.request("POST", "/api/misnamed", b"x").status == 500
    assert "output 'blob': {nothing} is not a value of this trigger" in host.log
    assert space.blobs("out") == {}


def test_blob_runs_once_a_version(host, space):
    """A new blob runs once with name, length and metadata; overwritten it runs again."""
    space.put("drop", "sub/a.txt", b"one", k="v")
    space.put("drop", "a.bin", b"no")
    until("output", lambda: space.blobs("archive") == {"sub/a.done": b"done:one"})
    space.put("drop", "sub/a.txt", b"two")
    until("again", lambda: space.blobs("archive") == {"sub/a.done": b"done:two"})
    seen = [(n["name"], n["length"], n["data"], n["meta"]) for n in host.notes("blob")]
    name = f"{space.name}-drop/sub/a.txt"
    assert seen == [(name, 3, "one", {"k": "v"}), (name, 3, "two", {})]


def test_event_grid_triggers_are_polled(host, space):
    """A trigger that Event Grid feeds on Azure is fed by polling here."""
    space.put("events", "e", b"x")
    until("seen", lambda: [n["name"] for n in host.notes("event")] == [f"{space.name}-events/e"])


def test_failing_blob_is_poison_after_five(host, space):
    """A blob fails five times, then a message in the poison queue names it; it is left alone."""
    space.put("drop", "bad.txt", b"fail")
    (told,) = until("poison", space.poison_blobs)
    assert (told["BlobName"], told["FunctionId"]) == ("bad.txt", "Host.Functions.on_blob")
    space.put("drop", "good.txt", b"ok")
    until("the next is handled", lambda: "good.done" in space.blobs("archive"))
    assert [note["data"] for note in host.notes("blob")].count("fail") == 5


def test_receipts_survive_kill(host, space):
    """After kill -9 no blob runs again that had run, and one that came meanwhile does."""
    space.put("drop", "a.txt", b"one")
    until("handled", lambda: space.blobs("archive"))
    # The output is written before the receipt: wait for the line that comes after both.
    until("recorded", lambda: "Executed 'Functions.on_blob' (Succeeded" in host.log)
    host.kill()
    space.put("drop", "b.txt", b"two")
    host.start()
    until("the new one", lambda: "b.done" in space.blobs("archive"))
    assert sorted(note["data"] for note in host.notes("blob")) == ["one", "two"]


def test_timer_over_a_restart(start_host, space):
    """A timer fires on its schedule; what it missed while the host was down it makes up once."""
    host = start_host("stored", **{**space.environment, "TICK": "*/2 * * * * *"})
    until("two ticks", lambda: len(host.notes("tick")) >= 2)
    first, second = (note["at"] for note in host.notes("tick")[:2])
    assert 1.5 < second - first < 2.5
    assert not any(note["past_due"] for note in host.notes("tick"))
    host.kill()
    before = len(host.notes("tick"))
    due = host.notes("tick")[-1]["at"] + 2
    until("an occurrence is missed", lambda: time.time() > due + 0.5)
    host.start()
    until("it ticks again", lambda: len(host.notes("tick")) >= before + 2)
    assert [note["past_due"] for note in host.notes("tick")[before : before + 2]] == [True, False]
