"""Sites and authors are asked first, hosts are waited for, and what was seen is kept."""

from __future__ import annotations

import gc
import hashlib
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest

from pixcrawler.adapters.memory.hosts import MemoryHosts
from pixcrawler.adapters.memory.site_files import MemorySiteFiles
from pixcrawler.domain.purpose import Purpose
from pixcrawler.domain.verdict import RejectReason
from pixcrawler.pipeline.optout.gate import Gate
from pixcrawler.pipeline.optout.signal import Saying, Signal
from pixcrawler.pipeline.ports import Fetched
from pixcrawler.pipeline.visits.ports import HostReport
from tests.fakes.fetching import a_fetcher, fetch
from tests.fakes.web import PICTURE, FakeWeb

EVERYBODY = frozenset(Purpose)
TDMREP = "/.well-known/tdmrep.json"


def robots(web, text, status=200, **headers):
    """Let the server say this to robots."""
    web.answers["/robots.txt"] = (status, headers, text.encode())


# ------------------------------------------------------------- the gate


def test_robots_txt_is_asked_once_and_obeyed(web):
    """What it disallows is not asked for; one look at it serves all calls and purposes."""
    robots(web, "User-agent: *\nDisallow: /private/\n")
    fetcher = a_fetcher(web)
    urls = [web.url(f"/{folder}/{n}") for folder in ("private", "ok") for n in range(5)]
    results = dict(fetcher.fetch_all(urls))
    assert [results[n].reason for n in range(5)] == [RejectReason.DISALLOWED_BY_SITE] * 5
    assert "robots.txt: Disallow: /private/" in results[0].detail
    assert all(isinstance(results[n], Fetched) for n in range(5, 10))
    assert fetch(fetcher.gated(Gate(Purpose.GENERATIVE)), urls[9]).body.read() == PICTURE + b"4"
    assert web.site_hits == {"/robots.txt": 1, TDMREP: 1}
    assert not any("private" in path for path in web.hits)


def test_where_a_redirect_leads_is_asked_for_too(web):
    """A target that its own site disallows is not visited, on whatever host it is."""
    other = FakeWeb()
    robots(other, "User-agent: *\nDisallow: /\n")
    web.answers["/away"] = (302, {"Location": other.url("/ok")}, b"")
    fetcher = a_fetcher(allowed=frozenset({web.origin, other.origin}))
    result = fetch(fetcher, web.url("/away"))
    assert result.reason is RejectReason.DISALLOWED_BY_SITE
    assert (result.final_url, other.hits.total()) == (other.url("/ok"), 0)
    [hop] = result.visit.hops
    assert (hop.url, hop.status) == (web.url("/away"), 302)
    other.close()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((500, {}, b""), RejectReason.ROBOTS_UNAVAILABLE),
        ((503, {}, b""), RejectReason.ROBOTS_UNAVAILABLE),
        ((404, {}, b""), None),
        ((403, {}, b""), None),
        ((200, {}, b""), None),
        ((302, {"Location": "/elsewhere.txt"}, b""), RejectReason.DISALLOWED_BY_SITE),
        ((301, {"Location": "/robots.txt"}, b""), None),
        ((200, {}, b"#" * 600 * 1024 + b"\nUser-agent: *\nDisallow: /\n"), None),
        (
            (200, {}, b"User-agent: *\nDisallow: /\n" + b"#" * 600 * 1024),
            RejectReason.DISALLOWED_BY_SITE,
        ),
    ],
    ids=[
        "500",
        "503",
        "404",
        "403",
        "empty",
        "moved",
        "moved in a circle",
        "rule after 500 KiB",
        "long after the rule",
    ],
)
def test_robots_txt_that_is_odd(web, answer, reason):
    """Trouble of the server shuts the site, a missing file opens it; half a megabyte is read."""
    web.answers["/robots.txt"] = answer
    web.answers["/elsewhere.txt"] = (200, {}, b"User-agent: *\nDisallow: /\n")
    result = fetch(a_fetcher(web), web.url("/ok"))
    assert getattr(result, "reason", None) is reason
    assert web.hits["/ok"] == (0 if reason else 1)


def test_a_short_trouble_with_robots_txt_heals(web):
    """A server error or two before robots.txt comes cost no picture."""
    count = []
    web.answers["/robots.txt"] = lambda given: (
        count.append(1),
        (500, {}, b"") if len(count) < 3 else (404, {}, b""),
    )[1]
    assert fetch(a_fetcher(web), web.url("/ok")).body.read() == PICTURE
    assert len(count) == 3


