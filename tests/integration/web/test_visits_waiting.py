"""Hosts are waited for: turns, pauses that they ask for, pauses that trouble brings."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest

from pixcrawler.adapters.memory.hosts import MemoryHosts
from pixcrawler.adapters.memory.site_files import MemorySiteFiles
from pixcrawler.adapters.web.visiting.visits import BUSY_HOSTS_MAX
from pixcrawler.domain.verdict import RejectReason
from pixcrawler.pipeline.ports import Fetched
from pixcrawler.pipeline.visits.ports import HostReport
from tests.fakes.fetching import a_fetcher, fetch
from tests.fakes.web import PICTURE, FakeWeb


def test_the_developers_own_origins_have_a_large_budget(web):
    """A site of the local stack is visited by more at once than a stranger may be."""
    twelve = threading.Barrier(12, timeout=30)
    web.answers["/p.jpg"] = lambda given: (twelve.wait(), (200, {}, PICTURE))[1]
    results = a_fetcher(web).fetch_all([web.url(f"/p.jpg?{n}") for n in range(12)])
    assert all(isinstance(result, Fetched) for _, result in results)


@pytest.mark.parametrize(("status", "form"), [(429, "seconds"), (503, "date")])
def test_a_stated_wait_is_obeyed_by_all_and_costs_no_picture(web, status, form):
    """Nobody comes before the time that one was told, and then everything comes."""
    opens_at = time.time() + 2.2
    times = []

    def busy(given):
        times.append(time.time())
        if times[-1] >= opens_at:
            return 200, {}, PICTURE
        left_s = opens_at - times[-1]
        at = datetime.now(UTC) + timedelta(seconds=left_s + 1)
        stated = format_datetime(at, usegmt=True) if form == "date" else str(int(left_s) + 1)
        return status, {"Retry-After": stated}, b"busy"

    web.answers["/p.jpg"] = busy
    fetcher = a_fetcher(web, in_flight_per_allowed=3, tries=1, deadline_s=5)
    results = [result for _, result in fetcher.fetch_all([web.url(f"/p.jpg?{n}") for n in "abcde"])]
    assert [isinstance(result, Fetched) for result in results] == [True] * 5
    early = [at for at in times if at < opens_at]
    assert len(early) <= 3
    assert all(at < early[0] + 1 for at in early)
    assert max(result.visit.tries for result in results) == 2


@pytest.mark.parametrize(
    ("path", "requests"),
    [("/status/500?after=0", 3), ("/status/502?after=1", 3), ("/status/500?after=3600", 1)],
)
def test_other_troubles_that_state_a_wait_are_tries(web, path, requests):
    """Only 429 and 503 cost no try; what else names a time is asked again after it, in time."""
    result = fetch(a_fetcher(web), web.url(path))
    assert (result.reason, web.hits.total()) == (RejectReason.SERVER_ERROR, requests)


def test_throttling_without_a_time_costs_no_try(web):
    """A host that answers 429 five times in a row is waited for, with one try allowed."""
    count = []
    web.answers["/p.jpg"] = lambda given: (
        count.append(1),
        (429, {}, b"") if len(count) <= 5 else (200, {}, PICTURE),
    )[1]
    result = fetch(a_fetcher(web, tries=1), web.url("/p.jpg"))
    assert (result.body.read(), result.visit.tries) == (PICTURE, 6)
    [load] = result.visit.beside
    assert (load.requests, load.busy, len(result.visit.hops)) == (5, 5, 1)


def test_a_site_cannot_lead_to_ever_more_busy_hosts(web):
    """Each host is waited for once it is busy; a visit that finds others instead ends soon."""
    others = [FakeWeb() for _ in range(BUSY_HOSTS_MAX + 5)]
    left = iter(others)
    web.answers["/p.jpg"] = lambda given: (
        302,
        {"Location": next(left).url("/status/429")},
        b"",
    )
    try:
        allowed = frozenset(one.origin for one in (web, *others))
        result = fetch(a_fetcher(web, allowed=allowed), web.url("/p.jpg"))
    finally:
        for one in others:
            one.close()
    assert (result.reason, result.visit.tries) == (RejectReason.THROTTLED, BUSY_HOSTS_MAX + 1)
    assert web.hits["/p.jpg"] == BUSY_HOSTS_MAX + 1


@pytest.mark.parametrize("path", ["/status/429", "/raw-wait"])
def test_throttling_for_ever_ends_with_the_patience(web, path):
    """A visit waits for its host for so long and no longer."""
    result = fetch(a_fetcher(web, patience_s=0.5), web.url(path))
    assert result.reason is RejectReason.THROTTLED
    assert result.elapsed_ms >= 250
    assert web.hits.total() > 3


def test_a_stated_wait_beyond_the_patience_is_told(web):
    """An hour's Retry-After ends the visit at once, and the hour is told; all others wait too."""
    fetcher = a_fetcher(web)
    result = fetch(fetcher, web.url("/status/429?after=3600"))
    assert (result.reason, result.status) == (RejectReason.THROTTLED, 429)
    assert "3600 s" in result.detail
    again = fetch(fetcher, web.url("/ok"))
    assert (again.reason, web.hits.total()) == (RejectReason.THROTTLED, 1)
    assert "asked for 3600 s" in again.detail


