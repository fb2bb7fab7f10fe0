"""Every fault of the web ends in its reason; what works arrives whole."""

from __future__ import annotations

import socket
import threading
from contextlib import closing

import pytest

from pixcrawler.domain.verdict import RejectReason
from pixcrawler.pipeline.ports import Fetched, Unfetched
from tests.fakes import fetching
from tests.fakes.fetching import fetch
from tests.fakes.web import CAP_BYTES, PICTURE

HASTY_S = 0.6


def a_fetcher(web, **options):
    """A fetcher that may visit the misbehaving server, with a cap that it can exceed soon."""
    return fetching.a_fetcher(web, **{"max_bytes": CAP_BYTES, **options})


def test_a_picture_arrives_whole(web):
    """A plain answer gives its bytes, address and status."""
    result = fetch(a_fetcher(web), web.url("/ok"))
    assert isinstance(result, Fetched)
    assert (result.body.read(), result.final_url, result.status) == (PICTURE, web.url("/ok"), 200)


@pytest.mark.parametrize(
    ("path", "reason", "requests"),
    [
        ("/status/401", RejectReason.REFUSED, 1),
        ("/status/403", RejectReason.REFUSED, 1),
        ("/status/404", RejectReason.GONE, 1),
        ("/status/410", RejectReason.GONE, 1),
        ("/status/418", RejectReason.BAD_ANSWER, 1),
        ("/status/204", RejectReason.BAD_ANSWER, 1),
        ("/status/500", RejectReason.SERVER_ERROR, 3),
        ("/status/503", RejectReason.SERVER_ERROR, 3),
        ("/empty", RejectReason.BAD_ANSWER, 1),
        ("/nowhere", RejectReason.BAD_ANSWER, 1),
        ("/garbage", RejectReason.BAD_ANSWER, 1),
        ("/short", RejectReason.BAD_ANSWER, 3),
        ("/lying-small", RejectReason.BAD_ANSWER, 1),
        ("/reset", RejectReason.UNREACHABLE, None),
        ("/announced-big", RejectReason.TOO_LARGE, 1),
        ("/endless", RejectReason.TOO_LARGE, 1),
        ("/gzip-bomb", RejectReason.TOO_LARGE, 1),
        (f"/exactly/{CAP_BYTES + 1}", RejectReason.TOO_LARGE, 1),
        ("/gzip-cut", RejectReason.BAD_ANSWER, 3),
        ("/gzip-broken", RejectReason.BAD_ANSWER, 1),
        ("/brotli", RejectReason.BAD_ANSWER, 1),
        ("/to?url=ftp://example.org/a", RejectReason.ADDRESS_BLOCKED, 1),
        ("/to?url=file:///etc/passwd", RejectReason.ADDRESS_BLOCKED, 1),
        ("/to?url=http://[bad", RejectReason.BAD_ANSWER, 1),
        ("/raw-location", RejectReason.ADDRESS_BLOCKED, 1),
        ("/raw-host", RejectReason.ADDRESS_BLOCKED, 1),
        ("/raw-packing", RejectReason.BAD_ANSWER, 1),
        ("/gzip-tail", RejectReason.TOO_LARGE, 1),
    ],
)
def test_each_fault_ends_in_its_reason(web, path, reason, requests):
    """A fault is an outcome with one reason; only what may heal is tried again."""
    result = fetch(a_fetcher(web), web.url(path))
    assert isinstance(result, Unfetched)
    assert (result.reason, bool(result.detail)) == (reason, True)
    assert f"{result.detail}{result.final_url}".encode()
    if requests is not None:
        assert web.hits.total() == requests


def test_a_dripping_body_is_given_up_before_the_deadline(web):
    """A host that keeps a connection busy with a trickle holds a chunk for seconds only."""
    result = fetch(a_fetcher(web, slow_after_s=0.3), web.url("/drip-body"))

    assert isinstance(result, Unfetched)
    assert result.reason is RejectReason.TIMED_OUT
    assert "slower than 1000 bytes a second" in result.detail


@pytest.mark.parametrize("path", ["/silent", "/drip-headers", "/drip-body", "/slow/60"])
def test_no_server_holds_us_beyond_the_deadline(web, path):
    """Silence and dripping, in headers or body, end as timed out."""
    result = fetch(a_fetcher(web, deadline_s=HASTY_S), web.url(path))
    assert result.reason is RejectReason.TIMED_OUT
    assert result.elapsed_ms >= HASTY_S * 1000


def test_a_stated_wait_beyond_the_deadline_is_not_waited_for(web):
    """An hour's Retry-After ends the visit at once as throttled."""
    result = fetch(a_fetcher(web), web.url("/status/429?after=3600"))
    assert (result.reason, web.hits.total()) == (RejectReason.THROTTLED, 1)


@pytest.mark.parametrize("path", ["/flaky/2", "/flaky/1?status=429"])
def test_a_short_trouble_heals(web, path):
    """Busy servers are asked again, up to three times in all."""
    assert fetch(a_fetcher(web), web.url(path)).body.read() == PICTURE


