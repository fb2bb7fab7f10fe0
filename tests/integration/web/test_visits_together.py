"""All calls of a process share one thread, its connections and its room, fairly."""

from __future__ import annotations

import gc
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import psutil
import pytest

from pixcrawler.adapters.memory.hosts import MemoryHosts
from pixcrawler.adapters.web.connecting import wire
from pixcrawler.adapters.web.connecting.guard import ThreadResolver
from pixcrawler.adapters.web.fetch import WebFetcher
from pixcrawler.domain.errors import DatabaseUnavailable, InvariantBroken
from pixcrawler.domain.verdict import RejectReason
from pixcrawler.pipeline.ports import Fetched
from tests.fakes.fetching import a_fetcher, fetch
from tests.fakes.web import PICTURE, FakeWeb

GRACE_S = 20.0


@pytest.fixture
def threads():
    """The threads that fetch, of those that the test started."""
    before = set(threading.enumerate())
    return lambda: [
        thread
        for thread in threading.enumerate()
        if thread.name == "fetch" and thread not in before
    ]


def taken(results):
    """Everything that comes, its bodies closed."""
    came = []
    for index, result in results:
        if isinstance(result, Fetched):
            result.body.close()
        came.append((index, result))
    return came


def test_calls_share_one_thread_and_its_connections(web, threads):
    """Calls at the same time and one after another start no thread and no connection each."""
    fetcher = a_fetcher(web, in_flight_per_allowed=4)
    with ThreadPoolExecutor(4) as callers:
        calls = [[web.url(f"/ok/{call}-{n}") for n in range(10)] for call in range(4)]
        came = list(callers.map(lambda urls: taken(fetcher.fetch_all(urls)), calls))
        assert len(threads()) == 1
    for call in range(10):
        came += [taken(fetcher.fetch_all([web.url(f"/ok/later-{call}")]))]
    assert all(isinstance(result, Fetched) for results in came for _, result in results)
    assert web.hits.total() == 50
    assert web.connections <= 4
    fetcher.close()


def test_no_more_requests_than_allowed_over_all_calls(web):
    """The bound holds for all calls together, and is used."""
    four = threading.Barrier(4, timeout=GRACE_S)
    web.answers["/together"] = lambda given: (four.wait(), (200, {}, PICTURE))[1]
    fetcher = a_fetcher(web, concurrency=4)
    with ThreadPoolExecutor(3) as callers:
        urls = [web.url(f"/together?n={n}") for n in range(8)]
        came = list(callers.map(lambda _: taken(fetcher.fetch_all(urls)), range(3)))
    assert [len(results) for results in came] == [8, 8, 8]
    assert web.most_in_flight == 4
    fetcher.close()


def test_a_short_call_does_not_wait_for_a_long_one(web):
    """Calls that wait get a place in turn: three pictures are there long before forty."""
    order = []
    web.answers["/long"] = lambda given: (order.append("long"), (200, {}, PICTURE))[1]
    web.answers["/short"] = lambda given: (order.append("short"), (200, {}, PICTURE))[1]
    opened = threading.Event()
    web.answers["/first"] = lambda given: (opened.wait(GRACE_S), (200, {}, PICTURE))[1]
    fetcher = a_fetcher(web, concurrency=2)
    with ThreadPoolExecutor(2) as callers:
        long_urls = [web.url("/first"), web.url("/first?again")]
        long_urls += [web.url(f"/long?n={n}") for n in range(40)]
        long = callers.submit(lambda: taken(fetcher.fetch_all(long_urls)))
        while web.in_flight < 2:
            threading.Event().wait(0.01)
        short = callers.submit(
            lambda: taken(fetcher.fetch_all([web.url(f"/short?n={n}") for n in range(3)]))
        )
        threading.Event().wait(0.2)
        opened.set()
        assert len(short.result(GRACE_S)) == 3
        assert len(long.result(GRACE_S)) == 42
    assert max(place for place, what in enumerate(order) if what == "short") < 12
    fetcher.close()


