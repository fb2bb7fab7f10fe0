"""Equal addresses have one key, different ones differ, and garbage is refused."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixcrawler.pipeline.discovery.addresses import KEY_CHARS, address_key, canonical

# No time limits: a busy machine is not a broken promise.
STEADY = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
AWKWARD = st.text(alphabet="abAB%4179:/?#&=.@[]+;~_ utmsig\\é①\u00ad\ud800", max_size=60)
ADDRESSES = st.one_of(
    st.text(max_size=80),
    st.one_of(AWKWARD, st.text(max_size=60)).map(lambda rest: f"http://{rest}"),
    AWKWARD.map(lambda rest: f"https://pictures.example/{rest}"),
    AWKWARD.map(lambda rest: f"HTTP://Pictures.Example:80/a.jpg?{rest}"),
)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("HTTP://Example.COM/A.jpg", "http://example.com/A.jpg"),
        ("http://example.com", "http://example.com/"),
        ("http://example.com:80/a", "http://example.com/a"),
        ("https://example.com:443/a", "https://example.com/a"),
        ("https://example.com:80/a", "https://example.com:80/a"),
        ("http://example.com./a", "http://example.com/a"),
        ("http://example.com/a#part", "http://example.com/a"),
        ("http://example.com/a?", "http://example.com/a"),
        ("http://example.com/a?b=2&a=1", "http://example.com/a?a=1&b=2"),
        ("http://example.com/a?utm_source=x&id=7&fbclid=y&GCLID=z", "http://example.com/a?id=7"),
        ("http://example.com/a?utm%5Fsource=x", "http://example.com/a"),
        ("http://example.com/%7euser/%c3%a9", "http://example.com/~user/%C3%A9"),
        ("http://example.com/~user/é", "http://example.com/~user/%C3%A9"),
        ("http://example.com/100%", "http://example.com/100%25"),
        ("http://münchen.example/ü", "http://xn--mnchen-3ya.example/%C3%BC"),
        ("http://münchen.example./ü", "http://xn--mnchen-3ya.example/%C3%BC"),
        ("http://[::1]:8080/a", "http://[::1]:8080/a"),
        ("http://127.0.0.1:8123/p/1.jpg", "http://127.0.0.1:8123/p/1.jpg"),
    ],
)
def test_equal_addresses_share_a_form(address, expected):
    """Case, default ports, fragments, escapes, order and tracking make no difference."""
    assert canonical(address) == expected


@pytest.mark.parametrize(
    "address",
    [
        "https://a.example/p/x.jpg?sig=A%2fb&utm_source=1&b=2&a=1",
        "https://a.example/x?X-Amz-Signature=ab&X-Amz-Date=1",
        "https://a.example/x?se=2026&sp=r&sv=1&sr=b",
        "https://a.example/%7ex?token=t",
    ],
)
def test_signed_addresses_are_left_alone(address):
    """Path and query of a signed address are kept to the letter."""
    assert canonical(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "pictures/1.jpg",
        "//example.com/a",
        "ftp://example.com/a",
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        "http://",
        "http:///a",
        "http://user@example.com/",
        "http://user:word@example.com/",
        "http://example.com\\@evil.example/",
        "http://example.com/a b",
        "http://example.com/a\tb",
        "http://example.com/a\r\nHost: b",
        "http://example.com/\x85",
        "http://example.com/\u2003",
        'http://example.com/"',
        "http://example.com/<b>",
        "http://example.com:port/",
        "http://example.com:99999/",
        "http://exa mple.com/",
        "http://a..b/",
        "http://[::1/",
        "http://[fe80::1%eth0]/",
        "http://example.com/" + "a" * 4096,
        "http://example.com/\ud800",
        "http://" + "a" * 64 + ".example/",
        "http://" + "a." * 200 + "example/",
    ],
)
def test_what_is_never_fetched_has_no_key(address):
    """Other schemes, user names, odd characters and broken hosts are refused."""
    assert canonical(address) is None
    assert address_key(address) is None


@STEADY
@given(ADDRESSES)
def test_the_form_of_a_form_is_itself(address):
    """Canonicalising twice changes nothing, and garbage never raises."""
    form = canonical(address)
    if form is not None:
        assert canonical(form) == form
        assert form.isascii() or "sig" in address.lower() or "token" in address.lower()


@STEADY
@given(ADDRESSES)
def test_a_key_is_short_hex_or_none(address):
    """A key is 32 hex digits whenever there is a form."""
    key = address_key(address)
    assert (key is None) == (canonical(address) is None)
    if key is not None:
        assert len(key) == KEY_CHARS
        assert int(key, 16) >= 0


def test_different_pictures_have_different_keys():
    """Path case, a query that means something, and the scheme tell pictures apart."""
    keys = {
        address_key(address)
        for address in (
            "http://example.com/A.jpg",
            "http://example.com/a.jpg",
            "http://example.com/a.jpg?id=1",
            "http://example.com/a.jpg?id=2",
            "https://example.com/a.jpg",
            "http://www.example.com/a.jpg",
        )
    }
    assert len(keys) == 6
