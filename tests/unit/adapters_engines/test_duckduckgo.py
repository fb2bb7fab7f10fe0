"""DuckDuckGo: a token first, which goes along in the cursor and is renewed when it is old."""

from __future__ import annotations

import time

import pytest

from pixcrawler.adapters.engines.duckduckgo import DuckDuckGoEngine
from pixcrawler.adapters.engines.shape import Ask
from pixcrawler.domain.engine import BlockKind, EngineStatus
from pixcrawler.domain.filters import Filters
from pixcrawler.domain.source import SearchQuery
from pixcrawler.pipeline.engines.ports import Answer
from tests.contracts.answers import body_of, saying, stored
from tests.contracts.engine import EngineCase, EngineContract, searched

BASE = "https://duckduckgo.example"
ENGINE = DuckDuckGoEngine(BASE)
TOKEN = "4-123456789012345678901234567890123456789"
FULL = body_of("duckduckgo/full.json")
HOSTILE = body_of("duckduckgo/hostile.json").replace(b"@LONG@", b"T" * 100_000)
GIVE_TOKEN = stored("duckduckgo/token.html")


def after_token(service):
    """A service that gives its token, then does as told."""
    return lambda request: (service if request.url.endswith("/i.js") else GIVE_TOKEN)(request)


def paging(request):
    """Three pages of six for whoever has the token."""
    if not request.url.endswith("/i.js"):
        return GIVE_TOKEN(request)
    if request.params["vqd"] != TOKEN:
        return Answer(403)
    start = int(request.params.get("s", "0"))
    body = FULL.replace(b"crane-", b"crane-%d-" % start)
    following = b"s=%d&" % (start + 100) if start < 200 else b"s=none&"
    return Answer(200, body.replace(b"s=100&", following))


class TestDuckDuckGo(EngineContract):
    case = EngineCase(
        engine=ENGINE,
        full=after_token(stored("duckduckgo/full.json")),
        full_finds=6,
        last=after_token(stored("duckduckgo/last.json")),
        last_finds=3,
        last_cursor="400",
        empty=after_token(stored("duckduckgo/empty.json")),
        changed=after_token(stored("other.json")),
        broken=after_token(stored("duckduckgo/broken.json")),
        hostile=after_token(saying(HOSTILE)),
        hostile_finds=3,
        whole=paging,
        whole_finds=18,
        blocks={
            "no token": (stored("duckduckgo/no_token.html"), BlockKind.DENIED),
            "challenge instead of a token": (
                stored("duckduckgo/anomaly.html"),
                BlockKind.CAPTCHA,
            ),
            "challenge with 202": (
                after_token(stored("duckduckgo/anomaly.html", 202)),
                BlockKind.CAPTCHA,
            ),
            "page instead of JSON": (
                after_token(stored("duckduckgo/no_token.html")),
                BlockKind.DENIED,
            ),
            "throttled": (after_token(saying("", 429)), BlockKind.THROTTLED),
            **{
                f"status {status}": (after_token(saying("", status)), BlockKind.DENIED)
                for status in (202, 301, 400, 403, 418)
            },
        },
        body=FULL,
    )


def test_a_result_is_read_whole():
    """Address, page, title, thumbnail and size."""
    page = ENGINE.read(FULL, Ask("harbour crane", Filters()))
    find = page.finds[0]
    assert find.url == "https://pictures.example/harbour/crane-1.jpg"
    assert (find.width, find.height) == (1601, 1201)
    assert find.thumbnail_url == "https://tse4.mm.bing.net/th?id=OIP.lNg00001&pid=Api"
    assert find.provenance.page_url == "https://pictures.example/page/1"
    assert find.provenance.title == "File:Harbour crane 1 ..."


def test_the_first_page_takes_two_requests_and_later_ones_take_one():
    """The token goes along in the cursor, so that any worker can go on."""
    first, asked = searched(ENGINE, paging)
    assert [request.url for request in asked] == [f"{BASE}/", f"{BASE}/i.js"]
    assert (first.requests, asked[1].params["vqd"]) == (2, TOKEN)
    assert "s" not in asked[1].params
    second, asked = searched(DuckDuckGoEngine(BASE), paging, first.next_cursor)
    assert [request.params["s"] for request in asked] == ["100"]
    assert second.next_cursor.split()[0] == "200"


