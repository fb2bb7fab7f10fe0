"""What was seen on the way is kept, whatever became of a visit."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest

from pixcrawler.domain.verdict import RejectReason
from tests.fakes.fetching import a_fetcher, fetch
from tests.fakes.web import PICTURE


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


def test_the_rule_that_allows_is_kept(web):
    """A picture that came at once says which robots.txt let it, one that took two tries as well."""
    web.answers["/robots.txt"] = (200, {}, b"User-agent: *\nDisallow: /private/\n")
    digest = hashlib.sha256(b"User-agent: *\nDisallow: /private/\n").hexdigest()
    for path in ("/ok", "/flaky/1?status=500", "/to?url=/ok"):
        visit = fetch(a_fetcher(web), web.url(path)).visit
        [finding] = visit.findings
        told = (finding.signal, finding.source, finding.digest, finding.refuses)
        assert told == ("robots.txt", web.url("/robots.txt"), digest, False)
        assert "robots.txt" in visit.checked


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
    web.answers["/robots.txt"] = (200, {}, b"User-agent: *\nDisallow: /\n")
    refused = fetch(a_fetcher(web), web.url("/ok")).visit
    blocked = fetch(a_fetcher(web), "http://127.0.0.1:1/").visit
    assert (refused.hops, refused.tries, refused.checked) == ((), 0, ("robots.txt",))
    [finding] = refused.findings
    assert (finding.source, finding.refuses) == (web.url("/robots.txt"), True)
    assert (blocked.hops, blocked.tries, blocked.checked) == ((), 0, ())


def test_a_head_that_is_too_large_in_all_is_no_answer(web):
    """Headers that are allowed one by one and too many together end as a bad answer."""
    web.raw_answers["/p.jpg"] = lambda handler, given: handler.raw(
        b"HTTP/1.1 200 OK\r\n",
        *[b"X-%d: %s\r\n" % (n, b"x" * 3000) for n in range(60)],
        b"Content-Length: %d\r\n\r\n" % len(PICTURE),
        PICTURE,
    )
    assert fetch(a_fetcher(web), web.url("/p.jpg")).reason is RejectReason.BAD_ANSWER
