"""Which addresses the guard lets pass: public unicast ones, and origins allowed by name."""

from __future__ import annotations

import _socket
import asyncio
import socket
from ipaddress import ip_address, ip_network

import pytest
from aiohttp.abc import AbstractResolver
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixcrawler.adapters.web.connecting.guard import (
    MAX_ADDRESSES,
    AddressBlocked,
    ThreadResolver,
    VettingResolver,
    origin_of,
    origins,
    vet_ip,
    vet_url,
    vetted_socket,
)

# No time limits: a busy machine is not a broken promise.
STEADY = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
BLOCKED = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.254 127.0.0.1 127.255.255.254
168.63.129.16 169.254.0.1 169.254.169.254 169.254.130.1 172.16.0.1 172.31.255.255 192.0.0.1
192.0.0.8 192.0.0.9 192.0.0.10 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1 198.19.255.255
198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
:: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:0:8.8.8.8 64:ff9b::7f00:1
64:ff9b::808:808 64:ff9b:1::1 100::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1
2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1::1 2002:808:808::1 3fff::1 3fff:fff::1 5f00::1
fc00::1 fd00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 febf::1 fec0::1 feff::1 ff02::1 ff0e::1
4000::1 1::1
""".split()  # noqa: SIM905 - a table reads better than a list of fifty quotes

OPEN = """
1.1.1.1 8.8.8.8 93.184.216.34 100.63.255.255 100.128.0.1 168.63.129.15 172.15.255.255 172.32.0.1
192.0.3.1 198.17.0.1 198.20.0.1 223.255.255.254
2001:200::1 2001:4860:4860::8888 2003::1 2606:2800:220:1:248:1893:25c8:1946 2620:0:862::1
2a00:1450:4001::1 3ffe::1
""".split()  # noqa: SIM905 - as above


@pytest.mark.parametrize("ip", BLOCKED)
def test_special_addresses_are_blocked(ip):
    """Private, shared, link-local, metadata, multicast, reserved, and carriers of IPv4."""
    with pytest.raises(AddressBlocked):
        vet_ip(ip)


@pytest.mark.parametrize("ip", OPEN)
def test_public_addresses_pass(ip):
    """Public unicast addresses pass, also those right beside a closed range."""
    vet_ip(ip)


@pytest.mark.parametrize("text", ["", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "a.example"])
def test_what_is_no_plain_ip_address_is_blocked(text):
    """Spellings that only some parsers understand are refused."""
    with pytest.raises(AddressBlocked):
        vet_ip(text)


# Every network of IANA's special-purpose registries (IPv4: RFC 6890 and later; IPv6: the same),
# those for multicast, and what reaches a cloud's own services. After each: whether the addresses
# right before and after it are public.
NETWORKS = """
0.0.0.0/8          -   open
10.0.0.0/8         open open
100.64.0.0/10      open open
127.0.0.0/8        open open
168.63.129.16/32   open open
169.254.0.0/16     open open
172.16.0.0/12      open open
192.0.0.0/24       open open
192.0.2.0/24       open open
192.31.196.0/24    open open
192.52.193.0/24    open open
192.88.99.0/24     open open
192.168.0.0/16     open open
192.175.48.0/24    open open
198.18.0.0/15      open open
198.51.100.0/24    open open
203.0.113.0/24     open open
224.0.0.0/4        open -
240.0.0.0/4        -    -
::/128             -    -
::1/128            -    -
::/96              -    -
::ffff:0:0/96      -    -
::ffff:0:0:0/96    -    -
64:ff9b::/96       -    -
64:ff9b:1::/48     -    -
100::/64           -    -
100:0:0:1::/64     -    -
2001::/23          open open
2001:db8::/32      open open
2002::/16          open open
2620:4f:8000::/48  open open
3fff::/20          open -
4000::/2           -    -
5f00::/16          -    -
fc00::/7           -    -
fe80::/10          -    -
fec0::/10          -    -
ff00::/8           -    -
""".strip().splitlines()


def _is_open(address):
    try:
        vet_ip(str(address))
    except AddressBlocked:
        return False
    return True


@pytest.mark.parametrize("line", NETWORKS, ids=[line.split()[0] for line in NETWORKS])
def test_special_networks_are_closed_from_end_to_end(line):
    """First and last address and those between are blocked; a public neighbour is not."""
    written, before, after = line.split()
    network = ip_network(written)
    first, last = int(network[0]), int(network[-1])
    kind = type(network[0])
    inside = {first, last, (first + last) // 2, min(first + 1, last), max(last - 1, first)}
    assert [number for number in inside if _is_open(kind(number))] == []
    for number, is_public in ((first - 1, before), (last + 1, after)):
        if is_public == "open":
            assert _is_open(kind(number))


CLOUD = """
169.254.169.254 169.254.170.2 169.254.170.23 169.254.130.1 168.63.129.16 100.100.100.200
192.0.0.192 fd00:ec2::254 fd00:ec2::23 fd20:ce::254 fe80::a9fe:a9fe ::ffff:169.254.169.254
64:ff9b::a9fe:a9fe 64:ff9b:1::a9fe:a9fe 2002:a9fe:a9fe::1 2001:0:a9fe:a9fe::1 ::169.254.169.254
::ffff:0:169.254.169.254
""".split()  # noqa: SIM905 - as above


@pytest.mark.parametrize("ip", CLOUD)
def test_services_of_clouds_are_blocked(ip):
    """Metadata, identity and task endpoints of all large clouds, also dressed up as IPv6."""
    assert not _is_open(ip)


@pytest.mark.parametrize("ip", ["2606:4700::1%eth0", "2606:4700::1%1", "fe80::1%lo", "::1%25lo"])
def test_addresses_with_a_zone_are_blocked(ip):
    """A zone is one of this machine's own networks, whatever the address says."""
    assert not _is_open(ip)


