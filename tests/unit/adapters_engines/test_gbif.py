"""GBIF: what is asked of it, and what its answers become."""

from __future__ import annotations

import json

import pytest

from pixcrawler.adapters.engines.gbif import GbifEngine
from pixcrawler.adapters.engines.saved import read_saved
from pixcrawler.domain.engine import EngineStatus
from pixcrawler.domain.source import Provenance, SearchQuery
from pixcrawler.pipeline.engines.ports import Answer, Request
from tests.contracts.answers import Service, body_of, saying, stored
from tests.contracts.engine import EngineCase, EngineContract, searched

ENGINE = GbifEngine("https://engine.example")


def _gbif(found: Service, match: str = "match", names: str = "names_none") -> Service:
    """The three interfaces that a page takes."""
    interfaces = {
        "/v1/species/match": stored(f"gbif/{match}.json"),
        "/v1/species/search": stored(f"gbif/{names}.json"),
        "/v1/occurrence/search": found,
    }
    return lambda request: interfaces[request.url.removeprefix("https://engine.example")](request)


def _whole(request: Request) -> Answer:
    offset = int(request.params["offset"])
    seen = [
        {
            "key": offset + n + 1,
            "media": [{"type": "StillImage", "identifier": f"https://h.example/{offset + n}.jpg"}],
        }
        for n in range(100)
    ]
    return Answer(200, json.dumps({"endOfRecords": offset >= 200, "results": seen}).encode())


class TestGbif(EngineContract):
    case = EngineCase(
        engine=ENGINE,
        full=_gbif(stored("gbif/full.json")),
        full_finds=4,
        last=_gbif(stored("gbif/last.json")),
        last_finds=1,
        last_cursor="4001:300",
        empty=_gbif(stored("gbif/empty.json")),
        changed=stored("other.json"),
        broken=_gbif(stored("broken.json")),
        hostile=_gbif(stored("gbif/hostile.json")),
        hostile_finds=2,
        whole=_gbif(_whole),
        whole_finds=300,
        body=body_of("gbif/full.json"),
    )


def test_a_scientific_name_becomes_a_taxon_and_its_pictures():
    """Two requests for the first page, one for any other; the cursor holds the taxon."""
    page, asked = searched(ENGINE, _gbif(stored("gbif/full.json")))
    match, search = asked
    assert (match.url, match.params) == (
        "https://engine.example/v1/species/match",
        {"name": "harbour crane"},
    )
    assert search.params == {
        "taxonKey": "4001",
        "mediaType": "StillImage",
        "limit": "100",
        "offset": "0",
    }
    assert (page.next_cursor, page.total, page.requests) == ("4001:100", 345, 2)
    page, asked = searched(ENGINE, _gbif(stored("gbif/full.json")), page.next_cursor)
    assert [request.params["offset"] for request in asked] == ["100"]
    assert page.next_cursor == "4001:200"


@pytest.mark.parametrize("match", ["match_none", "match_wider"])
def test_a_common_name_is_looked_up(match):
    """What is no scientific name, or only part of one, may be what people call it."""
    page, asked = searched(ENGINE, _gbif(stored("gbif/full.json"), match, "names"))
    assert len(asked) == 3
    assert asked[1].params == {
        "q": "harbour crane",
        "qField": "VERNACULAR",
        "datasetKey": "d7dddbf4-2cf0-4f39-9b2a-bb099caae36c",
        "limit": "20",
    }
    assert asked[2].params["taxonKey"] == "4001"
    assert page.status is EngineStatus.OK


