"""The management API over HTTP: codes, pages, filters, keys, and a hub for each host."""

from __future__ import annotations

import json
import subprocess
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator

import pytest

from tests.integration.host_durable.hosts import HostProcess, until

TOKEN = "x-ms-continuation-token"


@pytest.fixture(scope="module")
def host(tmp_path_factory) -> Iterator[HostProcess]:
    """One host for all tests here."""
    folder = tmp_path_factory.mktemp("management")
    running = HostProcess("durable_semantics", folder).start()
    yield running
    running.stop()


@pytest.fixture
def new_id() -> str:
    """An instance id that nobody has used."""
    return uuid.uuid4().hex


@pytest.fixture
def api(host):
    """Requests to the webhooks, with the system key."""
    _, links = host.start_instance("chain")
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(links["statusQueryGetUri"]).query)
    key = query["code"][0]

    def send(method, path, body=None, **headers):
        join = "&" if "?" in path else "?"
        url = f"/runtime/webhooks/durabletask/{path}{join}code={urllib.parse.quote(key)}"
        return host.request(method, url, body, headers=headers)

    send.key = key
    return send


def page(host, key, path, token=""):
    """One page of a list: the rows and the token for the next."""
    join = "&" if "?" in path else "?"
    url = f"{host.url}/runtime/webhooks/durabletask/{path}{join}code={urllib.parse.quote(key)}"
    request = urllib.request.Request(url, headers={TOKEN: token})  # noqa: S310 - our own host
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - as above
        return json.load(response), response.headers[TOKEN]


def test_the_webhooks_need_the_system_key(host, api):
    """Without it, or with another, they answer 401."""
    assert host.request("GET", "/runtime/webhooks/durabletask/instances/")[0] == 401
    assert host.request("GET", "/runtime/webhooks/durabletask/instances/?code=x")[0] == 401
    assert api("GET", "instances/")[0] == 200


def test_an_instance_can_be_started_and_waited_for(api, new_id):
    """With timeout and pollingInterval the answer is the output."""
    path = f"orchestrators/chain/{new_id}?timeout=20&pollingInterval=1"
    expected = ["Hello otter!", "Hello heron!", "Hello lynx!"]
    assert api("POST", path, {"x": 1}) == (200, expected)


def test_waiting_ends_with_the_timeout(api, new_id):
    """What takes longer is answered like a start."""
    path = f"orchestrators/race/{new_id}?timeout=0.1&pollingInterval=0.1"
    status, links = api("POST", path, {"s": 3600})
    assert (status, links["id"]) == (202, new_id)


def test_waiting_for_a_failure_answers_500(api):
    """With the whole status as the body."""
    status, body = api("POST", "orchestrators/failing?timeout=20&pollingInterval=1")
    assert (status, body["runtimeStatus"]) == (500, "Failed")


def test_a_failed_instance_answers_200_unless_500_is_asked_for(api, new_id):
    """The flag returnInternalServerErrorOnFailure changes the code, not the body."""
    api("POST", f"orchestrators/failing/{new_id}?timeout=20&pollingInterval=1")
    plain = api("GET", f"instances/{new_id}")
    asked = api("GET", f"instances/{new_id}?returnInternalServerErrorOnFailure=true")
    assert (plain[0], asked[0]) == (200, 500)
    assert plain[1] == asked[1]


def test_an_unknown_orchestrator_is_400_with_the_message_the_sdk_shows(api):
    """ExceptionMessage names the known ones; there is no stack trace."""
    status, body = api("POST", "orchestrators/nope", {})
    assert status == 400
    assert "'nope' doesn't exist" in body["ExceptionMessage"]
    assert body["StackTrace"] == ""


def test_an_id_in_use_is_409(api, new_id):
    """The running instance is left alone."""
    assert api("POST", f"orchestrators/race/{new_id}", {"s": 3600})[0] == 202
    assert api("POST", f"orchestrators/race/{new_id}", {"s": 3600})[0] == 409


