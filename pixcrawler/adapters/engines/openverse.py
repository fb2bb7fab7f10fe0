"""Openverse: openly licensed pictures of many collections, without a key.

Source: the API documentation at api.openverse.org and the serializers of its repository: 20
results a page and 240 of a query without a key, sizes of 640 x 480 and 1600 x 900 pixels.
"""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from pixcrawler.adapters.engines.fields import (
    address,
    count,
    format_name,
    items,
    license_code,
    pixels,
    shortened,
    text,
    total,
)
from pixcrawler.adapters.engines.shape import Ask, Engine, json_object, unknown_structure
from pixcrawler.domain.engine import Access, EngineCard, EngineStatus, Honour, Quota
from pixcrawler.domain.filters import FilterName, Filters
from pixcrawler.domain.source import Provenance
from pixcrawler.pipeline.engines.ports import Find, Page, Request

NAME = "openverse"
PAGE_SIZE = 20
"""More than 20 without a key is refused with 401."""
MAX_PAGES = 12
MAX_RESULTS = PAGE_SIZE * MAX_PAGES
QUERY_MAX_CHARS = 200
_LICENSES = {
    "any": "",
    "open": "by,by-nc,by-nc-nd,by-nc-sa,by-nd,by-sa,cc0,pdm",
    "commercial": "by,by-nd,by-sa,cc0,pdm",
    "modification": "by,by-nc,by-nc-sa,by-sa,cc0,pdm",
    "free": "by,by-sa,cc0,pdm",
    "public_domain": "cc0,pdm",
}
# Its bands end elsewhere than ours: those that overlap are asked for.
_SIZES = {"any": "", "small": "small", "medium": "small,medium", "large": "medium,large",
          "huge": "large"}  # fmt: skip
_ASPECTS = {"any": "", "square": "square", "wide": "wide", "tall": "tall"}
_CATEGORIES = {"photo": "photograph", "clipart": "illustration",
               "drawing": "illustration,digitized_artwork"}  # fmt: skip


class OpenverseEngine(Engine):
    """Searches the Openverse API."""

    card = EngineCard(
        name=NAME,
        title="Openverse",
        access=Access.OPEN,
        base_url="https://api.openverse.org",
        homepage="https://openverse.org",
        terms_url="https://docs.openverse.org/terms_of_service.html",
        filters={
            FilterName.SIZE: Honour.SEARCHED,
            FilterName.ASPECT: Honour.SEARCHED,
            FilterName.TYPE: Honour.SEARCHED,
            FilterName.LICENSE: Honour.SEARCHED,
            FilterName.SAFE_SEARCH: Honour.SEARCHED,
        },
        lacks={FilterName.TYPE: ("face",)},
        max_results=MAX_RESULTS,
        shards=(FilterName.ASPECT, FilterName.SIZE, FilterName.TYPE, FilterName.LICENSE),
        quotas=(Quota(requests=20, seconds=60), Quota(requests=200, seconds=86_400)),
        operators=True,
        licensed=True,
    )

    @override
    def request(self, ask: Ask) -> Request:
        params = {
            "q": shortened(ask.text, QUERY_MAX_CHARS),
            "page": ask.cursor or "1",
            "page_size": str(PAGE_SIZE),
            **_wishes(ask.filters),
        }
        return Request(f"{self.base_url}/v1/images/", params)

    @override
    def read(self, body: bytes, ask: Ask) -> Page:
        answer = json_object(body)
        results = items(answer.get("results"))
        pages = answer.get("page_count")
        if not isinstance(pages, int):
            raise unknown_structure()
        if not results:
            return Page(EngineStatus.EMPTY)
        number = int(ask.cursor or 1)
        is_safe = ask.filters.safe_search
        finds = tuple(
            find
            for result in results
            if not (is_safe and result.get("mature")) and (find := _find(result))
        )
        following = None if number >= min(pages, MAX_PAGES) else str(number + 1)
        there_are = total(answer.get("result_count"), MAX_RESULTS)
        return Page(EngineStatus.OK, finds, following, total=there_are)


def _wishes(filters: Filters) -> dict[str, str]:
    wishes = {
        # Whatever it says counts as true there, "false" as well: safe is who does not send it.
        "mature": "" if filters.safe_search else "true",
        "license": _LICENSES[filters.license],
        "size": _SIZES[filters.size],
        "aspect_ratio": _ASPECTS[filters.aspect],
        "category": _CATEGORIES.get(filters.type, ""),
    }
    return {name: value for name, value in wishes.items() if value}


def _find(result: dict[str, Any]) -> Find | None:
    url = address(result.get("url"))
    if url is None:
        return None
    provenance = Provenance(
        engine=NAME,
        page_url=address(result.get("foreign_landing_url")),
        title=text(result.get("title")),
        creator=text(result.get("creator")),
        creator_url=address(result.get("creator_url")),
        license=license_code(result.get("license")),
        license_url=address(result.get("license_url")),
        attribution=text(result.get("attribution")),
        provider_id=text(result.get("id")),
    )
    return Find(
        url,
        provenance,
        pixels(result.get("width")),
        pixels(result.get("height")),
        thumbnail_url=address(result.get("thumbnail")),
        format_hint=format_name(result.get("filetype")),
        bytes_hint=count(result.get("filesize")) or None,
    )
