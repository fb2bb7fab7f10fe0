"""Pixabay: what is asked of it, and what its answers become."""

from __future__ import annotations

import json

import pytest

from pixcrawler.adapters.engines.pixabay import PixabayEngine
from pixcrawler.domain.engine import BlockKind, EngineStatus
from pixcrawler.domain.filters import Filters
from pixcrawler.domain.source import Provenance, SearchQuery
from pixcrawler.pipeline.engines.ports import Answer
from tests.contracts.answers import paged
from tests.contracts.engine import EngineCase, EngineContract, body_of, saying, searched, stored
from tests.contracts.hostile import HOSTILE_FINDS, hostile_results

ENGINE = PixabayEngine("https://engine.example/", "key-of-engine")
HIT = json.loads(body_of("pixabay/full.json"))["hits"][0]


def _page(hits: list, reach: int = 500) -> bytes:
    return json.dumps({"total": 4692, "totalHits": reach, "hits": hits}).encode()


def _numbered(number: int, reach: int = 500) -> bytes:
    hits = [{"largeImageURL": f"https://p.example/{number}-{n}.jpg"} for n in range(100)]
    return _page(hits, reach)


def _addressed(hit, address):
    del hit["webformatURL"]
    hit["largeImageURL"] = address


class TestPixabay(EngineContract):
    case = EngineCase(
        engine=ENGINE,
        full=stored("pixabay/full.json"),
        full_finds=4,
        last=stored("pixabay/last.json"),
        last_finds=1,
        last_cursor="5",
        empty=stored("pixabay/empty.json"),
        changed=stored("other.json"),
        broken=stored("broken.json"),
        hostile=saying(_page(hostile_results(HIT, _addressed))),
        hostile_finds=HOSTILE_FINDS,
        whole=paged("page", {str(n): _numbered(n) for n in range(1, 6)}),
        whole_finds=500,
        blocks={
            "bad key": (stored("pixabay/bad_key.txt", 400), BlockKind.DENIED),
            "too fast": (stored("pixabay/throttled.txt", 429), BlockKind.THROTTLED),
        },
        body=body_of("pixabay/full.json"),
    )


def test_a_page_is_asked_for_as_documented():
    """A hundred hits of every kind, safe ones, no smaller than the job wants."""
    _, (request,) = searched(ENGINE, stored("pixabay/full.json"))
    assert (request.url, request.follow) == ("https://engine.example/api/", False)
    assert request.params == {
        "key": "key-of-engine",
        "q": "harbour crane",
        "image_type": "all",
        "safesearch": "true",
        "min_width": "224",
        "min_height": "224",
        "per_page": "100",
        "page": "1",
    }


def test_sizes_are_those_of_the_rendition_that_is_fetched():
    """Only keys with full access get the original; other renditions are smaller than stated."""
    page, _ = searched(ENGINE, stored("pixabay/full.json"))
    shown = [(find.url, find.width, find.height, find.bytes_hint) for find in page.finds]
    assert shown == [
        ("https://pixabay.example/get/801_1280.jpg", 1280, 853, None),
        ("https://pixabay.example/get/802.jpg", 6000, 4000, 5123456),
        ("https://pixabay.example/get/803_1280.jpg", 900, 1200, None),
        ("https://pixabay.example/get/804_640.jpg", 640, 427, None),
    ]


def test_a_hit_that_says_little_is_a_find_of_little():
    """Nothing is made up for what is missing, and no address of odd names."""
    page, _ = searched(ENGINE, saying(_page([{"largeImageURL": "https://p.example/1.jpg"}])))
    (find,) = page.finds
    assert find.provenance == Provenance(
        engine="pixabay",
        license="pixabay",
        license_url="https://pixabay.com/service/license-summary/",
    )
    assert (find.width, find.height, find.bytes_hint) == (None, None, None)
    odd, _ = searched(ENGINE, saying(_page([{**HIT, "user": "a/../b"}])))
    assert odd.finds[0].provenance.creator_url is None
    assert odd.finds[0].provenance.creator == "a/../b"


def test_a_language_that_it_does_not_know_is_not_asked_for():
    """An unknown code would be an error: the search goes on without, and the card says so."""
    filters = Filters(language="sw")
    _, (request,) = searched(ENGINE, stored("pixabay/full.json"), filters=filters)
    assert "lang" not in request.params


