"""GBIF: photographs of species from museums, herbaria and observers, without a key.

Source: GBIF's API documentation (species/match, species/search, occurrence/search) and answers
recorded by pygbif. A page takes up to three requests: the name becomes the key of a taxon first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from typing_extensions import override

from pixcrawler.adapters.engines.fields import (
    address,
    count,
    format_name,
    items,
    license_code,
    text,
)
from pixcrawler.adapters.engines.shape import (
    Ask,
    Engine,
    Steps,
    json_object,
    unknown_structure,
)
from pixcrawler.domain.engine import Access, EngineCard, EngineStatus, Honour, Quota
from pixcrawler.domain.filters import FilterName
from pixcrawler.domain.source import Provenance
from pixcrawler.pipeline.engines.ports import Find, Page, Request

NAME = "gbif"
PAGE_SIZE = 100
"""Occurrences; each may have several pictures."""
MAX_OFFSET = 100_000
MAX_MEDIA = 10
"""Of one occurrence: more show the same thing again."""
BACKBONE = "d7dddbf4-2cf0-4f39-9b2a-bb099caae36c"
"""GBIF's own list of species."""
_EXACT, _FUZZY = "EXACT", "FUZZY"
"""Any other match is a wider group than the one that was named."""


class GbifEngine(Engine):
    """Searches occurrences by the name of a species or group, scientific or common."""

    card = EngineCard(
        name=NAME,
        title="GBIF",
        access=Access.OPEN,
        base_url="https://api.gbif.org",
        homepage="https://www.gbif.org",
        terms_url="https://www.gbif.org/terms",
        filters={FilterName.LICENSE: Honour.SIFTED},
        max_results=MAX_OFFSET,
        quotas=(Quota(requests=1, seconds=1),),
        names_only=True,
        licensed=True,
    )

    @override
    def steps(self, ask: Ask) -> Steps:
        if ask.cursor is not None:
            answer = yield self.request(ask)
            return self.read(answer.body, ask)
        answer = yield Request(f"{self.base_url}/v1/species/match", {"name": ask.text})
        key = _matched(answer.body, ask.text)
        if key is None:
            answer = yield self._by_common_name(ask.text)
            key = _called(answer.body, ask.text)
        if key is None:
            return Page(EngineStatus.EMPTY)
        first = replace(ask, cursor=f"{key}:0")
        answer = yield self.request(first)
        return self.read(answer.body, first)

    @override
    def request(self, ask: Ask) -> Request:
        key, offset = _place(ask.cursor)
        params = {
            "taxonKey": str(key),
            "mediaType": "StillImage",
            "limit": str(PAGE_SIZE),
            "offset": str(offset),
        }
        return Request(f"{self.base_url}/v1/occurrence/search", params)

    @override
    def read(self, body: bytes, ask: Ask) -> Page:
        answer = json_object(body)
        seen, is_last = items(answer.get("results")), answer.get("endOfRecords")
        if not isinstance(is_last, bool):
            raise unknown_structure()
        if not seen:
            return Page(EngineStatus.EMPTY)
        finds = tuple(find for occurrence in seen for find in _finds(occurrence))
        key, offset = _place(ask.cursor)
        following = offset + PAGE_SIZE
        ends = is_last or key == 0 or following + PAGE_SIZE > MAX_OFFSET
        return Page(
            EngineStatus.OK,
            finds,
            None if ends else f"{key}:{following}",
            total=count(answer.get("count")),
        )

    def _by_common_name(self, name: str) -> Request:
        params = {"q": name, "qField": "VERNACULAR", "datasetKey": BACKBONE, "limit": "20"}
        return Request(f"{self.base_url}/v1/species/search", params)


def _place(cursor: str | None) -> tuple[int, int]:
    """The key of the taxon and the offset; no key for a page that somebody saved."""
    key, _, offset = (cursor or "0:0").partition(":")
    return int(key), int(offset)


def _matched(body: bytes, name: str) -> int | None:
    """The key of the taxon that has exactly this scientific name, or nearly."""
    answer = json_object(body)
    match = text(answer.get("matchType"))
    if match is None:
        raise unknown_structure()
    # Of a single word a letter less or more is mostly another genus, or what people call it.
    if match != _EXACT and (match != _FUZZY or len(name.split()) == 1):
        return None
    # By an old name only those are found that were recorded under it.
    return count(answer.get("acceptedUsageKey")) or count(answer.get("usageKey")) or None


def _called(body: bytes, name: str) -> int | None:
    """The key of the first taxon that somebody calls exactly this."""
    wanted = name.casefold()
    for taxon in items(json_object(body).get("results")):
        names = taxon.get("vernacularNames")
        said = (one for one in names if isinstance(one, dict)) if isinstance(names, list) else ()
        if any((text(one.get("vernacularName")) or "").casefold() == wanted for one in said):
            return count(taxon.get("nubKey")) or count(taxon.get("key")) or None
    return None


def _finds(occurrence: dict[str, Any]) -> Iterator[Find]:
    media = occurrence.get("media")
    for medium in islice(media if isinstance(media, list) else (), MAX_MEDIA):
        if isinstance(medium, dict) and medium.get("type") == "StillImage":
            find = _find(medium, occurrence)
            if find is not None:
                yield find


def _find(medium: dict[str, Any], occurrence: dict[str, Any]) -> Find | None:
    url = address(medium.get("identifier"))
    if url is None:
        return None
    number = count(occurrence.get("key"))
    own_page = f"https://www.gbif.org/occurrence/{number}" if number else None
    said = text(medium.get("license"))
    provenance = Provenance(
        engine=NAME,
        page_url=address(medium.get("references")) or own_page,
        title=text(medium.get("title")) or text(occurrence.get("scientificName")),
        creator=text(medium.get("creator")) or text(medium.get("rightsHolder")),
        license=license_code(said),
        license_url=address(said),
        provider_id=str(number) if number else None,
    )
    return Find(url, provenance, format_hint=format_name(medium.get("format")))
