"""Openverse: openly licensed pictures of many collections, without a key.

Source: the API documentation at api.openverse.org (20 results a page and 20 pages without a key).
"""

from __future__ import annotations

from typing import Any

from pixcrawler.adapters.engines.answers import Api, ask
from pixcrawler.adapters.engines.fields import address, items, license_code, pixels, text
from pixcrawler.domain.source import EngineStatus, Provenance, SearchQuery
from pixcrawler.pipeline.ports import Find, Page

NAME = "openverse"
PAGE_SIZE = 20
"""More than 20 without a key is refused with 401."""
MAX_PAGES = 20


class OpenverseEngine:
    """Searches the Openverse API at ``base_url``."""

    name = NAME

    def __init__(self, api: Api, base_url: str) -> None:
        self._api = api
        self._url = f"{base_url.rstrip('/')}/v1/images/"

    def search(self, query: SearchQuery, cursor: str | None, *, safe: bool) -> Page:
        """Return one page of finds; the cursor is the page's number."""
        number = int(cursor or 1)
        params = {
            "q": query.text,
            "page": str(number),
            "page_size": str(PAGE_SIZE),
            "mature": "false" if safe else "true",
        }
        return ask(self._api, self._url, params, lambda found: read_page(found, number))


def read_page(answer: dict[str, Any], number: int) -> Page:
    """Return the finds of an answer.

    Raises:
        ValueError: the answer has no known structure.
    """
    results = items(answer.get("results"))
    pages = answer.get("page_count")
    if not isinstance(pages, int):
        raise ValueError("answered with JSON of an unknown structure")  # noqa: TRY004 - no bug
    if not results:
        return Page(EngineStatus.EMPTY)
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
