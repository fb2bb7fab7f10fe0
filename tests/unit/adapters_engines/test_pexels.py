"""Pexels: what is asked of it, and what its answers become."""

from __future__ import annotations

import json

import pytest

from pixcrawler.adapters.engines.pexels import PexelsEngine
from pixcrawler.domain.engine import BlockKind, EngineStatus
from pixcrawler.domain.filters import Filters
from pixcrawler.domain.source import Provenance
from tests.contracts.answers import paged
from tests.contracts.engine import EngineCase, EngineContract, body_of, saying, searched, stored
from tests.contracts.hostile import HOSTILE_FINDS, hostile_results

ENGINE = PexelsEngine("https://engine.example/", "key-of-engine")
PHOTO = json.loads(body_of("pexels/full.json"))["photos"][0]


def _page(number: int, photos: list, *, more: bool = True) -> bytes:
    page = {"page": number, "per_page": 80, "photos": photos, "total_results": 8000}
    if more:
        page["next_page"] = f"https://elsewhere.example/?page={number + 1}"
    return json.dumps(page).encode()


def _numbered(number: int, *, more: bool = True) -> bytes:
    photos = [{"src": {"original": f"https://p.example/{number}-{n}.jpg"}} for n in range(80)]
    return _page(number, photos, more=more)


def _addressed(photo, address):
    photo["src"]["original"] = address


class TestPexels(EngineContract):
    case = EngineCase(
        engine=ENGINE,
        full=stored("pexels/full.json"),
        full_finds=2,
        last=stored("pexels/last.json"),
        last_finds=1,
        last_cursor="3",
        empty=stored("pexels/empty.json"),
        changed=stored("other.json"),
        broken=stored("broken.json"),
        hostile=saying(_page(1, hostile_results(PHOTO, _addressed))),
        hostile_finds=HOSTILE_FINDS,
        whole=paged("page", {str(n): _numbered(n, more=n < 4) for n in range(1, 5)}),
        whole_finds=320,
        blocks={
            "bad key": (stored("pexels/bad_key.json", 401), BlockKind.DENIED),
            "too fast": (stored("pexels/throttled.json", 429), BlockKind.THROTTLED),
            "the month is used up": (
                stored(
                    "pexels/throttled.json",
                    429,
                    headers={"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1796083200"},
                ),
                BlockKind.QUOTA,
            ),
        },
        body=body_of("pexels/full.json"),
    )


@pytest.mark.parametrize(("said", "known"), [(7999, 7999), (8000, None), ("-", None)])
def test_a_count_of_all_that_it_gives_says_nothing(said, known):
    """It counts to 8,000: there may be more, in narrower parts."""
    body = json.dumps({"photos": [PHOTO], "total_results": said})
    page, _ = searched(ENGINE, saying(body))
    assert page.total == known


def test_the_key_is_the_authorization():
    """It stands in its header alone, and is sent to no other address."""
    _, (request,) = searched(ENGINE, stored("pexels/full.json"))
    assert (request.url, request.follow) == ("https://engine.example/v1/search", False)
    assert request.headers == {"Authorization": "key-of-engine"}
    assert request.params == {"query": "harbour crane", "page": "1", "per_page": "80"}


def test_finds_are_originals_with_photographer_and_licence():
    """Size and original belong together; Pexels has one licence for all."""
    page, _ = searched(ENGINE, stored("pexels/full.json"))
    assert (page.next_cursor, page.total) == ("2", 165)
    first, second = page.finds
    assert first.url == "https://images.pexels.example/photos/701/pexels-photo-701.jpeg"
    assert (first.width, first.height) == (4000, 6000)
    assert first.thumbnail_url.endswith("w=350")
    assert first.provenance == Provenance(
        engine="pexels",
        page_url="https://www.pexels.example/photo/crane-by-the-water-701/",
        title="Crane by the water 701",
        creator="Ada Quayside",
        creator_url="https://www.pexels.example/@ada",
        license="pexels",
        license_url="https://www.pexels.com/license/",
        attribution="Photo by Ada Quayside on Pexels",
        provider_id="701",
    )
    assert (second.provenance.title, second.provenance.attribution) == (None, None)


def test_a_photograph_that_says_little_is_a_find_of_little():
    """Nothing is made up for what is missing; the licence is that of all."""
    page, _ = searched(ENGINE, saying(_page(1, [{"src": {"original": "https://p.example/1.jpg"}}])))
    (find,) = page.finds
    assert find.provenance == Provenance(
        engine="pexels", license="pexels", license_url="https://www.pexels.com/license/"
    )
    assert (find.width, find.height, find.thumbnail_url) == (None, None, None)


def test_an_original_that_is_too_large_gives_its_largest_rendition():
    """Its size is not stated, and that of the original is not its own."""
    photo = {**PHOTO, "width": 12_000, "height": 9_000}
    page, _ = searched(ENGINE, saying(_page(1, [photo])))
    (find,) = page.finds
    assert find.url.endswith("w=1880")
    assert (find.width, find.height) == (None, None)


@pytest.mark.parametrize(
    ("wish", "param", "value"),
    [
        ({"aspect": "square"}, "orientation", "square"),
        ({"aspect": "wide"}, "orientation", "landscape"),
        ({"aspect": "tall"}, "orientation", "portrait"),
        ({"color": "teal"}, "color", "turquoise"),
        ({"color": "purple"}, "color", "violet"),
        ({"color": "black"}, "color", "black"),
        ({"language": "pt"}, "locale", "pt-BR"),
    ],
)
def test_wishes_are_told_in_the_engine_s_words(wish, param, value):
    """Each filter goes into the parameter that means it."""
    filters = Filters.model_validate(wish)
    _, (request,) = searched(ENGINE, stored("pexels/full.json"), filters=filters)
    assert request.params[param] == value


def test_it_stops_where_the_count_of_all_words_stops():
    """Page 100 is the last, also when a next one is named."""
    before, _ = searched(ENGINE, saying(_numbered(99)), "99")
    last, _ = searched(ENGINE, saying(_numbered(100)), "100")
    assert (before.next_cursor, last.next_cursor) == ("100", None)


def test_a_language_that_it_does_not_know_is_not_asked_for():
    """An unknown locale would be an error: the search goes on without, and the card says so."""
    filters = Filters(language="sw")
    page, (request,) = searched(ENGINE, stored("pexels/full.json"), filters=filters)
    assert page.status is EngineStatus.OK
    assert "locale" not in request.params