def test_a_host_in_trouble_is_left_alone(web):
    """After some failures in a row nobody visits the host; the visit that met one tells of it."""
    fetcher = a_fetcher(web, tries=1, patience_s=0.1)
    results = [fetch(fetcher, web.url(f"/status/502?{n}")) for n in range(8)]
    reasons = [result.reason for result in results]
    assert reasons[:5] == [RejectReason.SERVER_ERROR] * 5
    assert reasons[-1] is RejectReason.HOST_SUSPENDED
    result = fetch(fetcher, web.url("/ok"))
    assert (result.reason, web.hits["/ok"]) == (RejectReason.HOST_SUSPENDED, 0)
    assert "status 502" in result.detail
    assert (result.visit.hops, result.visit.tries) == ((), 0)


@pytest.mark.parametrize("path", ["/status/500", "/drip-body", "/short"])
def test_trouble_of_single_addresses_closes_no_host(web, path):
    """Pictures that are broken, however many in a row, are no reason to leave a host alone."""
    fetcher = a_fetcher(web, deadline_s=1.0, slow_after_s=0.2, patience_s=0.1)
    for n in range(6):
        fetch(fetcher, web.url(f"{path}?{n}"))
    assert fetch(fetcher, web.url("/ok")).body.read() == PICTURE


def test_three_tries_of_one_address_are_one_failure(web):
    """One address that nothing answers for is asked three times, and is one failure of its host."""
    fetcher = a_fetcher(web, patience_s=0.1)
    for n in range(4):
        assert fetch(fetcher, web.url(f"/reset?{n}")).reason is not RejectReason.HOST_SUSPENDED
    assert fetch(fetcher, web.url("/ok")).body.read() == PICTURE


def test_a_host_left_alone_is_not_asked_for_robots_txt_either(web):
    """What another worker met counts here; what was not asked for is not kept as missing."""
    desk, files = MemoryHosts(), MemorySiteFiles()
    fetcher = a_fetcher(web, patience_s=0.5, desk=desk, site_files=files)
    desk.report("another", [HostReport(f"127.0.0.1:{web.port}", 5, 0, 5, failed_last=True)])
    result = fetch(fetcher, web.url("/ok"))
    assert (result.reason, web.site_hits.total()) == (RejectReason.HOST_SUSPENDED, 0)
    assert files.get([web.url("/robots.txt")]) == {}


def test_a_throttled_robots_txt_is_waited_for(web):
    """A host that wants to be left alone for two seconds before its robots.txt loses nothing."""
    count = []
    web.answers["/robots.txt"] = lambda given: (
        count.append(1),
        (429, {"Retry-After": "2"}, b"") if len(count) == 1 else (404, {}, b""),
    )[1]
    assert fetch(a_fetcher(web, deadline_s=1.5), web.url("/ok")).body.read() == PICTURE


def test_waiting_for_a_turn_does_not_count_for_the_deadline(web):
    """Pictures that take longer together than one may take arrive all the same."""
    web.answers["/p.jpg"] = lambda given: (threading.Event().wait(0.2), (200, {}, PICTURE))[1]
    fetcher = a_fetcher(web, in_flight_per_allowed=1, deadline_s=1.2)
    results = dict(fetcher.fetch_all([web.url(f"/p.jpg?{n}") for n in range(8)]))
    assert all(isinstance(result, Fetched) for result in results.values())
    assert web.most_in_flight == 1


def test_a_crawl_delay_is_kept(web):
    """Between two requests there is the time that the site wants."""
    web.answers["/robots.txt"] = (200, {}, b"User-agent: *\nCrawl-delay: 0.3\n")
    times = []
    web.answers["/p.jpg"] = lambda given: (times.append(time.monotonic()), (200, {}, PICTURE))[1]
    list(a_fetcher(web).fetch_all([web.url(f"/p.jpg?{n}") for n in range(4)]))
    assert min(later - sooner for sooner, later in pairwise(times)) >= 0.3


def test_what_hosts_are_told_of_reaches_their_desk(web):
    """Requests, bytes and failures are told, those for robots.txt among them."""
    told = []

    class Listening(MemoryHosts):
        def report(self, worker, reports):
            told.extend(reports)
            super().report(worker, reports)

    fetcher = a_fetcher(web, desk=Listening(), tries=1, deadline_s=1)
    for path in ("/ok", "/status/502", "/silent", "/status/404"):
        fetch(fetcher, web.url(path))
    fetcher.close()
    assert sum(one.requests for one in told) == 6
    assert sum(one.failures for one in told) == 2
    assert sum(one.bytes for one in told) >= len(PICTURE)
    assert {one.host for one in told} == {f"127.0.0.1:{web.port}"}


def test_a_queue_that_is_too_long_is_told(web):
    """With a long Crawl-delay, those for whom no turn comes in time are told so at once."""
    web.answers["/robots.txt"] = (200, {}, b"User-agent: *\nCrawl-delay: 1000\n")
    urls = [web.url(f"/ok?{n}") for n in range(5)]
    results = [result for _, result in a_fetcher(web, patience_s=2).fetch_all(urls)]
    late = [result for result in results if not isinstance(result, Fetched)]
    assert web.hits.total() == len(urls) - len(late) <= 1
    assert {result.reason for result in late} == {RejectReason.THROTTLED}
    assert "1000 s between requests" in late[0].detail
