"""Smithsonian Open Access: pictures of its museums that nobody owns, for a key of api.data.gov.

Source: the documentation at edan.si.edu/openaccess and stored records of the API; the records
hold their pictures deep inside, several for one object.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typing_extensions import override

from pixcrawler.adapters.engines.blocks import blocked
from pixcrawler.adapters.engines.fields import address, count, inside, items, pixels, text
from pixcrawler.adapters.engines.keyed import KeyedEngine, is_usable, note_of
from pixcrawler.adapters.engines.lucene import lucene_query
from pixcrawler.adapters.engines.shape import Ask, json_object, unknown_structure
from pixcrawler.domain.engine import Access, BlockKind, EngineCard, EngineStatus, Honour, Quota
from pixcrawler.domain.filters import FilterName
from pixcrawler.domain.source import Provenance
from pixcrawler.pipeline.engines.ports import Answer, Find, Page, Request

NAME = "smithsonian"
PAGE_SIZE = 100
"""Of at most 1,000: a record with many pictures takes tens of kilobytes."""
MAX_MEDIA = 12
"""Of one object: a scanned book has hundreds of pages."""
LICENSE_URL = "https://creativecommons.org/publicdomain/zero/1.0/"
_MAKERS = frozenset({"artist", "photographer", "creator", "maker", "designer", "illustrator",
                     "author", "printmaker", "sculptor", "painter"})  # fmt: skip
_KEY_CODES = frozenset({"API_KEY_MISSING", "API_KEY_INVALID", "API_KEY_DISABLED",
                        "API_KEY_UNAUTHORIZED", "API_KEY_UNVERIFIED"})  # fmt: skip


class SmithsonianEngine(KeyedEngine):
    """Searches the Smithsonian Open Access API."""

    card = EngineCard(
        name=NAME,
        title="Smithsonian Open Access",
        access=Access.KEY,
        base_url="https://api.si.edu",
        homepage="https://www.si.edu/openaccess",
        terms_url="https://www.si.edu/openaccess/faq",
        terms="Only pictures are asked for that the Smithsonian has given up its rights in (CC0). "
        "The key is one of api.data.gov.",
        filters={FilterName.LICENSE: Honour.SIFTED},
        quotas=(Quota(requests=1000, seconds=3600),),
        operators=True,
        licensed=True,
    )

    @override
    def request(self, ask: Ask) -> Request:
        words = lucene_query(ask.text)
        params = {
            "api_key": self.key,
            "q": f"({words}) AND online_media_type:Images AND media_usage:CC0",
            "start": ask.cursor or "0",
            "rows": str(PAGE_SIZE),
        }
        return self.get("/openaccess/api/v1.0/search", params)

    @override
    def refusal(self, answer: Answer) -> Page | None:
        code = text(inside(note_of(answer), "error").get("code"))
        if code == "OVER_RATE_LIMIT":
            return blocked(
                BlockKind.QUOTA, f"{self.card.title}: the requests of the hour are used up"
            )
        if code in _KEY_CODES:
            return blocked(BlockKind.DENIED, f"{self.card.title} refused the key ({code})")
        return None

    @override
    def results(self, body: bytes, ask: Ask) -> Page:
        response = json_object(body).get("response")
        total = count(response.get("rowCount")) if isinstance(response, dict) else None
        if not isinstance(response, dict) or total is None:
            raise unknown_structure()
        rows = items(response.get("rows"))
        if not rows:
            return Page(EngineStatus.EMPTY)
        start = int(ask.cursor or 0) + PAGE_SIZE
        finds = tuple(find for row in rows for find in _finds(row))
        return Page(EngineStatus.OK, finds, str(start) if start < total else None, total=total)


def _finds(row: dict[str, Any]) -> Iterator[Find]:
    """One find for each picture of an object."""
    told = inside(row, "content", "descriptiveNonRepeating")
    media = inside(told, "online_media").get("media")
    listed = media[:MAX_MEDIA] if isinstance(media, list) else []
    for medium in listed:
        is_free = inside(medium, "usage").get("access") == "CC0"
        if is_free and isinstance(medium, dict) and medium.get("type") == "Images":
            url, width, height = _picture(medium)
            if url:
                provenance = _provenance(row, told, medium)
                thumbnail = address(medium.get("thumbnail"))
                yield Find(url, provenance, width, height, thumbnail_url=thumbnail)


def _picture(medium: dict[str, Any]) -> tuple[str | None, int | None, int | None]:
    """Address and size of the full JPEG where one is listed, otherwise what is shown."""
    resources = medium.get("resources")
    for one in resources[:20] if isinstance(resources, list) else []:
        if isinstance(one, dict) and one.get("label") == "High-resolution JPEG":
            url = address(one.get("url"))
            width, height = pixels(one.get("width")), pixels(one.get("height"))
            if url and is_usable(width, height):
                return url, width, height
    return address(medium.get("content")), None, None


def _provenance(row: dict[str, Any], told: dict[str, Any], medium: dict[str, Any]) -> Provenance:
    return Provenance(
        engine=NAME,
        page_url=address(told.get("record_link")) or address(told.get("guid")),
        title=text(inside(told, "title").get("content")) or text(row.get("title")),
        creator=_creator(inside(row, "content", "freetext").get("name")),
        license="cc0",
        license_url=LICENSE_URL,
        attribution=text(told.get("data_source")),
        provider_id=text(medium.get("idsId")) or text(told.get("record_ID")),
    )


def _creator(names: Any) -> str | None:
    """Among the names of a record are those of collectors and donors as well."""
    for one in names[:50] if isinstance(names, list) else []:
        if isinstance(one, dict) and (text(one.get("label")) or "").lower() in _MAKERS:
            return text(one.get("content"))
    return None