@pytest.mark.parametrize(
    ("name", "match", "key"),
    [
        ("Papilio machaon", {"matchType": "EXACT", "usageKey": 7}, "7"),
        ("Papilio machaonn", {"matchType": "FUZZY", "usageKey": 7}, "7"),
        ("Boletus satanas", {"matchType": "EXACT", "usageKey": 8, "acceptedUsageKey": 9}, "9"),
        ("heron", {"matchType": "EXACT", "usageKey": 7}, "7"),
        ("heron", {"matchType": "FUZZY", "usageKey": 7}, None),
        ("Papilio machaon", {"matchType": "EXACT", "usageKey": 0}, None),
    ],
)
def test_a_match_counts_when_it_is_the_thing_itself(name, match, key):
    """A single word that is nearly a genus is mostly a common name; an old name leads to the new.

    By the key of an old name, GBIF lists only what was recorded under it.
    """
    query = SearchQuery(text=name, keyword=name, category="x")

    def play(request):
        if request.url.endswith("/species/match"):
            return saying(json.dumps(match))(request)
        return _gbif(stored("gbif/full.json"))(request)

    _, asked = searched(ENGINE, play, query=query)
    assert asked[-1].params.get("taxonKey") == key


def test_a_common_name_leads_to_gbif_s_own_key():
    """The list that names the taxon may not be the one that occurrences are filed under."""
    taxa = [{"key": 1, "nubKey": 2, "vernacularNames": [{"vernacularName": "Harbour Crane"}]}]

    def play(request):
        if request.url.endswith("/species/search"):
            return saying(json.dumps({"results": taxa}))(request)
        return _gbif(stored("gbif/full.json"), "match_none")(request)

    _, asked = searched(ENGINE, play)
    assert asked[-1].params["taxonKey"] == "2"


@pytest.mark.parametrize("match", ["match_none", "match_wider"])
def test_a_name_that_nothing_has_finds_nothing(match):
    """A wider group than the one that was named would have the wrong pictures."""
    page, asked = searched(ENGINE, _gbif(stored("gbif/full.json"), match))
    assert (page.status, page.finds, len(asked)) == (EngineStatus.EMPTY, (), 2)


def test_pictures_have_their_own_licence_and_creator():
    """Licences are named or linked, for each picture; sounds are left out."""
    page, _ = searched(ENGINE, _gbif(stored("gbif/full.json")))
    assert [(find.url, find.provenance.license) for find in page.finds] == [
        ("https://herbarium.example/media/501-1.jpg", "by"),
        ("https://herbarium.example/media/501-2.jpg", "cc0"),
        ("https://museum.example/502.png", None),
        ("https://museum.example/503.jpg", "©-meadow-museum"),
    ]
    first, second, third, _ = page.finds
    assert first.provenance == Provenance(
        engine="gbif",
        page_url="https://herbarium.example/records/501",
        title="Cap from above",
        creator="Ida Meadow",
        license="by",
        license_url="http://creativecommons.org/licenses/by/4.0/",
        provider_id="501",
    )
    assert second.provenance.page_url == "https://www.gbif.org/occurrence/501"
    assert second.provenance.title == "Fungella rubra Meadow"
    assert (third.provenance.creator, third.format_hint) == ("Meadow Museum", "png")


def test_a_saved_answer_leads_nowhere():
    """An answer alone does not say which taxon it is of."""
    page = read_saved(ENGINE, body_of("gbif/full.json"))
    assert (len(page.finds), page.next_cursor) == (4, None)


def test_it_stops_where_the_service_does():
    """Beyond a hundred thousand occurrences it refuses to go on."""
    page, _ = searched(ENGINE, _gbif(stored("gbif/full.json")), "4001:99900")
    assert (page.status, page.next_cursor) == (EngineStatus.OK, None)


@pytest.mark.parametrize("names", [5, "text", [None, 7, {"vernacularName": 3}], {"a": 1}])
def test_odd_common_names_are_passed_over(names):
    """Whatever the list of names is, the next taxon is looked at."""
    taxa = [
        {"key": 1, "vernacularNames": names},
        {"key": 2, "vernacularNames": [{"vernacularName": "Harbour crane"}]},
    ]

    def play(request):
        if request.url.endswith("/species/search"):
            return saying(json.dumps({"results": taxa}))(request)
        return _gbif(stored("gbif/full.json"), "match_none")(request)

    _, asked = searched(ENGINE, play)
    assert asked[-1].params["taxonKey"] == "2"
