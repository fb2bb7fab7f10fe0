"""The guard between a fetcher and private addresses, over real connections."""

from __future__ import annotations

import socket
import threading

import pytest
from aiohttp.abc import AbstractResolver

from pixcrawler.adapters.web.connecting import guard
from pixcrawler.domain.verdict import RejectReason
from tests.fakes.fetching import a_fetcher
from tests.fakes.web import PICTURE, FakeWeb


class Names(AbstractResolver):
    """Resolves names as a test says: one list of addresses for each lookup, the last for ever."""

    def __init__(self, **answers):
        self.answers = {name.replace("_", "."): list(rows) for name, rows in answers.items()}

    async def resolve(self, host, port=0, family=socket.AF_UNSPEC):
        rows = self.answers[host]
        row = rows.pop(0) if len(rows) > 1 else rows[0]
        return [
            {
                "hostname": host,
                "host": ip,
                "port": port,
                "family": _family(ip),
                "proto": 0,
                "flags": 0,
            }
            for ip in row
        ]

    async def close(self):
        pass


def _family(ip):
    return socket.AF_INET6 if ":" in ip else socket.AF_INET


def fetch(url, *, allowed=(), names=None):
    """The result of one address."""
    fetcher = a_fetcher(allowed=frozenset(allowed), resolver=lambda: names or Names())
    [(_, result)] = list(fetcher.fetch_all([url]))
    return result


@pytest.mark.parametrize(
    "address",
    [
        ["127.0.0.1"],
        ["10.0.0.8"],
        ["169.254.169.254"],
        ["168.63.129.16"],
        ["::1"],
        ["fd00:ec2::254"],
        ["::ffff:10.0.0.1"],
        ["64:ff9b::a9fe:a9fe"],
        ["93.184.216.34", "127.0.0.1"],
        ["2606:2800:220:1::1", "fe80::1"],
    ],
)
def test_a_name_with_a_private_address_is_blocked(address):
    """One bad address among those of a name is enough."""
    result = fetch("http://trap.example/a.jpg", names=Names(trap_example=[address]))
    assert result.reason is RejectReason.ADDRESS_BLOCKED
    assert "trap.example" in result.detail


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://①②⑦.⓪.⓪.①/",
        "http://[::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://169.254.169.254/metadata/identity/oauth2/token",
        "http://example.org:22/",
        "http://example.org:8080/",
        "http://user@example.org/",
        "http://example.org\\@127.0.0.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "//127.0.0.1/",
        "",
    ],
)
def test_what_an_address_says_of_itself_is_checked(url):
    """Literals in any spelling, other ports, user names and other schemes are blocked."""
    names = Names(**{"0x7f_1": [["127.0.0.1"]]})
    assert fetch(url, names=names).reason is RejectReason.ADDRESS_BLOCKED


@pytest.fixture
def public_web(monkeypatch):
    """Two servers, of which the guard holds 127.0.0.2 for public and 127.0.0.1 for private."""
    public, private = FakeWeb("127.0.0.2"), FakeWeb("127.0.0.1")
    monkeypatch.setattr(guard, "_is_public", lambda address: str(address) == "127.0.0.2")
    monkeypatch.setattr(guard, "PORTS", {public.port, private.port})
    yield public, private
    public.close()
    private.close()


def test_a_public_address_is_visited(public_web):
    """The guarded way works: the name is resolved, vetted and connected to."""
    public, _ = public_web
    url = f"http://name.example:{public.port}/ok"
    assert fetch(url, names=Names(name_example=[["127.0.0.2"]])).body.read() == PICTURE


def test_rebinding_is_blocked(public_web):
    """A name that turns private between two lookups is blocked at the second."""
    public, private = public_web
    names = Names(name_example=[["127.0.0.2"], ["127.0.0.1"]])
    url = f"http://name.example:{public.port}/ok"
    assert fetch(url, names=names).body.read() == PICTURE
    assert fetch(url, names=names).reason is RejectReason.ADDRESS_BLOCKED
    assert private.hits.total() == 0


