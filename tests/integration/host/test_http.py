"""An app's HTTP functions on a real host, in process and in workers."""

from __future__ import annotations

import json
import os
import socket
import threading

import pytest

from tests.integration.host.running import until


@pytest.fixture(params=["0", "2"], ids=["in process", "two workers"])
def host(request, start_host):
    """The plain app, where functions run in either of the two ways."""
    return start_host("plain", "--processes", request.param)


def test_request_reaches_function(host):
    """Method, address, query, headers, route and body arrive as sent."""
    answer = host.request(
        "POST", "/api/HELLO/bob/?x=1&x=2&y=", b"k\xc3\xa4", headers={"X-Test": "yes"}
    )
    seen = answer.json
    assert answer.headers["Content-Type"] == "application/json"
    assert (seen["name"], seen["query"], seen["header"]) == ("bob", {"x": "1,2"}, "yes")
    assert (seen["function"], seen["method"], seen["body"]) == ("hello", "POST", "kä")


def test_binary_bodies(host):
    """A body of every byte comes back the same, compressed or not by its header."""
    body = bytes(range(256)) * 4000
    for headers in ({}, {"Content-Encoding": "gzip"}):
        answer = host.request("POST", "/api/echo", body, headers=headers)
        assert answer.body == body


def test_head(host):
    """HEAD answers with headers alone."""
    answer = host.request("HEAD", "/api/any")
    assert (answer.status, answer.headers["X-Method"], answer.body) == (200, "HEAD", b"")


def test_cookies_and_headers(host):
    """Cookies and headers of a response arrive; its length is the true one."""
    answer = host.get("/api/cookies")
    assert answer.status == 202
    assert answer.headers.get_all("Set-Cookie") == ["a=b; HttpOnly; Path=/", "c=d"]
    assert answer.headers["X-Mine"] == "1"
    assert answer.headers["Content-Length"] == "2"


def test_text(host):
    """A bare text is text/plain in UTF-8."""
    answer = host.get("/api/text")
    assert answer.text == "plain text: ä"
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("path", ["raises", "nothing", "stops?how=exit", "stops?how=iteration"])
def test_failing_function(host, path):
    """A function that raises, in whatever way, is an empty 500, and the log tells why."""
    answer = host.get(f"/api/{path}")
    assert (answer.status, answer.body) == (500, b"")
    name = path.split("?")[0]
    until(
        "the failure is logged", lambda: f"while executing function: Functions.{name}" in host.log
    )
    assert host.get("/api/text").status == 200


def test_unknown(host):
    """Unknown paths and methods are 404: never 405, as on Azure."""
    assert host.get("/api/nothing/here").status == 404
    assert host.get("/api/hello/b0b").status == 404
    assert host.request("DELETE", "/api/hello/bob").status == 404
    assert host.get("/").status == 404


def test_paths_are_decoded_once(host):
    """An encoded slash stays one, a double encoding stays encoded once."""
    assert host.get("/api/files/a%2Fb/c%20d%2520e").text == "path=a%2Fb/c d%20e"


def test_keys(host):
    """Functions ask for their key, the header wins over the query, and admin is the master's."""
    keys = host.keys
    default, master = keys["host"]["default"], keys["master"]
    assert host.get("/api/guarded").status == 401
    assert host.get("/api/guarded?code=wrong").status == 401
    assert host.get(f"/api/guarded?code={default}").status == 200
    assert host.get("/api/guarded", **{"x-functions-key": master}).status == 200
    assert host.get(f"/api/guarded?code={default}", **{"x-functions-key": "wrong"}).status == 401
    assert host.get(f"/api/adminonly?code={default}").status == 401
    assert host.get(f"/api/adminonly?code={master}").status == 200


def test_administration(host):
    """The host tells its state to the master key, and that it lives to everybody."""
    assert host.get("/admin/host/ping").status == 200
    assert host.get("/admin/host/status").status == 401
    answer = host.get(f"/admin/host/status?code={host.keys['master']}")
    assert answer.json["state"] == "Running"
    assert host.get(f"/admin/host/else?code={host.keys['master']}").status == 404


