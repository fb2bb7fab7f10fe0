"""Worker processes share a host's budget: what its server counts is never more than it allows."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import App

ROOT = Path(__file__).resolve().parents[3]
DEADLINE_S = 60
BUDGET = 6
WORKERS = 8


class Counting(ThreadingHTTPServer):
    """Notes when each request came, and how many there were at once."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.arrivals: list[float] = []
        self.under_way = 0
        self.most = 0
        self.takes_s = 0.02
        self.refused: dict[int, str] = {}
        """Number of a request, from 1, and the Retry-After that it gets with a 429."""
        self.refused_at: list[float] = []
        self.released = threading.Event()
        self.lock = threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_address[1]}/picture"

    def handle_error(self, request: object, client_address: object) -> None:
        """Callers may be killed."""


class _Handler(BaseHTTPRequestHandler):
    server: Counting
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        server = self.server
        with server.lock:
            server.arrivals.append(time.monotonic())
            server.under_way += 1
            server.most = max(server.most, server.under_way)
            retry_after = server.refused.get(len(server.arrivals))
        if retry_after is None:
            server.released.wait(server.takes_s)
        with server.lock:
            # Before the answer: whoever has it may start the next request.
            server.under_way -= 1
            if retry_after is not None:
                server.refused_at.append(time.monotonic())
        self.send_response(200 if retry_after is None else 429)
        if retry_after is not None:
            self.send_header("Retry-After", retry_after)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(bytes(1000))

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Counting]:
    running = Counting()
    thread = threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield running
    running.released.set()
    running.shutdown()
    running.server_close()
    thread.join()


Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def worker(app: App, server: Counting) -> Iterator[Start]:
    """Starts worker processes, and sees them end."""
    started: list[subprocess.Popen[bytes]] = []

    def start(**changes: Any) -> subprocess.Popen[bytes]:
        order = {
            "database": app.database.worker_url,
            "url": server.url,
            "at_once": BUDGET,
            "interval_s": 0,
            "requests": 1,
            "patience_s": DEADLINE_S,
            "lasts_s": 30,
            **changes,
        }
        command = [sys.executable, "-m", "tests.fakes.host_worker", json.dumps(order)]
        started.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def served(process: subprocess.Popen[bytes]) -> int:
    """How many requests of a worker were answered."""
    out, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0
    return int(json.loads(out)["served"])


def until(condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_budget_holds_over_all_processes(worker: Start, server: Counting, app: App) -> None:
    """Eight processes at a host of six: never more than six at once, all six used, all served."""
    workers = [worker(requests=60) for _ in range(WORKERS)]
    assert [served(process) for process in workers] == [60] * WORKERS
    assert server.most == BUDGET
    assert len(server.arrivals) == 60 * WORKERS
    counted = app.database.rows("select requests, bytes, failures from private.hosts")
    assert counted == [(60 * WORKERS, 60_000 * WORKERS, 0)]
    assert app.database.rows("select * from private.host_shares") == []


def test_a_crawl_delay_holds_over_all_processes(worker: Start, server: Counting) -> None:
    """No two requests of eight processes are closer than it, by the server's clock."""
    server.takes_s = 0.01
    workers = [worker(requests=3, interval_s=0.2) for _ in range(WORKERS)]
    assert [served(process) for process in workers] == [3] * WORKERS
    assert server.most == 1
    gaps = zip(server.arrivals, server.arrivals[1:], strict=False)
    assert min(later - earlier for earlier, later in gaps) >= 0.2


def test_a_refusal_of_one_pauses_all(worker: Start, server: Counting) -> None:
    """A 429 that one process gets is known to all; after the time that it states all are served."""
    server.refused = {100: "3"}
    server.takes_s = 0.03
    workers = [worker(requests=50) for _ in range(WORKERS)]
    assert [served(process) for process in workers] == [50] * WORKERS
    [refused_at] = server.refused_at
    after = [at - refused_at for at in server.arrivals if at > refused_at]
    # Processes ask each 0.75 s; the rest is for a slow machine.
    assert [at for at in after if 1.5 < at < 2.9] == []
    assert len([at for at in after if at > 2.9]) > 100


def test_a_killed_process_gives_its_places_back(worker: Start, server: Counting) -> None:
    """After its share has ended others have its places, and not before."""
    lasts_s = 3.0
    server.takes_s = DEADLINE_S
    killed = worker(requests=BUDGET, lasts_s=lasts_s)
    until(lambda: len(server.arrivals) == BUDGET)
    other = worker(requests=BUDGET, lasts_s=lasts_s)
    time.sleep(lasts_s)
    assert len(server.arrivals) == BUDGET, "as long as it lives it keeps them"
    killed.kill()
    killed.wait()
    killed_at = time.monotonic()
    server.takes_s = 0.01
    assert served(other) == BUDGET
    # It renewed its share a second before it died at most.
    assert server.arrivals[BUDGET] - killed_at >= lasts_s - 1.5
