"""Site files that attack: robots.txt and its like are as little trusted as pictures."""

from __future__ import annotations

import gzip
import json

import pytest

from tests.fakes.rawweb import NOT_FOUND, PICTURE, End, Forever, answer, redirect
from tests.integration.web.attacks.answers import CHUNKED, CHUNKS, OK
from tests.integration.web.attacks.conftest import SITE_DEADLINE, Memory, fetch, fetch_all

ROBOTS = "/robots.txt"
TDMREP = "/.well-known/tdmrep.json"
PICTURE_IS_THERE = (answer(), End.KEEP)
HASTY_S = 0.7
MOST_MB = 64
RULE = b"Disallow: /private\n"
FORBIDDEN = b"User-agent: *\nDisallow: /\n"
ALLOWED = {None}
UNAVAILABLE = {"robots_unavailable"}
REFUSED = {"disallowed_by_site"}


def _text(body, *headers):
    return (answer(body, "200 OK", "Content-Type: text/plain", *headers), End.KEEP)


# Name: script of robots.txt, what may come of the picture.
ATTACKS = {
    "silence": ((End.SILENT,), {"timed_out"}),
    "a dripping head": ((OK + b"X: ", Forever(b"a", 0.02)), {"timed_out"}),
    "a dripping body": (
        (OK + b"\r\n", Forever(b"#", 0.02)),
        {"timed_out", "robots_unavailable"},
    ),
    "dripping chunks": ((CHUNKED, Forever(b"1\r\n#\r\n", 0.02)), {"timed_out", *UNAVAILABLE}),
    "endless": ((OK + b"\r\n" + FORBIDDEN, Forever(RULE * 3000)), REFUSED),
    "endless, nothing said": ((OK + b"\r\n", Forever(b"#" * 65536)), ALLOWED),
    "endless blank lines": ((Forever(b"\r\n" * 9999),), UNAVAILABLE),
    "endless headers": ((OK, Forever(b"X-N: a\r\n" * 9999)), UNAVAILABLE),
    "endless interim answers": ((Forever(b"HTTP/1.1 100 C\r\n\r\n" * 999),), UNAVAILABLE),
    "endless error page": ((b"HTTP/1.1 404 N\r\n\r\n", Forever(bytes(65536))), ALLOWED),
    "endless server error": ((b"HTTP/1.1 500 N\r\n\r\n", Forever(bytes(65536))), UNAVAILABLE),
    "a bomb": (
        _text(gzip.compress(FORBIDDEN + b"#" * 50_000_000), "Content-Encoding: gzip"),
        REFUSED,
    ),
    "an unknown packing": (_text(FORBIDDEN, "Content-Encoding: br"), UNAVAILABLE),
    "a broken packing": (_text(FORBIDDEN, "Content-Encoding: gzip"), UNAVAILABLE),
    "one long line": (_text(b"Disallow: /" + b"a" * 999_999), ALLOWED),
    "a line of stars": (_text(b"User-agent: *\nDisallow: /" + b"*a" * 9999 + b"$\n"), ALLOWED),
    "lines of stars": (
        _text((b"User-agent: *\nDisallow: /" + b"*a*" * 60 + b"$\n") * 500),
        REFUSED,
    ),
    "many groups": (_text(b"User-agent: a\n" * 30_000 + FORBIDDEN), REFUSED),
    "many rules": (_text(b"User-agent: *\n" + RULE * 20_000), ALLOWED),
    "many escapes": (_text(b"User-agent: *\nDisallow: /" + b"%ff%" * 50_000), ALLOWED),
    "noise": (_text(bytes(range(256)) * 1000), ALLOWED),
    "zeros": (_text(bytes(400_000)), ALLOWED),
    "UTF-16": (_text(FORBIDDEN.decode().encode("utf-16")), REFUSED),
    "a page": (_text(b"<html><body>Not here</body></html>"), ALLOWED),
    "a picture": (_text(PICTURE), ALLOWED),
    "a huge delay": (_text(b"User-agent: *\nCrawl-delay: " + b"9" * 5000), ALLOWED),
    "no end of a delay": (_text(b"User-agent: *\nCrawl-delay: inf\nCrawl-delay: nan"), ALLOWED),
    "a negative delay": (_text(b"User-agent: *\nCrawl-delay: -5"), ALLOWED),
    "empty": (_text(b""), ALLOWED),
    "cut off": ((OK + b"Content-Length: 999\r\n\r\n" + FORBIDDEN,), UNAVAILABLE),
    "broken chunks": ((CHUNKED + b"zz\r\n",), UNAVAILABLE),
    "HTTP/0.9": ((FORBIDDEN,), UNAVAILABLE),
    "closed": ((), {"unreachable"}),
    "torn down": ((End.RESET,), {"unreachable"}),
    "to metadata": (
        (redirect("http://169.254.169.254/"), End.KEEP),
        {"address_blocked"},
    ),
    "to this machine": (
        (redirect("http://127.0.0.1/"), End.KEEP),
        {"address_blocked"},
    ),
    "to a file": ((redirect("file:///etc/passwd"), End.KEEP), {"address_blocked"}),
    "to nowhere": ((redirect("http://[::1"), End.KEEP), UNAVAILABLE),
    "to itself": ((redirect(ROBOTS), End.KEEP), ALLOWED),
    "to the picture": ((redirect("/a.jpg"), End.KEEP), ALLOWED),
    "401": ((answer(b"", "401 No"), End.KEEP), ALLOWED),
    "403": ((answer(b"", "403 No"), End.KEEP), ALLOWED),
    "503": ((answer(b"", "503 No"), End.KEEP), UNAVAILABLE),
    "999": ((answer(b"", "999 No"), End.KEEP), UNAVAILABLE),
    "204": ((b"HTTP/1.1 204 No\r\n\r\n", End.KEEP), ALLOWED),
    "101": ((b"HTTP/1.1 101 S\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n",), UNAVAILABLE),
    "poison behind it": ((answer(b"") + answer(FORBIDDEN), End.KEEP), ALLOWED),
    "chunks and more": ((CHUNKED + CHUNKS + b"zz", End.KEEP), UNAVAILABLE),
}


