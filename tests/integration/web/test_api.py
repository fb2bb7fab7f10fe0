"""Single calls of an API, over real connections: every trouble becomes host and cause."""

from __future__ import annotations

import io
import ipaddress
import json
import logging
import socket
import ssl
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pixcrawler.adapters.engines.openverse import OpenverseEngine
from pixcrawler.adapters.engines.searcher import Searcher
from pixcrawler.adapters.memory.desk import MemoryDesk
from pixcrawler.adapters.web.calls.api import Api
from pixcrawler.domain.engine import EngineStatus
from pixcrawler.domain.errors import SourceUnavailable
from pixcrawler.domain.filters import Filters
from pixcrawler.domain.source import SearchQuery
from pixcrawler.domain.verdict import RejectReason
from pixcrawler.pipeline.engines.ports import Request
from tests.fakes.clock import Clock
from tests.fakes.fetching import a_fetcher
from tests.fakes.web import PICTURE, FakeWeb

QUERY = SearchQuery(text="owl", keyword="owl", category="birds")


KEY = "s3cret-of-the-operator"


@pytest.fixture
def api():
    """An Api with patience."""
    return Api("tests@example.org", timeout_s=10.0)


def get(api, url, params=None, **more):
    """The answer to one GET."""
    return api.send(Request(url, params or {}, **more))


def test_an_answer_comes_with_its_status(web, api):
    """Good and bad statuses are answers; parameters and the honest name are sent."""
    assert get(api, web.url("/ok")).body == PICTURE
    assert get(api, web.url("/status/404"), {"q": "a b&c"}).status == 404
    assert web.seen_headers[0]["User-Agent"] == "PixCrawler/0.1 (+tests@example.org)"


def test_packed_answers_are_unpacked(web, api):
    """An answer packed with gzip is read."""
    assert get(api, web.url("/gzip")).body == PICTURE


@pytest.mark.parametrize("status", [200, 400, 429, 503])
def test_each_answer_is_one_try_and_says_how_long_to_wait(web, api, status):
    """Nothing is repeated here: each try has a ticket of its own; Retry-After is told."""
    answer = get(api, web.url(f"/status/{status}?after=4"))
    assert (answer.status, answer.retry_after_s, web.hits.total()) == (status, 4.0, 1)


def test_headers_of_an_engine_take_the_place_of_ours(web, api):
    """An engine's User-Agent is sent instead of ours, for this request only."""
    get(api, web.url("/ok"), headers={"User-Agent": "Phone/1", "X-Key": KEY})
    get(api, web.url("/ok"))
    first, second = web.seen_headers
    assert (first["User-Agent"], first["X-Key"]) == ("Phone/1", KEY)
    assert second["User-Agent"].startswith("PixCrawler/")
    assert "X-Key" not in second


def test_cookies_belong_to_one_engine(web, api):
    """What a service sets comes back to it, and not from another engine."""
    get(api, web.url("/saw"))
    assert json.loads(get(api, web.url("/saw")).body)["Cookie"] == "a=b"
    assert "Cookie" not in json.loads(get(Api("t@example.org"), web.url("/saw")).body)


def test_cookies_without_measure_are_forgotten(web, api):
    """A service cannot make us send ever larger requests."""
    web.answers["/much"] = (200, {"Set-Cookie": f"much={'x' * 20_000}"}, b"")
    get(api, web.url("/much"))
    assert "Cookie" not in json.loads(get(api, web.url("/saw")).body)


def test_a_redirect_can_be_the_answer(web, api):
    """An engine that looks where it is sent gets the redirect itself."""
    answer = get(api, web.url("/hops/2"), follow=False)
    assert (answer.status, answer.headers["location"]) == (301, "/hops/1")


