"""Single calls of an API, over real connections: every trouble becomes host and cause."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pixcrawler.adapters.engines.openverse import OpenverseEngine
from pixcrawler.adapters.web import api as api_module
from pixcrawler.adapters.web.api import Api
from pixcrawler.adapters.web.fetch import WebFetcher
from pixcrawler.domain.engine import EngineStatus
from pixcrawler.domain.errors import SourceUnavailable
from pixcrawler.domain.source import SearchQuery
from pixcrawler.domain.verdict import RejectReason
from tests.fakes.web import PICTURE, FakeWeb

QUERY = SearchQuery(text="owl", keyword="owl", category="birds")


@pytest.fixture
def waits():
    """The waits that were asked for."""
    return []


@pytest.fixture
def api(waits):
    """An Api that does not really wait."""
    return Api("tests@example.org", timeout_s=10.0, sleep=waits.append)


def test_an_answer_comes_with_its_status(web, api):
    """Good and bad statuses are answers; parameters and the honest name are sent."""
    assert api.get(web.url("/ok"), {}).body == PICTURE
    assert api.get(web.url("/status/404"), {"q": "a b&c"}).status == 404
    assert web.seen_headers[0]["User-Agent"] == "PixCrawler/0.1 (+tests@example.org)"


def test_packed_answers_are_unpacked(web, api):
    """An answer packed with gzip is read."""
    assert api.get(web.url("/gzip"), {}).body == PICTURE


@pytest.mark.parametrize(
    ("path", "status", "requests"),
    [
        ("/flaky/2", 200, 3),
        ("/flaky/1?status=429", 200, 2),
        ("/status/503", 503, 3),
        ("/status/429?after=3600", 429, 1),
        ("/status/400", 400, 1),
    ],
)
def test_busy_services_are_asked_again(web, api, path, status, requests):
    """Three tries in all; a long stated wait, and what will not heal, end them at once."""
    answer = api.get(web.url(path), {})
    assert (answer.status, web.hits.total()) == (status, requests)


@pytest.mark.parametrize("path", ["/status/429?after=4", "/status/200?after=4"])
def test_short_stated_waits_are_kept(web, api, waits, path):
    """Retry-After is obeyed, also beside status 200, as MediaWiki sends it."""
    api.get(web.url(path), {})
    assert waits == [4.0, 4.0]


@pytest.mark.parametrize(
    ("path", "cause", "requests"),
    [
        ("/reset", "closed before the answer was complete", None),
        ("/garbage", "closed before the answer was complete", 3),
        ("/short", "closed before the answer was complete", 3),
        ("/endless", "larger than", 1),
        ("/gzip-bomb", "larger than", 1),
        ("/gzip-broken", "could not be unpacked", 3),
        ("/to?url=ftp://example.org/", "redirected to another scheme or host", 1),
        ("/to?url=http://127.0.0.1:1/", "redirected to another scheme or host", 1),
        ("/to?url=http://[", "redirected to no address", 1),
        ("/hops/9", "redirected more than 3 times", 4),
    ],
)
def test_each_trouble_names_host_and_cause(web, api, path, cause, requests):
    """What gives no answer is one error of ours, in words."""
    with pytest.raises(SourceUnavailable) as caught:
        api.get(web.url(path), {})
    assert str(caught.value).startswith("127.0.0.1: ")
    assert cause in str(caught.value)
    assert str(caught.value).isprintable()
    if requests is not None:
        assert web.hits.total() == requests


@pytest.mark.parametrize(
    ("path", "cause"),
    [("/silent", "no answer within 0.3 s"), ("/drip-body", "came too slowly")],
)
def test_slow_services_are_given_up(web, waits, path, cause):
    """Silence and dripping both end, and say so."""
    api = Api("t@example.org", timeout_s=0.3, sleep=waits.append)
    with pytest.raises(SourceUnavailable, match=cause):
        api.get(web.url(path), {})


def test_a_refused_connection_is_named(api):
    """A closed port is a refused connection."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(SourceUnavailable, match=r"127\.0\.0\.1: the connection was refused"):
        api.get(f"http://127.0.0.1:{port}/", {})


def test_an_unknown_name_fails_the_engine_in_words(api, monkeypatch):
    """Without internet, the engine's detail names host and cause for the job's message."""

    def unknown(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    page = OpenverseEngine(api, "https://api.openverse.org").search(QUERY, None, safe=True)
    assert page.status is EngineStatus.FAILED
    assert page.detail == "api.openverse.org: the name could not be resolved"


def test_a_dead_proxy_is_named_and_this_machine_needs_none(web, api, monkeypatch):
    """A proxy from the environment serves the outside only; when it is dead, that is the cause."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
    assert api.get(web.url("/ok"), {}).body == PICTURE
    with pytest.raises(SourceUnavailable, match=r"outside\.example: the proxy did not let"):
        api.get("https://outside.example/", {})


def test_redirects_within_the_service_are_followed(web, api):
    """Three hops on the same host arrive."""
    assert api.get(web.url("/hops/3"), {}).body == PICTURE


def test_a_host_out_of_nothing_printable_is_told_in_print(web, api):
    """A redirect cannot put control characters into logs and databases."""
    with pytest.raises(SourceUnavailable) as caught:
        api.get(web.url("/to?url=https://%00%1b/"), {})
    assert str(caught.value).startswith("??: ")


def test_a_redirect_of_odd_bytes_is_followed(web, api):
    """Bytes that are no text lead to an address like any other, and leave nothing open."""
    assert api.get(web.url("/raw-location"), {}).status == 404


def test_one_request_at_a_time(web, api):
    """Many threads, one request in flight: a service sees a single polite caller."""
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: api.get(web.url(f"/ok/{n}"), {}), range(24)))
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
        api.get(untrusted.url("/ok"), {})
    fetcher = WebFetcher("t@example.org", allowed=frozenset({untrusted.origin}))
    [(_, result)] = list(fetcher.fetch_all([untrusted.url("/ok")]))
    assert result.reason is RejectReason.UNREACHABLE
    assert "TLS" in result.detail
    assert untrusted.hits.total() == 0


def test_the_number_of_tries_is_three():
    """Politeness is a promise: three tries, ten seconds of waiting at most for each."""
    assert (api_module.TRIES, api_module.MAX_WAIT_S) == (3, 10.0)
