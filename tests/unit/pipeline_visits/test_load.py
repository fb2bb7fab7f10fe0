"""What a visit asked of each host is counted whole, whatever of it is kept."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pixcrawler.domain.visit import Hop, Load, Visit
from pixcrawler.pipeline.visits.load import HOSTS_MAX, Loads, asked_by, host_of, with_other

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def a_hop(url, status=200, address="192.0.2.1"):
    """A request that was made."""
    return Hop(url=url, status=status, address=address)


def a_visit(*hops, beside=()):
    """A visit with these hops."""
    return Visit(at=NOW, hops=hops, beside=beside)


def test_hops_are_counted_by_host():
    """Redirects and busy answers are counted apart; what was never sent is not counted."""
    visit = a_visit(
        a_hop("http://A.example/1", 302),
        a_hop("http://a.example:80/2", 503),
        a_hop("http://a.example:81/3", None),
        a_hop("http://nowhere.example/", None, None),
        beside=(Load(host="b.example", requests=4, busy=3),),
    )
    assert asked_by(visit) == (
        Load(host="b.example", requests=4, busy=3),
        Load(host="a.example", requests=2, redirects=1, busy=1),
        Load(host="a.example:81", requests=1),
    )


def test_another_address_is_counted_beside():
    """Neither its hops nor what it left out itself is lost, and the hops told stay as they are."""
    told = a_visit(a_hop("http://a.example/1"), beside=(Load(host="b.example", requests=1),))
    other = a_visit(
        a_hop("http://b.example/2", 429), beside=(Load(host="a.example", requests=2, busy=2),)
    )
    visit = with_other(told, other)
    assert visit.hops == told.hops
    assert visit.beside == (
        Load(host="b.example", requests=2, busy=1),
        Load(host="a.example", requests=2, busy=2),
    )


def test_what_left_no_evidence_counts_nothing():
    """A result without a visit neither takes nor gives."""
    visit = a_visit(a_hop("http://a.example/1"))
    assert (with_other(visit, None), with_other(None, visit)) == (visit, None)


def test_hosts_are_few():
    """A site that leads each try to another host fills no receipt; no request is lost."""
    loads = Loads()
    for number in range(1000):
        loads.add_hops([a_hop(f"http://h{number}.example/", 429)])
    counted = loads.all()
    assert len(counted) == HOSTS_MAX + 1
    assert counted[-1] == Load(host="", requests=1000 - HOSTS_MAX, busy=1000 - HOSTS_MAX)


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://A.example:443/x", "a.example"),
        ("http://a.example:443/x", "a.example:443"),
        ("http://[::1]:8080/", "[::1]:8080"),
        ("https://a.example:port/", ""),
        ("upload://abc/1", "abc"),
    ],
)
def test_the_host_of_an_address(address, host):
    """A port is told where it is not the scheme's own; what is no address has no host."""
    assert host_of(address) == host