def test_one_lookup_serves_check_and_connection(public_web):
    """What was vetted is what is connected to: the private second answer is never asked for."""
    public, private = public_web
    names = Names(name_example=[["127.0.0.2"], ["127.0.0.1"]])
    fetcher = a_fetcher(resolver=lambda: names)
    urls = [f"http://name.example:{public.port}/ok/{n}" for n in range(10)]
    bodies = [result.body.read() for _, result in fetcher.fetch_all(urls)]
    assert (len(bodies), private.hits.total()) == (10, 0)


@pytest.mark.parametrize("target", ["http://169.254.169.254/", "http://127.0.0.1:{port}/ok"])
def test_each_redirect_is_vetted_again(public_web, target):
    """A public page that leads to metadata or to a private server leads nowhere."""
    public, private = public_web
    public.answers["/away"] = (302, {"Location": target.format(port=private.port)}, b"")
    names = Names(name_example=[["127.0.0.2"]])
    result = fetch(f"http://name.example:{public.port}/away", names=names)
    assert result.reason is RejectReason.ADDRESS_BLOCKED
    assert private.hits.total() == 0


def test_an_allowed_origin_passes_and_nothing_beside_it(web):
    """The exact origin passes although private; another port, name or scheme does not."""
    allowed = {web.origin}
    assert fetch(web.url("/ok"), allowed=allowed).body.read() == PICTURE
    for url in (
        f"http://127.0.0.1:{web.port + 1}/ok",
        f"https://127.0.0.1:{web.port}/ok",
        f"http://localhost:{web.port}/ok",
        "http://127.0.0.1/ok",
    ):
        assert fetch(url, allowed=allowed).reason is RejectReason.ADDRESS_BLOCKED
    assert web.hits.total() == 1


def test_an_allowed_origin_opens_no_way_to_others(web):
    """A redirect from an allowed origin to another private place is blocked."""
    other = FakeWeb()
    try:
        web.answers["/away"] = (302, {"Location": other.url("/ok")}, b"")
        web.answers["/metadata"] = (307, {"Location": "http://169.254.169.254/"}, b"")
        for path in ("/away", "/metadata"):
            result = fetch(web.url(path), allowed={web.origin})
            assert result.reason is RejectReason.ADDRESS_BLOCKED
        assert other.hits.total() == 0
    finally:
        other.close()


def test_the_last_door_refuses_what_came_another_way(monkeypatch):
    """Even when the checks of addresses and names are blind, no private socket is made."""
    monkeypatch.setattr("pixcrawler.adapters.web.visiting.hops.vet_url", lambda url, allowed: False)
    assert fetch("http://127.0.0.1:9/").reason is RejectReason.ADDRESS_BLOCKED


def test_a_host_has_few_requests_at_once(public_web):
    """Eight requests are in flight to one host that is not allowed by name, and never nine."""
    public, _ = public_web
    eight = threading.Barrier(8, timeout=20)
    public.answers["/together"] = lambda given: (eight.wait(), (200, {}, PICTURE))[1]
    names = Names(name_example=[["127.0.0.2"]])
    fetcher = a_fetcher(resolver=lambda: names, in_flight_per_host=8)
    urls = [f"http://name.example:{public.port}/together?n={n}" for n in range(24)]
    assert all(result.body.size for _, result in fetcher.fetch_all(urls))
    assert public.most_in_flight == 8


def test_the_real_resolver_is_vetted_too():
    """A name of this machine is blocked by the addresses that it really resolves to."""
    [(_, result)] = list(a_fetcher().fetch_all(["http://localhost/"]))
    assert result.reason is RejectReason.ADDRESS_BLOCKED
    assert "localhost" in result.detail


def test_a_fault_of_ours_reaches_the_caller():
    """What breaks the fetching thread is raised where the results are read, not swallowed."""

    def broken():
        raise RuntimeError("no resolver today")

    fetcher = a_fetcher(resolver=broken)
    with pytest.raises(RuntimeError, match="no resolver today"):
        list(fetcher.fetch_all(["http://a.example/"]))
