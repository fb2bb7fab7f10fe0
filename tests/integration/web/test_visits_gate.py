"""Sites and authors are asked first, for the purpose of the job, and obeyed."""

from __future__ import annotations

import gc
import hashlib

import pytest

from pixcrawler.domain.purpose import Purpose
from pixcrawler.domain.verdict import RejectReason
from pixcrawler.pipeline.optout.gate import Gate
from pixcrawler.pipeline.optout.signal import Saying, Signal
from pixcrawler.pipeline.ports import Fetched
from tests.fakes.fetching import a_fetcher, fetch
from tests.fakes.web import PICTURE, FakeWeb

EVERYBODY = frozenset(Purpose)
TDMREP = "/.well-known/tdmrep.json"


def robots(web, text):
    """Let the server say this to robots."""
    web.answers["/robots.txt"] = (200, {}, text.encode())


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
    monkeypatch.setattr("pixcrawler.adapters.web.visiting.visits.SITE_FILE_DEADLINE_S", 0.3)
    web.raw_answers["/robots.txt"] = lambda handler, given: handler.on_drip_body("", {})
    result = fetch(a_fetcher(web, deadline_s=60, slow_after_s=60), web.url("/ok"))
    assert (result.reason, web.hits.total()) == (RejectReason.ROBOTS_UNAVAILABLE, 0)
    assert result.elapsed_ms < 30_000


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
