"""The picture website of the embedded stack: an engine that needs no internet."""

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
    text,
)
from pixcrawler.adapters.engines.shape import Ask, Engine, json_object, unknown_structure
from pixcrawler.domain.engine import Access, EngineCard, EngineStatus, Honour
from pixcrawler.domain.filters import FilterName
from pixcrawler.domain.source import Provenance
from pixcrawler.pipeline.engines.ports import Find, Page, Request

NAME = "local"
PAGE_SIZE = 100


class LocalEngine(Engine):
    """Searches the picture website."""

    card = EngineCard(
        name=NAME,
        title="The picture website of the embedded stack",
        access=Access.OWN,
        filters={
            FilterName.SIZE: Honour.SIFTED,
            FilterName.ASPECT: Honour.SIFTED,
            FilterName.LICENSE: Honour.SIFTED,
        },
        licensed=True,
    )

    @override
    def request(self, ask: Ask) -> Request:
        params = {"q": ask.text, "page": ask.cursor or "1", "page_size": str(PAGE_SIZE)}
        return Request(f"{self.base_url}/api/search", params)

    @override
    def read(self, body: bytes, ask: Ask) -> Page:
        answer = json_object(body)
        results = items(answer.get("results"))
        pages = answer.get("pages")
        if not isinstance(pages, int):
            raise unknown_structure()
        number = int(ask.cursor or 1)
        finds = tuple(find for result in results if (find := _find(result, self.base_url)))
        if not finds and number >= pages:
            return Page(EngineStatus.EMPTY)
        following = str(number + 1) if number < pages else None
        return Page(EngineStatus.OK, finds, following, total=count(answer.get("total")))


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
        provider_id=text(result.get("id")),
    )
    return Find(
        url,
        provenance,
        pixels(result.get("width")),
        pixels(result.get("height")),
        format_hint=format_name(result.get("filetype")),
    )
