"""Answers that chance has damaged: none breaks a fetch, each address has its outcome."""

from __future__ import annotations

import gzip
import io
import logging
import random
import zlib

import pytest
from PIL import Image

from pixcrawler.domain.verdict import FETCH_REASONS, RejectReason
from tests.fakes.rawweb import PICTURE, End, answer, redirect
from tests.integration.web.attacks.answers import CHUNKED, CHUNKS
from tests.integration.web.attacks.conftest import SITE_DEADLINE, Memory, fetch_all

SEED = 20261120
DEADLINE_S = 2.0
ROUNDS = 3
CASES = 150
MOST_MB = 128
EXPECTED = {
    None,
    *(reason.value for reason in FETCH_REASONS),
    *(
        reason.value
        for reason in (
            RejectReason.NOT_AN_IMAGE,
            RejectReason.UNSUPPORTED_FORMAT,
            RejectReason.TOO_LARGE,
        )
    ),
}
TOKENS = [
    *(b"\r\n \n \r \0 : \t ; , 0 -1 % %00 @ // [ ] \\ xn-- <x: noai \xff".split(b" ")),
    *(b" ", b"\xc3\x28", b"\xed\xa0\x80", b"\xe2\x80\xa8", "①。ⓐ".encode()),
    *(b"9" * 30, b"f" * 16, b"\r\n\r\n", b"HTTP/1.1 ", b"HTTP/1.1 100 C\r\n\r\n"),
    *(b"Content-Length: 5\r\n", b"Content-Encoding: gzip\r\n", b"Connection: close\r\n"),
    *(b"Transfer-Encoding: chunked\r\n", b"Location: /\r\n", b"Retry-After: 0\r\n"),
    b"X-Robots-Tag: none\r\n",
]


def _picture(kind):
    out = io.BytesIO()
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="a"/></x:xmpmeta>'
    Image.new("RGB", (8, 8), "teal").save(out, kind, xmp=xmp)
    return out.getvalue()


def _good():
    """Answers of all kinds, as they should be."""
    pictures = [PICTURE, *(_picture(kind) for kind in ("JPEG", "PNG", "WEBP"))]
    wishes = ("X-Robots-Tag: noai", "TDM-Reservation: 0", "Content-Usage: train-ai=y", "Link: </a>")
    return [
        *(answer(picture, "200 OK", *wishes) for picture in pictures),
        CHUNKED + CHUNKS,
        answer(gzip.compress(PICTURE), "200 OK", "Content-Encoding: gzip"),
        answer(zlib.compress(PICTURE), "200 OK", "Content-Encoding: deflate"),
        redirect("http://name.example/b.jpg?c=d#e"),
        redirect("https://náme.example:443/é"),
        answer(b"later", "429 Busy", "Retry-After: 0"),
        answer(b"later", "503 Busy", "Retry-After: Fri, 20 Nov 2026 12:00:00 GMT"),
        b"HTTP/1.0 200 OK\r\n\r\n" + PICTURE,
        b"HTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\n" + answer(),
    ]


ROBOTS = answer(b"User-agent: *\nAllow: /\nDisallow: /p*.jpg$\nCrawl-delay: 0\nSitemap: /a\n")
TDMREP = answer(b'[{"location": "/*.jpg", "tdm-reservation": 0, "tdm-policy": "/p"}]')


def _damaged(chance, raw):
    """An answer after one to four accidents, sent whole or in parts, and how it ends."""
    for _ in range(chance.randint(1, 4)):
        # The head is where the meaning is.
        at = chance.randrange(min(len(raw), 200) if chance.random() < 0.8 else len(raw))
        until = at + chance.choice((1, 1, 2, 5, 20))
        accident = chance.randrange(6)
        if accident == 0:
            raw = raw[:at] + bytes([chance.randrange(256)]) + raw[at + 1 :]
        elif accident == 1:
            raw = raw[:at] + raw[until:]
        elif accident == 2:
            raw = raw[:at] + raw[at:until] * chance.choice((2, 3, 500)) + raw[until:]
        elif accident == 3:
            raw = raw[:at] + raw[at:until][::-1] + raw[until:]
        elif accident == 4 and chance.random() < 0.3:
            raw = raw[: at + 1]
        else:
            raw = raw[:at] + chance.choice(TOKENS) + raw[at:]
        raw = raw or b"\r\n"
    cut = chance.randrange(len(raw)) if chance.random() < 0.3 else len(raw)
    end = chance.choice(((), (End.KEEP,), (End.RESET,), (End.KEEP,)))
    return (raw[:cut], 0.01, raw[cut:], *end) if cut < len(raw) else (raw, *end)


