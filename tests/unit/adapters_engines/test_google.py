"""Google's Programmable Search: what is asked of it, and what its answers become."""

from __future__ import annotations

import json

import pytest

from pixcrawler.adapters.engines.google import GoogleEngine
from pixcrawler.domain.engine import BlockKind, EngineStatus
from pixcrawler.domain.filters import Filters
from pixcrawler.domain.source import Provenance
from tests.contracts.answers import paged
from tests.contracts.engine import EngineCase, EngineContract, body_of, saying, searched, stored
from tests.contracts.hostile import HOSTILE_FINDS, hostile_results

ENGINE = GoogleEngine("https://engine.example/", "key-of-engine:cx-of-engine")
ITEM = json.loads(body_of("google/full.json"))["items"][0]


def _page(items: list, following: object = None) -> bytes:
    queries = {"request": [{}]} if following is None else {"nextPage": following}
    found = {"queries": queries, "searchInformation": {"totalResults": "5000"}, "items": items}
    return json.dumps(found).encode()


def _numbered(start: int) -> bytes:
    items = [{"link": f"https://g.example/{start + n}.jpg"} for n in range(10)]
    return _page(items, [{"startIndex": start + 10}])


def _addressed(item, address):
    item["link"] = address


class TestGoogle(EngineContract):
    case = EngineCase(
        engine=ENGINE,
        full=stored("google/full.json"),
        full_finds=2,
        last=stored("google/last.json"),
        last_finds=1,
        last_cursor="91",
        empty=stored("google/empty.json"),
        changed=stored("other.json"),
        broken=stored("broken.json"),
        hostile=saying(_page(hostile_results(ITEM, _addressed))),
        hostile_finds=HOSTILE_FINDS,
        whole=paged("start", {str(n): _numbered(n) for n in range(1, 200, 10)}),
        whole_finds=100,
        blocks={
            "bad key": (stored("google/bad_key.json", 400), BlockKind.DENIED),
            "not enabled": (stored("google/not_enabled.json", 403), BlockKind.DENIED),
            "too fast": (stored("google/throttled.json", 429), BlockKind.THROTTLED),
            "the day is used up": (stored("google/day_used_up.json", 429), BlockKind.QUOTA),
            "in the older form": (stored("google/old_day_used_up.json", 403), BlockKind.QUOTA),
        },
        body=body_of("google/full.json"),
    )


def test_a_page_is_asked_for_as_documented():
    """Ten pictures, safe ones; the key and the search engine's id are told apart."""
    _, (request,) = searched(ENGINE, stored("google/full.json"))
    assert (request.url, request.follow) == ("https://engine.example/customsearch/v1", False)
    assert request.params == {
        "key": "key-of-engine",
        "cx": "cx-of-engine",
        "q": "harbour crane",
        "searchType": "image",
        "num": "10",
        "start": "1",
        "safe": "active",
    }


def test_an_older_id_with_a_colon_is_whole():
    """Only the first colon parts the key from the id."""
    engine = GoogleEngine("https://engine.example", "key-of-engine:0175766:omuauf")
    _, (request,) = searched(engine, stored("google/full.json"))
    assert (request.params["key"], request.params["cx"]) == ("key-of-engine", "0175766:omuauf")


@pytest.mark.parametrize("key", ["key-of-engine", "key-of-engine:", ":cx-of-engine"])
def test_a_key_without_an_id_asks_nothing(key):
    """The operator is told how it is written; no request is spent."""
    engine = GoogleEngine("https://engine.example", key)
    page, asked = searched(engine, stored("google/full.json"))
    assert (page.status, page.kind) == (EngineStatus.BLOCKED, BlockKind.DENIED)
    assert page.detail.endswith("the key must be written KEY:CX")
    assert asked == []


