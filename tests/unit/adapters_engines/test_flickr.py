"""Flickr: what is asked of it, and what its answers become."""

from __future__ import annotations

import json
from datetime import date

import pytest

from pixcrawler.adapters.engines.flickr import FlickrEngine
from pixcrawler.domain.engine import BlockKind, EngineStatus
from pixcrawler.domain.filters import Filters
from pixcrawler.domain.source import Provenance
from tests.contracts.answers import paged
from tests.contracts.engine import EngineCase, EngineContract, body_of, saying, searched, stored
from tests.contracts.hostile import HOSTILE_FINDS, hostile_results

ENGINE = FlickrEngine("https://engine.example/", "key-of-engine")
PHOTO = json.loads(body_of("flickr/full.json"))["photos"]["photo"][0]


def _page(number: int, pages: int, photos: list) -> bytes:
    listed = {"page": number, "pages": pages, "perpage": 500, "total": "9000", "photo": photos}
    return json.dumps({"photos": listed, "stat": "ok"}).encode()


def _numbered(number: int, pages: int) -> bytes:
    photos = [{"url_l": f"https://live.example/{number}-{n}.jpg"} for n in range(500)]
    return _page(number, pages, photos)


def _addressed(photo, address):
    for name in [name for name in photo if name.startswith("url_")]:
        del photo[name]
    photo["url_l"] = address


class TestFlickr(EngineContract):
    case = EngineCase(
        engine=ENGINE,
        full=stored("flickr/full.json"),
        full_finds=4,
        last=stored("flickr/last.json"),
        last_finds=1,
        last_cursor="3",
        empty=stored("flickr/empty.json"),
        changed=stored("other.json"),
        broken=stored("broken.json"),
        hostile=saying(_page(1, 2, hostile_results(PHOTO, _addressed))),
        hostile_finds=HOSTILE_FINDS,
        whole=paged("page", {str(n): _numbered(n, 18) for n in range(1, 19)}),
        whole_finds=4000,
        blocks={"bad key": (stored("flickr/bad_key.json"), BlockKind.DENIED)},
        body=body_of("flickr/full.json"),
    )


def test_a_page_is_asked_for_as_documented():
    """Five hundred photographs, safe ones, best first; the key goes nowhere but there."""
    _, (request,) = searched(ENGINE, stored("flickr/full.json"))
    assert (request.url, request.follow) == ("https://engine.example/services/rest/", False)
    sent = dict(request.params)
    extras = sent.pop("extras").split(",")
    assert {"license", "owner_name", "date_upload", "url_o", "url_l", "url_n"} <= set(extras)
    assert sent == {
        "method": "flickr.photos.search",
        "api_key": "key-of-engine",
        "text": "harbour crane",
        "media": "photos",
        "sort": "relevance",
        "safe_search": "1",
        "per_page": "500",
        "page": "1",
        "format": "json",
        "nojsoncallback": "1",
    }


def test_finds_have_licence_member_and_day():
    """Numbers of licences become codes; the pages of picture and member are known."""
    page, _ = searched(ENGINE, stored("flickr/full.json"))
    assert (page.next_cursor, page.total) == ("2", 1203)
    assert page.finds[0].provenance == Provenance(
        engine="flickr",
        page_url="https://www.flickr.com/photos/12345678@N07/52012345671",
        title="Crane at berth 1",
        creator="Ada Quayside",
        creator_url="https://www.flickr.com/people/12345678@N07/",
        license="by",
        license_url="https://creativecommons.org/licenses/by/2.0/",
        provider_id="52012345671",
        published=date(2024, 6, 19),
    )
    assert [find.provenance.license for find in page.finds] == ["by", "by-nc-sa", "pd-usgov", None]
    assert page.finds[1].provenance.license_url.endswith("/by-nc-sa/4.0/")


def test_the_largest_rendition_is_taken_unless_it_is_too_large_for_us():
    """Sizes belong to the rendition, be they numbers or digits in a text."""
    page, _ = searched(ENGINE, stored("flickr/full.json"))
    shown = [(find.url[-6:], find.width, find.height) for find in page.finds]
    assert shown == [
        ("_o.jpg", 4000, 3000),
        ("_c.jpg", 600, 800),
        ("_k.jpg", 2048, 1536),
        ("_m.jpg", 500, 375),
    ]
    assert page.finds[0].thumbnail_url.endswith("_n.jpg")
    assert page.finds[3].thumbnail_url is None


@pytest.mark.parametrize(
    ("wish", "params"),
    [
        ({"color": "orange"}, {"color_codes": "2"}),
        ({"color": "green"}, {"color_codes": "5,6"}),
        ({"color": "gray"}, {"styles": "blackandwhite"}),
        ({"type": "photo"}, {"content_types": "0"}),
        ({"license": "open"}, {"license": "1,2,3,4,5,6,8,9,10,11,12,13,14,15,16"}),
        ({"license": "commercial"}, {"license": "4,5,6,8,9,10,11,12,13"}),
        ({"license": "modification"}, {"license": "1,2,4,5,8,9,10,11,12,14,15"}),
        ({"license": "free"}, {"license": "4,5,8,9,10,11,12"}),
        ({"license": "public_domain"}, {"license": "8,9,10"}),
        ({"safe_search": False}, {"safe_search": "3"}),
        (
            {"since": "2024-02-29", "until": "2024-03-01"},
            {"min_upload_date": "1709164800", "max_upload_date": "1709337599"},
        ),
        ({"since": "1950-01-01"}, {"min_upload_date": "0"}),
    ],
)
def test_wishes_are_told_in_the_engine_s_words(wish, params):
    """Each filter goes into the parameter that means it; days are whole, in UTC."""
    filters = Filters.model_validate(wish)
    _, (request,) = searched(ENGINE, stored("flickr/full.json"), filters=filters)
    assert {name: request.params[name] for name in params} == params