@pytest.mark.parametrize("number", range(ROUNDS))
def test_damaged_answers_break_nothing(town, monkeypatch, caplog, number):
    """No damage raises, hangs, fills the memory, or leads where nobody may go."""
    monkeypatch.setattr(SITE_DEADLINE, DEADLINE_S)
    chance = random.Random(SEED + number)
    good = _good()
    urls = []
    for case in range(CASES):
        host = f"case{case}.example"
        town.public.scripts[f"/{case}"] = _damaged(chance, chance.choice(good))
        if case % 3 == 0:
            town.public.scripts[f"{host}/robots.txt"] = _damaged(chance, ROBOTS)
            town.public.scripts[f"{host}/.well-known/tdmrep.json"] = _damaged(chance, TDMREP)
        urls.append(town.url(f"/{case}", host))
    with Memory() as memory:
        seen = fetch_all(urls, deadline_s=DEADLINE_S, patience_s=DEADLINE_S, tries=2)
    assert {one.reason for one in seen} <= EXPECTED
    assert len({one.reason for one in seen}) > 3
    assert (town.strangers(), town.private.connections) == ([], 0)
    assert memory.grown_mb < MOST_MB
    # What is logged as an error nobody had thought of.
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == []


ADDRESSES = [
    "",
    "\0",
    "\ud800",
    "http://\ud800.example/",
    "http://name.example/\udfff",
    "http://name.example/?\udc80",
    "http://" + "[" * 3000,
    "http://" + "a" * 100_000,
    "x" * 1_000_000,
    "http://name.example:" + "9" * 4000,
    "http://name.example:" + "9" * 300 + "/",
    "http://name.example:٨٠/",
    "http://" + "\uff19" * 200 + "/",
    "http://" + "9" * 300 + "/",
    "http://" + "1." * 150 + "1/",
    "http://[" + ":" * 200 + "]/",
    "http://[" + "1:" * 100 + "]/",
    "http://[::1%" + "a" * 200 + "]/",
    "http://xn--" + "a" * 59 + "/",
    "http://xn--a\u0301.example/",
    "http://\u202ename.example/",
    "http://\u0e33.example/",
    "http://" + "ß" * 62 + ".example/",
    "http://" + "ﷺ" * 20 + ".example/",
    "http://\u0645\u200c.example/",
    "http://a\u30fbb.example/",
    "http://" + "é." * 100 + "example/",
    "http://%zz/",
    "http://name.example/%",
    "http://name.example/%zz%u0041%",
    "http://name.example/\u2028",
    "http://name.example/" + "%2e%2e/" * 500,
    "http://name.example/?" + "a=b&" * 1000,
    "HTTP://NAME.EXAMPLE:80",
    "http:name.example",
    "//name.example/a.jpg",
    "javascript:alert(1)//http://name.example/",
    "http://name.example\r\nHost: inside.example\r\n\r\n",
    "http://name.example/\r\nX-Injected: 1",
    "http://name.example/ HTTP/1.1\r\nHost: x",
]


def test_no_address_breaks_anything(town):
    """Whatever a list holds in place of an address, it has an outcome, and nobody is bothered."""
    seen = fetch_all(ADDRESSES, deadline_s=DEADLINE_S)
    assert {one.reason for one in seen} <= {
        "address_blocked",
        "name_unresolved",
        "unreachable",
        "bad_answer",
    }
    assert (town.strangers(), town.public.connections) == ([], 0)
    assert not [head for head in town.public.heads if b"Injected" in head]