def test_broken_json_is_400(host, api, new_id):
    """For starts, events and signals alike, and nothing is created."""

    def post(path):
        request = urllib.request.Request(  # noqa: S310 - our own host
            f"{host.url}/runtime/webhooks/durabletask/{path}code={api.key}",
            data=b"{broken",
            headers={"content-type": "application/json"},
        )
        try:
            urllib.request.urlopen(request, timeout=30).close()  # noqa: S310 - as above
        except urllib.request.HTTPError as error:
            error.close()
            return error.code
        return 200

    assert post(f"orchestrators/chain/{new_id}?") == 400
    assert api("GET", f"instances/{new_id}")[0] == 404
    api("POST", f"orchestrators/race/{new_id}", {"s": 3600})
    assert post(f"instances/{new_id}/raiseEvent/approval?") == 400
    assert post(f"entities/counter/{new_id}?op=add&") == 400


@pytest.mark.parametrize("operation", ["terminate", "suspend", "resume", "rewind"])
def test_operations_on_missing_and_finished_instances(api, new_id, operation):
    """404 for nobody, 410 for what has completed."""
    assert api("POST", f"instances/{new_id}/{operation}?reason=x")[0] == 404
    api("POST", f"orchestrators/chain/{new_id}?timeout=20&pollingInterval=1")
    assert api("POST", f"instances/{new_id}/{operation}?reason=x")[0] == 410


def test_events_for_missing_finished_and_wrong_content(host, api, new_id):
    """404, 410, and 400 for what is not application/json."""
    assert api("POST", f"instances/{new_id}/raiseEvent/go", 1)[0] == 404
    api("POST", f"orchestrators/race/{new_id}", {"s": 3600})
    wrong = {"content-type": "text/plain"}
    path = f"/runtime/webhooks/durabletask/instances/{new_id}/raiseEvent/go?code={api.key}"
    assert host.request("POST", path, 1, headers=wrong)[0] == 400
    api("POST", f"instances/{new_id}/terminate?reason=x")
    until(lambda: api("GET", f"instances/{new_id}")[1]["runtimeStatus"] == "Terminated")
    assert api("POST", f"instances/{new_id}/raiseEvent/go", 1)[0] == 410


def test_a_running_instance_cannot_be_rewound(api, new_id):
    """400, with the reason."""
    api("POST", f"orchestrators/race/{new_id}", {"s": 3600})
    status, body = api("POST", f"instances/{new_id}/rewind?reason=x")
    assert status == 400
    assert "only supported on failed" in body["ExceptionMessage"]


def test_a_running_instance_is_not_purged(api, new_id):
    """The answer says that nothing was deleted; a missing one is 404."""
    assert api("DELETE", f"instances/{new_id}")[0] == 404
    api("POST", f"orchestrators/race/{new_id}", {"s": 3600})
    assert api("DELETE", f"instances/{new_id}") == (200, {"instancesDeleted": 0})


def test_purging_needs_a_time_and_readable_filters(api):
    """Without createdTimeFrom, or with a misspelt status, it is 400 and nothing is deleted."""
    assert api("DELETE", "instances/")[0] == 400
    path = "instances/?createdTimeFrom=2020-01-01T00:00:00Z&runtimeStatus=Completd"
    assert api("DELETE", path)[0] == 400
    path = "instances/?createdTimeFrom=2999-01-01T00:00:00Z"
    assert api("DELETE", path)[0] == 404


def test_lists_come_in_pages(host, api, new_id):
    """The token leads from page to page until it is empty; every instance comes once."""
    ids = {f"{new_id}-{number}" for number in range(5)}
    for instance_id in ids:
        api("POST", f"orchestrators/race/{instance_id}", {"s": 3600})
    path = f"instances/?instanceIdPrefix={new_id}&top=2"
    seen, token, pages = [], "", 0
    while pages == 0 or token:
        rows, token = page(host, api.key, path, token)
        seen += [row["instanceId"] for row in rows]
        pages += 1
    assert (sorted(seen), pages) == (sorted(ids), 3)