def test_an_original_that_is_too_large_is_not_taken():
    """A smaller rendition is, with its own size."""
    hit = {**HIT, "imageURL": "https://p.example/1.jpg", "imageWidth": 12_000, "imageHeight": 9000}
    page, _ = searched(ENGINE, saying(_page([hit])))
    (find,) = page.finds
    assert (find.url[-9:], find.width, find.height) == ("_1280.jpg", 1280, 960)


def test_finds_have_their_maker_and_the_one_licence():
    """The address of a profile is made of name and number, as documented."""
    page, _ = searched(ENGINE, stored("pixabay/full.json"))
    assert (page.next_cursor, page.total) == ("2", 4692)
    assert page.finds[0].provenance == Provenance(
        engine="pixabay",
        page_url="https://pixabay.example/photos/crane-harbour-801/",
        title="crane, harbour, ship",
        creator="AdaQuayside",
        creator_url="https://pixabay.com/users/AdaQuayside-48/",
        license="pixabay",
        license_url="https://pixabay.com/service/license-summary/",
        attribution="Image by AdaQuayside from Pixabay",
        provider_id="801",
    )
    assert page.finds[0].thumbnail_url == "https://cdn.pixabay.example/photo/crane-801_150.jpg"


@pytest.mark.parametrize(
    ("wish", "param", "value"),
    [
        ({"aspect": "wide"}, "orientation", "horizontal"),
        ({"aspect": "tall"}, "orientation", "vertical"),
        ({"color": "gray"}, "colors", "grayscale"),
        ({"color": "teal"}, "colors", "turquoise"),
        ({"color": "purple"}, "colors", "lilac"),
        ({"color": "transparent"}, "colors", "transparent"),
        ({"type": "photo"}, "image_type", "photo"),
        ({"type": "clipart"}, "image_type", "vector"),
        ({"type": "drawing"}, "image_type", "illustration"),
        ({"safe_search": False}, "safesearch", "false"),
        ({"language": "no"}, "lang", "no"),
        ({"min_width": 800}, "min_width", "800"),
        ({"min_height": 600}, "min_height", "600"),
    ],
)
def test_wishes_are_told_in_the_engine_s_words(wish, param, value):
    """Each filter goes into the parameter that means it."""
    filters = Filters.model_validate(wish)
    _, (request,) = searched(ENGINE, stored("pixabay/full.json"), filters=filters)
    assert request.params[param] == value


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        ("crane " * 30, ("crane " * 16).strip()),
        ("x" * 150, "x" * 100),
        ("y" * 94 + " crane", "y" * 94 + " crane"),
    ],
)
def test_long_queries_are_cut_between_words(words, sent):
    """More than a hundred characters are an error."""
    query = SearchQuery(text=words, keyword="crane", category="machines")
    _, (request,) = searched(ENGINE, stored("pixabay/full.json"), query=query)
    assert request.params["q"] == sent
    assert len(sent) <= 100


def test_a_page_past_the_end_is_the_end():
    """It comes as an error in plain text, but is none."""
    page, _ = searched(ENGINE, stored("pixabay/past_end.txt", 400), "6")
    assert (page.status, page.next_cursor, page.detail) == (EngineStatus.EMPTY, None, None)


def test_few_results_have_few_pages():
    """The number of hits within reach decides, not the page's length."""
    first, _ = searched(ENGINE, saying(_numbered(1, 101)))
    second, _ = searched(ENGINE, saying(_numbered(2, 101)), "2")
    exact, _ = searched(ENGINE, saying(_numbered(1, 100)))
    assert (first.next_cursor, second.next_cursor, exact.next_cursor) == ("2", None, None)


def test_bad_input_is_told_in_pixabay_s_words():
    """Without the key, on one line."""
    body = b'[ERROR 400] "per_page" is out of valid range\n(key-of-engine).'
    page, _ = searched(ENGINE, saying(body, 400))
    assert page.status is EngineStatus.CHANGED
    assert '"per_page" is out of valid range (…)' in page.detail


def test_it_is_told_when_the_limit_comes_back():
    """The header counts the seconds that are left of the minute."""
    headers = {
        "x-ratelimit-limit": "100",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": "41",
    }
    page = ENGINE.block(Answer(429, body_of("pixabay/throttled.txt"), headers))
    assert page is not None
    assert (page.kind, page.retry_after_s) == (BlockKind.THROTTLED, 41.0)