@pytest.mark.parametrize(
    ("told", "following"),
    [("200", "200"), ("100", None), ("0", None), ("500", None), ("9999999", None), ("x", None)],
)
def test_the_next_page_is_further_on_and_within_five(told, following):
    """It is what the service says, unless that leads back or past what it gives."""
    body = b'{"results": [{"image": "https://p.example/1.jpg"}], "next": "i.js?q=x&s=%s&u=bing"}'
    page = ENGINE.read(body % told.encode(), Ask("x", Filters(), "100"))
    assert (len(page.finds), page.next_cursor) == (1, following)


@pytest.mark.parametrize("given_at", [0, 10**10, "never"])
def test_an_old_token_is_renewed_without_a_refusal(given_at):
    """A page that is asked for hours later takes a new token, and so do the pages after it."""
    page, asked = searched(ENGINE, paging, f"100 {given_at} 4-999999999")
    assert page.status is EngineStatus.OK
    assert [request.url for request in asked] == [f"{BASE}/", f"{BASE}/i.js"]
    later, asked = searched(ENGINE, paging, page.next_cursor)
    assert (later.status, len(asked)) == (EngineStatus.OK, 1)


def test_a_token_is_used_while_it_is_young():
    """The service takes it for an hour, and the clock of another worker may be behind."""
    for minutes, urls in ((40, [f"{BASE}/i.js"]), (50, [f"{BASE}/", f"{BASE}/i.js"])):
        _, asked = searched(ENGINE, paging, f"100 {int(time.time()) - 60 * minutes} {TOKEN}")
        assert [request.url for request in asked] == urls


@pytest.mark.parametrize("form", ['vqd="{}"', "vqd='{}'", "x?q=y&vqd={}&p=1"])
def test_the_token_is_found_however_it_is_written(form):
    """Three ways were seen over the years."""

    def play(request):
        if request.url.endswith("/i.js"):
            return paging(request)
        return Answer(200, f"<html><script>{form.format(TOKEN)}</script></html>".encode())

    page, _ = searched(ENGINE, play)
    assert page.status is EngineStatus.OK


@pytest.mark.parametrize(
    ("wish", "asked"),
    [
        ({}, None),
        ({"size": "huge"}, ",size:Wallpaper,,,,"),
        (
            {"color": "gray", "type": "drawing", "aspect": "wide"},
            ",,color:Monochrome,type:line,layout:Wide,",
        ),
        ({"color": "transparent"}, ",,,type:transparent,,"),
        ({"license": "open"}, ",,,,,license:any"),
        (
            {"license": "commercial"},
            ",,,,,license:ShareCommercially",
        ),
        ({"license": "modification"}, ",,,,,license:Modify"),
        ({"license": "public_domain"}, ",,,,,license:Public"),
        ({"license": "free"}, ",,,,,license:ModifyCommercially"),
        ({"type": "face"}, None),
    ],
)
def test_filters_are_asked_for_in_its_words(wish, asked):
    """One parameter, only when something is wished."""
    assert ENGINE.request(Ask("x", Filters(**wish))).params.get("f") == asked


@pytest.mark.parametrize(
    ("region", "market"), [(None, "wt-wt"), ("us", "us-en"), ("gb", "uk-en"), ("fr", "fr-fr")]
)
def test_a_region_is_a_market(region, market):
    """Region and language in its own order."""
    request = ENGINE.request(Ask("x", Filters(region=region, safe_search=False)))
    assert (request.params["l"], request.params["p"]) == (market, "-1")


def test_a_very_long_query_is_cut_between_words():
    """The service takes 499 characters."""
    query = SearchQuery(
        text="crane", keyword="crane", category="machines", exclude=("w" * 180,) * 4
    )
    _, asked = searched(ENGINE, paging, query=query)
    assert len(asked[0].params["q"]) <= 499
    assert asked[0].params["q"].endswith("w" * 180)
    assert asked[0].params["q"] == asked[1].params["q"]
