"""Smithsonian: what is asked of it, and what its answers become."""

from __future__ import annotations

import json

import pytest

from pixcrawler.adapters.engines.smithsonian import MAX_MEDIA, SmithsonianEngine
from pixcrawler.domain.engine import BlockKind, EngineStatus
from pixcrawler.domain.source import Provenance, SearchQuery
from tests.contracts.answers import paged
from tests.contracts.engine import EngineCase, EngineContract, body_of, saying, searched, stored
from tests.contracts.hostile import HOSTILE_FINDS, hostile_results

ENGINE = SmithsonianEngine("https://engine.example/", "key-of-engine")
ROW = json.loads(body_of("smithsonian/full.json"))["response"]["rows"][2]


def _page(rows: list, total: object = 231) -> bytes:
    return json.dumps({"status": 200, "response": {"rows": rows, "rowCount": total}}).encode()


def _row(*media: dict) -> dict:
    told = {"online_media": {"mediaCount": len(media), "media": list(media)}}
    return {"content": {"descriptiveNonRepeating": told}}


def _medium(address: object) -> dict:
    return {"type": "Images", "usage": {"access": "CC0"}, "content": address}


def _numbered(start: int, count: int) -> bytes:
    return _page([_row(_medium(f"https://s.example/{start + n}.jpg")) for n in range(count)])


def _addressed(row, address):
    (medium,) = row["content"]["descriptiveNonRepeating"]["online_media"]["media"]
    medium |= _medium(address)


class TestSmithsonian(EngineContract):
    case = EngineCase(
        engine=ENGINE,
        full=stored("smithsonian/full.json"),
        full_finds=4,
        last=stored("smithsonian/last.json"),
        last_finds=1,
        last_cursor="200",
        empty=stored("smithsonian/empty.json"),
        changed=stored("other.json"),
        broken=stored("broken.json"),
        hostile=saying(_page(hostile_results(ROW, _addressed))),
        hostile_finds=HOSTILE_FINDS,
        whole=paged(
            "start", {"0": _numbered(0, 100), "100": _numbered(100, 100), "200": _numbered(200, 31)}
        ),
        whole_finds=231,
        blocks={
            "bad key": (stored("smithsonian/bad_key.json", 403), BlockKind.DENIED),
            "the hour is used up": (stored("smithsonian/used_up.json", 429), BlockKind.QUOTA),
        },
        body=body_of("smithsonian/full.json"),
    )


def test_only_free_pictures_are_asked_for():
    """The words are one group, so that the conditions hold for all of them."""
    query = SearchQuery(text='"tower crane" OR x', keyword="crane", category="c", exclude=("toy",))
    _, (request,) = searched(ENGINE, stored("smithsonian/full.json"), query=query)
    assert request.url == "https://engine.example/openaccess/api/v1.0/search"
    assert not request.follow
    assert request.params == {
        "api_key": "key-of-engine",
        "q": '("tower crane" or x -toy) AND online_media_type:Images AND media_usage:CC0',
        "start": "0",
        "rows": "100",
    }


def test_an_object_gives_each_of_its_free_pictures():
    """The full JPEG where one is listed and not too large for us; sizes belong to it."""
    page, _ = searched(ENGINE, stored("smithsonian/full.json"))
    assert (page.next_cursor, page.total) == ("100", 231)
    shown = [(find.url.partition("id=")[2], find.width, find.height) for find in page.finds]
    assert shown == [
        ("NMAH-11.jpg", 8688, 5792),
        ("NMAH-12", None, None),
        ("NMAH-21", None, None),
        ("NMAH-31", None, None),
    ]
    assert page.finds[0].thumbnail_url.endswith("NMAH-11&max=150")


def test_finds_name_maker_museum_and_record():
    """Donors and collectors are no makers."""
    page, _ = searched(ENGINE, stored("smithsonian/full.json"))
    assert page.finds[0].provenance == Provenance(
        engine="smithsonian",
        page_url="https://americanhistory.si.example/collections/nmah_1",
        title="Model of a crane (1)",
        creator="Ada Quayside",
        license="cc0",
        license_url="https://creativecommons.org/publicdomain/zero/1.0/",
        attribution="National Museum of American History",
        provider_id="NMAH-11",
    )
    assert page.finds[3].provenance.creator is None


def test_what_a_record_lacks_is_taken_from_beside_it():
    """The title of the row, the lasting address of the record, its number."""
    medium = _medium("https://s.example/1.jpg")
    row = _row(medium)
    told = row["content"]["descriptiveNonRepeating"]
    told |= {"guid": "http://n2t.example/ark:/65665/1", "record_ID": "nmah_1"}
    row["title"] = "A crane"
    page, _ = searched(ENGINE, saying(_page([row, _row(medium)])))
    stated, bare = (find.provenance for find in page.finds)
    assert (stated.title, stated.page_url) == ("A crane", "http://n2t.example/ark:/65665/1")
    assert stated.provider_id == "nmah_1"
    assert (bare.title, bare.page_url, bare.provider_id, bare.creator) == (None,) * 4


def test_a_scanned_book_gives_its_first_pages_only():
    """One object must not fill a dataset."""
    media = [_medium(f"https://s.example/{n}.jpg") for n in range(300)]
    page, _ = searched(ENGINE, saying(_page([_row(*media), _row(media[299])])))
    assert len(page.finds) == MAX_MEDIA + 1
    assert page.finds[-1].url == "https://s.example/299.jpg"


def test_a_page_of_objects_with_many_pictures_is_taken_whole():
    """What is cut off a page comes on no other."""
    media = [_medium(f"https://s.example/{n}.jpg") for n in range(MAX_MEDIA)]
    page, _ = searched(ENGINE, saying(_page([_row(*media)] * 100)))
    assert len(page.finds) == 100 * MAX_MEDIA


@pytest.mark.parametrize(
    "change", [{"usage": {"access": "Usage conditions apply"}}, {"usage": None}, {"type": "Videos"}]
)
def test_what_is_not_free_or_no_picture_is_left_out(change):
    """A record under CC0 may hold media that are not."""
    medium = {**_medium("https://s.example/1.jpg"), **change}
    page, _ = searched(ENGINE, saying(_page([_row(medium)])))
    assert (page.status, page.finds) == (EngineStatus.OK, ())


def test_records_end_where_the_count_says():
    """The last full page has no next."""
    page, _ = searched(ENGINE, saying(_page([ROW], 300)), "200")
    assert page.next_cursor is None