@pytest.mark.parametrize(("script", "expected"), ATTACKS.values(), ids=ATTACKS)
def test_no_robots_txt_holds_us_or_leads_us_astray(town, monkeypatch, script, expected):
    """Whatever robots.txt does, the visit ends with a fitting reason, in time, within bounds."""
    monkeypatch.setattr(SITE_DEADLINE, HASTY_S)
    town.public.scripts |= {ROBOTS: script, "/a.jpg": PICTURE_IS_THERE}
    with Memory() as memory:
        seen = fetch(town.url("/a.jpg"), patience_s=5.0)
    assert seen.reason in expected
    assert (town.strangers(), town.private.connections) == ([], 0)
    assert seen.elapsed_ms < 30_000
    assert memory.grown_mb < MOST_MB
    if seen.reason is not None:
        assert town.public.hits["/a.jpg"] == 0


DEEP = b'{"a":' * 40_000
TDM_ATTACKS = {
    "silence": (End.SILENT,),
    "endless": (OK + b"\r\n", Forever(b"[" * 65536)),
    "a bomb": _text(gzip.compress(b"[" + b" " * 50_000_000), "Content-Encoding: gzip"),
    "deep lists": _text(b"[" * 400_000),
    "deep objects": _text(DEEP),
    "a long number": _text(b'[{"location": "/*", "tdm-reservation": ' + b"1" * 99_999 + b"}]"),
    "no end": _text(b'[{"location": "/*", "tdm-reservation": NaN}, Infinity, 1e999]'),
    "half letters": _text(
        b'[{"location": "/\\ud800*", "tdm-reservation": 0, "tdm-policy": "\\udfff"}]'
    ),
    "the same key often": _text(b"[{" + b'"location": "/",' * 20_000 + b'"a": 1}]'),
    "many rules": _text(
        json.dumps([{"location": "/b*c*d", "tdm-reservation": 0}] * 9_000).encode()
    ),
    "rules of stars": _text(
        json.dumps([{"location": "/" + "*a" * 200 + "$", "tdm-reservation": 0}] * 900).encode()
    ),
    "no list": _text(b'"a string"'),
    "noise": _text(bytes(range(256)) * 1000),
    "UTF-32": _text("[]".encode("utf-32")),
    "to metadata": (redirect("http://169.254.169.254/"), End.KEEP),
    "torn down": (End.RESET,),
}