SPECIAL = ("multicast", "private", "link_local", "reserved", "loopback", "unspecified")


@STEADY
@given(st.ip_addresses())
def test_what_passes_is_global_unicast(address):
    """Whatever address passes: the standard library calls it global, and it is for one host."""
    if _is_open(address):
        assert address.is_global
        assert not [name for name in SPECIAL if getattr(address, f"is_{name}")]
        assert address.version == 4 or address in ip_network("2000::/3")


@STEADY
@given(st.ip_addresses(v=4))
def test_every_ipv4_address_inside_ipv6_is_blocked(address):
    """Mapped, compatible, NAT64 and 6to4 forms are refused whatever they carry."""
    carried = int(address)
    for prefix in (0xFFFF << 32, 0, 0x64FF9B << 96):
        with pytest.raises(AddressBlocked):
            vet_ip(str(_v6(prefix | carried)))
    with pytest.raises(AddressBlocked):
        vet_ip(str(_v6(0x2002 << 112 | carried << 80 | 1)))


def _v6(number):
    groups = [f"{number >> shift & 0xFFFF:x}" for shift in range(112, -1, -16)]
    return ":".join(groups)


def test_the_socket_itself_is_vetted():
    """No socket is made for a private address."""
    found = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 80))
    with pytest.raises(AddressBlocked):
        vetted_socket(found)


def test_a_public_socket_is_made():
    """For a public address there is a socket, not yet connected."""
    found = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("93.184.216.34", 80))
    with vetted_socket(found) as made:
        assert made.family == socket.AF_INET


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example:81/",
        "https://a.example:8443/",
        "http://a.example:0/",
        "http://a.example:99999/",
        "http://u:p@a.example/",
        "http://a.example\\@b.example/",
        "http://a.example/a b",
        "ftp://a.example/",
        "data:image/png;base64,AA",
        "http:///x",
        "http://[::1]/",
        "http://[fe80::1%25eth0]/",
        "http://10.0.0.1/",
        "http://3232235521/",
        "http://127.0.0.1:8123/",
        "http://127.0.0.1:80/",
    ],
)
def test_addresses_that_betray_themselves_are_blocked(url):
    """Other ports and schemes, user names, odd characters and private literals are refused."""
    with pytest.raises(AddressBlocked):
        vet_url(url, frozenset({"http://127.0.0.1:8124"}))


