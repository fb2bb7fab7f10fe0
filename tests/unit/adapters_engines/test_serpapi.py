"""SerpApi: what is asked of it, and what its answers become."""

from __future__ import annotations

import json

import pytest

from pixcrawler.adapters.engines.serpapi import SerpApiEngine
from pixcrawler.domain.engine import BlockKind, EngineStatus
from pixcrawler.domain.filters import Filters
from pixcrawler.domain.source import Provenance
from tests.contracts.answers import paged
from tests.contracts.engine import EngineCase, EngineContract, body_of, saying, searched, stored
from tests.contracts.hostile import HOSTILE_FINDS, hostile_results

KEY = "key-of-engine"
ENGINE = SerpApiEngine("https://engine.example/", KEY)
RESULT = json.loads(body_of("serpapi/full.json"))["images_results"][0]


def _page(results: list, **more: object) -> bytes:
    status = {"search_metadata": {"status": "Success"}}
    return json.dumps({**status, "images_results": results, **more}).encode()


def _numbered(number: int) -> bytes:
    results = [{"original": f"https://s.example/{number}-{n}.jpg"} for n in range(100)]
    return _page(results, serpapi_pagination={"next": "https://elsewhere.example/"})


def _addressed(result, address):
    result["original"] = address


class TestSerpApi(EngineContract):
    case = EngineCase(
        engine=ENGINE,
        full=stored("serpapi/full.json"),
        full_finds=2,
        last=stored("serpapi/last.json"),
        last_finds=1,
        last_cursor="3",
        empty=stored("serpapi/empty.json"),
        changed=stored("other.json"),
        broken=stored("broken.json"),
        hostile=saying(_page(hostile_results(RESULT, _addressed))),
        hostile_finds=HOSTILE_FINDS,
        whole=paged("ijn", {str(n): _numbered(n) for n in range(30)}),
        whole_finds=1000,
        blocks={
            "bad key": (stored("serpapi/bad_key.json", 401), BlockKind.DENIED),
            "bad key with status 200": (stored("serpapi/bad_key.json"), BlockKind.DENIED),
            "the plan is used up": (stored("serpapi/used_up.json", 429), BlockKind.QUOTA),
            "too fast": (stored("serpapi/too_fast.json", 429), BlockKind.THROTTLED),
        },
        body=body_of("serpapi/full.json"),
    )


def test_a_page_is_asked_for_as_documented():
    """A hundred pictures by their page, safe ones."""
    _, (request,) = searched(ENGINE, stored("serpapi/full.json"))
    assert (request.url, request.follow) == ("https://engine.example/search.json", False)
    assert request.params == {
        "engine": "google_images",
        "q": "harbour crane",
        "api_key": KEY,
        "ijn": "0",
        "safe": "active",
    }


def test_finds_have_page_and_size():
    """A preview that holds its bytes itself is none, and so is such an original."""
    page, _ = searched(ENGINE, stored("serpapi/full.json"))
    assert page.next_cursor == "1"
    first, second = page.finds
    assert (first.url, first.width, first.height) == ("https://docks.example/img/1.jpg", 1600, 1200)
    assert first.thumbnail_url == "https://serpapi.example/searches/6a/images/1.jpeg"
    assert first.provenance == Provenance(
        engine="serpapi", page_url="https://docks.example/1", title="Dock crane 1"
    )
    assert (second.width, second.height, second.thumbnail_url) == (None, 1200, None)


def test_a_find_that_holds_the_key_is_not_kept():
    """A reseller's mistake must not put the operator's key into a dataset."""
    assert KEY.encode() in body_of("serpapi/full.json")
    page, _ = searched(ENGINE, stored("serpapi/full.json"))
    assert KEY not in repr(page)