def test_a_slow_caller_holds_back_nobody_else(web):
    """One takes nothing and is not fetched for; others get theirs meanwhile."""
    fetcher = a_fetcher(web, concurrency=3)
    slow = fetcher.fetch_all([web.url(f"/ok/slow-{n}") for n in range(30)])
    next(slow)
    others = taken(fetcher.fetch_all([web.url(f"/ok/quick-{n}") for n in range(30)]))
    assert len(others) == 30
    assert sum(count for path, count in web.hits.items() if "slow" in path) <= 1 + 3
    assert 1 + len(taken(slow)) == 30
    fetcher.close()


def test_who_stops_early_stops_only_its_own(web):
    """The visits of a call that is left end at once; those of others go on."""
    fetcher = a_fetcher(web)
    other = fetcher.fetch_all([web.url("/slow/1"), web.url("/ok")])
    next(other)
    left = fetcher.fetch_all([web.url("/ok/left"), *[web.url(f"/silent/{n}") for n in range(20)]])
    assert next(left)[0] == 0
    left.close()
    pid = psutil.Process()
    ours = [c for c in pid.net_connections("tcp") if c.raddr and c.raddr.port == web.port]
    assert len(ours) <= 3
    assert len(taken(other)) == 1
    fetcher.close()


def test_closing_ends_everything_and_a_later_call_starts_anew(web, threads):
    """Whoever waits is told; threads and connections end; the fetcher can be used again."""
    fetcher = a_fetcher(web)
    results = fetcher.fetch_all([web.url("/ok"), web.url("/silent")])
    next(results)
    threading.Timer(0.1, fetcher.close).start()
    with pytest.raises(InvariantBroken, match="closed"):
        next(results)
    fetcher.close()
    assert threads() == []
    assert fetch(fetcher, web.url("/ok")).body.read() == PICTURE
    fetcher.close()
    fetcher.close()
    assert threads() == []


def test_a_fetcher_that_nobody_has_ends_its_thread(web, threads):
    """What is dropped without a close leaves no thread."""
    fetcher = a_fetcher(web)
    fetch(fetcher, web.url("/ok"))
    assert len(threads()) == 1
    del fetcher
    gc.collect()
    assert threads() == []


SCRIPT = """
import sys
from tests.fakes.fetching import a_fetcher, fetch
from pixcrawler.adapters.web.connecting.guard import origin_of
url = sys.argv[1]
fetcher = a_fetcher(allowed=frozenset({origin_of(url)}))
print(fetch(fetcher, url).body.size)
"""


def test_a_process_ends_without_closing(web):
    """A program that never closes its fetcher ends at once, and says nothing."""
    command = [sys.executable, "-W", "error", "-c", SCRIPT, web.url("/ok")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"{len(PICTURE)}\n", "")


def test_a_desk_that_is_away_reaches_the_caller(web):
    """Without the hosts' desk nobody is visited: the step fails and is tried again."""

    class Away(MemoryHosts):
        def share(self, worker, wishes):
            raise DatabaseUnavailable("no database today")

    with pytest.raises(DatabaseUnavailable, match="no database today"):
        taken(a_fetcher(web, desk=Away()).fetch_all([web.url("/ok")]))
    assert (web.hits.total(), web.site_hits.total()) == (0, 0)


def test_site_files_that_are_away_reach_the_caller(web):
    """Without the memory of what sites wish nobody is visited either."""

    class Away:
        def get(self, urls):
            raise DatabaseUnavailable("no database today")

    with pytest.raises(DatabaseUnavailable, match="no database today"):
        taken(a_fetcher(web, site_files=Away()).fetch_all([web.url("/ok")]))
    assert web.hits.total() == 0