@pytest.mark.parametrize(
    ("number", "code", "ending"),
    [
        (0, "all-rights-reserved", None),
        ("1", "by-nc-sa", "/licenses/by-nc-sa/2.0/"),
        ("2", "by-nc", "/licenses/by-nc/2.0/"),
        ("3", "by-nc-nd", "/licenses/by-nc-nd/2.0/"),
        ("4", "by", "/licenses/by/2.0/"),
        ("5", "by-sa", "/licenses/by-sa/2.0/"),
        ("6", "by-nd", "/licenses/by-nd/2.0/"),
        ("7", "nkc", "/commons/usage/"),
        ("8", "pd-usgov", "usa.gov/government-copyright"),
        ("9", "cc0", "/publicdomain/zero/1.0/"),
        ("10", "pdm", "/publicdomain/mark/1.0/"),
        ("11", "by", "/licenses/by/4.0/"),
        (12, "by-sa", "/licenses/by-sa/4.0/"),
        ("13", "by-nd", "/licenses/by-nd/4.0/"),
        ("14", "by-nc", "/licenses/by-nc/4.0/"),
        ("15", "by-nc-sa", "/licenses/by-nc-sa/4.0/"),
        ("16", "by-nc-nd", "/licenses/by-nc-nd/4.0/"),
        ("17", None, None),
        (None, None, None),
    ],
)
def test_every_number_of_a_licence_has_its_code(number, code, ending):
    """As Flickr's own list has them; a number that is not in it is no licence."""
    page, _ = searched(ENGINE, saying(_page(1, 1, [{**PHOTO, "license": number}])))
    stated = page.finds[0].provenance
    assert stated.license == code
    assert (stated.license_url or "").endswith(ending or "")
    assert bool(stated.license_url) == bool(ending)


def test_what_repeats_itself_is_not_asked_for():
    """There is no page after the four thousandth result, however many there are said to be."""
    seventh, _ = searched(ENGINE, saying(_numbered(7, 18)), "7")
    eighth, _ = searched(ENGINE, saying(_numbered(8, 18)), "8")
    assert (seventh.next_cursor, eighth.next_cursor) == ("8", None)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        *((code, EngineStatus.BLOCKED) for code in (98, 99, 100)),
        *((code, EngineStatus.FAILED) for code in (0, 10, 105, 106, 201)),
        *((code, EngineStatus.CHANGED) for code in (1, 3, 18, 111, 112)),
    ],
)
def test_every_error_is_a_refused_key_a_failure_or_a_change(code, status):
    """By its number; all of them come with status 200."""
    page, _ = searched(ENGINE, saying(json.dumps({"stat": "fail", "code": code})))
    assert page.status is status


def test_a_search_that_is_down_failed_although_the_status_is_200():
    """Error 105 passes by itself: it is asked again, and is no change of the interface."""
    page, asked = searched(ENGINE, stored("flickr/away.json"))
    assert (page.status, page.kind) == (EngineStatus.FAILED, None)
    assert "105" in page.detail
    assert len(asked) == 3


def test_an_unknown_error_is_told_in_flickr_s_words():
    """An operator can read what was wrong with the request; the key is blotted out."""
    said = {"stat": "fail", "code": 3, "message": "Not with key-of-engine,\n please"}
    page, _ = searched(ENGINE, saying(json.dumps(said)))
    assert page.status is EngineStatus.CHANGED
    assert page.detail == "Flickr did not take the request: Not with …, please"


def test_a_page_for_people_is_a_fault_of_its_own():
    """Flickr's panda comes with status 502."""
    page, _ = searched(ENGINE, stored("flickr/bad_page.html", 502))
    assert page.status is EngineStatus.FAILED


@pytest.mark.parametrize("odd", ["../../evil", "a b", "<script>", "x" * 100, 5, None])
def test_odd_names_make_no_addresses(odd):
    """What is no number of a photograph, or no member, is not built into an address."""
    photo = {**PHOTO, "id": odd, "owner": odd}
    page, _ = searched(ENGINE, saying(_page(1, 1, [photo])))
    (find,) = page.finds
    assert (find.provenance.page_url, find.provenance.creator_url) == (None, None)
    assert find.provenance.provider_id is None
    half, _ = searched(ENGINE, saying(_page(1, 1, [{**PHOTO, "id": odd}])))
    assert half.finds[0].provenance.page_url is None
    assert half.finds[0].provenance.creator_url.endswith("/12345678@N07/")