def test_finds_have_page_size_and_format():
    """Google's own addresses of stored pictures are none; the count is digits in a text."""
    page, _ = searched(ENGINE, stored("google/full.json"))
    assert (page.next_cursor, page.total) == ("11", 1_230_000)
    first, second = page.finds
    assert (first.url, first.width, first.height) == ("https://piers.example/img/1.jpg", 1600, 1200)
    assert (first.format_hint, first.bytes_hint) == ("jpeg", 312345)
    assert first.thumbnail_url == "https://encrypted-tbn0.gstatic.example/images?q=tbn:1&s"
    assert first.provenance == Provenance(
        engine="google", page_url="https://piers.example/1", title="Crane at pier 1"
    )
    assert (second.width, second.format_hint, second.bytes_hint) == (None, None, None)


@pytest.mark.parametrize(
    ("wish", "param", "value"),
    [
        ({"size": "medium"}, "imgSize", "MEDIUM"),
        ({"color": "gray"}, "imgColorType", "gray"),
        ({"color": "transparent"}, "imgColorType", "trans"),
        ({"color": "teal"}, "imgDominantColor", "teal"),
        ({"type": "drawing"}, "imgType", "lineart"),
        (
            {"license": "free"},
            "rights",
            "(cc_publicdomain|cc_attribute|cc_sharealike).-(cc_noncommercial|cc_nonderived)",
        ),
        (
            {"license": "commercial"},
            "rights",
            "(cc_publicdomain|cc_attribute|cc_sharealike|cc_nonderived).-(cc_noncommercial)",
        ),
        (
            {"license": "modification"},
            "rights",
            "(cc_publicdomain|cc_attribute|cc_sharealike|cc_noncommercial).-(cc_nonderived)",
        ),
        ({"license": "public_domain"}, "rights", "cc_publicdomain"),
        ({"safe_search": False}, "safe", "off"),
        ({"region": "fr"}, "gl", "fr"),
        ({"language": "he"}, "lr", "lang_iw"),
        ({"language": "zh"}, "lr", "lang_zh-CN"),
    ],
)
def test_wishes_are_told_in_the_engine_s_words(wish, param, value):
    """Each filter goes into the parameter that means it."""
    filters = Filters.model_validate(wish)
    _, (request,) = searched(ENGINE, stored("google/full.json"), filters=filters)
    assert request.params[param] == value


@pytest.mark.parametrize(
    "following", [[{"startIndex": 1}], [{"startIndex": 101}], [{"startIndex": "x"}], [], [7], "no"]
)
def test_odd_next_pages_end_the_search(following):
    """A next page is further on, and within the hundred results that may be asked for."""
    page, _ = searched(ENGINE, saying(_page([ITEM], following)))
    assert (page.status, page.next_cursor) == (EngineStatus.OK, None)


def test_another_error_names_its_status():
    """An argument that Google does not take shows that the interface has changed."""
    error = {"error": {"code": 400, "message": "Request contains an invalid argument."}}
    page, _ = searched(ENGINE, saying(json.dumps(error), 400))
    assert page.status is EngineStatus.CHANGED
    assert "400" in page.detail


@pytest.mark.parametrize(
    "error",
    [
        {"errors": [{"reason": "keyInvalid"}]},
        {"errors": [7, None, {"reason": 5}], "details": [{"reason": "API_KEY_INVALID"}]},
        {"errors": "no list", "message": "The API key has expired."},
    ],
)
def test_a_refused_key_is_told_in_any_form(error):
    """Google writes the reason here or there, and now and then in words alone."""
    page, _ = searched(ENGINE, saying(json.dumps({"error": {"code": 400, **error}}), 400))
    assert (page.status, page.kind) == (EngineStatus.BLOCKED, BlockKind.DENIED)


@pytest.mark.parametrize(
    "known", [{"queries": {"request": [{}]}}, {"searchInformation": {"totalResults": "1"}}]
)
def test_an_answer_is_known_by_what_it_says_of_the_search(known):
    """Without items it is empty; with neither it is something else."""
    full, _ = searched(ENGINE, saying(json.dumps({**known, "items": [ITEM]})))
    empty, _ = searched(ENGINE, saying(json.dumps(known)))
    other, _ = searched(ENGINE, saying(json.dumps({"items": [ITEM]})))
    assert (full.status, len(full.finds)) == (EngineStatus.OK, 1)
    assert (empty.status, other.status) == (EngineStatus.EMPTY, EngineStatus.CHANGED)