@pytest.mark.parametrize(
    ("path", "cause", "is_final"),
    [
        ("/reset", "closed before the answer was complete", False),
        ("/garbage", "closed before the answer was complete", False),
        ("/short", "closed before the answer was complete", False),
        ("/endless", "larger than", True),
        ("/gzip-bomb", "larger than", True),
        ("/gzip-broken", "could not be unpacked", False),
        ("/to?url=ftp://example.org/", "redirected to another scheme or host", True),
        ("/to?url=http://127.0.0.1:1/", "redirected to another scheme or host", True),
        ("/to?url=http://[", "redirected to no address", True),
        ("/hops/9", "redirected more than 3 times", True),
    ],
)
def test_each_trouble_names_host_and_cause(web, api, path, cause, is_final):
    """What gives no answer is one error of ours, in words, and says whether it may heal."""
    with pytest.raises(SourceUnavailable) as caught:
        get(api, web.url(path))
    assert str(caught.value).startswith("127.0.0.1: ")
    assert cause in str(caught.value)
    assert str(caught.value).isprintable()
    assert caught.value.details == {"is_final": is_final}


@pytest.mark.parametrize("path", ["/reset", "/garbage", "/hops/9", "/endless", "/to?url=http://["])
def test_no_trouble_shows_the_key(web, api, path, caplog):
    """The address, in which the key stands, is in no message, no cause and no log line."""
    caplog.set_level(logging.INFO)
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    with pytest.raises(SourceUnavailable) as caught:
        get(api, web.url(path), {"key": KEY}, headers={"X-Key": KEY})
    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert KEY not in caplog.text
    assert KEY in str(web.seen_headers)


def test_an_answer_tells_its_address_without_the_key(web, api):
    """Where an answer came from is told without the query."""
    assert get(api, web.url("/ok"), {"key": KEY}).url == web.url("/ok")


def test_another_host_is_not_told_the_key(web, api, monkeypatch):
    """An engine's headers go no further than its own host; its name does."""
    opened = []
    monkeypatch.setattr(
        api, "_open", lambda url, host, headers: opened.append((host, headers)) or _moved(url)
    )
    with pytest.raises(SourceUnavailable):
        get(api, "https://engine.example/", headers={"X-Key": KEY, "User-Agent": "Phone/1"})
    assert opened[0] == ("engine.example", {"X-Key": KEY, "User-Agent": "Phone/1"})
    assert opened[1] == ("www.engine.example", {"User-Agent": "Phone/1"})


def _moved(url, target="https://www.engine.example/"):
    """An answer that leads to another host."""
    response = requests.Response()
    response.status_code, response.url = 302, url
    response.headers["Location"] = target
    response.raw = io.BytesIO()
    return response


@pytest.mark.parametrize("url", ["engine.example/x", "http://", "https://["])
def test_an_address_that_makes_no_sense_is_told(api, url):
    """A setting that is no address is a cause in words."""
    with pytest.raises(SourceUnavailable, match="makes no sense") as caught:
        get(api, f"{url}?key={KEY}", {"key": KEY})
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "cause"),
    [
        ("/silent", "no answer within 0.3 s"),
        ("/drip-body", "came too slowly"),
        ("/drip-headers", "came too slowly"),
        ("/drip-line", "came too slowly"),
        ("/drip-interim", "came too slowly"),
        ("/drip-trailers", "came too slowly"),
    ],
)
def test_slow_services_are_given_up(web, path, cause):
    """Silence and dripping both end, and say so."""
    api = Api("t@example.org", timeout_s=0.3)
    with pytest.raises(SourceUnavailable, match=cause):
        get(api, web.url(path))


def test_a_refused_connection_is_named(api):
    """A closed port is a refused connection."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(SourceUnavailable, match=r"127\.0\.0\.1: the connection was refused"):
        get(api, f"http://127.0.0.1:{port}/")


def test_an_unknown_name_fails_the_engine_in_words(api, monkeypatch):
    """Without internet, the engine's detail names host and cause for the job's message."""

    def unknown(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    clock = Clock()
    desk = MemoryDesk(clock.now, clock.sleep)
    searcher = Searcher(OpenverseEngine("https://api.openverse.org"), api, desk, clock.sleep)
    page = searcher.search(QUERY, None, Filters())
    assert page.status is EngineStatus.FAILED
    assert page.detail == "api.openverse.org: the name could not be resolved"


def test_a_dead_proxy_is_named_and_this_machine_needs_none(web, api, monkeypatch):
    """A proxy from the environment serves the outside only; when it is dead, that is the cause."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
    assert get(api, web.url("/ok")).body == PICTURE
    with pytest.raises(SourceUnavailable, match=r"outside\.example: the proxy did not let"):
        get(api, "https://outside.example/")


