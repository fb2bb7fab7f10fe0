"""Openverse: openly licensed pictures of many collections, without a key.

Source: the API documentation at api.openverse.org (20 results a page and 20 pages without a key).
"""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from pixcrawler.adapters.engines.fields import address, items, license_code, pixels, text
from pixcrawler.adapters.engines.shape import Ask, Engine, json_object, unknown_structure
from pixcrawler.domain.engine import Access, EngineCard, EngineStatus, Quota
from pixcrawler.domain.source import Provenance
from pixcrawler.pipeline.engine_ports import Find, Page, Request

NAME = "openverse"
PAGE_SIZE = 20
"""More than 20 without a key is refused with 401."""
MAX_PAGES = 20


class OpenverseEngine(Engine):
    """Searches the Openverse API."""

    card = EngineCard(
        name=NAME,
        title="Openverse",
        access=Access.OPEN,
        base_url="https://api.openverse.org",
        max_results=PAGE_SIZE * MAX_PAGES,
        quotas=(Quota(requests=20, seconds=60), Quota(requests=200, seconds=86_400)),
        licensed=True,
    )

    @override
    def request(self, ask: Ask) -> Request:
        params = {
            "q": ask.text,
            "page": ask.cursor or "1",
            "page_size": str(PAGE_SIZE),
            "mature": "false" if ask.filters.safe_search else "true",
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
        finds = tuple(find for result in results if (find := _find(result)))
        is_last = number >= min(pages, MAX_PAGES)
        return Page(EngineStatus.OK, finds, None if is_last else str(number + 1))


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
    )
    return Find(url, provenance, pixels(result.get("width")), pixels(result.get("height")))
