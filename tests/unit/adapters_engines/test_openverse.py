"""Openverse: what is asked of it, and what its answers become."""

from __future__ import annotations

import json

import pytest

from pixcrawler.adapters.engines.openverse import OpenverseEngine
from pixcrawler.domain.engine import BlockKind, EngineStatus
from pixcrawler.domain.filters import Filters
from pixcrawler.domain.source import Provenance
from tests.contracts.answers import paged
from tests.contracts.engine import (
    EngineCase,
    EngineContract,
    body_of,
    saying,
    searched,
    stored,
)

ENGINE = OpenverseEngine("https://engine.example/")


def _page(number: int, pages: int) -> bytes:
    results = [{"url": f"https://cdn.example/{number}-{n}.jpg"} for n in range(20)]
    return json.dumps({"page_count": pages, "page": number, "results": results}).encode()


class TestOpenverse(EngineContract):
    case = EngineCase(
        engine=ENGINE,
        full=stored("openverse/full.json"),
        full_finds=2,
        last=stored("openverse/last.json"),
        last_finds=1,
        last_cursor="3",
        empty=stored("openverse/empty.json"),
        changed=stored("other.json"),
        broken=stored("broken.json"),
        hostile=stored("openverse/hostile.json"),
        hostile_finds=3,
        whole=paged("page", {str(n): _page(n, 4) for n in range(1, 5)}),
        whole_finds=80,
        blocks={
            "throttled": (stored("openverse/throttled.json", 429), BlockKind.THROTTLED),
            "too large a page": (stored("openverse/refused.json", 401), BlockKind.DENIED),
        },
        body=body_of("openverse/full.json"),
    )


def test_a_page_is_asked_for_as_documented():
    """Twenty results, the words, and no filter by itself."""
    _, (request,) = searched(ENGINE, stored("openverse/full.json"))
    assert request.url == "https://engine.example/v1/images/"
    assert request.params == {
        "q": "harbour crane",
        "page": "1",
        "page_size": "20",
    }
    _, (request,) = searched(ENGINE, stored("openverse/full.json"), "4")
    assert request.params["page"] == "4"


@pytest.mark.parametrize(("is_safe", "found"), [(True, 1), (False, 2)])
def test_a_safe_search_says_nothing_of_mature_pictures_and_takes_none(is_safe, found):
    """The service takes the text "false" for a yes (its serializer looks whether there is any)."""
    service = saying(
        json.dumps(
            {
                "page_count": 1,
                "results": [
                    {"url": "https://p.example/1.jpg", "mature": True},
                    {"url": "https://p.example/2.jpg", "mature": False},
                ],
            }
        )
    )
    page, (request,) = searched(ENGINE, service, filters=Filters(safe_search=is_safe))
    assert len(page.finds) == found
    assert request.params.get("mature") == (None if is_safe else "true")


@pytest.mark.parametrize(("said", "known"), [(239, 239), (240, None), (10_000, 10_000)])
def test_a_count_of_all_that_it_gives_says_nothing(said, known):
    """Without a key it counts to 240 (its issue 4474): there may be more, in narrower parts."""
    answer = json.loads(_page(1, 12)) | {"result_count": said}
    page, _ = searched(ENGINE, saying(json.dumps(answer)))
    assert page.total == known


def test_finds_have_licence_creator_and_size():
    """What the engine says is kept; missing fields are none; results without address go."""
    page, _ = searched(ENGINE, stored("openverse/full.json"))
    assert (page.next_cursor, page.total) == ("2", 45)
    first, second = page.finds
    assert first.provenance == Provenance(
        engine="openverse",
        page_url="https://pictures.example/photo/1",
        title="Harbour Crane 1",
        creator="Ada Quayside",
        creator_url="https://pictures.example/ada",
        license="by-sa",
        license_url="https://creativecommons.org/licenses/by-sa/2.0/",
        attribution='"Harbour Crane 1" by Ada Quayside is licensed under CC BY-SA 2.0.',
        provider_id="0f3c2b1a-5d4e-4f60-8a7b-000000000001",
    )
    assert (first.width, first.height) == (1600, 1200)
    assert (first.format_hint, first.bytes_hint) == ("jpeg", 412345)
    assert first.thumbnail_url.endswith("000000000001/thumb/")
    assert (second.width, second.height) == (None, 900)
    assert (second.provenance.license, second.provenance.title) == ("cc0", None)


@pytest.mark.parametrize(
    ("wish", "param", "value"),
    [
        ({"license": "commercial"}, "license", "by,by-nd,by-sa,cc0,pdm"),
        ({"license": "modification"}, "license", "by,by-nc,by-nc-sa,by-sa,cc0,pdm"),
        ({"license": "free"}, "license", "by,by-sa,cc0,pdm"),
        ({"license": "public_domain"}, "license", "cc0,pdm"),
        ({"license": "open"}, "license", "by,by-nc,by-nc-nd,by-nc-sa,by-nd,by-sa,cc0,pdm"),
        ({"size": "medium"}, "size", "small,medium"),
        ({"size": "large"}, "size", "medium,large"),
        ({"size": "huge"}, "size", "large"),
        ({"aspect": "tall"}, "aspect_ratio", "tall"),
        ({"type": "photo"}, "category", "photograph"),
        ({"type": "drawing"}, "category", "illustration,digitized_artwork"),
    ],
)
def test_wishes_are_told_in_the_engine_s_words(wish, param, value):
    """Each filter goes into the parameter that means it; sizes into every band that overlaps."""
    _, (request,) = searched(
        ENGINE, stored("openverse/full.json"), filters=Filters.model_validate(wish)
    )
    assert request.params[param] == value


def test_it_stops_at_the_page_that_is_allowed_last():
    """Without a key there are twelve pages, whatever the count says."""
    eleventh, _ = searched(ENGINE, saying(_page(11, 240)), "11")
    twelfth, _ = searched(ENGINE, saying(_page(12, 240)), "12")
    assert (eleventh.next_cursor, twelfth.next_cursor) == ("12", None)
    assert twelfth.status is EngineStatus.OK


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("changed.html", "a web page"),
        ("broken.json", "broken JSON"),
        ("other.json", "unknown structure"),
    ],
)
def test_what_came_instead_of_results_is_named(name, words):
    """A page of something else, cut JSON and unknown JSON are told apart in words."""
    page, _ = searched(ENGINE, stored(name))
    assert page.status is EngineStatus.CHANGED
    assert page.detail.startswith("Openverse: ")
    assert words in page.detail


def test_a_request_that_is_not_taken_names_its_status():
    """A status that is neither refusal nor fault shows that the interface has changed."""
    page, _ = searched(ENGINE, stored("openverse/refused.json", 400))
    assert page.status is EngineStatus.CHANGED
    assert "400" in page.detail
