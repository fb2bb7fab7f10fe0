"""Brave: what is asked of it, and what its answers become."""

from __future__ import annotations

import json

import pytest

from pixcrawler.adapters.engines.brave import BraveEngine
from pixcrawler.domain.engine import BlockKind, EngineStatus
from pixcrawler.domain.filters import Filters
from pixcrawler.domain.source import Provenance, SearchQuery
from pixcrawler.pipeline.engines.ports import Answer
from tests.contracts.engine import EngineCase, EngineContract, body_of, saying, searched, stored
from tests.contracts.hostile import HOSTILE_FINDS, hostile_results

ENGINE = BraveEngine("https://engine.example/", "key-of-engine")
RESULT = json.loads(body_of("brave/full.json"))["results"][0]


def _page(results: list) -> bytes:
    return json.dumps({"type": "images", "query": {}, "results": results}).encode()


def _addressed(result, address):
    result["properties"]["url"] = address


class TestBrave(EngineContract):
    case = EngineCase(
        engine=ENGINE,
        full=stored("brave/full.json"),
        full_finds=2,
        last=stored("brave/full.json"),
        last_finds=2,
        last_cursor="",
        empty=stored("brave/empty.json"),
        changed=stored("other.json"),
        broken=stored("broken.json"),
        hostile=saying(_page(hostile_results(RESULT, _addressed))),
        hostile_finds=HOSTILE_FINDS,
        whole=saying(
            _page([{"properties": {"url": f"https://b.example/{n}.jpg"}} for n in range(200)])
        ),
        whole_finds=200,
        blocks={
            "bad key": (stored("brave/bad_key.json", 422), BlockKind.DENIED),
            "no key": (stored("brave/no_key.json", 422), BlockKind.DENIED),
            "too fast": (stored("brave/throttled.json", 429), BlockKind.THROTTLED),
        },
        body=body_of("brave/full.json"),
    )

    def test_a_full_page_gives_its_finds_and_a_next_cursor(self):
        """The one page gives its finds; there is no other, however full it is."""
        page, _ = searched(ENGINE, self.case.full)
        assert (page.status, len(page.finds), page.next_cursor) == (EngineStatus.OK, 2, None)
        assert all(find.provenance.engine == "brave" for find in page.finds)


def test_a_page_is_asked_for_as_documented():
    """Two hundred pictures of the world, strictly filtered; the key is a header."""
    _, (request,) = searched(ENGINE, stored("brave/full.json"))
    assert request.url == "https://engine.example/res/v1/images/search"
    assert not request.follow
    assert request.headers["X-Subscription-Token"] == "key-of-engine"
    assert request.params == {
        "q": "harbour crane",
        "count": "200",
        "country": "ALL",
        "safesearch": "strict",
        "spellcheck": "false",
    }


def test_finds_have_page_size_and_preview():
    """Sizes and previews may be missing; a result without a picture is none."""
    page, _ = searched(ENGINE, stored("brave/full.json"))
    first, second = page.finds
    assert (first.url, first.width, first.height) == (
        "https://ports.example/images/crane-1.jpg",
        1920,
        1280,
    )
    assert first.thumbnail_url == "https://imgs.search.brave.example/t1"
    assert first.provenance == Provenance(
        engine="brave",
        page_url="https://ports.example/cranes/1",
        title="Crane in the harbour 1",
    )
    assert (second.width, second.height, second.thumbnail_url) == (None, None, None)


@pytest.mark.parametrize(
    ("wish", "param", "value"),
    [
        ({"region": "gb"}, "country", "GB"),
        ({"region": "is"}, "country", "ALL"),
        ({"language": "ja"}, "search_lang", "jp"),
        ({"language": "zh"}, "search_lang", "zh-hans"),
        ({"language": "fr"}, "search_lang", "fr"),
        ({"safe_search": False}, "safesearch", "off"),
    ],
)
def test_wishes_are_told_in_the_engine_s_words(wish, param, value):
    """Some codes are its own; a country that it does not know would be an error."""
    filters = Filters.model_validate(wish)
    _, (request,) = searched(ENGINE, stored("brave/full.json"), filters=filters)
    assert request.params[param] == value


def test_queries_have_no_more_words_than_it_takes():
    """The fifty-first word would be an error."""
    words = " ".join("x" for _ in range(80))
    query = SearchQuery(text=words, keyword="x", category="c")
    _, (request,) = searched(ENGINE, stored("brave/full.json"), query=query)
    assert request.params["q"].split() == ["x"] * 50


@pytest.mark.parametrize(
    ("left", "reset", "kind", "wait_s"),
    [
        ("0, 14880", "1, 1419704", BlockKind.THROTTLED, 1.0),
        ("0, 0", "1, 1419704", BlockKind.QUOTA, 1_419_704.0),
        ("1, 0", "1, 86400", BlockKind.QUOTA, 86_400.0),
        ("1, 14880", "1, 1419704", BlockKind.THROTTLED, None),
        ("nonsense", "", BlockKind.THROTTLED, None),
    ],
)
def test_the_second_and_the_month_are_told_apart(left, reset, kind, wait_s):
    """The headers name both limits; the one that is used up decides how long to wait."""
    headers = {"x-ratelimit-remaining": left, "x-ratelimit-reset": reset}
    page = ENGINE.block(Answer(429, body_of("brave/throttled.json"), headers))
    assert page is not None
    assert (page.status, page.kind, page.retry_after_s) == (EngineStatus.BLOCKED, kind, wait_s)


def test_a_request_that_is_not_taken_is_no_refused_key():
    """The same status and code tell of any wrong parameter."""
    page, _ = searched(ENGINE, stored("brave/bad_country.json", 422))
    assert page.status is EngineStatus.CHANGED
    assert "422" in page.detail
