"""NASA's library: what is asked of it, and what its answers become."""

from __future__ import annotations

import json
from datetime import date

import pytest

from pixcrawler.adapters.engines.nasa import NasaEngine
from pixcrawler.domain.engine import EngineStatus
from pixcrawler.domain.filters import Filters
from pixcrawler.domain.source import Provenance
from tests.contracts.answers import body_of, paged, saying, stored
from tests.contracts.engine import EngineCase, EngineContract, searched

ENGINE = NasaEngine("https://engine.example")


def _page(number: int, pages: int) -> bytes:
    results = [
        {
            "data": [{"nasa_id": f"n{number}-{n}"}],
            "links": [{"href": f"https://assets.example/n{number}-{n}~thumb.jpg"}],
        }
        for n in range(100)
    ]
    links = [{"rel": "prev"}] + [{"rel": "next"}] * (number < pages)
    return json.dumps({"collection": {"items": results, "links": links}}).encode()


class TestNasa(EngineContract):
    case = EngineCase(
        engine=ENGINE,
        full=stored("nasa/full.json"),
        full_finds=3,
        last=stored("nasa/last.json"),
        last_finds=1,
        last_cursor="3",
        empty=stored("nasa/empty.json"),
        changed=stored("other.json"),
        broken=stored("broken.json"),
        hostile=stored("nasa/hostile.json"),
        hostile_finds=2,
        whole=paged("page", {str(n): _page(n, 3) for n in range(1, 4)}),
        whole_finds=300,
        body=body_of("nasa/full.json"),
    )


def test_pictures_are_asked_for_by_page():
    """A hundred pictures a page; no videos and no sounds."""
    page, (request,) = searched(ENGINE, stored("nasa/full.json"))
    assert request.url == "https://engine.example/search"
    assert request.params == {
        "q": "harbour crane",
        "media_type": "image",
        "page": "1",
        "page_size": "100",
    }
    assert (page.next_cursor, page.total) == ("2", 203)


def test_the_best_rendering_is_taken():
    """The original beside the thumbnail; or the largest named one that we open and keep."""
    page, _ = searched(ENGINE, stored("nasa/full.json"))
    assets = "images-assets.nasa.gov/image"
    assert [(find.url, find.width, find.height) for find in page.finds] == [
        (f"https://{assets}/KSC-2019-0001/KSC-2019-0001~orig.jpg", None, None),
        (f"http://{assets}/PIA%2000001/PIA%2000001~large.jpg", 1920, 1280),
        (f"http://{assets}/PIA00002/PIA00002~large.jpg", 1920, 1280),
    ]
    first, second, _ = page.finds
    assert first.thumbnail_url == f"https://{assets}/KSC-2019-0001/KSC-2019-0001~thumb.jpg"
    assert first.provenance == Provenance(
        engine="nasa",
        page_url="https://images.nasa.gov/details/KSC-2019-0001",
        title="Gantry crane KSC-2019-0001",
        creator="NASA/Pat Gantry",
        attribution="NASA/KSC",
        provider_id="KSC-2019-0001",
        published=date(2019, 8, 7),
    )
    assert second.provenance.page_url == "https://images.nasa.gov/details/PIA%2000001"
    assert second.provenance.creator == "NASA/JPL-Caltech"


@pytest.mark.parametrize(
    ("facts", "best"),
    [
        ({"width": 6000, "height": 4000, "size": 25 * 1024 * 1024}, "orig"),
        ({"width": 6000, "height": 4000, "size": 25 * 1024 * 1024 + 1}, "large"),
        ({"width": 8000, "height": 8000, "size": 9}, "large"),
        ({"size": "-"}, "orig"),
    ],
)
def test_what_is_too_large_for_us_is_left_for_the_next_smaller(facts, best):
    """An original that we would not download or open is worth nothing."""
    href = "https://assets.example/a~{}.jpg"
    links = [
        {"href": href.format("large"), "width": 1920, "height": 1280, "size": 1},
        {"href": href.format("orig"), **facts},
    ]
    item = {"data": [{"nasa_id": "a"}], "links": links}
    page, _ = searched(ENGINE, saying(json.dumps({"collection": {"items": [item]}})))
    assert [find.url for find in page.finds] == [href.format(best)]


@pytest.mark.parametrize(
    ("wish", "params"),
    [
        ({"since": "2019-08-07"}, {"year_start": "2019"}),
        ({"until": "2003-06-20"}, {"year_end": "2003"}),
    ],
)
def test_it_is_asked_for_years(wish, params):
    """The search knows years only; the finds say their day, so that they can be sifted."""
    filters = Filters.model_validate(wish)
    page, (request,) = searched(ENGINE, stored("nasa/full.json"), filters=filters)
    years = {name: value for name, value in request.params.items() if name.startswith("year")}
    assert years == params
    assert [find.provenance.published.year for find in page.finds] == [2019, 2003, 2019]


@pytest.mark.parametrize(("said", "known"), [(9999, 9999), (10_000, None), (12_345, 12_345)])
def test_a_count_of_all_that_it_gives_says_nothing(said, known):
    """There may be more, in narrower parts; a larger count is believed."""
    answer = json.loads(_page(1, 2))
    answer["collection"]["metadata"] = {"total_hits": said}
    page, _ = searched(ENGINE, saying(json.dumps(answer)))
    assert page.total == known


def test_it_stops_where_the_service_does():
    """After a hundred pages it refuses to go on."""
    page, _ = searched(ENGINE, saying(_page(100, 200)), "100")
    assert (page.status, page.next_cursor) == (EngineStatus.OK, None)