def test_foreign_names_are_refused(host):
    """A page that points its own name at this machine gets nothing."""
    answer = host.get("/api/text", Host="rebound.example")
    assert answer.status == 403


def test_webhooks_need_durable(host):
    """An app without Durable functions has no webhooks, and their key is asked for all the same."""
    path = "/runtime/webhooks/durabletask/instances/x"
    assert host.get(path).status == 401
    assert host.get(f"{path}?code={host.keys['system']}").status == 404
    assert host.ready["rpc"] is None


def test_output_reaches_log(host):
    """What functions print and log is in the host's log under their name."""
    assert host.get("/api/talks").text == "said"
    for line in ("printed by talks", "complained by talks", "logged by talks"):
        until(line, lambda line=line: f"Functions.talks: {line}" in host.log)


def test_invocation_log(host):
    """Each call leaves its start and its end in the log, with one id, and no query."""
    seen = host.get("/api/hello/bob?secret=hunter2").json
    until("the end is logged", lambda: f"(Succeeded, Id={seen['invocation']}" in host.log)
    assert "Executing 'Functions.hello' (Reason='This function" in host.log
    assert "hunter2" not in host.log


def test_calls_run_side_by_side(host):
    """Slow functions do not hold up others, whether they block a thread or the loop."""
    slow = [
        threading.Thread(target=host.get, args=(f"/api/{kind}?s=2",)) for kind in ("sleeps", "naps")
    ]
    for thread in slow:
        thread.start()
    assert host.get("/api/text").status == 200
    assert all(thread.is_alive() for thread in slow)
    for thread in slow:
        thread.join()


def test_stdout_is_one_line(host):
    """The ready line is the only thing on stdout: a program reads it."""
    host.get("/api/talks")
    process = host._process
    host.stop()
    assert process.returncode == 0
    assert set(host.ready) == {"ready", "rpc", "functions", "pid", "start_s"}
    assert host.ready["pid"] == process.pid


def test_body_limit(start_host):
    """A body over Azure's limit is refused before it is read."""
    host = start_host("plain")
    address = host.ready["ready"].removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1])), timeout=20) as connection:
        head = "POST /api/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 220200961\r\n\r\n"
        connection.sendall(head.encode())
        for _ in range(3):
            try:
                connection.sendall(b"x" * 100_000_000)
            except OSError:
                break
        assert b" 413 " in connection.recv(200)


def test_no_auth(start_host):
    """Without keys everything is open, as under Core Tools."""
    host = start_host("plain", "--no-auth")
    assert host.get("/api/adminonly").status == 200
    assert host.get("/admin/host/status").status == 200


def test_workers_share_the_load(start_host):
    """Calls spread over the worker processes; none runs in the host."""
    host = start_host("plain", "--processes", "2")
    seen: set[int] = set()

    def call() -> None:
        seen.add(json.loads(host.get("/api/hello").body)["pid"])

    def both() -> bool:
        threads = [threading.Thread(target=call) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return len(seen) == 2

    until("both workers answered", both)
    assert host.ready["pid"] not in seen
    assert os.getpid() not in seen


def test_broken_clients(start_host):
    """Requests that are cut off or are no HTTP harm nobody and leave no traceback."""
    host = start_host("plain", "--processes", "1")
    address = host.ready["ready"].removeprefix("http://").split(":")
    for data in (
        b"POST /api/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nabc",
        b"GET /api/sleeps?s=0.2 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\0\1\2\r\n\r\n",
        b"GET /api/hello/%00 HTTP/1.1\r\nHost: localhost\r\nX-Test: \xff\r\n\r\n",
        b"GET /api/guarded?code=%ff HTTP/1.1\r\nHost: localhost\r\nx-functions-key: \xff\r\n\r\n",
    ):
        with socket.create_connection((address[0], int(address[1])), timeout=20) as client:
            client.sendall(data)
    until("the slow one ended", lambda: "Executed 'Functions.sleeps'" in host.log)
    assert host.get("/api/text").status == 200
    assert "Traceback" not in host.log
