"""Kept connections: no answer is taken for another one, whatever a server sends in between."""

from __future__ import annotations

import pytest

from tests.fakes.rawweb import PICTURE, SITE_FILES, End, Forever, RawWeb, answer
from tests.integration.web.attacks.answers import CHUNKED, CHUNKS, LENGTH, OK
from tests.integration.web.attacks.conftest import PUBLIC, Memory, fetch_all

POISON = answer(PICTURE + b"of another address")
MINE = PICTURE + b"of this address"
PAUSE_S = 0.21
FLOOD_S = 1.5
MOST_MB = 64
"""That a flood of a second and a half may add; taken in, it would be hundreds."""


@pytest.fixture
def elsewhere(town):
    """A second public server, which takes its time: meanwhile the first one's connection idles."""
    with RawWeb("127.0.0.3") as web:
        town.open_to("127.0.0.3", port=web.port)
        web.scripts["/slow.jpg"] = (PAUSE_S, answer(), End.KEEP)
        yield web


LEFT_OVER = {
    "an answer": (answer(), PAUSE_S / 3, POISON, End.KEEP),
    "two answers": (answer(), PAUSE_S / 3, POISON * 2, End.KEEP),
    "half an answer": (answer(), PAUSE_S / 3, POISON[:60], End.KEEP),
    "an answer, at once": (answer() + POISON, End.KEEP),
    "an answer without an end": (answer(), PAUSE_S / 3, OK + b"\r\n" + PICTURE, End.KEEP),
    "an interim answer": (answer(), PAUSE_S / 3, b"HTTP/1.1 100 C\r\n\r\n" + POISON, End.KEEP),
    "a body after 204": (b"HTTP/1.1 204 No\r\n\r\n" + POISON, End.KEEP),
    "a body after 304": (
        b"HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n" + POISON,
        End.KEEP,
    ),
    "more than announced": (answer(b"\xff\xd8\xff\xe0") + POISON, End.KEEP),
    "an error page, longer": (answer(b"", "404 Gone") + POISON, End.KEEP),
    "a redirect with a page": (answer(b"", "302 F", "Location: /c.jpg") + POISON, End.KEEP),
    "chunks and a length": (
        OK + b"Transfer-Encoding: chunked\r\n" + LENGTH + b"\r\n" + CHUNKS + POISON,
        End.KEEP,
    ),
    "a length and chunks": (
        OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + POISON,
        End.KEEP,
    ),
    "two lengths": (
        OK + b"Content-Length: 4\r\nContent-Length: 9999\r\n\r\n\xff\xd8\xff\xe0" + POISON,
        End.KEEP,
    ),
    "after the last chunk": (CHUNKED + CHUNKS + POISON, End.KEEP),
    "an odd transfer": (
        OK + b"Transfer-Encoding: \x0bchunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" + POISON,
        End.KEEP,
    ),
}


@pytest.mark.parametrize("script", LEFT_OVER.values(), ids=LEFT_OVER)
def test_what_nobody_asked_for_is_nobodys_answer(town, elsewhere, script):
    """Left-over bytes of one answer do not become the next image of the same host."""
    town.public.scripts |= {"/a.jpg": script, "/b.jpg": (answer(MINE), End.KEEP)}
    seen = fetch_all(
        [town.url("/a.jpg"), elsewhere.url("/slow.jpg"), town.url("/b.jpg")], concurrency=1
    )
    assert seen[1].data == PICTURE
    assert seen[2].data == MINE
    assert seen[0].data in (None, PICTURE, b"\xff\xd8\xff\xe0")


FLOODS = {
    "answers": answer(b""),
    "interim": b"HTTP/1.1 100 C\r\n\r\n",
    "pictures": answer(PICTURE),
    "lines": b"\r\n" * 50,
    "noise": bytes(99),
}


def test_a_flood_on_an_idle_connection_fills_no_memory(town, elsewhere):
    """Whoever sends without being asked is hung up on, while other downloads go on."""
    town.public.scripts |= {
        f"/{name}": (answer(), 0.1, Forever(flood * 500)) for name, flood in FLOODS.items()
    }
    elsewhere.scripts["/slow.jpg"] = (FLOOD_S, answer(), End.KEEP)
    urls = [town.url(f"/{name}", f"{name}.example") for name in FLOODS]
    with Memory() as memory:
        seen = fetch_all([*urls, elsewhere.url("/slow.jpg")])
    assert [one.data for one in seen] == [PICTURE] * 6
    assert memory.grown_mb < MOST_MB


def test_connections_are_kept_for_well_behaved_servers(town):
    """The control of all this: ten pictures come over one connection."""
    town.public.scripts["/a.jpg"] = (answer(), End.KEEP)
    seen = fetch_all([town.url(f"/a.jpg?{n}") for n in range(10)], concurrency=1)
    assert [one.data for one in seen] == [PICTURE] * 10
    assert town.public.connections == 1


def test_a_kept_connection_that_was_closed_costs_nothing(town, elsewhere):
    """A server that closes idle connections early is asked again over a new one."""
    town.public.scripts["/a.jpg"] = (answer(),)
    urls = [town.url("/a.jpg?1"), elsewhere.url("/slow.jpg"), town.url("/a.jpg?2")]
    assert [one.data for one in fetch_all(urls, concurrency=1)] == [PICTURE] * 3


@pytest.mark.parametrize("ends", [(), (End.RESET,)], ids=["closed", "torn down"])
def test_each_try_is_one_request(town, ends):
    """On new connections the HTTP client repeats nothing by itself: three tries, three requests."""
    town.public.scripts |= {
        path: (answer(b"", "404 N", "Connection: close"),) for path in SITE_FILES
    }
    town.public.scripts["/a.jpg"] = ends
    [seen] = fetch_all([town.url("/a.jpg")], tries=3)
    assert (seen.reason, town.public.hits["/a.jpg"]) == ("unreachable", 3)


def test_a_kept_connection_that_ends_at_the_wrong_moment_costs_no_try(town):
    """A server that closes while it is asked again is asked once more, over a new connection."""
    town.public.scripts["/a.jpg"] = lambda hits: () if hits == 1 else (answer(), End.KEEP)
    [seen] = fetch_all([town.url("/a.jpg")], tries=1)
    assert (seen.data, town.public.hits["/a.jpg"]) == (PICTURE, 2)


def test_an_answer_before_the_request_is_complete_is_taken_once(town):
    """Who answers before being asked gives at most that answer, and is not asked again."""
    town.public.greeting = (answer(), 0.2)
    seen = fetch_all([town.url(f"/a.jpg?{n}") for n in range(3)], concurrency=1)
    assert {one.data for one in seen} <= {PICTURE, None}
    assert {one.reason for one in seen} <= {None, "unreachable", "bad_answer"}


def test_two_names_at_one_address_share_no_connection(town):
    """A connection belongs to the name that it was vetted for."""
    town.public.scripts["/a.jpg"] = (answer(), End.KEEP)
    urls = [town.url("/a.jpg", "one.example"), town.url("/a.jpg", "two.example")]
    assert [one.data for one in fetch_all(urls, concurrency=1)] == [PICTURE] * 2
    assert town.public.connections == 2
    assert town.connected == [PUBLIC] * 2
