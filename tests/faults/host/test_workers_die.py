"""Workers that die, hang or cannot come back; hosts that are killed."""

from __future__ import annotations

import socket
import threading
import time

import psutil
import pytest

from tests.integration.host.running import RunningHost, until


def workers(host: RunningHost) -> list[psutil.Process]:
    """The worker processes of a host."""
    return psutil.Process(host.ready["pid"]).children()


def test_worker_dies_in_a_call(start_host):
    """A call whose worker died is an empty 500; the next one finds a new worker."""
    host = start_host("plain", "--processes", "1")
    for _ in range(3):
        answer = host.get("/api/dies")
        assert (answer.status, answer.body) == (500, b"")
        assert host.get("/api/text").status == 200
    assert "was ended by SIGKILL while it ran 'dies'" in host.log


def test_only_calls_of_the_dead_worker_are_lost(start_host):
    """A worker's death takes its own calls along and no others."""
    host = start_host("plain", "--processes", "2", "--verbose")
    until("both workers", lambda: host.log.count("is ready") == 2)
    answers: list[int] = []

    def sleep() -> None:
        answers.append(host.get("/api/sleeps?s=2").status)

    threads = [threading.Thread(target=sleep) for _ in range(2)]
    for thread in threads:
        thread.start()
    until("both run", lambda: host.log.count("Executing 'Functions.sleeps'") == 2)
    time.sleep(0.2)  # the calls are in the workers: one each, as the least loaded is next
    workers(host)[0].kill()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 500]


def test_idle_worker_is_replaced(start_host):
    """A worker killed from outside comes back by itself."""
    host = start_host("plain", "--processes", "1")
    (first,) = workers(host)
    first.kill()
    until("a new one", lambda: [w.pid for w in workers(host)] not in ([], [first.pid]))
    assert host.get("/api/text").status == 200


def test_workers_end_with_a_killed_host(start_host):
    """When the host is killed its workers are gone, even one that is deep in a function."""
    host = start_host("plain", "--processes", "2")
    until("both workers", lambda: len(workers(host)) == 2)
    left = workers(host)
    hanging = threading.Thread(target=lambda: _expect_loss(host, "/api/sleeps?s=60"))
    hanging.start()
    until("it runs", lambda: "Executing 'Functions.sleeps'" in host.log)
    host.kill()
    _, alive = psutil.wait_procs(left, timeout=10)
    assert alive == []
    hanging.join()


def _expect_loss(host: RunningHost, path: str) -> None:
    with pytest.raises(OSError, match=r".*"):
        host.get(path)


def test_stopped_host_leaves_no_process(start_host):
    """An orderly stop leaves no worker behind."""
    host = start_host("plain", "--processes", "2")
    left = workers(host)
    host.stop()
    assert [process for process in left if process.is_running()] == []


def test_sync_function_that_hangs(start_host):
    """Past functionTimeout a hanging function fails and its worker is replaced."""
    timeout = {"AzureFunctionsJobHost__functionTimeout": "00:00:01"}
    host = start_host("plain", "--processes", "1", **timeout)
    (first,) = workers(host)
    assert host.get("/api/sleeps?s=60").status == 500
    assert "Timeout value of 00:00:01 exceeded by function 'Functions.sleeps'" in host.log
    until("a new worker", lambda: [w.pid for w in workers(host)] not in ([], [first.pid]))
    assert host.get("/api/text").status == 200


def test_async_function_that_hangs(start_host):
    """An async function is cancelled at its timeout; its worker lives on."""
    timeout = {"AzureFunctionsJobHost__functionTimeout": "00:00:01"}
    host = start_host("plain", "--processes", "1", **timeout)
    (first,) = workers(host)
    assert host.get("/api/naps?s=60").status == 500
    time.sleep(2.5)  # longer than a worker gets to cancel
    assert [worker.pid for worker in workers(host)] == [first.pid]


@pytest.mark.parametrize("kind", ["naps", "sleeps"])
def test_timeout_in_process(start_host, kind):
    """In process a hanging function fails too, and the host answers on."""
    timeout = {"AzureFunctionsJobHost__functionTimeout": "00:00:01"}
    host = start_host("plain", "--processes", "0", **timeout)
    assert host.get(f"/api/{kind}?s=30").status == 500
    assert host.get("/api/text").status == 200


def test_app_broken_while_running(start_host, tmp_path):
    """Workers that cannot load any more are retried with pauses; a mended app runs again."""
    app = tmp_path / "app"
    app.mkdir()
    good = (
        "import os, signal\nimport azure.functions as func\napp = func.FunctionApp()\n"
        "@app.route(route='f', auth_level='anonymous')\n"
        "def f(req: func.HttpRequest) -> str:\n    return 'fine'\n"
    )
    (app / "host.json").write_text('{"version": "2.0"}')
    (app / "function_app.py").write_text(good)
    host = start_host(app, "--processes", "1")
    # Of another size: Python's cache of bytecode looks at size and second.
    (app / "function_app.py").write_text("raise ValueError('half saved')\n")
    workers(host)[0].kill()
    until("it is told twice", lambda: host.log.count("ValueError: half saved") >= 2)
    assert "next try in 0.5 s" in host.log
    assert "next try in 1.0 s" in host.log
    (app / "function_app.py").write_text(good)
    until("it answers again", lambda: host.get("/api/f").text == "fine")
    (app / "function_app.py").write_text(good.replace("'f'", "'changed'"))
    workers(host)[0].kill()
    until("told", lambda: "the app's functions changed while the host runs" in host.log)


def test_no_worker_is_503(start_host, tmp_path):
    """While no worker can load, a call is answered 503 and not left hanging."""
    app = tmp_path / "app"
    app.mkdir()
    (app / "host.json").write_text('{"version": "2.0"}')
    (app / "function_app.py").write_text(
        "import azure.functions as func\napp = func.FunctionApp()\n"
        "@app.route(route='f', auth_level='anonymous')\n"
        "def f(req: func.HttpRequest) -> str:\n    return 'fine'\n"
    )
    host = start_host(app, "--processes", "1")
    (app / "function_app.py").write_text("import os, time\ntime.sleep(3600)\n")
    (first,) = workers(host)
    first.kill()
    until("it is gone", lambda: "a new one takes over" in host.log)
    assert host.get("/api/f").status == 503


def test_strangers_at_the_workers_port(start_host):
    """A connection to the workers' port without the token is hung up on, and nothing is harmed."""
    host = start_host("plain", "--processes", "1")
    ports = [
        connection.laddr.port
        for connection in psutil.Process(host.ready["pid"]).net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
        and f":{connection.laddr.port}" not in host.ready["ready"]
    ]
    assert len(ports) == 1
    with socket.create_connection(("127.0.0.1", ports[0]), timeout=20) as stranger:
        stranger.sendall(b"0" * 64)
        assert stranger.recv(1) == b""
    assert "showed no valid token" in host.log
    assert host.get("/api/text").status == 200


def test_secrets_are_not_in_the_workers_environment(start_host):
    """Neither the token nor a key is visible in a worker's command line or environment."""
    host = start_host("plain", "--processes", "1")
    (worker,) = workers(host)
    shown = " ".join(worker.cmdline()) + " ".join(worker.environ().values())
    assert not any(key in shown for key in (host.keys["master"], host.keys["system"]))
    assert "token" not in shown.lower()
