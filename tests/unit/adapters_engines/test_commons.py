"""Wikimedia Commons: what is asked of it, and what its answers become."""

from __future__ import annotations

import json
from datetime import date

import pytest

from pixcrawler.adapters.engines.commons import CommonsEngine
from pixcrawler.adapters.engines.shape import Ask
from pixcrawler.domain.engine import BlockKind, EngineStatus
from pixcrawler.domain.filters import Filters
from pixcrawler.domain.source import Provenance
from tests.contracts.answers import body_of, paged, saying, stored
from tests.contracts.engine import EngineCase, EngineContract, searched

ENGINE = CommonsEngine("https://engine.example")


def _page(offset: int, follows: dict[str, object] | None) -> bytes:
    pages = {
        str(offset + n): {
            "index": offset + n,
            "imageinfo": [{"url": f"https://u.example/{offset + n}.jpg", "mime": "image/jpeg"}],
        }
        for n in range(50)
    }
    return json.dumps({"query": {"pages": pages}, "continue": follows}).encode()


class TestCommons(EngineContract):
    case = EngineCase(
        engine=ENGINE,
        full=stored("commons/full.json"),
        full_finds=3,
        last=stored("commons/last.json"),
        last_finds=1,
        last_cursor="50",
        empty=stored("commons/empty.json"),
        changed=stored("other.json"),
        broken=stored("broken.json"),
        hostile=stored("commons/hostile.json"),
        hostile_finds=3,
        whole=paged(
            "gsroffset",
            {
                "0": _page(0, {"gsroffset": 50, "continue": "gsroffset||"}),
                "50": _page(50, {"iistart": "20200101", "continue": "||"}),
                "100": _page(100, None),
            },
        ),
        whole_finds=150,
        blocks={
            "lagging": (stored("commons/maxlag.json"), BlockKind.THROTTLED),
            "busy": (stored("commons/busy.json"), BlockKind.THROTTLED),
        },
        body=body_of("commons/full.json"),
    )


def test_a_page_is_asked_for_as_documented():
    """Bitmaps only, of the namespace of files, fifty at a time, each with a rendering, politely."""
    _, (request,) = searched(ENGINE, stored("commons/full.json"))
    assert request.url == "https://engine.example/w/api.php"
    sent = dict(request.params)
    properties, facts = (
        set(sent.pop(name).split("|")) for name in ("iiprop", "iiextmetadatafilter")
    )
    assert properties == {"url", "size", "mime", "user", "timestamp", "extmetadata"}
    assert {"Artist", "License", "LicenseShortName", "LicenseUrl", "Credit"} <= facts
    assert sent == {
        "action": "query",
        "format": "json",
        "maxlag": "5",
        "generator": "search",
        "gsrsearch": "filetype:bitmap harbour crane",
        "gsrnamespace": "6",
        "gsrlimit": "50",
        "gsroffset": "0",
        "prop": "imageinfo",
        "iiurlwidth": "1920",
    }


def test_finds_have_licence_creator_and_size():
    """Results by index, only formats we keep, a rendering of the huge one, HTML as text."""
    page, _ = searched(ENGINE, stored("commons/full.json"))
    assert page.next_cursor == "50"
    assert [(find.url, find.width, find.height) for find in page.finds] == [
        ("https://upload.commons.example/a/ab/Mill_first.jpg", 1800, 1200),
        ("https://upload.commons.example/thumb/Mill_second.jpg/1920px-Mill_second.jpg", 1920, 1280),
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
        provider_id="117",
        published=date(2019, 5, 1),
    )
    assert [find.format_hint for find in page.finds] == ["jpeg", "jpeg", "png"]
    second, third = (find.provenance for find in page.finds[1:])
    assert (second.license, second.license_url) == (
        "pdm",
        "https://creativecommons.org/publicdomain/mark/1.0/",
    )
    assert (third.title, third.creator, third.license) == ("Mill_third.png", "Mill Watcher", None)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ("small", "fileres:<317"),
        ("medium", "fileres:316,1000"),
        ("large", "fileres:>1000"),
        ("huge", "fileres:>2828"),
    ],
)
def test_a_size_is_searched_by_its_root(size, words):
    """Its search compares the square root of width times height."""
    _, (request,) = searched(ENGINE, stored("commons/full.json"), filters=Filters(size=size))
    assert request.params["gsrsearch"] == f"filetype:bitmap {words} harbour crane"


