"""The Metropolitan Museum of Art: what is asked of it, and what its answers become."""

from __future__ import annotations

import json

import pytest

from pixcrawler.adapters.engines.met import MetEngine
from pixcrawler.adapters.engines.shape import Ask
from pixcrawler.domain.engine import BlockKind, EngineStatus
from pixcrawler.domain.filters import Filters
from pixcrawler.domain.source import Provenance
from pixcrawler.pipeline.engines.ports import Answer, Request
from tests.contracts.answers import Service, body_of, saying, stored
from tests.contracts.engine import EngineCase, EngineContract, searched

ENGINE = MetEngine("https://engine.example")
IMAGES = "https://images.met.example/CRDImages/as"


def _met(search: Service, objects: Service | None = None) -> Service:
    """The two interfaces that a page takes."""
    shown = objects or _object

    def play(request: Request) -> Answer:
        return (shown if "/objects/" in request.url else search)(request)

    return play


def _object(request: Request) -> Answer:
    number = int(request.url.rpartition("/")[2])
    found = json.loads(body_of("met/object.json"))
    found |= {
        "objectID": number,
        "primaryImage": f"{IMAGES}/original/DP{number}.jpg",
        "additionalImages": [],
    }
    return Answer(200, json.dumps(found).encode(), url=request.url)


def _failing(status: int, numbers: range) -> Service:
    """Some objects are answered with a status, the others are well."""

    def play(request: Request) -> Answer:
        if int(request.url.rpartition("/")[2]) in numbers:
            return Answer(status, body_of("met/gone.json"), url=request.url)
        return _object(request)

    return play


class TestMet(EngineContract):
    case = EngineCase(
        engine=ENGINE,
        full=_met(stored("met/search.json")),
        full_finds=20,
        last=_met(stored("met/search.json")),
        last_finds=4,
        last_cursor="20",
        empty=_met(stored("met/empty.json")),
        changed=stored("other.json"),
        broken=_met(stored("broken.json")),
        hostile=_met(stored("met/search_few.json"), stored("met/hostile_object.json")),
        hostile_finds=2,
        whole=_met(saying(json.dumps({"total": 45, "objectIDs": list(range(1, 46))}))),
        whole_finds=45,
        blocks={
            "throttled at an object": (
                _met(stored("met/search.json"), _failing(429, range(9000))),
                BlockKind.THROTTLED,
            ),
            "refused at an object": (
                _met(stored("met/search.json"), _failing(403, range(9000))),
                BlockKind.DENIED,
            ),
        },
        body=body_of("met/object.json"),
    )


def test_a_page_is_a_search_and_twenty_objects():
    """The search gives numbers in order; the cursor is the place among them.

    The order of the parameters counts there (metmuseum/openaccess issues 36 and 51).
    """
    page, asked = searched(ENGINE, _met(stored("met/search.json")))
    assert asked[0].url == "https://engine.example/public/collection/v1/search"
    assert list(asked[0].params.items()) == [
        ("hasImages", "true"),
        ("isPublicDomain", "true"),
        ("q", "harbour crane"),
    ]
    assert [request.url.rpartition("/")[2] for request in asked[1:]] == [
        str(number) for number in range(7001, 7021)
    ]
    assert (page.next_cursor, page.total, page.requests) == ("20", 24, 21)


def test_an_object_gives_its_pictures():
    """Three further views at most; everything is in the public domain."""
    page, _ = searched(ENGINE, _met(stored("met/search_few.json"), stored("met/object.json")))
    main, other, *views = page.finds
    assert main.url == other.url == f"{IMAGES}/original/DP7001.jpg"
    assert [find.url for find in views] == [
        f"{IMAGES}/original/DP7001_{n}.jpg" for n in (1, 2, 3)
    ] * 2
    assert main.thumbnail_url == f"{IMAGES}/web-large/DP7001.jpg"
    assert main.provenance == Provenance(
        engine="met",
        page_url="https://www.metmuseum.org/art/collection/search/7001",
        title="Crane in reeds 7001",
        creator="Aoki Mizuumi",
        license="cc0",
        license_url="https://creativecommons.org/publicdomain/zero/1.0/",
        attribution="Gift of A. Reader, 1920",
        provider_id="7001",
    )


@pytest.mark.parametrize("status", [404, 410, 500])
def test_a_dead_object_does_not_end_the_page(status):
    """The other objects are shown."""
    page, _ = searched(ENGINE, _met(stored("met/search.json"), _failing(status, range(7003, 7006))))
    assert (page.status, len(page.finds), page.next_cursor) == (EngineStatus.OK, 17, "20")


@pytest.mark.parametrize("status", [403, 429, 503])
def test_a_refusal_in_the_middle_keeps_what_came_before(status):
    """The next page begins with the object that was refused."""
    service = _met(stored("met/search.json"), _failing(status, range(7006, 9000)))
    page, asked = searched(ENGINE, service)
    assert (page.status, len(page.finds), page.next_cursor) == (EngineStatus.OK, 5, "5")
    assert len(asked) == 7
    page, _ = searched(ENGINE, service, page.next_cursor)
    assert page.status in (EngineStatus.BLOCKED, EngineStatus.FAILED)
    assert str(status) in page.detail


def test_faults_of_every_object_are_a_fault_of_the_service():
    """When no object can be shown, the page can be asked for again."""
    page, _ = searched(ENGINE, _met(stored("met/search.json"), _failing(500, range(9000))))
    assert (page.status, page.next_cursor) == (EngineStatus.FAILED, None)
    assert "500" in page.detail


def test_what_comes_instead_of_every_object_is_told():
    """When nothing that came is an object, the page says what it was."""
    page, _ = searched(ENGINE, _met(stored("met/search.json"), stored("changed.html")))
    assert page.status is EngineStatus.CHANGED
    assert "a web page" in page.detail


def test_objects_that_are_all_gone_are_an_empty_part_of_the_list():
    """The list is older than the collection: the next part may be better."""
    page, _ = searched(ENGINE, _met(stored("met/search.json"), _failing(404, range(9000))))
    assert (page.status, page.finds, page.next_cursor) == (EngineStatus.OK, (), "20")


@pytest.mark.parametrize("is_free", [False, None, "true", 1])
def test_works_with_rights_are_left_out(is_free):
    """Only what the museum says to be in the public domain is taken."""
    body = json.loads(body_of("met/object.json")) | {"isPublicDomain": is_free}
    assert ENGINE.read(json.dumps(body).encode(), Ask("crane", Filters())).finds == ()


def test_a_saved_search_tells_how_much_it_found():
    """An operator who looks at a saved search sees the number."""
    page = ENGINE.read(body_of("met/search.json"), Ask("crane", Filters()))
    assert (page.status, page.total) == (EngineStatus.OK, 24)
