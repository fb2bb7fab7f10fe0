"""Europeana: what is asked of it, and what its answers become."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from pixcrawler.adapters.engines.europeana import EuropeanaEngine
from pixcrawler.domain.engine import BlockKind, EngineStatus
from pixcrawler.domain.filters import Filters
from pixcrawler.domain.source import Provenance, SearchQuery
from tests.contracts.answers import paged
from tests.contracts.engine import EngineCase, EngineContract, body_of, saying, searched, stored
from tests.contracts.hostile import HOSTILE_FINDS, hostile_results

KEY = "key-of-engine"
ENGINE = EuropeanaEngine("https://engine.example/", KEY)
ITEM = json.loads(body_of("europeana/full.json"))["items"][0]


def _page(items: list, following: object = None) -> bytes:
    page = {"apikey": KEY, "success": True, "totalResults": 207, "items": items}
    return json.dumps(page if following is None else {**page, "nextCursor": following}).encode()


def _numbered(number: int, following: str | None) -> bytes:
    shown = [{"edmIsShownBy": [f"https://m.example/{number}-{n}.jpg"]} for n in range(100)]
    return _page(shown, following)


def _addressed(item, address):
    item["edmIsShownBy"] = [address]


def _refinements(request) -> list[str]:
    return parse_qs(urlsplit(request.url).query)["qf"]


class TestEuropeana(EngineContract):
    case = EngineCase(
        engine=ENGINE,
        full=stored("europeana/full.json"),
        full_finds=3,
        last=stored("europeana/last.json"),
        last_finds=1,
        last_cursor="AoJwgM2X9PkCPw4vMjA/IHN0YXJ0+a==",
        empty=stored("europeana/empty.json"),
        changed=stored("other.json"),
        broken=stored("broken.json"),
        hostile=saying(_page(hostile_results(ITEM, _addressed))),
        hostile_finds=HOSTILE_FINDS,
        whole=paged(
            "cursor",
            {
                "*": _numbered(1, "A/+1=="),
                "A/+1==": _numbered(2, "A/+2=="),
                # The end may be told by giving the same cursor again.
                "A/+2==": _numbered(3, "A/+2=="),
            },
        ),
        whole_finds=300,
        blocks={
            "bad key": (stored("europeana/bad_key.json", 401), BlockKind.DENIED),
            "bad key with status 200": (stored("europeana/bad_key.json"), BlockKind.DENIED),
            "too fast": (
                saying('{"success": false, "error": "Rate limit exceeded"}', 429),
                BlockKind.THROTTLED,
            ),
        },
        body=body_of("europeana/full.json"),
    )


def test_a_page_is_asked_for_as_documented():
    """Pictures with a file and a preview; refinements are parameters of one name."""
    _, (request,) = searched(ENGINE, stored("europeana/full.json"))
    assert request.url == "https://engine.example/record/v2/search.json?qf=TYPE%3AIMAGE"
    assert not request.follow
    assert request.params == {
        "wskey": KEY,
        "query": "harbour crane",
        "media": "true",
        "thumbnail": "true",
        "profile": "rich",
        "rows": "100",
        "cursor": "*",
    }


def test_cursors_are_sent_as_they_came():
    """They hold slashes, pluses and equals signs; encoding them is the client's business."""
    _, (request,) = searched(ENGINE, stored("europeana/last.json"), "A/+b==")
    assert request.params["cursor"] == "A/+b=="


def test_phrases_and_exclusions_are_in_lucene_s_syntax():
    """Fields, wildcards and boolean words of a keyword mean nothing to the service."""
    query = SearchQuery(
        text='"tower crane" what:* NOT ship', keyword="crane", category="c", exclude=("toy bird",)
    )
    _, (request,) = searched(ENGINE, stored("europeana/full.json"), query=query)
    assert request.params["query"] == '"tower crane" what not ship -"toy bird"'


def test_finds_have_rights_maker_and_museum():
    """Values are lists, also of one, and now and then no list; makers may be addresses."""
    page, _ = searched(ENGINE, stored("europeana/full.json"))
    assert (page.next_cursor, page.total) == ("AoJwgM2X9PkCPw4vMjA/IHN0YXJ0+a==", 207)
    first, second, third = page.finds
    assert first.url == "https://media.museum.example/cranes/1.jpg"
    assert first.thumbnail_url.startswith("https://api.europeana.example/thumbnail/")
    assert first.provenance == Provenance(
        engine="europeana",
        page_url="https://www.europeana.eu/item/2021618/crane_1",
        title="Havnekran 1",
        creator="Quayside, Ada",
        license="by-sa",
        license_url="http://creativecommons.org/licenses/by-sa/4.0/",
        attribution="Harbour Museum, via Europeana",
        provider_id="/2021618/crane_1",
    )
    assert (second.provenance.license, second.provenance.creator) == ("inc", None)
    assert (third.provenance.license, third.provenance.title) == ("pdm", "Kran")
    assert third.url == "https://media.museum.example/3.jpg"