def test_a_silent_robots_txt_is_given_up(web, monkeypatch):
    """A site whose robots.txt never comes is refused after its own, shorter deadline."""
    monkeypatch.setattr("pixcrawler.adapters.web.visits.SITE_FILE_DEADLINE_S", 0.3)
    web.raw_answers["/robots.txt"] = lambda handler, given: handler.on_drip_body("", {})
    result = fetch(a_fetcher(web), web.url("/ok"))
    assert (result.reason, web.hits.total()) == (RejectReason.ROBOTS_UNAVAILABLE, 0)


def test_a_header_refuses_before_the_body_is_read(web):
    """A picture that its server wants kept from models is not downloaded."""
    sent = []

    def large(handler, given):
        handler.raw(b"HTTP/1.1 200 OK\r\nX-Robots-Tag: noai\r\nContent-Length: 50000000\r\n\r\n")
        handler.raw(PICTURE)
        for _ in range(50):
            handler.raw(bytes(1_000_000))
            sent.append(1)

    web.raw_answers["/p.jpg"] = large
    result = fetch(a_fetcher(web, max_bytes=60_000_000), web.url("/p.jpg"))
    assert result.reason is RejectReason.OPTED_OUT
    assert "x-robots-tag" in result.detail
    assert "noai" in result.detail
    assert result.visit.sha256 is None
    assert len(sent) < 40


class Shy(Signal):
    """Refuses by what is in the bytes."""

    name = "shy"

    def of_body(self, body):
        refused = EVERYBODY if b"leave me" in body.read() else frozenset()
        return (Saying("leave me alone", "bytes", refused),)


def test_the_bytes_may_refuse(web):
    """What an author wrote into the file counts; the receipt says what was looked at."""
    web.answers["/p.jpg"] = (200, {}, PICTURE + b"leave me alone")
    gate = Gate(Purpose.RECOGNITION, further=[Shy()])
    fetcher = a_fetcher(web).gated(gate)
    refused, fetched = fetch(fetcher, web.url("/p.jpg")), fetch(fetcher, web.url("/ok"))
    assert refused.reason is RejectReason.OPTED_OUT
    assert "shy: leave me alone" in refused.detail
    assert refused.visit.sha256 == hashlib.sha256(PICTURE + b"leave me alone").hexdigest()
    assert [finding.refuses for finding in refused.visit.findings] == [True]
    assert [finding.refuses for finding in fetched.visit.findings] == [False]
    assert fetched.visit.checked == gate.checked == refused.visit.checked


def test_each_purpose_hears_its_own(web):
    """Over the same connections, what one purpose may have is refused to another."""

    class Choosy(Signal):
        name = "choosy"

        def of_answer(self, url, headers):
            return (Saying("no new pictures", "header", frozenset({Purpose.GENERATIVE})),)

    fetcher = a_fetcher(web)
    recognise, generate = (
        fetcher.gated(Gate(purpose, further=[Choosy()]))
        for purpose in (Purpose.RECOGNITION, Purpose.GENERATIVE)
    )
    assert fetch(recognise, web.url("/ok")).body.read() == PICTURE
    assert fetch(generate, web.url("/ok")).reason is RejectReason.OPTED_OUT
    assert web.site_hits["/robots.txt"] == 1


def test_a_large_body_that_refuses_is_given_up(web):
    """What its bytes refuse is closed, also where they are in a file."""
    web.answers["/p.jpg"] = (200, {}, PICTURE + bytes(2 * 1024 * 1024) + b"leave me alone")
    fetcher = a_fetcher(web).gated(Gate(Purpose.RECOGNITION, further=[Shy()]))
    assert fetch(fetcher, web.url("/p.jpg")).reason is RejectReason.OPTED_OUT
    gc.collect()


# ------------------------------------------------------------- waiting for hosts


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


def test_throttling_without_a_time_costs_no_try(web):
    """A host that answers 429 five times in a row is waited for, with one try allowed."""
    count = []
    web.answers["/p.jpg"] = lambda given: (
        count.append(1),
        (429, {}, b"") if len(count) <= 5 else (200, {}, PICTURE),
    )[1]
    result = fetch(a_fetcher(web, tries=1), web.url("/p.jpg"))
    assert (result.body.read(), result.visit.tries) == (PICTURE, 6)


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
    results = [fetch(fetcher, web.url(f"/status/500?{n}")) for n in range(8)]
    reasons = [result.reason for result in results]
    assert reasons[:5] == [RejectReason.SERVER_ERROR] * 5
    assert reasons[-1] is RejectReason.HOST_SUSPENDED
    result = fetch(fetcher, web.url("/ok"))
    assert (result.reason, web.hits["/ok"]) == (RejectReason.HOST_SUSPENDED, 0)
    assert "status 500" in result.detail
    assert (result.visit.hops, result.visit.tries) == ((), 0)


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
    robots(web, "User-agent: *\nCrawl-delay: 0.3\n")
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
    for path in ("/ok", "/status/500", "/silent", "/status/404"):
        fetch(fetcher, web.url(path))
    fetcher.close()
    assert sum(one.requests for one in told) == 6
    assert sum(one.failures for one in told) == 2
    assert sum(one.bytes for one in told) >= len(PICTURE)
    assert {one.host for one in told} == {f"127.0.0.1:{web.port}"}