@pytest.mark.parametrize(
    ("wish", "params"),
    [
        ({"size": "small"}, {"imgsz": "i"}),
        ({"size": "huge"}, {"imgsz": "8mp"}),
        ({"aspect": "tall"}, {"imgar": "t"}),
        ({"color": "gray"}, {"image_color": "bw"}),
        ({"color": "teal"}, {"image_color": "teal"}),
        ({"type": "drawing"}, {"image_type": "lineart"}),
        ({"license": "open"}, {"licenses": "cl"}),
        ({"safe_search": False}, {"safe": "off"}),
        (
            {"since": "2024-02-29", "until": "2024-03-01"},
            {"start_date": "20240229", "end_date": "20240301"},
        ),
        ({"region": "gb"}, {"gl": "uk"}),
        ({"region": "fr"}, {"gl": "fr"}),
        ({"language": "zh"}, {"hl": "zh-cn"}),
    ],
)
def test_wishes_are_told_in_the_engine_s_words(wish, params):
    """Each filter goes into the parameter that means it."""
    filters = Filters.model_validate(wish)
    _, (request,) = searched(ENGINE, stored("serpapi/full.json"), filters=filters)
    assert {name: request.params.get(name) for name in params} == params


def test_a_reseller_that_tells_of_no_next_page_is_asked_until_there_is_nothing():
    """Only SerpApi itself names the next page."""
    first, _ = searched(ENGINE, saying(_page([RESULT])))
    second, _ = searched(ENGINE, stored("serpapi/empty.json"), "1")
    tenth, _ = searched(ENGINE, saying(_page([RESULT])), "9")
    assert (first.next_cursor, second.status) == ("1", EngineStatus.EMPTY)
    assert tenth.next_cursor is None


def test_a_search_that_failed_is_told_without_the_key():
    """It is no change of the interface, and is tried again."""
    page, asked = searched(ENGINE, stored("serpapi/not_got.json"))
    assert page.status is EngineStatus.FAILED
    assert "valid results" in page.detail
    assert KEY not in page.detail
    assert len(asked) == 3


def test_a_search_that_is_still_running_failed():
    """There are no results to read, and that is not the end of them."""
    page, _ = searched(ENGINE, stored("serpapi/processing.json"))
    assert page.status is EngineStatus.FAILED


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("You have hit the rate limit.", BlockKind.THROTTLED),
        ("Too many requests.", BlockKind.THROTTLED),
        ("The hourly throughput is exceeded.", BlockKind.THROTTLED),
        ("You have run out of searches.", BlockKind.QUOTA),
        ("Missing parameter api_key.", BlockKind.DENIED),
        ("No results for this query.", None),
    ],
)
def test_errors_with_status_200_are_told_by_their_words(words, kind):
    """Resellers word it differently."""
    page, _ = searched(ENGINE, saying(json.dumps({"error": words})))
    expected = EngineStatus.BLOCKED if kind else EngineStatus.EMPTY
    assert (page.status, page.kind) == (expected, kind)


def test_success_without_a_list_is_empty():
    """Nothing was found; without a word of success it is another answer."""
    success, _ = searched(ENGINE, saying('{"search_metadata": {"status": "Success"}}'))
    other, _ = searched(ENGINE, saying('{"search_metadata": {"status": "Fine"}}'))
    bare, _ = searched(ENGINE, saying(json.dumps({"images_results": [RESULT]})))
    assert (success.status, other.status) == (EngineStatus.EMPTY, EngineStatus.CHANGED)
    assert (bare.status, len(bare.finds)) == (EngineStatus.OK, 1)


def test_an_unknown_error_beside_a_status_is_that_status():
    """403 is a refusal, whatever the words."""
    page, _ = searched(ENGINE, saying('{"error": "Forbidden, sorry."}', 403))
    assert (page.status, page.kind) == (EngineStatus.BLOCKED, BlockKind.DENIED)


def test_a_warning_beside_results_does_not_hide_them():
    """Results count, also when an error is told with them."""
    page, _ = searched(ENGINE, saying(_page([RESULT], error="Some results may be missing.")))
    assert (page.status, len(page.finds)) == (EngineStatus.OK, 1)
