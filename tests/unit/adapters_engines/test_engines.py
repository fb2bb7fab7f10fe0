"""Each engine reads its answers, says in five ways how it fared, and never raises."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from pixcrawler.adapters.engines.commons import CommonsEngine
from pixcrawler.adapters.engines.local import LocalEngine
from pixcrawler.adapters.engines.openverse import OpenverseEngine
from pixcrawler.adapters.engines.urls import PAGE_SIZE, UrlsEngine
from pixcrawler.domain.engine import EngineStatus
from pixcrawler.domain.errors import SourceUnavailable
from pixcrawler.domain.source import Provenance, SearchQuery

FIXTURES = Path(__file__).parents[2] / "fixtures" / "engines"
BASE = "https://engine.example"
QUERY = SearchQuery(text="harbour crane", keyword="crane", category="machines")
WEB_ENGINES = [LocalEngine, OpenverseEngine, CommonsEngine]


@dataclass(frozen=True)
class Answer:
    """What the service says."""

    status: int = 200
    body: bytes = b""
    retry_after_s: float | None = None


class OneAnswer:
    """An Api that says one thing and remembers what it was asked."""

    def __init__(self, answer=None, error=None):
        self.answer = answer
        self.error = error
        self.asked = []

    def get(self, url, params):
        self.asked.append((url, dict(params)))
        if self.error:
            raise self.error
        return self.answer


def stored(name, status=200, wait_s=None):
    """An Api that gives a stored answer."""
    return OneAnswer(Answer(status, (FIXTURES / name).read_bytes(), wait_s))


def search(engine, api, cursor=None, safe=True):
    return engine(api, BASE).search(QUERY, cursor, safe=safe)


def test_local_reads_a_full_page():
    """Finds come in order, addresses are completed, what has no address is left out."""
    api = stored("local_full.json")
    page = search(LocalEngine, api)
    assert api.asked == [
        (f"{BASE}/api/search", {"q": "harbour crane", "page": "1", "page_size": "100"})
    ]
    assert (page.status, page.next_cursor) == (EngineStatus.OK, "2")
    assert [find.url for find in page.finds] == [
        f"{BASE}/pictures/lantern-001.jpg",
        f"{BASE}/pictures/lantern-002.jpg",
    ]
    assert (page.finds[0].width, page.finds[0].height) == (641, 480)
    assert page.finds[0].provenance == Provenance(
        engine="local",
        page_url="http://site.example/page/lantern-001",
        title="Paper lantern 1",
        creator="The Lamp Maker",
        license="cc0",
        license_url="https://creativecommons.org/publicdomain/zero/1.0/",
    )


def test_openverse_reads_a_full_page():
    """Licence, creator and size come along; missing fields are none; bad addresses go."""
    api = stored("openverse_full.json")
    page = search(OpenverseEngine, api)
    assert api.asked[0][0] == f"{BASE}/v1/images/"
    assert api.asked[0][1] == {
        "q": "harbour crane",
        "page": "1",
        "page_size": "20",
        "mature": "false",
    }
    assert (page.status, page.next_cursor, len(page.finds)) == (EngineStatus.OK, "2", 2)
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
    )
    assert (second.width, second.height) == (None, 900)
    assert (second.provenance.license, second.provenance.title) == ("cc0", None)


def test_openverse_asks_for_mature_pictures_only_when_unsafe():
    """Without safe search the engine is told so."""
    api = stored("openverse_full.json")
    search(OpenverseEngine, api, safe=False)
    assert api.asked[0][1]["mature"] == "true"


def test_openverse_stops_at_the_page_it_allows_last():
    """Without a key there are twenty pages, whatever the count says."""
    body = b'{"page_count": 240, "results": [{"url": "https://cdn.example/1.jpg"}]}'
    nineteenth = search(OpenverseEngine, OneAnswer(Answer(200, body)), cursor="19")
    twentieth = search(OpenverseEngine, OneAnswer(Answer(200, body)), cursor="20")
    assert (nineteenth.next_cursor, twentieth.next_cursor) == ("20", None)


def test_commons_reads_a_full_page():
    """Results by index, only formats we keep, a rendering of the huge one, HTML as text."""
    api = stored("commons_full.json")
    page = search(CommonsEngine, api)
    url, params = api.asked[0]
    assert url == f"{BASE}/w/api.php"
    assert params["gsrsearch"] == "filetype:bitmap harbour crane"
    assert (params["gsroffset"], params["maxlag"]) == ("0", "5")
    assert (page.status, page.next_cursor) == (EngineStatus.OK, "50")
    assert [(find.url, find.width, find.height) for find in page.finds] == [
        ("https://upload.commons.example/a/ab/Mill_first.jpg", 1800, 1200),
        ("https://upload.commons.example/thumb/Mill_second.jpg/2000px-Mill_second.jpg", 2000, 1333),
        ("https://upload.commons.example/a/ab/Mill_third.png", 1800, 1200),
    ]
    assert page.finds[0].provenance == Provenance(
        engine="commons",
        page_url="https://commons.example/wiki/File:Mill_first.jpg",
        title="A water mill",
        creator="Mill & Watcher",
        license="by-sa",
        license_url="https://creativecommons.org/licenses/by-sa/4.0",
        attribution="Own work",
    )
    second, third = (find.provenance for find in page.finds[1:])
    assert (second.license, second.license_url) == (
        "public-domain",
        "https://creativecommons.org/publicdomain/mark/1.0/",
    )
    assert (third.title, third.creator, third.license) == ("Mill_third.png", "Mill Watcher", None)


def test_commons_goes_on_where_it_was_told():
    """The cursor is MediaWiki's offset."""
    api = stored("commons_last.json")
    page = search(CommonsEngine, api, cursor="50")
    assert api.asked[0][1]["gsroffset"] == "50"
    assert (page.status, page.next_cursor, len(page.finds)) == (EngineStatus.OK, None, 1)