def test_lists_filter_by_status_time_and_prefix(api, new_id):
    """Percent and underscore in a prefix are letters like others."""
    api("POST", f"orchestrators/race/{new_id}", {"s": 3600})
    until(lambda: api("GET", f"instances/{new_id}")[1]["runtimeStatus"] == "Running")

    def found(query):
        rows = api("GET", f"instances/?instanceIdPrefix={new_id}&{query}")[1]
        return [row["instanceId"] for row in rows]

    assert found("runtimeStatus=Running,Pending") == [new_id]
    assert found("runtimeStatus=Completed") == []
    assert found("createdTimeFrom=2020-01-01T00:00:00.000000Z") == [new_id]
    assert found("createdTimeTo=2020-01-01T00:00:00.000000Z") == []
    assert api("GET", "instances/?instanceIdPrefix=%25")[1] == []
    assert api("GET", "instances/?instanceIdPrefix=_")[1] == []


def test_history_is_shown_on_demand(api, new_id):
    """With showHistoryOutput the results are in it too."""
    api("POST", f"orchestrators/chain/{new_id}?timeout=20&pollingInterval=1")
    assert "historyEvents" not in api("GET", f"instances/{new_id}")[1]
    path = f"instances/{new_id}?showHistory=true"
    events = api("GET", path)[1]["historyEvents"]
    assert [item["EventType"] for item in events] == [
        "ExecutionStarted",
        *["TaskCompleted"] * 3,
        "ExecutionCompleted",
    ]
    shown = api("GET", path + "&showHistoryOutput=true")[1]["historyEvents"]
    assert [item.get("Result") for item in shown[1:3]] == ["Hello otter!", "Hello heron!"]


def test_entities_are_signalled_read_and_listed(api, new_id):
    """POST adds, GET reads, the list gives states on demand, DELETE is an operation."""
    # Nothing un-nests what a webhook posts, and the SDK decodes an input twice.
    assert api("POST", f"entities/Counter/{new_id}?op=add", "4")[0] == 202
    until(lambda: api("GET", f"entities/counter/{new_id}") == (200, 4))
    rows = api("GET", "entities/counter?fetchState=true")[1]
    assert [row["state"] for row in rows if row["entityId"]["key"] == new_id] == [4]
    assert api("DELETE", f"entities/counter/{new_id}")[0] == 202
    until(lambda: api("GET", f"entities/counter/{new_id}")[0] == 404)
    assert api("POST", f"entities/nobody/{new_id}?op=add", "4")[0] == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("GET", "nothing"),
        ("GET", "orchestrators/chain"),
        ("POST", "orchestrators"),
        ("POST", "orchestrators/a/b/c"),
        ("PUT", "instances/"),
        ("POST", "entities/counter"),
    ],
)
def test_what_is_not_there_is_404(api, method, path):
    """Unknown paths and methods, as the extension answers them."""
    assert api(method, path)[0] == 404


def test_an_instance_id_that_breaks_addresses_is_400(api):
    """Encoded or not."""
    assert api("POST", "orchestrators/chain/%40entity", {})[0] == 400
    assert api("POST", "orchestrators/chain/" + "x" * 101, {})[0] == 400


def test_a_hub_name_that_is_not_resolved_keeps_the_host_from_starting(tmp_path, monkeypatch):
    """With a sentence that names the setting."""
    host = HostProcess("durable_semantics", tmp_path)
    del host._environment["DURABLE_TEST_HUB"]
    ended = subprocess.run(
        host._command,
        env=host._environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 1
    assert "DURABLE_TEST_HUB" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_two_hub_names_are_two_hubs(tmp_path):
    """What one hub holds the other does not know, in the same state folder."""
    host = HostProcess("durable_semantics", tmp_path).start()
    try:
        host.run("chain", instance_id="only-here")
        host.stop()
        host._environment["DURABLE_TEST_HUB"] = "AnotherHub"
        host.start()
        assert host.status("only-here") is None
    finally:
        host.kill()
