"""Wikimedia Commons: freely licensed files of the Wikimedia projects, without a key.

Source: the MediaWiki Action API (generator=search, prop=imageinfo), the file keywords of its
CirrusSearch extension, mediawiki.org's Common thumbnail sizes, and its etiquette: a User-Agent
that can be reached, one request at a time, maxlag, Retry-After.
"""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from pixcrawler.adapters.engines.blocks import blocked
from pixcrawler.adapters.engines.fields import (
    MAX_ITEMS,
    address,
    count,
    day,
    format_name,
    license_code,
    pixels,
    plain,
    shortened,
    text,
)
from pixcrawler.adapters.engines.shape import Ask, Engine, json_object, unknown_structure
from pixcrawler.domain.engine import (
    Access,
    BlockKind,
    EngineCard,
    EngineStatus,
    Honour,
    Quota,
)
from pixcrawler.domain.filters import FilterName, Filters
from pixcrawler.domain.source import Provenance
from pixcrawler.pipeline.engines.ports import Answer, Find, Page, Request
from pixcrawler.pipeline.limits import IMAGE_MAX_BYTES, IMAGE_MAX_PIXELS

NAME = "commons"
PAGE_SIZE = 50
MAX_OFFSET = 10_000
QUERY_MAX_CHARS = 300
THUMB_WIDTH_PX = 1920
"""Originals may be huge scans: of anything wider, this rendering is fetched. One of the widths that
Wikimedia has since January 2026; of any other it gives the next larger, and calls it the asked."""
# By the square root of width x height. Of what is large, renderings are: no upper end.
_SIZES = {"any": "", "small": " fileres:<317", "medium": " fileres:316,1000",
          "large": " fileres:>1000", "huge": " fileres:>2828"}  # fmt: skip
_MEDIA_TYPES = frozenset({"image/jpeg", "image/png", "image/webp"})
_FACTS = ("ObjectName", "Artist", "License", "LicenseShortName", "LicenseUrl", "Attribution",
          "Credit")  # fmt: skip
"""What is read of the many that there are, descriptions in every language among them."""
_BUSY = frozenset({"maxlag", "ratelimited", "readonly", "cirrussearch-too-busy-error"})
_PLACE_OF_LAST = 10**9
_CODE_CHARS = 60


class CommonsEngine(Engine):
    """Searches a MediaWiki."""

    card = EngineCard(
        name=NAME,
        title="Wikimedia Commons",
        access=Access.OPEN,
        base_url="https://commons.wikimedia.org",
        homepage="https://commons.wikimedia.org",
        terms_url="https://foundation.wikimedia.org/wiki/Policy:Terms_of_Use",
        filters={
            FilterName.SIZE: Honour.SEARCHED,
            FilterName.ASPECT: Honour.SIFTED,
            FilterName.LICENSE: Honour.SIFTED,
            FilterName.DATE: Honour.SIFTED,
        },
        max_results=MAX_OFFSET,
        shards=(FilterName.SIZE,),
        quotas=(Quota(requests=1, seconds=1),),
        operators=True,
        licensed=True,
    )

    @override
    def request(self, ask: Ask) -> Request:
        search = f"filetype:bitmap{_SIZES[ask.filters.size]} {ask.text}"
        params = {
            "action": "query",
            "format": "json",
            "maxlag": "5",
            "generator": "search",
            "gsrsearch": shortened(search, QUERY_MAX_CHARS),
            "gsrnamespace": "6",
            "gsrlimit": str(PAGE_SIZE),
            "gsroffset": ask.cursor or "0",
            "prop": "imageinfo",
            "iiprop": "url|size|mime|user|timestamp|extmetadata",
            "iiextmetadatafilter": "|".join(_FACTS),
            "iiurlwidth": str(THUMB_WIDTH_PX),
        }
        return Request(f"{self.base_url}/w/api.php", params)

    @override
    def block(self, answer: Answer) -> Page | None:
        trouble = super().block(answer)
        # MediaWiki says with status 200 that it is busy.
        if trouble is not None or b'"error"' not in answer.body[:_CODE_CHARS]:
            return trouble
        try:
            code = _code(json_object(answer.body))
        except ValueError:
            return None
        if code not in _BUSY:
            return None
        return blocked(BlockKind.THROTTLED, f"Wikimedia Commons is busy ({code})")

    @override
    def read(self, body: bytes, ask: Ask) -> Page:
        answer = json_object(body)
        if "error" in answer:
            raise ValueError(f"answered with the error {_code(answer) or 'without a code'}")
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
        finds = tuple(find for page in listed[:MAX_ITEMS] if (find := _find(page, ask.filters)))
        return Page(EngineStatus.OK, finds, _following(follows, int(ask.cursor or 0)))


def _code(answer: dict[str, Any]) -> str:
    error = answer.get("error")
    return (text(error.get("code")) or "")[:_CODE_CHARS] if isinstance(error, dict) else ""


def _following(follows: Any, here: int) -> str | None:
    """Where the next page begins; None at the end, and where the search refuses to go on."""
    if not isinstance(follows, dict):
        return None
    # What continues without an offset are properties of this page: they are not worth a request.
    offset = count(follows.get("gsroffset", here + PAGE_SIZE))
    return str(offset) if offset is not None and here < offset < MAX_OFFSET else None


def _place(page: dict[str, Any]) -> int:
    """The pages come in no order: ``index`` is the place among the results."""
    index = page.get("index")
    return index if isinstance(index, int) else _PLACE_OF_LAST


def _find(page: dict[str, Any], filters: Filters) -> Find | None:
    shown = page.get("imageinfo")
    info = shown[0] if isinstance(shown, list) and shown else None
    if not isinstance(info, dict) or text(info.get("mime")) not in _MEDIA_TYPES:
        return None
    url, width, height = _rendering(info, filters)
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
        provider_id=text(str(page.get("pageid"))) if count(page.get("pageid")) else None,
        published=day(info.get("timestamp")),
    )
    thumb = address(info.get("thumburl"), "https:")
    return Find(
        url,
        provenance,
        width,
        height,
        thumbnail_url=None if thumb == url else thumb,
        format_hint=format_name(info.get("mime")),
    )


def _rendering(info: dict[str, Any], filters: Filters) -> tuple[str | None, int | None, int | None]:
    """Address and size of the original, or of a smaller rendering when it is very wide.

    Who wants more than the rendering has gets the original, unless that is too large to be
    downloaded or opened.
    """
    width, height = pixels(info.get("width")), pixels(info.get("height"))
    thumb = address(info.get("thumburl"), "https:")
    shown = pixels(info.get("thumbwidth")), pixels(info.get("thumbheight"))
    is_wide = bool(width and width > THUMB_WIDTH_PX)
    is_too_large = (width or 0) * (height or 0) > IMAGE_MAX_PIXELS or (
        (count(info.get("size")) or 0) > IMAGE_MAX_BYTES
    )
    if thumb and is_wide and (is_too_large or _is_enough(*shown, filters)):
        return thumb, *shown
    return address(info.get("url"), "https:"), width, height


def _is_enough(width: int | None, height: int | None, filters: Filters) -> bool:
    """Whether a rendering of this size, as far as it is known, can be what the job wants."""
    is_broad = width is None or width >= filters.min_width
    is_high = height is None or height >= filters.min_height
    return filters.size != "huge" and is_broad and is_high


def _value(facts: dict[str, Any], name: str) -> Any:
    fact = facts.get(name)
    return fact.get("value") if isinstance(fact, dict) else None