# ------------------------------------------------------------- evidence


def test_every_hop_is_kept(web):
    """Address, IP, status and the headers that matter, in the order in which they came."""
    web.answers["/start"] = (302, {"Location": "/next", "X-Other": "no"}, b"")
    web.answers["/next"] = (301, {"Location": "/p.jpg"}, b"")
    web.answers["/p.jpg"] = (200, {"ETag": '"a"', "Set-Cookie": "a=b"}, PICTURE)
    before = datetime.now(UTC)
    result = fetch(a_fetcher(web), web.url("/start"))
    visit = result.visit
    assert [(hop.url, hop.address, hop.status) for hop in visit.hops] == [
        (web.url("/start"), "127.0.0.1", 302),
        (web.url("/next"), "127.0.0.1", 301),
        (web.url("/p.jpg"), "127.0.0.1", 200),
    ]
    kept = dict(visit.hops[2].headers)
    assert kept["etag"] == '"a"'
    assert not {"set-cookie", "x-other", "location"} & set(kept)
    assert (visit.tries, visit.sha256) == (1, hashlib.sha256(PICTURE).hexdigest())
    assert before <= visit.at <= datetime.now(UTC)
    assert type(visit).model_validate_json(visit.model_dump_json(exclude_defaults=True)) == visit


def test_hostile_headers_can_be_stored(web):
    """Bytes that are no text, control characters and endless values are kept as plain text."""
    web.raw_answers["/p.jpg"] = lambda handler, given: handler.raw(
        b"HTTP/1.1 200 OK\r\nETag: \xff\xfe\x80\r\nServer: " + b"x" * 4000 + b"\r\n",
        *[b"X-Robots-Tag: all\r\n"] * 60,
        b"Content-Length: %d\r\n\r\n" % len(PICTURE),
        PICTURE,
    )
    visit = fetch(a_fetcher(web), web.url("/p.jpg")).visit
    headers = visit.hops[0].headers
    assert ("etag", "???") in headers
    assert max(len(value) for _, value in headers) == 500
    assert len(headers) <= 40
    assert type(visit).model_validate_json(visit.model_dump_json()) == visit


@pytest.mark.parametrize(
    ("path", "hops", "tries"),
    [
        ("/status/404", [404], 1),
        ("/status/500", [500], 3),
        ("/reset", [None], 3),
        ("/empty", [200], 1),
        ("/announced-big", [200], 1),
        ("/to?url=ftp://example.org/", [302], 1),
        ("/hops/6", [301] * 6, 1),
    ],
    ids=["404", "500", "reset", "empty", "big", "blocked", "redirects"],
)
def test_failures_leave_evidence_too(web, path, hops, tries):
    """Of the last try, whatever became of it."""
    visit = fetch(a_fetcher(web), web.url(path)).visit
    assert [hop.status for hop in visit.hops] == hops
    assert [hop.address for hop in visit.hops] == ["127.0.0.1"] * len(hops)
    assert (visit.tries, visit.sha256, visit.checked) == (tries, None, ())


def test_what_was_never_asked_for_leaves_no_hop(web):
    """A refused address has no hop and no try."""
    robots(web, "User-agent: *\nDisallow: /\n")
    refused = fetch(a_fetcher(web), web.url("/ok")).visit
    blocked = fetch(a_fetcher(web), "http://127.0.0.1:1/").visit
    assert (refused.hops, refused.tries, refused.checked) == ((), 0, ("robots.txt",))
    [finding] = refused.findings
    assert (finding.source, finding.refuses) == (web.url("/robots.txt"), True)
    assert (blocked.hops, blocked.tries, blocked.checked) == ((), 0, ())


# ------------------------------------------------------------- heads


def test_a_head_that_is_too_large_in_all_is_no_answer(web):
    """Headers that are allowed one by one and too many together end as a bad answer."""
    web.raw_answers["/p.jpg"] = lambda handler, given: handler.raw(
        b"HTTP/1.1 200 OK\r\n",
        *[b"X-%d: %s\r\n" % (n, b"x" * 3000) for n in range(60)],
        b"Content-Length: %d\r\n\r\n" % len(PICTURE),
        PICTURE,
    )
    assert fetch(a_fetcher(web), web.url("/p.jpg")).reason is RejectReason.BAD_ANSWER