def test_who_wants_huge_pictures_gets_the_original():
    """A rendering is not huge."""
    page, _ = searched(ENGINE, stored("commons/full.json"), filters=Filters(size="huge"))
    second = page.finds[1]
    assert (second.url, second.width) == (
        "https://upload.commons.example/a/ab/Mill_second.jpg",
        9000,
    )
    assert second.thumbnail_url.endswith("1920px-Mill_second.jpg")


@pytest.mark.parametrize(
    ("least", "width"),
    [
        ({"min_width": 1920, "min_height": 1280}, 1920),
        ({"min_width": 1921}, 9000),
        ({"min_height": 1281}, 9000),
    ],
)
def test_a_rendering_that_is_too_small_for_the_job_is_not_taken(least, width):
    """Otherwise everything large would be fetched and thrown away."""
    page, _ = searched(ENGINE, stored("commons/full.json"), filters=Filters(**least))
    assert page.finds[1].width == width


def test_the_end_is_where_the_service_does_not_come_further():
    """A next page that begins where this one does would be asked for for ever."""
    page, _ = searched(ENGINE, saying(_page(50, {"gsroffset": 50})), "50")
    assert (len(page.finds), page.next_cursor) == (50, None)


def test_the_exact_licence_comes_before_its_short_name():
    """The short name is for people, and may say less."""
    answer = json.loads(body_of("commons/full.json"))
    facts = answer["query"]["pages"]["117"]["imageinfo"][0]["extmetadata"]
    facts["License"], facts["LicenseShortName"] = {"value": "cc0"}, {"value": "Multiple licenses"}
    page, _ = searched(ENGINE, saying(json.dumps(answer)))
    assert page.finds[0].provenance.license == "cc0"
    del facts["License"]
    page, _ = searched(ENGINE, saying(json.dumps(answer)))
    assert page.finds[0].provenance.license == "multiple-licenses"


@pytest.mark.parametrize("facts", [{"size": 26 * 1024 * 1024}, {"width": 9000, "height": 8000}])
def test_an_original_that_is_too_large_comes_as_its_rendering(facts):
    """What we would not download or open is not asked for."""
    answer = json.loads(body_of("commons/full.json"))
    answer["query"]["pages"]["455"]["imageinfo"][0].update(facts)
    page, _ = searched(ENGINE, saying(json.dumps(answer)), filters=Filters(size="huge"))
    assert page.finds[1].url.endswith("1920px-Mill_second.jpg")


def test_a_long_query_keeps_its_first_words():
    """The search refuses more than 300 characters; a phrase that does not fit goes whole."""
    query = f'{"crane " * 40}"old harbour"'
    request = next(ENGINE.steps(Ask(query, Filters())))
    assert len(request.params["gsrsearch"]) <= 300
    longer = next(ENGINE.steps(Ask(f'{query} -"{"x " * 60}"', Filters())))
    assert longer.params["gsrsearch"] == request.params["gsrsearch"]


def test_a_lag_says_how_long_to_wait():
    """A lagging MediaWiki says so with status 200, and a wait in its headers."""
    page, _ = searched(ENGINE, stored("commons/maxlag.json", retry_after_s=5000.0))
    assert (page.status, page.retry_after_s) == (EngineStatus.BLOCKED, 5000.0)
    assert "maxlag" in page.detail


def test_a_status_that_refuses_counts_whatever_the_body_says():
    """An error in words does not make a page of a fault of the service."""
    service = saying('{"error": {"code": "internal_api_error"}}', 503)
    page, _ = searched(ENGINE, service)
    assert page.status is EngineStatus.FAILED


def test_an_error_is_named():
    """Any other error of MediaWiki is named."""
    page, _ = searched(ENGINE, stored("commons/error.json"))
    assert page.status is EngineStatus.CHANGED
    assert "badoffset" in page.detail


@pytest.mark.parametrize("odd", [["image/png"], {"a": 1}, 5, None])
def test_files_of_an_odd_type_are_passed_over(odd):
    """One result with a type that is no text does not end the search."""
    info = {"url": "https://a.example/x.png"}
    pages = {
        "1": {"imageinfo": [{**info, "mime": odd}]},
        "2": {"imageinfo": [{**info, "mime": "image/png"}]},
    }
    body = json.dumps({"query": {"pages": pages}, "continue": {"gsroffset": 10**300}})
    page, _ = searched(ENGINE, saying(body))
    assert (len(page.finds), page.next_cursor) == (1, None)


def test_the_search_ends_where_the_service_refuses_to_go_on():
    """Beyond ten thousand results there is nothing to ask for."""
    page, _ = searched(ENGINE, saying(_page(9950, {"gsroffset": 10_000})), "9950")
    assert (len(page.finds), page.next_cursor) == (50, None)
