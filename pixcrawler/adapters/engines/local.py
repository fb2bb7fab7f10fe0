"""The picture website of the embedded stack: an engine that needs no internet."""

from __future__ import annotations

from typing import Any

from pixcrawler.adapters.engines.answers import Api, ask
from pixcrawler.adapters.engines.fields import address, items, license_code, pixels, text
from pixcrawler.domain.source import EngineStatus, Provenance, SearchQuery
from pixcrawler.pipeline.ports import Find, Page

NAME = "local"
PAGE_SIZE = 100


class LocalEngine:
    """Searches the picture website at ``base_url``."""

    name = NAME

    def __init__(self, api: Api, base_url: str) -> None:
        self._api = api
        self._base = base_url.rstrip("/")

    def search(self, query: SearchQuery, cursor: str | None, *, safe: bool) -> Page:  # noqa: ARG002 - it shows nothing unsafe
        """Return one page of finds; the cursor is the page's number."""
        number = int(cursor or 1)
        params = {"q": query.text, "page": str(number), "page_size": str(PAGE_SIZE)}
        url = f"{self._base}/api/search"
        return ask(self._api, url, params, lambda found: read_page(found, number, self._base))


def read_page(answer: dict[str, Any], number: int, base: str) -> Page:
    """Return the finds of an answer.

    Raises:
        ValueError: the answer has no known structure.
    """
    results = items(answer.get("results"))
    pages = answer.get("pages")
    if not isinstance(pages, int):
        raise ValueError("answered with JSON of an unknown structure")  # noqa: TRY004 - no bug
    finds = tuple(find for result in results if (find := _find(result, base)))
    if not finds and number >= pages:
        return Page(EngineStatus.EMPTY)
    return Page(EngineStatus.OK, finds, str(number + 1) if number < pages else None)


def _find(result: dict[str, Any], base: str) -> Find | None:
    url = address(result.get("url"), base)
    if url is None:
        return None
    provenance = Provenance(
        engine=NAME,
        page_url=address(result.get("page_url"), base),
        title=text(result.get("title")),
        creator=text(result.get("creator")),
        license=license_code(result.get("license")),
        license_url=address(result.get("license_url"), base),
    )
    return Find(url, provenance, pixels(result.get("width")), pixels(result.get("height")))
