"""Surprises of the SDK and the extension come out as they are, not smoothed over."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.host_durable.hosts import HostProcess, until


@pytest.fixture(scope="module")
def host(tmp_path_factory) -> Iterator[HostProcess]:
    """One host in one process: the app counts in a module variable."""
    running = HostProcess("durable_hazards", tmp_path_factory.mktemp("hazards")).start()
    yield running
    running.stop()


def started(host, name):
    """Start an instance and give its addresses."""
    status, links = host.request("POST", f"/api/start/{name}")
    assert status == 202
    return links


def ended(host, links):
    """Poll the webhook until the instance has ended."""

    def look():
        status, body = host.request("GET", links["statusQueryGetUri"])
        return body if status == 200 else None

    return until(look)


def test_a_later_call_gets_the_error_of_a_retried_sibling(host):
    """Hazard 1: after one retried call gave up, ids diverge and "say" fails with flaky's error."""
    body = ended(host, started(host, "retried_siblings"))
    assert body["runtimeStatus"] == "Failed"
    assert "flaky 2" in body["output"]


def test_after_a_caught_failure_the_next_call_waits_for_every_sibling(host):
    """Hazard 2: the call after a failed task_all starts when the slowest sibling has ended."""
    output = ended(host, started(host, "plain_siblings"))["output"]
    assert output["said"] == "Hello after"
    assert output["seconds"] >= 2


def test_two_early_events_of_one_name_deliver_the_last_one_twice(host):
    """Hazards 3 and 4: both waits get the second payload."""
    links = started(host, "two_events")
    uri = links["sendEventPostUri"]
    assert host.request("POST", uri.replace("{eventName}", "e"), 0)[0] == 202
    assert host.request("POST", uri.replace("{eventName}", "e"), 1)[0] == 202
    # The two must be in the history, and unheard, before the orchestrator waits for them.
    shown = links["statusQueryGetUri"] + "&showHistory=true"
    until(
        lambda: (
            sum(
                event["EventType"] == "EventRaised"
                for event in host.request("GET", shown)[1].get("historyEvents", [])
            )
            == 2
        )
    )
    assert host.request("POST", uri.replace("{eventName}", "go"), {})[0] == 202
    assert ended(host, links)["output"] == [1, 1]


def test_falsy_custom_status_does_not_replace_the_former_one(host):
    """Hazard 5: a status of 0 is dropped, and an output of 0 is not."""
    body = ended(host, started(host, "falsy_status"))
    assert (body["customStatus"], body["output"]) == ({"a": 1}, 0)


def test_history_arrives_under_another_name_and_restart_gives_a_dict(host):
    """Hazard 5: status.history is None, historyEvents is there, restart() is no id."""
    links = started(host, "window")
    ended(host, links)
    status, seen = host.request("GET", f"/api/status/{links['id']}")
    assert (status, seen["history"], seen["restart"]) == (200, None, "dict")
    assert seen["historyEvents"] > 40


def test_sliding_window(host):
    """Hazard 11: task_any over a changing list works, eight calls in flight."""
    assert ended(host, started(host, "window"))["output"] == 40
