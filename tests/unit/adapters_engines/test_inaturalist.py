"""iNaturalist: what is asked of it, and what its answers become."""

from __future__ import annotations

import json
from datetime import date

import pytest

from pixcrawler.adapters.engines.inaturalist import INaturalistEngine
from pixcrawler.domain.filters import Filters
from pixcrawler.domain.source import Provenance, SearchQuery
from tests.contracts.answers import body_of, paged, saying, stored
from tests.contracts.engine import EngineCase, EngineContract, searched

ENGINE = INaturalistEngine("https://engine.example")
OPEN_DATA = "https://inaturalist-open-data.s3.amazonaws.com/photos"


def _page(above: int, left: int) -> bytes:
    seen = [
        {"id": n, "photos": [{"id": n, "url": f"https://p.example/photos/{n}/square.jpg"}]}
        for n in range(above + 1, above + 101)
    ]
    return json.dumps({"total_results": left, "per_page": 100, "results": seen}).encode()


class TestINaturalist(EngineContract):
    case = EngineCase(
        engine=ENGINE,
        full=stored("inaturalist/full.json"),
        full_finds=3,
        last=stored("inaturalist/last.json"),
        last_finds=2,
        last_cursor="9000",
        empty=stored("inaturalist/empty.json"),
        changed=stored("other.json"),
        broken=stored("broken.json"),
        hostile=stored("inaturalist/hostile.json"),
        hostile_finds=3,
        whole=paged(
            "id_above", {"0": _page(0, 300), "100": _page(100, 200), "200": _page(200, 100)}
        ),
        whole_finds=300,
        body=body_of("inaturalist/full.json"),
    )


def test_observations_are_asked_for_by_name_from_the_oldest():
    """Well-identified ones with photos, from the one after the last that was seen."""
    _, (request,) = searched(ENGINE, stored("inaturalist/full.json"), "512")
    assert request.url == "https://engine.example/v1/observations"
    assert request.params == {
        "taxon_name": "harbour crane",
        "quality_grade": "research",
        "photos": "true",
        "per_page": "100",
        "order_by": "id",
        "order": "asc",
        "id_above": "512",
    }


def test_photos_come_as_originals_with_their_own_licence():
    """Each photo has a licence of its own; hidden and flagged ones are left out."""
    page, _ = searched(ENGINE, stored("inaturalist/full.json"))
    assert (page.next_cursor, page.total) == ("1003", 431)
    assert [(find.url, find.provenance.license) for find in page.finds] == [
        (f"{OPEN_DATA}/11/original.jpg", "by"),
        (f"{OPEN_DATA}/12/original.jpeg", "by-nc"),
        ("https://static.inaturalist.org/photos/13/original.jpg", None),
    ]
    first, second, third = page.finds
    assert first.thumbnail_url == f"{OPEN_DATA}/11/medium.jpg"
    assert (second.width, second.height) == (1536, 2048)
    assert first.provenance == Provenance(
        engine="inaturalist",
        page_url="https://www.inaturalist.org/observations/1001",
        title="Marsh newt (Palustrix viridis)",
        creator="Fern Walker",
        creator_url="https://www.inaturalist.org/people/fern_w",
        license="by",
        attribution="(c) Fern Walker, some rights reserved (cc-by)",
        provider_id="11",
        published=date(2021, 5, 3),
    )
    assert (third.provenance.title, third.provenance.creator) == ("Palustrix viridis", "moss")


@pytest.mark.parametrize(
    ("wish", "licenses", "numbers"),
    [
        ("any", None, ["11", "12", "13"]),
        ("open", "cc0,cc-by,cc-by-nc,cc-by-nc-nd,cc-by-nc-sa,cc-by-nd,cc-by-sa", ["11", "12"]),
        ("commercial", "cc0,cc-by,cc-by-nd,cc-by-sa", ["11"]),
        ("modification", "cc0,cc-by,cc-by-nc,cc-by-nc-sa,cc-by-sa", ["11", "12"]),
        ("free", "cc0,cc-by,cc-by-sa", ["11"]),
        ("public_domain", "cc0", []),
    ],
)
def test_only_photos_of_the_wished_licence_are_taken(wish, licenses, numbers):
    """An observation is found by one photo's licence; its other photos may have another."""
    filters = Filters(license=wish)
    page, (request,) = searched(ENGINE, stored("inaturalist/full.json"), filters=filters)
    assert request.params.get("photo_license") == licenses
    assert [find.provenance.provider_id for find in page.finds] == numbers
    assert page.next_cursor == "1003"


def test_a_photo_from_elsewhere_has_no_size_and_no_original():
    """The stated size is that of an original, whose address is only known of iNaturalist's own."""
    photo = {
        "id": 1,
        "url": "https://live.example/1_s.jpg",
        "original_dimensions": {"width": 2048, "height": 1536},
    }
    lock = {"id": 2, "url": "https://p.example/attachment_defaults/local_photos/square.png"}
    body = json.dumps({"results": [{"id": 1, "photos": [photo, lock]}]})
    page, _ = searched(ENGINE, saying(body))
    assert [(find.url, find.width, find.thumbnail_url) for find in page.finds] == [
        ("https://live.example/1_s.jpg", None, None)
    ]


def test_the_count_is_that_of_the_first_page():
    """Any other page counts what is left."""
    assert searched(ENGINE, stored("inaturalist/full.json"))[0].total == 431
    assert searched(ENGINE, stored("inaturalist/full.json"), "512")[0].total is None


@pytest.mark.parametrize(
    ("taxon", "is_taken"),
    [
        ({"preferred_common_name": "Common Crane"}, True),
        ({"preferred_common_name": "crane"}, True),
        ({"preferred_common_name": "Cranes and Rails"}, True),
        ({"preferred_common_name": "Giant Crane Fly"}, False),
        ({"preferred_common_name": "Crane-fly Orchid"}, False),
        ({"preferred_common_name": "Hoary Cranesbill"}, True),
        ({"preferred_common_name": None, "name": "Grus grus"}, True),
        ({}, True),
        ("text", True),
    ],
)
def test_names_that_go_on_after_the_asked_words_are_other_things(taxon, is_taken):
    """The service finds whatever has the words in any of its names."""
    photo = {"id": 1, "url": "https://p.example/photos/1/square.jpg"}
    body = json.dumps({"results": [{"id": 1, "taxon": taxon, "photos": [photo]}]})
    query = SearchQuery(text="crane", keyword="crane", category="x")
    page, _ = searched(ENGINE, saying(body), query=query)
    assert len(page.finds) == is_taken


def test_days_are_those_of_publication():
    """Since and until mean the day on which the observation was published."""
    filters = Filters(since=date(2020, 1, 2), until=date(2021, 3, 4))
    _, (request,) = searched(ENGINE, stored("inaturalist/full.json"), filters=filters)
    assert (request.params["created_d1"], request.params["created_d2"]) == (
        "2020-01-02",
        "2021-03-04",
    )


def test_a_service_that_repeats_itself_is_not_asked_for_ever():
    """Numbers that do not rise are an end, whatever the count says."""
    page, _ = searched(ENGINE, saying(_page(0, 10_000)), "200")
    assert page.next_cursor is None
