"""Bodies: looked at as they arrive, left early when they are no picture, never all in memory."""

from __future__ import annotations

import gc
import tempfile
import threading
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from pixcrawler.adapters.memory.site_files import MemorySiteFiles
from pixcrawler.domain.errors import StorageUnavailable
from pixcrawler.domain.verdict import RejectReason
from pixcrawler.pipeline.pictures.magic import WANTED
from pixcrawler.pipeline.ports import Fetched
from pixcrawler.pipeline.visits import body as body_module
from tests.fakes.fetching import a_fetcher, fetch
from tests.fakes.web import PICTURE

MB = 1024 * 1024
TOGETHER = 24
LARGE_MB = 8
HTML = b"<!doctype html><html><body>It is gone.</body></html>"
GIF = b"GIF89a" + bytes(2000)


@pytest.mark.parametrize(
    ("body", "reason", "detail"),
    [
        (HTML, RejectReason.NOT_AN_IMAGE, "what came is HTML: the picture is probably gone"),
        (b'{"error": 1}', RejectReason.NOT_AN_IMAGE, "what came is JSON"),
        (bytes(5000), RejectReason.NOT_AN_IMAGE, "what came is unknown bytes"),
        (b"%PDF-1.7" + bytes(5000), RejectReason.NOT_AN_IMAGE, "what came is PDF"),
        (GIF, RejectReason.UNSUPPORTED_FORMAT, "what came is gif"),
        (b"<svg/>", RejectReason.UNSUPPORTED_FORMAT, "what came is svg"),
    ],
    ids=["HTML", "JSON", "zeros", "PDF", "gif", "svg"],
)
def test_what_is_no_picture_is_told_as_what_it_is(web, body, reason, detail):
    """A page, data or another kind of picture instead of one of ours ends with its reason."""
    web.answers["/p.jpg"] = (200, {"Content-Type": "image/jpeg"}, body)
    result = fetch(a_fetcher(web), web.url("/p.jpg"))
    assert (result.reason, result.detail) == (reason, f"127.0.0.1: {detail}")
    assert web.hits.total() == 1


