"""Wikimedia Commons: freely licensed files of the Wikimedia projects, without a key.

Source: the MediaWiki Action API (generator=search, prop=imageinfo) and its etiquette: a
User-Agent that can be reached, one request at a time, maxlag, Retry-After.
"""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from pixcrawler.adapters.engines.blocks import blocked
from pixcrawler.adapters.engines.fields import MAX_ITEMS, address, license_code, pixels, plain, text
from pixcrawler.adapters.engines.shape import Ask, Engine, json_object, unknown_structure
from pixcrawler.domain.engine import Access, BlockKind, EngineCard, EngineStatus
from pixcrawler.domain.source import Provenance
from pixcrawler.pipeline.engine_ports import Find, Page, Request

NAME = "commons"
PAGE_SIZE = 50
THUMB_WIDTH_PX = 2000
"""Originals may be huge scans: of anything wider, this rendering is fetched."""
_MEDIA_TYPES = frozenset({"image/jpeg", "image/png", "image/webp"})
_BUSY = frozenset({"maxlag", "ratelimited", "readonly"})
_PLACE_OF_LAST = 10**9
_CODE_CHARS = 60


class CommonsEngine(Engine):
    """Searches a MediaWiki."""

    card = EngineCard(
        name=NAME,
        title="Wikimedia Commons",
        access=Access.OPEN,
        base_url="https://commons.wikimedia.org",
        max_results=10_000,
        licensed=True,
    )

    @override
    def request(self, ask: Ask) -> Request:
        params = {
            "action": "query",
            "format": "json",
            "maxlag": "5",
            "generator": "search",
            "gsrsearch": f"filetype:bitmap {ask.text}",
            "gsrnamespace": "6",
            "gsrlimit": str(PAGE_SIZE),
            "gsroffset": ask.cursor or "0",
            "prop": "imageinfo",
            "iiprop": "url|size|mime|mediatype|user|extmetadata",
            "iiurlwidth": str(THUMB_WIDTH_PX),
        }
        return Request(f"{self.base_url}/w/api.php", params)

    @override
    def read(self, body: bytes, ask: Ask) -> Page:
        answer = json_object(body)
        if "error" in answer:
            return _refusal(answer["error"])
        follows = answer.get("continue")
        if "query" not in answer:
            if "batchcomplete" in answer or isinstance(follows, dict):
                return Page(EngineStatus.EMPTY)
            raise unknown_structure()
        query = answer["query"]
        pages = query.get("pages") if isinstance(query, dict) else None
        if not isinstance(pages, dict):
            raise unknown_structure()
        listed = sorted((page for page in pages.values() if isinstance(page, dict)), key=_place)
        finds = tuple(find for page in listed[:MAX_ITEMS] if (find := _find(page)))
        return Page(EngineStatus.OK, finds, _offset(follows))


def _refusal(error: Any) -> Page:
    """What MediaWiki says with status 200."""
    code = (text(error.get("code")) or "")[:_CODE_CHARS] if isinstance(error, dict) else ""
    if code in _BUSY:
        return blocked(BlockKind.THROTTLED, f"Wikimedia Commons is busy ({code})")
    raise ValueError(f"answered with the error {code or 'without a code'}")


def _offset(follows: Any) -> str | None:
    offset = follows.get("gsroffset") if isinstance(follows, dict) else None
    return str(offset) if isinstance(offset, int) and 0 < offset < _PLACE_OF_LAST else None


def _place(page: dict[str, Any]) -> int:
    """The pages come in no order: ``index`` is the place among the results."""
    index = page.get("index")
    return index if isinstance(index, int) else _PLACE_OF_LAST


def _find(page: dict[str, Any]) -> Find | None:
    shown = page.get("imageinfo")
    info = shown[0] if isinstance(shown, list) and shown else None
    if not isinstance(info, dict) or text(info.get("mime")) not in _MEDIA_TYPES:
        return None
    url, width, height = _rendering(info)
    if url is None:
        return None
    said = info.get("extmetadata")
    facts = said if isinstance(said, dict) else {}
    name = text(page.get("title"))
    provenance = Provenance(
        engine=NAME,
        page_url=address(info.get("descriptionurl"), "https:"),
        title=plain(_value(facts, "ObjectName")) or (name and name.removeprefix("File:")),
        creator=plain(_value(facts, "Artist")) or text(info.get("user")),
        license=license_code(_value(facts, "License") or _value(facts, "LicenseShortName")),
        license_url=address(_value(facts, "LicenseUrl"), "https:"),
        attribution=plain(_value(facts, "Attribution") or _value(facts, "Credit")),
    )
    return Find(url, provenance, width, height)


def _rendering(info: dict[str, Any]) -> tuple[str | None, int | None, int | None]:
    """Address and size of the original, or of a smaller rendering when it is very wide."""
    width, height = pixels(info.get("width")), pixels(info.get("height"))
    thumb = address(info.get("thumburl"), "https:")
    if thumb and width and width > THUMB_WIDTH_PX:
        return thumb, pixels(info.get("thumbwidth")), pixels(info.get("thumbheight"))
    return address(info.get("url"), "https:"), width, height


def _value(facts: dict[str, Any], name: str) -> Any:
    fact = facts.get(name)
    return fact.get("value") if isinstance(fact, dict) else None