def test_redirects_within_the_service_are_followed(web, api):
    """Three hops on the same host arrive."""
    assert get(api, web.url("/hops/3")).body == PICTURE


def test_a_host_out_of_nothing_printable_is_told_in_print(web, api):
    """A redirect cannot put control characters into logs and databases."""
    with pytest.raises(SourceUnavailable, match="another scheme or host") as caught:
        get(api, web.url("/to?url=https://%00%1b/"))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "target",
    [
        "https://169.254.169.254/metadata/identity",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://2130706433/",
        "https://localhost/",
        "https://vault.internal/",
        "https://evil.example/",
        "https://engine.example.evil.example/",
        "https://notengine.example/",
        "https://www.engine.example:8443/",
        "https://me@www.engine.example/",
        "https://evil.example\\.engine.example/",
        "https://evil.example%2f.engine.example/",
        "https://evil.example\u3002engine.example/",
        "http://www.engine.example/",
        "http://engine.example/",
        "//evil.example/",
        "https:evil.example",
    ],
)
def test_a_redirect_leads_to_nobody_else(api, monkeypatch, target):
    """An engine cannot send us to what only we can reach, nor to anybody else."""
    opened = []
    monkeypatch.setattr(
        api, "_open", lambda url, host, headers: opened.append(host) or _moved(url, target)
    )
    with pytest.raises(SourceUnavailable, match="redirected"):
        get(api, "https://engine.example/")
    assert set(opened) == {"engine.example"}


@pytest.mark.parametrize(
    ("start", "target", "is_followed"),
    [
        ("https://www.bing.com/", "https://cn.bing.com/", True),
        ("https://api.openverse.org/", "https://OPENVERSE.org/", True),
        ("https://images.example.co.uk/", "https://www.example.co.uk/", True),
        ("https://images.example.co.uk/", "https://evil.co.uk/", False),
        ("http://10.0.0.7/", "https://127.0.0.7/", False),
        ("http://mirror/", "https://mirror/", False),
    ],
)
def test_a_redirect_may_lead_to_another_host_of_the_same_owner(
    api, monkeypatch, start, target, is_followed
):
    """Services move between their own hosts."""
    opened = []
    monkeypatch.setattr(
        api, "_open", lambda url, host, headers: opened.append(host) or _moved(url, target)
    )
    with pytest.raises(SourceUnavailable):
        get(api, start)
    assert (len(set(opened)) == 2) is is_followed


def test_a_redirect_of_odd_bytes_is_followed(web, api):
    """Bytes that are no text lead to an address like any other, and leave nothing open."""
    assert get(api, web.url("/raw-location")).status == 404


def test_one_request_at_a_time(web, api):
    """Many threads, one request in flight: a service sees a single polite caller."""
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: get(api, web.url(f"/ok/{n}")), range(24)))
    assert len(answers) == 24
    assert web.most_in_flight == 1


@pytest.fixture
def untrusted(tmp_path):
    """A TLS server whose certificate nobody signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "nobody")])
    now = datetime.now(UTC)
    local = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([local]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server = FakeWeb(tls=context)
    yield server
    server.close()


def test_an_untrusted_certificate_is_refused(untrusted, api):
    """TLS is verified, for API calls and for images, and never tried without."""
    with pytest.raises(SourceUnavailable, match="the TLS connection was not accepted"):
        get(api, untrusted.url("/ok"))
    [(_, result)] = list(a_fetcher(untrusted).fetch_all([untrusted.url("/ok")]))
    assert result.reason is RejectReason.TLS_FAILED
    assert "certificate" in result.detail
    assert untrusted.hits.total() == 0
