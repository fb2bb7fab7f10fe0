"""Path patterns: stars, ends and escapes, as RFC 9309 has them."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from protego import Protego

from pixcrawler.pipeline.optout.paths import PathPattern, path_of

STEADY = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
SITE = "https://pictures.example"
PIECES = ["/", "a", "b", "%2F", "%2f", "%61", "%C3%A9", "é", "?", "=", "%3D", "%25", "~"]
PATHS = st.lists(st.sampled_from(PIECES), max_size=8).map("".join).map("/{}".format)
PATTERNS = st.lists(st.sampled_from([*PIECES, "*", "$"]), max_size=8).map("".join).map("/{}".format)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("/*.gif$", "/a/b.gif", True),
        ("/*.gif$", "/a.gif.gif", True),
        ("/*.gif$", "/a.gif?x", False),
        ("/*.gif", "/a.gif?x", True),
        ("/a*a$", "/a", False),
        ("/a*b*b$", "/ab", False),
        ("/a*b*b$", "/abb", True),
        ("/a**b", "/axb", True),
        ("/a*x*b", "/a", False),
        ("/a$", "/a", True),
        ("/a$", "/ab", False),
        ("/a%2a$", "/a*", True),
        ("/a%2a$", "/axx", False),
        ("$", "/", False),
    ],
)
def test_patterns_have_stars_and_an_end(pattern, path, expected):
    """``*`` is anything, ``$`` the end; escaped, they are themselves."""
    assert PathPattern(pattern).matches(path_of(SITE + path)) is expected


@STEADY
@given(PATTERNS, PATHS)
def test_patterns_match_as_the_library_does(pattern, path):
    """Our patterns, for other files than robots.txt, are those of RFC 9309."""
    judge = Protego.parse(f"User-agent: *\nDisallow: {pattern}")
    url = SITE + path

    assert PathPattern(pattern).matches(path_of(url)) is not judge.can_fetch(url, "x")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example", b"/"),
        ("https://a.example/", b"/"),
        ("https://a.example/b?c=d#e", b"/b?c=d"),
        ("https://a.example?c", b"/?c"),
        ("https://a.example#/x", b"/"),
        ("https://a.example//b", b"//b"),
        ("https://a.example/%41%2f%25%zz", b"/A%2F%25%zz"),
        ("https://a.example/\udcff", b"/?"),
        ("", b"/"),
    ],
    ids=repr,
)
def test_a_path_has_one_form(url, expected):
    """Path and query, decoded as far as that changes nothing."""
    assert path_of(url) == expected
