"""Microsoft's Durable patterns, as apps of our own, behave as documented."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from tests.integration.host_durable.hosts import HostProcess, until


@pytest.fixture(scope="module")
def host(tmp_path_factory) -> Iterator[HostProcess]:
    """One host with one worker process for all samples."""
    folder = tmp_path_factory.mktemp("samples")
    running = HostProcess("durable_samples", folder, processes=1).start()
    yield running
    running.stop()


def started(host, name, value=None):
    """Start a sample and give its addresses."""
    status, links = host.request("POST", f"/api/orchestrators/{name}", value)
    assert status == 202
    return links


def ended(host, links):
    """Poll the status address until it answers 200."""

    def look():
        status, body = host.request("GET", links["statusQueryGetUri"])
        return body if status == 200 else None

    return until(look)


def answer(host, links, value):
    """Raise the event that the phone sample waits for."""
    uri = links["sendEventPostUri"].replace("{eventName}", "SmsChallengeResponse")
    assert host.request("POST", uri, value)[0] == 202


def code_from(outbox):
    """The code that was sent, once it was."""
    until(lambda: outbox.exists() and outbox.read_text().endswith("}"))
    return json.loads(outbox.read_text())["code"]


def heard(host, links, number):
    """Wait until so many answers are in the history and the orchestrator waits again."""
    shown = links["statusQueryGetUri"] + "&showHistory=true"

    def look():
        events = host.request("GET", shown)[1].get("historyEvents", [])
        return sum(event["EventType"] == "TimerCreated" for event in events) == number + 1

    until(look)


def test_starting_answers_202_with_the_addresses(host):
    """The start function gives the id, every address, and where to look."""
    links = started(host, "hello_cities")
    assert set(links) == {
        "id",
        "statusQueryGetUri",
        "sendEventPostUri",
        "terminatePostUri",
        "rewindPostUri",
        "purgeHistoryDeleteUri",
        "restartPostUri",
        "suspendPostUri",
        "resumePostUri",
    }
    assert all(uri.startswith(host.url) for key, uri in links.items() if key != "id")


def test_chaining(host):
    """Three cities are greeted in order."""
    body = ended(host, started(host, "hello_cities"))
    assert body["name"] == "hello_cities"
    assert body["runtimeStatus"] == "Completed"
    assert body["output"] == ["Hello Tokyo!", "Hello Seattle!", "Hello Cairo!"]


def test_fan_out_fan_in(host, tmp_path):
    """Every file is copied, and the sum of the sizes comes back."""
    source, target = tmp_path / "source", tmp_path / "target"
    target.mkdir()
    (source / "deep").mkdir(parents=True)
    for number in range(30):
        folder = source / "deep" if number % 2 else source
        (folder / f"{number}.bin").write_bytes(b"x" * number)
    value = {"source": str(source), "target": str(target)}
    body = ended(host, started(host, "backup_folder", value))
    assert body["output"] == sum(range(30))
    assert sorted(path.stat().st_size for path in target.iterdir()) == list(range(30))


def test_phone_is_verified_with_the_right_code(host, tmp_path):
    """The right code within the time gives true."""
    outbox = tmp_path / "outbox.json"
    told = {"phone": "+425-555-0100", "outbox": str(outbox), "seconds": 60}
    links = started(host, "verify_phone", told)
    code = code_from(outbox)
    heard(host, links, 0)
    answer(host, links, code)
    assert ended(host, links)["output"] is True


def test_phone_is_verified_at_the_second_answer(host, tmp_path):
    """A wrong code is forgiven."""
    outbox = tmp_path / "outbox.json"
    told = {"phone": "+425-555-0101", "outbox": str(outbox), "seconds": 60}
    links = started(host, "verify_phone", told)
    code = code_from(outbox)
    heard(host, links, 0)
    answer(host, links, code + 1)
    heard(host, links, 1)
    answer(host, links, code)
    assert ended(host, links)["output"] is True


def test_phone_is_refused_after_three_wrong_codes(host, tmp_path):
    """The third wrong code ends it, well before the time is over."""
    outbox = tmp_path / "outbox.json"
    told = {"phone": "+425-555-0102", "outbox": str(outbox), "seconds": 600}
    links = started(host, "verify_phone", told)
    code = code_from(outbox)
    for number in range(3):
        heard(host, links, number)
        answer(host, links, code + 1)
    assert ended(host, links)["output"] is False


def test_phone_is_refused_when_time_runs_out(host, tmp_path):
    """Without an answer the timer decides, also after a wrong code."""
    told = {"phone": "+425-555-0103", "outbox": str(tmp_path / "a.json"), "seconds": 0.5}
    silent = started(host, "verify_phone", told)
    told = {"phone": "+425-555-0104", "outbox": str(tmp_path / "b.json"), "seconds": 1.5}
    wrong = started(host, "verify_phone", told)
    code = code_from(tmp_path / "b.json")
    answer(host, wrong, code + 1)
    assert ended(host, silent)["output"] is False
    assert ended(host, wrong)["output"] is False


def test_monitor_sees_what_happens(host, tmp_path):
    """The monitor looks again after each pause, and alerts when the file appears."""
    file = tmp_path / "wanted.txt"
    told = {"file": str(file), "every": 100, "seconds": 60}
    links = started(host, "watch_file", told)
    until(
        lambda: (
            (host.request("GET", links["statusQueryGetUri"])[1]["customStatus"] or {}).get(
                "looks", 0
            )
            >= 2
        )
    )
    file.write_text("here")
    output = ended(host, links)["output"]
    assert output["seen"] is True
    assert output["looks"] >= 3
    assert file.with_name("wanted.txt.alert").exists()


def test_monitor_expires(host, tmp_path):
    """When nothing happens the monitor ends on its own, without an alert."""
    file = tmp_path / "never.txt"
    told = {"file": str(file), "every": 100, "seconds": 0.5}
    output = ended(host, started(host, "watch_file", told))["output"]
    assert output["seen"] is False
    assert 1 <= output["looks"] <= 6
    assert not file.with_name("never.txt.alert").exists()


def test_counter_entity_by_signals(host):
    """Signals are accepted at once and add up; reset begins anew."""
    key = f"signalled{time.monotonic_ns()}"
    for amount in (5, 7):
        assert host.request("POST", f"/api/counters/{key}?amount={amount}")[0] == 202
    until(lambda: host.request("GET", f"/api/counters/{key}") == (200, 12))
    assert host.request("POST", f"/api/counters/{key}?amount=1&op=reset")[0] == 202
    until(lambda: host.request("GET", f"/api/counters/{key}") == (200, 0))


def test_counter_entity_by_calls(host):
    """An orchestrator gets the answer of each operation; nobody else's counter moves."""
    key = f"called{time.monotonic_ns()}"
    assert ended(host, started(host, "count_twice", key))["output"] == [10, 11]
    assert host.request("GET", f"/api/counters/{key}") == (200, 11)
    assert host.request("GET", f"/api/counters/{key}x")[0] == 404
