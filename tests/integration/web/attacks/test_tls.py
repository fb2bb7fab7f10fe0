"""TLS is always verified, and no proxy or setting of the environment gets between."""

from __future__ import annotations

import time

import pytest

from pixcrawler.adapters.web.connecting import guard
from tests.fakes.certificates import Authority, outdated
from tests.fakes.rawweb import PICTURE, Beneath, End, Forever, RawWeb, answer, redirect
from tests.integration.web.attacks.conftest import (
    PUBLIC,
    SITE_DEADLINE,
    a_fetcher,
    fetch,
    fetch_all,
    settled,
    trusting,
)

FAILED = "tls_failed"
GENEROUS_S = 30.0
NAME = "name.example"
OK = (answer(), End.KEEP)
ENVIRONMENT = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """An authority that the fetcher does not know, until a test lets it."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def serve(town, monkeypatch):
    """Serves https at the public place, as often as asked."""
    opened = []

    def served(context):
        web = RawWeb(PUBLIC, tls=context)
        web.scripts |= {"/a.jpg": OK}
        monkeypatch.setattr(guard, "PORTS", {*guard.PORTS, web.port})
        opened.append(web)
        return web

    yield served
    for web in opened:
        web.close()


def _https(web, path="/a.jpg", name=NAME):
    return f"https://{name}:{web.port}{path}"


def test_what_is_signed_by_a_known_authority_is_fetched(serve, authority, monkeypatch):
    """The control of all that follows: over https a picture arrives, its certificate verified."""
    trusting(monkeypatch, authority.file)
    assert fetch(_https(serve(authority.context(NAME)))).data == PICTURE


CERTIFICATES = {
    "signed by itself": ({"by_itself": True}, "signed by itself"),
    "expired": ({"from_days": -3, "to_days": -1}, "has expired"),
    "not valid yet": ({"from_days": 1, "to_days": 3}, "not valid yet"),
    "another name": ({"name": "other.example"}, "for another name"),
    "a name above": ({"name": "example"}, "for another name"),
    "a wildcard too wide": ({"name": "*.name.example"}, "for another name"),
    "a wildcard over all": ({"name": "*"}, "for another name"),
    "an address": ({"name": PUBLIC}, "for another name"),
}


@pytest.mark.parametrize(("faults", "words"), CERTIFICATES.values(), ids=CERTIFICATES)
def test_a_certificate_with_a_fault_is_not_accepted(serve, authority, monkeypatch, faults, words):
    """Whatever is wrong with a certificate is told in words, and nothing is asked for."""
    trusting(monkeypatch, authority.file)
    web = serve(authority.context(**{"name": NAME, **faults}))
    seen = fetch(_https(web), tries=3)
    assert (seen.reason, web.hits.total()) == (FAILED, 0)
    assert words in seen.detail
    assert NAME in seen.detail


def test_an_unknown_authority_is_not_accepted(serve, authority):
    """What nobody we trust has signed is refused."""
    seen = fetch(_https(serve(authority.context(NAME))))
    assert seen.reason == FAILED
    assert "signed by nobody we trust" in seen.detail


def test_outdated_versions_of_tls_are_not_spoken(serve, authority, monkeypatch):
    """A server that has nothing newer than TLS 1.0 is refused, in these words."""
    trusting(monkeypatch, authority.file)
    seen = fetch(_https(serve(outdated(authority.context(NAME)))))
    assert (seen.reason, "outdated versions of TLS" in seen.detail) == (FAILED, True)


def test_plain_text_where_tls_should_be_is_refused(town):
    """A server that speaks plain HTTP at an https address is told to speak no TLS."""
    town.public.greeting = (answer(),)
    seen = fetch(town.url("/a.jpg").replace("http:", "https:"))
    assert (seen.reason, "does not speak TLS" in seen.detail) == (FAILED, True)
    assert town.public.hits.total() == 0


GREETINGS = {
    "hangs up": ((b"",), FAILED),
    "tears down": ((End.RESET,), FAILED),
    "noise": ((b"\x00\xff" * 999,), FAILED),
    "an alert": ((b"\x15\x03\x01\x00\x02\x02\x28",), FAILED),
    "silence": ((End.SILENT,), "timed_out"),
    "a drip of nothing": ((b"\x16\x03\x03\x40\x00", Forever(b"\x02", 0.02)), "timed_out"),
    "an endless record": ((Forever(b"\x16\x03\x03\x40\x00" + bytes(16384)),), "timed_out"),
}


@pytest.mark.parametrize(("greeting", "reason"), GREETINGS.values(), ids=GREETINGS)
def test_a_handshake_that_goes_wrong_ends_in_time(town, monkeypatch, greeting, reason):
    """Whatever a server does before TLS is agreed on, it holds nobody beyond the deadline."""
    monkeypatch.setattr(SITE_DEADLINE, 1.0)
    town.public.greeting = greeting
    seen = fetch(town.url("/a.jpg").replace("http:", "https:"), deadline_s=1.0)
    assert seen.reason == reason


WITHIN = {
    "noise for an answer": ((Beneath(b"\x00" * 99),), FAILED),
    "noise within the body": ((answer()[:99], 0.1, Beneath(b"\xff" * 99)), FAILED),
    "a broken record": ((Beneath(b"\x17\x03\x03\x00\x20" + bytes(32)),), FAILED),
    "plain text": ((Beneath(answer()),), FAILED),
    "hangs up in the body": ((answer()[:99],), "bad_answer"),
    "tears down in the body": ((answer()[:99], 0.1, End.RESET), "bad_answer"),
    "hangs up in a body without an end": (
        (b"HTTP/1.1 200 OK\r\n\r\n" + PICTURE, 0.1, End.RESET),
        "bad_answer",
    ),
    "hangs up at once": ((), "unreachable"),
    "silence": ((End.SILENT,), "timed_out"),
    "silence in the body": ((answer()[:99], End.SILENT), "timed_out"),
    "a drip": ((b"HTTP/1.1 200 OK\r\nX: ", Forever(b"a", 0.02)), "timed_out"),
}


def test_what_goes_wrong_within_tls_is_told(serve, authority, monkeypatch):
    """A broken record is no answer; whatever else happens is told as without TLS, and in time."""
    trusting(monkeypatch, authority.file)
    monkeypatch.setattr(SITE_DEADLINE, 1.0)
    web = serve(authority.context(NAME))
    web.scripts |= {f"/{n}": script for n, (script, _) in enumerate(WITHIN.values())}
    began = time.monotonic()
    seen = fetch_all([_https(web, f"/{n}") for n in range(len(WITHIN))], deadline_s=1.0)
    told = {name: one.reason for name, one in zip(WITHIN, seen, strict=True)}
    assert told == {name: reason for name, (_, reason) in WITHIN.items()}
    # A server that does not take part in closing TLS holds nobody either.
    assert time.monotonic() - began < GENEROUS_S


def test_a_server_without_a_farewell_is_left_at_once(serve, authority, monkeypatch):
    """Who is given up is hung up on: silent servers do not collect our connections."""
    trusting(monkeypatch, authority.file)
    web = serve(authority.context(NAME))
    web.scripts["/silent"] = (b"HTTP/1.1 200 OK\r\nX", End.SILENT)
    fetcher = a_fetcher(deadline_s=0.3)
    try:
        assert len(list(fetcher.fetch_all([_https(web, "/silent")] * 3))) == 3
        assert settled(lambda: web.open_connections, 0)
    finally:
        fetcher.close()


def test_a_redirect_into_bad_tls_is_refused(town, serve, authority):
    """Each hop is verified, not the first one alone."""
    web = serve(authority.context(NAME, by_itself=True))
    town.public.scripts["/a.jpg"] = (redirect(_https(web)), End.KEEP)
    seen = fetch(town.url("/a.jpg"))
    assert (seen.reason, web.hits.total()) == (FAILED, 0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SSL_CERT_FILE", "/dev/null"),
        ("SSL_CERT_DIR", "/nowhere"),
        ("REQUESTS_CA_BUNDLE", ""),
        ("CURL_CA_BUNDLE", ""),
        ("PYTHONHTTPSVERIFY", "0"),
        ("SSLKEYLOGFILE", ""),
        ("OPENSSL_CONF", "/dev/null"),
    ],
    ids=lambda text: text or "empty",
)
def test_the_environment_does_not_switch_verification_off(
    serve, authority, monkeypatch, name, value
):
    """Settings that make other programs trust anybody leave this one as it is."""
    monkeypatch.setenv(name, value)
    trusting(monkeypatch)
    assert fetch(_https(serve(authority.context(NAME, by_itself=True)))).reason == FAILED


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_proxies_of_the_environment_are_not_used(town, serve, authority, monkeypatch, scheme):
    """Neither a public nor a private proxy gets between: the vetted address is connected to."""
    for name in ENVIRONMENT:
        monkeypatch.setenv(name, town.private.origin)
    monkeypatch.setenv("NO_PROXY", "")
    trusting(monkeypatch, authority.file)
    url = town.url("/a.jpg") if scheme == "http" else _https(serve(authority.context(NAME)))
    town.public.scripts["/a.jpg"] = OK
    assert fetch(url).data == PICTURE
    assert (town.strangers(), town.private.connections) == ([], 0)


def test_a_proxy_is_no_way_to_a_refused_address(town, monkeypatch):
    """What the guard refuses is not asked of a proxy either, whatever NO_PROXY says."""
    for name in ENVIRONMENT:
        monkeypatch.setenv(name, town.public.origin)
    monkeypatch.setenv("NO_PROXY", "*")
    for url in ("http://169.254.169.254/", "https://10.0.0.1/"):
        assert fetch(url).reason == "address_blocked"
    assert (town.connected, town.public.connections) == ([], 0)


def test_credentials_of_the_environment_are_not_sent(town, monkeypatch, tmp_path):
    """A .netrc with a password for the host stays where it is."""
    (tmp_path / ".netrc").write_text(f"machine {NAME} login me password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    town.public.scripts["/a.jpg"] = OK
    assert fetch(town.url("/a.jpg")).data == PICTURE
    assert not [head for head in town.public.heads if b"authorization" in head.lower()]
