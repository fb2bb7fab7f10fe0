"""Google's page for old telephones: links with parameters, ten a page, and many ways to refuse."""

from __future__ import annotations

import pytest

from pixcrawler.adapters.engines.google_html import MAX_PAGES, TELEPHONE, GoogleHtmlEngine
from pixcrawler.adapters.engines.shape import Ask
from pixcrawler.domain.engine import BlockKind, EngineStatus
from pixcrawler.domain.filters import Filters
from pixcrawler.domain.source import SearchQuery
from pixcrawler.pipeline.engines.ports import Answer
from tests.contracts.answers import body_of, saying, stored
from tests.contracts.engine import EngineCase, EngineContract, searched

BASE = "https://www.google.example"
ENGINE = GoogleHtmlEngine(BASE)
FULL = body_of("google_html/full.html")
PAGES = 3


def paging(request):
    """Three pages, and after them the last one again and again."""
    page = min(int(request.params.get("start", 0)) // 10, PAGES - 1)
    return Answer(200, FULL.replace(b"crane%2520", b"crane%%2520%d-" % page))


def moved(location):
    """A redirect."""
    return saying("", 302, headers={"location": location})


class TestGoogleHtml(EngineContract):
    case = EngineCase(
        engine=ENGINE,
        full=stored("google_html/full.html"),
        full_finds=10,
        last=stored("google_html/last.html"),
        last_finds=4,
        last_cursor=f"{MAX_PAGES} 0123456789ab",
        empty=stored("google_html/empty.html"),
        changed=stored("changed.html"),
        broken=stored("google_html/broken.html"),
        hostile=stored("google_html/hostile.html"),
        hostile_finds=3,
        whole=paging,
        whole_finds=PAGES * 10,
        blocks={
            "captcha": (stored("blocks/google_captcha.html"), BlockKind.CAPTCHA),
            "sorry page": (
                stored("changed.html", url="https://www.google.com/sorry/index?continue=x"),
                BlockKind.CAPTCHA,
            ),
            "redirect to sorry": (
                moved("https://www.google.com/sorry/index?continue=x"),
                BlockKind.CAPTCHA,
            ),
            "bare redirect": (saying("", 302), BlockKind.CAPTCHA),
            "stub": (stored("google_html/stub.html"), BlockKind.CAPTCHA),
            "throttled": (saying("", 429), BlockKind.THROTTLED),
            "recaptcha": (
                saying('<script src="https://www.google.com/recaptcha/api.js">', 503),
                BlockKind.RECAPTCHA,
            ),
            "traffic": (
                saying("<p>Our systems have detected unusual traffic from your computer"),
                BlockKind.CAPTCHA,
            ),
            "scripts wanted": (stored("google_html/scripts_wanted.html"), BlockKind.DENIED),
            "consent": (moved("https://consent.google.com/ml?continue=x"), BlockKind.DENIED),
        },
        body=FULL,
    )


def test_links_are_read_however_they_are_written():
    """Escaped or not, with semicolons, absolute, in single quotes: all say the same."""
    page = ENGINE.read(FULL, Ask("harbour crane", Filters()))
    assert [find.url for find in page.finds] == [
        f"https://pictures.example/harbour/crane%20{number}.jpg?v={number}&s=large"
        for number in range(10)
    ]
    assert {(find.width, find.height) for find in page.finds} == {(1600, 1200)}
    assert [find.provenance.page_url for find in page.finds] == [
        f"https://pictures.example/page/{number}" for number in range(10)
    ]
    assert page.finds[3].provenance.provider_id == "Qx_03Harbour-pM"
    assert page.finds[3].thumbnail_url == (
        "https://encrypted-tbn0.gstatic.com/images?q=tbn:Qx_03Harbour-pM"
    )


def test_a_plus_in_an_address_stays_a_plus():
    """Google writes spaces as %20: a plus belongs to the picture's address."""
    body = b'<a href="/imgres?imgurl=https://p.example/a+b%2Bc.jpg&amp;w=1">x</a>'
    page = ENGINE.read(body, Ask("x", Filters()))
    assert page.finds[0].url == "https://p.example/a+b+c.jpg"


def test_the_request_says_what_the_terms_say():
    """The one borrowed User-Agent, told in the terms; redirects are answers; no cookie is sent."""
    _, asked = searched(ENGINE, stored("google_html/full.html"))
    request = asked[0]
    assert request.url == f"{BASE}/wml/search"
    assert dict(request.headers) == {"User-Agent": TELEPHONE, "Accept": "*/*"}
    assert not request.follow
    assert request.params["safe"] == "active"
    assert "start" not in request.params
    terms = GoogleHtmlEngine.card.terms
    assert "Nokia" in terms
    assert "robots.txt disallows" in terms


@pytest.mark.parametrize(("cursor", "start"), [("2 abc", "10"), ("50", "490")])
def test_pages_are_asked_by_the_place_of_their_first(cursor, start):
    """Ten a page, from nought."""
    request = ENGINE.request(Ask("x", Filters(safe_search=False), cursor))
    assert (request.params["start"], request.params["safe"]) == (start, "images")


def test_a_page_that_repeats_the_one_before_is_the_end():
    """Services give their last page for ever."""
    first, _ = searched(ENGINE, stored("google_html/full.html"))
    second, _ = searched(ENGINE, stored("google_html/full.html"), first.next_cursor)
    assert (second.status, second.finds, second.next_cursor) == (EngineStatus.EMPTY, (), None)


def test_a_later_page_without_links_is_the_end():
    """The first page alone must say in words that there is nothing."""
    page, _ = searched(ENGINE, stored("changed.html"), "2 0123456789ab")
    assert page.status is EngineStatus.EMPTY


def test_exclusions_are_asked_for_in_googles_language():
    """Phrases in quotes, excluded words behind a minus."""
    query = SearchQuery(
        text='"tower crane" port', keyword="crane", category="machines", exclude=("toy", "a bird")
    )
    _, asked = searched(ENGINE, stored("google_html/full.html"), query=query)
    assert asked[0].params["q"] == '"tower crane" port -toy -"a bird"'
