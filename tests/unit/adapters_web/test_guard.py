"""Which addresses the guard lets pass: public unicast ones, and origins allowed by name."""

from __future__ import annotations

import socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixcrawler.adapters.web.guard import (
    AddressBlocked,
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