@pytest.mark.parametrize(
    "url", ["http://a.example/", "HTTPS://A.example:443/x?y", "http://8.8.8.8/"]
)
def test_plain_addresses_pass_to_the_next_check(url):
    """What looks public is not allowed by name, but goes on to be resolved and vetted."""
    assert vet_url(url, frozenset({"http://127.0.0.1:8124"})) is False


@pytest.mark.parametrize("url", ["http://127.0.0.1:8124/x", "HTTP://127.0.0.1:8124?y#z"])
def test_an_allowed_origin_is_known(url):
    """The exact origin is allowed, whatever the path."""
    assert vet_url(url, frozenset({"http://127.0.0.1:8124"})) is True


def test_origins_are_read_from_a_list():
    """Ports are filled in, case and spaces do not matter."""
    assert origins(" http://127.0.0.1:8123, HTTPS://Pictures.example/ ,") == {
        "http://127.0.0.1:8123",
        "https://pictures.example:443",
    }
    assert origins("") == frozenset()
    assert origin_of("http://[::1]/") == "http://[::1]:80"


@pytest.mark.parametrize("listed", ["127.0.0.1:8123", "*", "ftp://a.example"])
def test_a_list_with_what_is_no_origin_is_refused(listed):
    """No wildcard and no half address opens the guard."""
    with pytest.raises(ValueError, match="not an address"):
        origins(listed)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://a.example/", "begins with ftp:"),
        ("javascript:alert(1)", "begins with javascript:"),
        ("http://u:p@a.example/", "names a user"),
        ("http://u@a.example/", "names a user"),
        ("http://a.example/" + "a" * 5000, "longer than 4096"),
        ("http://a.example:22/", "port 22"),
        ("http://10.0.0.1/", "not a public address"),
        ("http://a b/", "not an address of the web"),
        ("", "not an address of the web"),
        ("http://loc\u00adalhost/", "not an address of the web"),
    ],
    ids=range(10),
)
def test_a_refusal_says_what_is_wrong(url, words):
    """Who reads the outcome learns what to change, or that nothing can be."""
    with pytest.raises(AddressBlocked, match=words):
        vet_url(url, frozenset())


@pytest.mark.parametrize(
    "url",
    ["http://fa\u00df.example/", "http://127.0.0.1.:8124/", "http://FA\u1e9e.example/"],
    ids=["sharp s", "trailing dot", "large sharp s"],
)
def test_what_is_read_in_two_ways_is_not_allowed_by_name(url):
    """Only where both readers of addresses find the allowed origin, the guard steps aside."""
    allowed = frozenset({"http://fass.example:80", "http://127.0.0.1:8124"})
    try:
        assert vet_url(url, allowed) is False
    except AddressBlocked:
        return


class _Found(AbstractResolver):
    def __init__(self, *ips):
        self._ips = ips

    async def resolve(self, host, port=0, family=socket.AF_UNSPEC):
        return [{"hostname": host, "host": ip, "port": port} for ip in self._ips]

    async def close(self):
        pass


def _resolved(resolver, name="a.example"):
    return asyncio.run(resolver.resolve(name, 80))


def test_a_name_without_an_address_is_no_name():
    """An empty answer of a name server ends like a name that is not there."""
    with pytest.raises(socket.gaierror, match="no address"):
        _resolved(VettingResolver(_Found()))


def test_of_many_addresses_few_are_given_and_all_are_vetted():
    """A name with hundreds of addresses leads to eight; one bad one behind them refuses all."""
    crowd = [str(ip_address("93.184.216.0") + n) for n in range(200)]
    assert len(_resolved(VettingResolver(_Found(*crowd)))) == MAX_ADDRESSES
    with pytest.raises(AddressBlocked):
        _resolved(VettingResolver(_Found(*crowd, "10.0.0.1")))


@pytest.mark.parametrize("name", ["a..b", "a" * 64 + ".example", "xn--\xff"], ids=ascii)
def test_what_cannot_be_a_name_is_not_looked_up(monkeypatch, name):
    """What the name service cannot even be asked for is a name that is not there."""
    # Without the tests' own refusal: it is never asked.
    monkeypatch.setattr(socket, "getaddrinfo", _socket.getaddrinfo)
    with pytest.raises(socket.gaierror):
        _resolved(ThreadResolver(), name)