@pytest.mark.parametrize(("hops", "arrives"), [(1, True), (5, True), (6, False)])
def test_redirects_are_followed_five_times(web, hops, arrives):
    """Five redirects are followed, the sixth ends the visit."""
    result = fetch(a_fetcher(web), web.url(f"/hops/{hops}"))
    if arrives:
        assert (result.body.read(), result.final_url) == (PICTURE, web.url("/ok"))
    else:
        assert result.reason is RejectReason.TOO_MANY_REDIRECTS


def test_the_cap_itself_is_allowed(web):
    """A body of exactly the cap passes."""
    with closing(fetch(a_fetcher(web), web.url(f"/exactly/{CAP_BYTES}")).body) as body:
        assert len(body.read()) == body.size == CAP_BYTES


def test_a_packed_body_is_unpacked(web):
    """A server that packs although it was not asked to gives the picture all the same."""
    assert fetch(a_fetcher(web), web.url("/gzip")).body.read() == PICTURE


def test_we_say_who_we_are_and_keep_no_cookies(web):
    """The User-Agent names us and the operator; nothing is packed, no cookie comes back."""
    assert len(list(a_fetcher(web).fetch_all([web.url("/saw")] * 2))) == 2
    for sent in web.seen_headers:
        assert sent["User-Agent"] == "PixCrawler/0.1 (+tests@example.org)"
        assert sent["Accept-Encoding"] == "identity"
        assert not {"Cookie", "Authorization", "Referer"} & set(sent)


def test_a_closed_port_is_unreachable(web):
    """A refused connection is unreachable."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    fetcher = fetching.a_fetcher(allowed=frozenset({f"http://127.0.0.1:{port}"}))
    result = fetch(fetcher, f"http://127.0.0.1:{port}/a.jpg")
    assert result.reason is RejectReason.UNREACHABLE


def test_every_address_ends_exactly_once(web):
    """Hundreds of good and bad addresses each give one result, under their own number."""
    paths = ["/ok/{}", "/status/404?n={}", "/hops/2?n={}", "/empty?n={}"]
    urls = [web.url(paths[n % 4].format(n)) for n in range(200)]
    results = dict(a_fetcher(web).fetch_all(urls))
    assert sorted(results) == list(range(200))
    assert results[4].body.read() == PICTURE + b"4"
    assert results[5].reason is RejectReason.GONE


def test_nothing_to_fetch_gives_nothing(web):
    """No addresses, no results."""
    assert list(a_fetcher(web).fetch_all([])) == []


def test_stopping_early_leaves_nothing_behind(web):
    """A caller that stops after the first result leaves no thread and no request behind."""
    before = set(threading.enumerate())
    urls = [web.url("/ok"), *[web.url("/silent")] * 20]
    results = a_fetcher(web).fetch_all(urls)
    assert next(results)[0] == 0
    results.close()
    assert not [t for t in set(threading.enumerate()) - before if t.name == "fetch"]


def test_a_slow_caller_bounds_what_is_in_memory(web):
    """No more is fetched than the caller may hold: results not taken count as in flight."""
    fetcher = a_fetcher(web, concurrency=3)
    results = fetcher.fetch_all([web.url(f"/ok/{n}") for n in range(50)])
    next(results)
    asked = _settled(web)
    assert asked <= 1 + 3
    results.close()


def _settled(web):
    """How many requests came, once no more come while the caller does nothing."""
    quiet = threading.Event()
    count = -1
    while count != web.hits.total():
        count = web.hits.total()
        quiet.wait(0.3)
    return count


def test_an_unencoded_address_is_fetched(web):
    """Letters beyond ASCII are encoded, and a space in a redirect too."""
    web.answers["/%C3%BC"] = (200, {}, PICTURE)
    web.answers["/a%20b"] = (200, {}, PICTURE)
    web.answers["/away"] = (302, {"Location": "/a b"}, b"")
    results = dict(a_fetcher(web).fetch_all([web.url("/ü"), web.url("/away")]))
    assert results[0].body.read() == results[1].body.read() == PICTURE


def test_a_signed_address_is_sent_as_it_is(web):
    """Escapes and order of a query are not touched on the way out."""
    seen = []
    web.answers["/signed"] = lambda given: (seen.append(given), (200, {}, PICTURE))[1]
    fetch(a_fetcher(web), web.url("/signed?sig=A%2fb%7E&b=2&a=%41"))
    assert seen == [{"sig": "A/b~", "b": "2", "a": "A"}]


def test_nothing_of_us_goes_on_to_the_next_address(web):
    """A redirect takes no cookie, referrer, credential or fragment along."""
    asked = []
    web.answers["/start"] = (302, {"Location": "/next?a=1#part", "Set-Cookie": "a=b; Path=/"}, b"")
    web.raw_answers["/next"] = lambda handler, given: (
        asked.append(handler.path),
        handler.send(200, {}, PICTURE),
    )
    result = fetch(a_fetcher(web), web.url("/start#top"))
    assert (result.body.read(), asked) == (PICTURE, ["/next?a=1"])
    for sent in web.seen_headers:
        assert not {"Cookie", "Authorization", "Referer", "Origin"} & set(sent)


def test_no_proxy_and_no_password_of_the_environment_is_used(web, monkeypatch, tmp_path):
    """Settings for other programs do not lead us around the guard, nor give anything away."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login us password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert fetch(a_fetcher(web), web.url("/ok")).body.read() == PICTURE
    assert all("Authorization" not in sent for sent in web.seen_headers)
