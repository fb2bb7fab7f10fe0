"""Eight processes with the whole fetcher at one host: its budget, its robots.txt, its pauses."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.fakes.hosts import Host, Hosts, pictures
from tests.integration.conftest import App

ROOT = Path(__file__).resolve().parents[3]
WORKERS = 8
BUDGET = 6
EACH = 12
DEADLINE_S = 120
CLOSED_S = 6
LEARNED_S = 1.5


@pytest.fixture
def host():
    found = Host(pictures("open", 4) | pictures("closed", 2, 50), works_s=0.03)
    hosts = Hosts(found)
    yield found
    hosts.close()


def fetched_by_all(app: App, host: Host) -> Counter[str]:
    """Let eight processes fetch everything at once; return how their addresses ended."""
    paths = [path for path in host.pictures for _ in range(EACH // 6)]
    order = {
        "database": app.database.worker_url,
        "urls": [host.url(f"{path}?{n}") for n, path in enumerate(paths)],
        "at_once": BUDGET,
    }
    command = [sys.executable, "-m", "tests.fakes.fetch_worker", json.dumps(order)]
    workers = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) for _ in range(WORKERS)]
    told = [worker.communicate(timeout=DEADLINE_S)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * WORKERS
    return sum((Counter(json.loads(line)) for line in told), Counter())


def test_budget_and_robots_hold_over_processes(app, host):
    """No more requests at once than the budget, no closed folder, robots.txt asked for by few."""
    host.robots = "User-agent: *\nDisallow: /closed/\n"
    ended = fetched_by_all(app, host)

    assert ended == {"fetched": 8 * WORKERS, "disallowed_by_site": 4 * WORKERS}
    assert host.most_in_flight <= BUDGET
    seen = host.counted()
    assert not [path for path in seen if path.startswith("/closed/")]
    assert 1 <= seen["/robots.txt"] <= WORKERS


def test_a_throttling_host_is_left_alone_by_all_and_loses_nothing(app, host):
    """After a 429 nobody comes before the time it names; then every picture is fetched."""
    host.throttle(CLOSED_S)
    host.retry_after = str(CLOSED_S)
    ended = fetched_by_all(app, host)

    assert ended == {"fetched": EACH * WORKERS}
    assert host.most_in_flight <= BUDGET
    refused = sorted(at for at, _, status in host.visits if status == 429)
    first = refused[0]
    early = [at - first for at in host.times() if LEARNED_S < at - first < CLOSED_S]
    assert early == []