def test_idle_connections_are_bounded(web, monkeypatch):
    """To hosts that are left nothing stays open beyond a few, the oldest closed first."""
    monkeypatch.setattr(wire, "KEPT_CONNECTIONS", 2)
    webs = [FakeWeb() for _ in range(5)]
    fetcher = a_fetcher(allowed=frozenset(one.origin for one in webs))
    for one in webs:
        assert fetch(fetcher, one.url("/ok")).body.size
    ports = {one.port for one in webs}
    open_to = [
        c.raddr.port
        for c in psutil.Process().net_connections("tcp")
        if c.raddr and c.raddr.port in ports and c.status == "ESTABLISHED"
    ]
    assert set(open_to) <= {one.port for one in webs[-2:]}
    fetcher.close()
    for one in webs:
        one.close()


def test_hosts_come_in_turn(web):
    """Of a list that is sorted by host, the hosts' first pictures are asked for first."""
    other = FakeWeb()
    order = []
    for server, name in ((web, "a"), (other, "b")):
        server.answers["/p"] = lambda given, name=name: (
            order.append(name),
            (200, {}, PICTURE),
        )[1]
    fetcher = a_fetcher(allowed=frozenset({web.origin, other.origin}), concurrency=2)
    urls = [web.url(f"/p?{n}") for n in range(20)] + [other.url(f"/p?{n}") for n in range(20)]
    assert sorted(index for index, _ in taken(fetcher.fetch_all(urls))) == list(range(40))
    assert 5 <= order[:20].count("b") <= 15
    other.close()


@pytest.mark.parametrize("calls", [1, 2])
def test_a_host_that_does_not_answer_holds_up_no_other(web, calls):
    """Its 500 addresses wait for it alone: others' come meanwhile, in the same call and another."""
    other, is_over = FakeWeb(), threading.Event()

    def held(given):
        if not is_over.wait(GRACE_S):
            is_over.set()
        return 200, {}, PICTURE

    web.answers["/p"] = held
    fetcher = a_fetcher(
        allowed=frozenset({web.origin, other.origin}), concurrency=8, in_flight_per_allowed=3
    )
    slow = [web.url(f"/p?{n}") for n in range(500)]
    quick = [other.url(f"/ok/{n}") for n in range(100)]
    came = []

    def take(urls):
        for _, result in fetcher.fetch_all(urls):
            came.append(urlsplit(result.final_url).port)
            if len(came) == len(quick):
                is_over.set()
            if is_over.is_set():
                return

    with ThreadPoolExecutor(calls) as callers:
        list(callers.map(take, [slow + quick] if calls == 1 else [slow, quick]))
    assert came[: len(quick)] == [other.port] * len(quick)
    fetcher.close()
    other.close()


def test_the_fetcher_is_built_without_a_thread(threads):
    """Building asks nobody and starts nothing."""
    assert isinstance(a_fetcher(), WebFetcher)
    assert threads() == []


def test_nothing_is_asked_of_a_name_that_is_not_there():
    """A name that does not resolve is told as such, before and after robots.txt was looked for."""

    class Nobody(ThreadResolver):
        async def resolve(self, host, port=0, family=socket.AF_UNSPEC):
            raise socket.gaierror(socket.EAI_NONAME, "no such name")

    fetcher = a_fetcher(resolver=Nobody)
    urls = [f"http://nowhere.example/{n}" for n in range(3)]
    reasons = {result.reason for _, result in taken(fetcher.fetch_all(urls))}
    assert reasons == {RejectReason.NAME_UNRESOLVED}
    assert fetch(fetcher, urls[0]).reason is RejectReason.NAME_UNRESOLVED
    fetcher.close()


def test_a_name_is_looked_up_once_for_all_calls(web):
    """What was looked up and vetted for one call serves the next ones."""
    asked = []

    class Counting(ThreadResolver):
        async def resolve(self, host, port=0, family=socket.AF_UNSPEC):
            asked.append(host)
            return await super().resolve("127.0.0.1", port, socket.AF_INET)

    origin = f"http://pictures.example:{web.port}"
    fetcher = a_fetcher(resolver=Counting, allowed=frozenset({origin}))
    web.answers["/p.jpg"] = (200, {"Connection": "close"}, PICTURE)
    for _ in range(3):
        assert fetch(fetcher, f"{origin}/p.jpg").body.read() == PICTURE
    assert asked == ["pictures.example"]
    fetcher.close()