def test_what_holds_the_key_is_not_kept():
    """Europeana writes it into the addresses of its items' pages, and into redirects."""
    assert body_of("europeana/full.json").count(KEY.encode()) > 10
    page, _ = searched(ENGINE, stored("europeana/full.json"))
    assert KEY not in repr(page)
    assert not any("redirect" in find.url for find in page.finds)


@pytest.mark.parametrize(
    ("wish", "refinements"),
    [
        ({"size": "small"}, ["IMAGE_SIZE:small"]),
        ({"size": "medium"}, ["IMAGE_SIZE:small", "IMAGE_SIZE:medium"]),
        ({"size": "large"}, ["IMAGE_SIZE:large", "IMAGE_SIZE:extra_large"]),
        ({"size": "huge"}, ["IMAGE_SIZE:extra_large"]),
        ({"aspect": "wide"}, ["IMAGE_ASPECTRATIO:landscape"]),
        ({"aspect": "tall"}, ["IMAGE_ASPECTRATIO:portrait"]),
        ({"color": "color"}, ["IMAGE_COLOUR:true"]),
        ({"color": "gray"}, ["IMAGE_GREYSCALE:true"]),
        ({"language": "no"}, ["LANGUAGE:no"]),
        ({"license": "public_domain"}, ["RIGHTS:*publicdomain*"]),
        ({"license": "free"}, []),
    ],
)
def test_wishes_are_refinements(wish, refinements):
    """Each filter is a refinement of the query; sizes name every band that overlaps."""
    filters = Filters.model_validate(wish)
    _, (request,) = searched(ENGINE, stored("europeana/full.json"), filters=filters)
    assert _refinements(request) == ["TYPE:IMAGE", *refinements]
    expected = None if filters.license == "any" else "open"
    assert request.params.get("reusability") == expected


@pytest.mark.parametrize("odd", ["/1/../../evil", "/1", "1/2", "/a b/c", 5, None, ["/1/2"]])
def test_odd_names_make_no_addresses(odd):
    """What is no record's name is not built into an address; nobody is named for nothing."""
    page, _ = searched(ENGINE, saying(_page([{**ITEM, "id": odd, "dataProvider": None}])))
    stated = page.finds[0].provenance
    assert (stated.page_url, stated.provider_id, stated.attribution) == (None, None, None)


@pytest.mark.parametrize("odd", [["a"], 5, "", "x" * 3000, "a\nb", f"next-{KEY}"])
def test_odd_cursors_end_the_search(odd):
    """A cursor is short, plain text without the key, or there is none."""
    page, _ = searched(ENGINE, saying(_page([ITEM], odd)))
    assert (page.status, page.next_cursor) == (EngineStatus.OK, None)


@pytest.mark.parametrize(
    ("status", "expected", "tries"), [(200, EngineStatus.FAILED, 3), (400, EngineStatus.CHANGED, 1)]
)
def test_other_errors_are_told_in_europeana_s_words(status, expected, tries):
    """Without the key, which the answer repeats; the status says whether to try again."""
    page, asked = searched(ENGINE, stored("europeana/broken_query.json", status))
    assert page.status is expected
    assert page.detail.endswith("Invalid query parameter (asked with ….")
    assert len(asked) == tries


@pytest.mark.parametrize("words", ["Invalid API key", "No apikey was given", "Empty wskey"])
def test_a_refused_key_told_with_status_200_is_one(words):
    """The words decide where the status does not."""
    page, _ = searched(ENGINE, saying(json.dumps({"success": False, "error": words})))
    assert (page.status, page.kind) == (EngineStatus.BLOCKED, BlockKind.DENIED)


@pytest.mark.parametrize("query", ["turkey", "key ring", "keyboard"])
def test_an_error_that_repeats_a_query_is_no_refused_key(query):
    """Otherwise one odd query would shut the engine to everybody for a while."""
    words = f"Could not parse the query: {query}"
    page, _ = searched(ENGINE, saying(json.dumps({"success": False, "error": words})))
    assert page.status is EngineStatus.FAILED


@pytest.mark.parametrize("words", ["Rate limit exceeded", "Quota reached", "Too many requests"])
def test_a_limit_told_with_status_200_is_one(words):
    """The words decide where the status does not."""
    page, _ = searched(ENGINE, saying(json.dumps({"success": False, "error": words})))
    assert (page.status, page.kind) == (EngineStatus.BLOCKED, BlockKind.THROTTLED)