@pytest.mark.parametrize("script", TDM_ATTACKS.values(), ids=TDM_ATTACKS)
def test_no_tdmrep_holds_us_or_leads_us_astray(town, monkeypatch, script):
    """A file of reservations that says nothing that can be read changes nothing, and in time."""
    monkeypatch.setattr(SITE_DEADLINE, HASTY_S)
    town.public.scripts |= {TDMREP: script, "/a.jpg": PICTURE_IS_THERE}
    with Memory() as memory:
        seen = fetch(town.url("/a.jpg"), patience_s=5.0)
    assert (seen.data, town.strangers(), town.private.connections) == (PICTURE, [], 0)
    assert seen.elapsed_ms < 30_000
    assert memory.grown_mb < MOST_MB


HEADERS = {
    "a tag of other bytes": "X-Robots-Tag: \udcff\udcfe noarchive: \udcff",
    "a tag of a thousand parts": "X-Robots-Tag: " + "a, " * 4000,
    "a tag of colons": "X-Robots-Tag: " + ":" * 8000,
    "a date that is none": "X-Robots-Tag: unavailable_after: 99 Foo 99999 99:99:99 XYZ",
    "a reservation of other bytes": "TDM-Reservation: \udcff",
    "a reservation that is huge": "TDM-Reservation: " + "1" * 8000,
    "a policy that is no address": "TDM-Policy: \udcff://",
    "a usage that is none": "Content-Usage: " + "((((((((" * 900,
    "a usage of quotes": 'Content-Usage: "' + "\\\\" * 3000,
    "a usage of numbers": "Content-Usage: train-ai=" + "9" * 5000,
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_no_header_of_wishes_breaks_a_visit(town, header):
    """A header that cannot be read says nothing: the picture arrives, and its evidence is kept."""
    town.public.scripts["/a.jpg"] = (answer(PICTURE, "200 OK", header), End.KEEP)
    assert fetch(town.url("/a.jpg")).data == PICTURE


def test_a_hundred_visits_wait_for_one_robots_txt(town, monkeypatch):
    """A robots.txt that never comes is asked for once, and all its visits end together."""
    monkeypatch.setattr(SITE_DEADLINE, HASTY_S)
    town.public.scripts |= {ROBOTS: (End.SILENT,), "/a.jpg": PICTURE_IS_THERE}
    seen = fetch_all([town.url(f"/a.jpg?{n}") for n in range(100)])
    assert {one.reason for one in seen} == {"timed_out"}
    assert (town.public.hits[ROBOTS], town.public.hits["/a.jpg"]) == (1, 0)
    assert max(one.elapsed_ms for one in seen) < 30_000


def test_a_chain_of_slow_sites_ends_with_the_patience(town):
    """Redirects from one slow site to the next hold a visit no longer than it may wait."""
    town.public.scripts |= dict.fromkeys((ROBOTS, TDMREP), (0.6, NOT_FOUND, End.KEEP))
    for number in range(5):
        target = town.url(f"/{number + 1}", f"host{number + 1}.example")
        town.public.scripts[f"/{number}"] = (redirect(target), End.KEEP)
    town.public.scripts["/5"] = PICTURE_IS_THERE
    seen = fetch(town.url("/0", "host0.example"), patience_s=2.0)
    assert seen.reason == "host_suspended"
    assert town.public.hits["/5"] == 0