def test_other_kinds_come_where_they_are_wanted(web):
    """A fetcher that is told to takes other kinds of pictures, and still no pages."""
    web.answers["/p.gif"] = (200, {}, GIF)
    web.answers["/p.jpg"] = (200, {}, HTML)
    fetcher = a_fetcher(web, kinds=WANTED | {"gif"})
    assert fetch(fetcher, web.url("/p.gif")).body.read() == GIF
    assert fetch(fetcher, web.url("/p.jpg")).reason is RejectReason.NOT_AN_IMAGE


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "of unknown length"])
def test_a_large_body_that_is_no_picture_is_left_at_its_beginning(web, announced):
    """Of 20 MB of a page hardly more comes than what tells that it is one."""
    sent = []

    def page(handler, given):
        handler.raw(b"HTTP/1.1 200 OK\r\n")
        handler.raw(b"Content-Length: %d\r\n\r\n" % (20 * MB) if announced else b"\r\n")
        try:
            for _ in range(20 * 16):
                handler.wfile.write(HTML.ljust(MB // 16))
                sent.append(MB // 16)
        finally:
            done.set()

    done = threading.Event()
    web.raw_answers["/p.jpg"] = page
    result = fetch(a_fetcher(web), web.url("/p.jpg"))
    assert result.reason is RejectReason.NOT_AN_IMAGE
    assert done.wait(20)
    # What the sockets' own buffers hold was sent too.
    assert sum(sent) < 12 * MB


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ((200, {}, HTML.ljust(30_000)), True),
        ((404, {}, HTML.ljust(30_000)), True),
        ((302, {"Location": "/ok"}, HTML), True),
        ((200, {}, HTML.ljust(200_000)), False),
        ((404, {}, HTML.ljust(200_000)), False),
    ],
    ids=["small page", "small 404", "redirect", "large page", "large 404"],
)
def test_a_connection_is_kept_where_little_is_left_to_read(web, answer, kept):
    """After an answer that nobody wants the connection is kept, unless its end is far away."""
    web.answers["/p.jpg"] = answer
    fetcher = a_fetcher(web)
    fetch(fetcher, web.url("/ok"))
    before = web.connections
    fetch(fetcher, web.url("/p.jpg"))
    fetch(fetcher, web.url("/ok"))
    assert (web.connections == before) is kept
    fetcher.close()


@pytest.mark.parametrize("status", [b"200 OK", b"404 Gone"], ids=["page", "404"])
def test_the_rest_of_a_small_page_is_waited_for(web, status):
    """A page that comes in two parts is read to its end, for the connection's sake."""

    def in_parts(handler, given):
        handler.wfile.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 3000\r\n\r\n")
        handler.wfile.write(HTML.ljust(2000))
        threading.Event().wait(0.1)
        handler.wfile.write(b" " * 1000)
        handler.close_connection = False

    web.raw_answers["/p.jpg"] = in_parts
    fetcher = a_fetcher(web)
    fetch(fetcher, web.url("/p.jpg"))
    before = web.connections
    assert fetch(fetcher, web.url("/ok")).body.read() == PICTURE
    assert web.connections == before


@pytest.mark.parametrize(("size", "kept"), [(3000, True), (300_000, False)])
def test_a_page_of_unknown_length_is_read_while_it_is_small(web, size, kept):
    """Of a page in chunks as much is read as one of announced length may have."""

    def chunked(handler, given):
        handler.wfile.write(b"HTTP/1.1 404 Gone\r\nTransfer-Encoding: chunked\r\n\r\n")
        threading.Event().wait(0.1)
        for _ in range(size // 1000):
            handler.wfile.write(b"3e8\r\n" + HTML.ljust(1000) + b"\r\n")
        handler.wfile.write(b"0\r\n\r\n")
        handler.close_connection = False

    web.raw_answers["/p.jpg"] = chunked
    fetcher = a_fetcher(web)
    assert fetch(fetcher, web.url("/p.jpg")).reason is RejectReason.GONE
    before = web.connections
    assert fetch(fetcher, web.url("/ok")).body.read() == PICTURE
    assert (web.connections == before) is kept


def test_a_dripping_end_is_not_drained_for_long(web):
    """Reading a refused body to its end is given up after a second."""
    web.raw_answers["/p.jpg"] = lambda handler, given: (
        handler.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + HTML.ljust(2000)),
        handler.drip(b" "),
    )
    result = fetch(a_fetcher(web, deadline_s=60), web.url("/p.jpg"))
    assert result.reason is RejectReason.NOT_AN_IMAGE
    assert result.elapsed_ms < 20_000


@pytest.mark.parametrize("form", ["", "?unannounced"], ids=["announced", "of unknown length"])
def test_large_bodies_are_not_held_in_memory(web, form):
    """Two dozen bodies of 8 MB, all but their last byte there, take a fraction of that."""
    process = psutil.Process()
    grown = []
    all_there = threading.Barrier(TOGETHER, lambda: grown.append(_settled_rss(process) - before))
    web.at_end = lambda: all_there.wait(60)
    fetcher = a_fetcher(web, concurrency=TOGETHER, slow_after_s=60, deadline_s=100)
    gc.collect()
    before = process.memory_info().rss
    urls = [web.url(f"/large/{LARGE_MB}{form}") for _ in range(TOGETHER)]
    for _, result in fetcher.fetch_all(urls):
        assert isinstance(result, Fetched)
        with closing(result.body) as body:
            assert body.size == LARGE_MB * MB
            assert sum(map(len, body.pieces())) == LARGE_MB * MB
    assert grown
    assert grown[0] < TOGETHER * LARGE_MB * MB // 2
    fetcher.close()


def _settled_rss(process):
    """Memory in use, once the visitor has read what the server has sent."""
    threading.Event().wait(0.5)
    return process.memory_info().rss


def test_what_nobody_takes_is_closed(web):
    """A caller that leaves large bodies untaken leaves no open file."""
    fetcher = a_fetcher(web)
    results = fetcher.fetch_all([web.url(f"/large/2?{n}") for n in range(5)])
    next(results)[1].body.close()
    while web.hits.total() < 5 or web.in_flight:
        threading.Event().wait(0.01)
    threading.Event().wait(0.5)
    results.close()
    fetcher.close()
    gc.collect()


def test_a_body_is_hashed_and_sniffed_on_its_way(web):
    """What is handed over is known already."""
    body = fetch(a_fetcher(web), web.url("/ok")).body
    assert (body.kind, body.size) == ("jpeg", len(PICTURE))


@pytest.mark.parametrize("path", ["/p.jpg", "/robots.txt"])
def test_a_full_disk_of_ours_is_no_fault_of_the_host(web, monkeypatch, path):
    """The step fails and is tried again; no picture is given up, no site known as silent."""

    def full():
        return Path("/dev/full").open("w+b")

    kept = MemorySiteFiles()
    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    monkeypatch.setattr(body_module, "BODY_IN_MEMORY_BYTES", 10_000)
    web.answers["/p.jpg"] = (200, {}, PICTURE * 10)
    web.answers[path] = (200, {}, PICTURE * 1000)
    fetcher = a_fetcher(web, site_files=kept)
    with pytest.raises(StorageUnavailable, match="disk"):
        fetch(fetcher, web.url("/p.jpg"))
    assert web.hits.total() == int(path == "/p.jpg")
    robots = kept.get([web.url("/robots.txt")])
    assert [file.status for file in robots.values()] == [404] * int(path == "/p.jpg")
    fetcher.close()
