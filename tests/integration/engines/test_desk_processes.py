"""Worker processes share one desk: what an engine's server counts is never more than it allows."""

from __future__ import annotations

import itertools
import json
import random
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pixcrawler.adapters.postgres.desk import PostgresDesk
from pixcrawler.domain.engine import BlockKind, EngineStatus, Quota
from pixcrawler.pipeline.engines.ports import Closed, Page, Ticket
from tests.fakes.desk_worker import Counted
from tests.integration.conftest import App

ROOT = Path(__file__).resolve().parents[3]
QUOTAS = ((4, 0.25), (20, 2.0))
DEADLINE_S = 60


class Counting(ThreadingHTTPServer):
    """Notes when each request came; answers after a while, as the behaviour says."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.arrivals: list[float] = []
        self.status = lambda number: 200
        self.delays_s = (0.0,)
        self.released = threading.Event()
        self.lock = threading.Lock()
        self.chance = random.Random(7)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        """Callers may be killed."""


class _Handler(BaseHTTPRequestHandler):
    server: Counting
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server = self.server
        with server.lock:
            server.arrivals.append(time.monotonic())
            number, delay_s = len(server.arrivals), server.chance.choice(server.delays_s)
        server.released.wait(delay_s)
        self.send_response(server.status(number))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture
def server():
    running = Counting()
    thread = threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield running
    running.released.set()
    running.shutdown()
    running.server_close()
    thread.join()


@pytest.fixture
def worker(app: App, server):
    """Starts worker processes, and sees them end."""
    started = []

    def start(**changes):
        order = {
            "database": app.database.worker_url,
            "url": server.url,
            "quotas": QUOTAS,
            "pages": 1,
            "threads": 1,
            "lost_after_s": 60,
            "patience_s": 30,
            **changes,
        }
        command = [sys.executable, "-m", "tests.fakes.desk_worker", json.dumps(order)]
        started.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def pages(process):
    """What a worker found."""
    out, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0
    return json.loads(out)


def until(condition):
    """Wait until something is so."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def assert_within(arrivals, quotas):
    """In no stretch of time did more requests come than allowed."""
    arrivals = sorted(arrivals)
    for requests, seconds in quotas:
        for first, last in zip(arrivals, arrivals[requests:], strict=False):
            assert last - first >= seconds, (requests, seconds)


def test_no_quota_is_ever_exceeded(worker, server):
    """Two processes of four clients each, answers of uneven length: every window holds."""
    server.delays_s = (0.0, 0.0, 0.02, 0.1, 0.4)
    workers = [worker(threads=4, pages=8) for _ in range(2)]
    found = list(itertools.chain.from_iterable(pages(process) for process in workers))
    assert [page["status"] for page in found] == ["ok"] * 64
    assert len(server.arrivals) == 64
    assert_within(server.arrivals, QUOTAS)


def test_retries_count_as_well(worker, server):
    """A server that fails every third time gets no more requests than it allows."""
    server.status = lambda number: 503 if number % 3 == 0 else 200
    workers = [worker(threads=2, pages=5) for _ in range(2)]
    found = list(itertools.chain.from_iterable(pages(process) for process in workers))
    assert sum(page["requests"] for page in found) == len(server.arrivals)
    assert_within(server.arrivals, QUOTAS)


def test_a_refusal_of_one_worker_stops_all(worker, server):
    """After one refusal no process asks again; each is told that the engine is left alone."""
    server.status = lambda number: 403
    assert pages(worker())[0]["kind"] == "denied"
    for process in [worker(threads=2, pages=2) for _ in range(2)]:
        assert {page["kind"] for page in pages(process)} == {"suspended"}
    assert len(server.arrivals) == 1


def test_a_killed_worker_gives_its_place_back(worker, server, app: App):
    """A process that dies with a request under way holds its place for a bounded time only."""
    lost_after_s = 5.0
    card = Counted.card.model_copy(update={"quotas": (Quota(requests=1, seconds=0.1),)})
    server.delays_s = (float(DEADLINE_S),)
    process = worker(quotas=((1, 0.1),), lost_after_s=lost_after_s)
    until(lambda: server.arrivals)
    process.kill()
    process.wait()
    desk = PostgresDesk(app.worker, lost_after_s=lost_after_s)
    outcomes = []

    def is_given():
        outcomes.append(desk.admit(card, 0))
        return isinstance(outcomes[-1], Ticket)

    until(is_given)
    *refused, _ = outcomes
    assert refused
    assert all(isinstance(one, Closed) and one.kind is BlockKind.QUOTA for one in refused)


def test_one_worker_tries_a_suspended_engine(worker, server, app: App):
    """When the suspension is over one request goes, and with its success everybody's."""
    desk = PostgresDesk(app.worker)
    card = Counted.card.model_copy(update={"quotas": ()})
    failed = Page(EngineStatus.FAILED, detail="away")
    desk.settle(card, desk.admit(card, 0), failed)
    server.delays_s = (0.3,)
    workers = [worker(threads=3, quotas=()) for _ in range(2)]
    found = list(itertools.chain.from_iterable(pages(process) for process in workers))
    assert [page["status"] for page in found] == ["ok"] * 6
    first, second = sorted(server.arrivals)[:2]
    assert second - first >= 0.3