@pytest.mark.parametrize(
    ("engine", "name", "cursor"),
    [
        (LocalEngine, "local_last.json", "2"),
        (OpenverseEngine, "openverse_last.json", "3"),
        (CommonsEngine, "commons_last.json", "50"),
    ],
)
def test_the_last_page_has_no_next(engine, name, cursor):
    """The last page gives its finds and no cursor."""
    page = search(engine, stored(name), cursor=cursor)
    assert (page.status, len(page.finds), page.next_cursor) == (EngineStatus.OK, 1, None)


@pytest.mark.parametrize(
    ("engine", "name"),
    [
        (LocalEngine, "local_empty.json"),
        (OpenverseEngine, "openverse_empty.json"),
        (CommonsEngine, "commons_empty.json"),
    ],
)
def test_nothing_found_is_empty(engine, name):
    """No results is an answer, not a fault."""
    page = search(engine, stored(name))
    assert (page.status, page.finds, page.next_cursor, page.detail) == (
        EngineStatus.EMPTY,
        (),
        None,
        None,
    )


@pytest.mark.parametrize("engine", WEB_ENGINES)
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("changed.html", "a web page"),
        ("broken.json", "broken JSON"),
        ("other.json", "unknown structure"),
    ],
)
def test_an_answer_that_cannot_be_read_is_changed(engine, name, words):
    """A page of something else, cut JSON and unknown JSON are told apart in words."""
    page = search(engine, stored(name))
    assert page.status is EngineStatus.CHANGED
    assert page.detail.startswith("engine.example: ")
    assert words in page.detail


@pytest.mark.parametrize("engine", WEB_ENGINES)
@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b'"text"', b"\xff\xfe", b"[" * 100_000, b'{"results": [1, null, {}]}'],
)
def test_odd_bodies_never_raise(engine, body):
    """Whatever the bytes, the engine answers with a page that has a detail."""
    page = search(engine, OneAnswer(Answer(200, body)))
    assert page.status is EngineStatus.CHANGED
    assert page.detail


@pytest.mark.parametrize("engine", WEB_ENGINES)
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, EngineStatus.BLOCKED),
        (403, EngineStatus.BLOCKED),
        (429, EngineStatus.BLOCKED),
        (500, EngineStatus.FAILED),
        (503, EngineStatus.FAILED),
        (400, EngineStatus.CHANGED),
        (404, EngineStatus.CHANGED),
        (302, EngineStatus.CHANGED),
    ],
)
def test_a_status_tells_how_it_fared(engine, status, expected):
    """Refusals and throttling are blocked, service faults failed, the rest changed."""
    page = search(engine, stored("openverse_throttled.json", status, wait_s=37.0))
    assert page.status is expected
    assert str(status) in page.detail
    assert page.retry_after_s == (None if expected is EngineStatus.CHANGED else 37.0)


def test_commons_that_is_busy_is_blocked():
    """A lagging MediaWiki says so with status 200, and how long to wait."""
    page = search(CommonsEngine, stored("commons_maxlag.json", wait_s=5.0))
    assert (page.status, page.retry_after_s) == (EngineStatus.BLOCKED, 5.0)
    assert "maxlag" in page.detail


def test_commons_names_its_error():
    """Any other MediaWiki error is named."""
    page = search(CommonsEngine, stored("commons_error.json"))
    assert page.status is EngineStatus.CHANGED
    assert "cirrussearch-too-busy-error" in page.detail


@pytest.mark.parametrize("engine", WEB_ENGINES)
def test_a_service_that_cannot_be_reached_failed_with_its_cause(engine):
    """The detail is host and cause, ready for the job's message."""
    cause = "engine.example: the name could not be resolved"
    page = search(engine, OneAnswer(error=SourceUnavailable(cause)))
    assert (page.status, page.detail) == (EngineStatus.FAILED, cause)


@pytest.mark.parametrize("count", [1, PAGE_SIZE, PAGE_SIZE + 1, 10_000])
def test_a_list_of_addresses_comes_whole_and_in_order(count):
    """Page after page, every address of the user's list comes once."""
    listed = tuple(f"https://a.example/{n}.jpg" for n in range(count))
    query = QUERY.model_copy(update={"addresses": listed})
    given, cursor = [], None
    while True:
        page = UrlsEngine().search(query, cursor, safe=True)
        given += [find.url for find in page.finds]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert tuple(given) == listed


def test_an_empty_list_is_empty():
    """A query without addresses gives nothing."""
    assert UrlsEngine().search(QUERY, None, safe=True).status is EngineStatus.EMPTY


@pytest.mark.parametrize("odd", [["image/png"], {"a": 1}, 5, None])
def test_commons_passes_over_files_of_an_odd_type(odd):
    """One result with a type that is no text does not end the search."""
    info = {"url": "https://a.example/x.png"}
    pages = {
        "1": {"imageinfo": [{**info, "mime": odd}]},
        "2": {"imageinfo": [{**info, "mime": "image/png"}]},
    }
    body = json.dumps({"query": {"pages": pages}, "continue": {"gsroffset": 10**300}}).encode()
    page = search(CommonsEngine, OneAnswer(Answer(body=body)))
    assert (len(page.finds), page.next_cursor) == (1, None)
