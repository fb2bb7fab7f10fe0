"""NASA Image and Video Library: photographs of spaceflight and science, without a key.

Source: images.nasa.gov's API documentation (Collection+JSON). Most pictures belong to nobody, but
not all, and the answer does not say which: finds have no licence.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, urlsplit

from typing_extensions import override

from pixcrawler.adapters.engines.fields import (
    address,
    count,
    day,
    items,
    pixels,
    text,
    total,
)
from pixcrawler.adapters.engines.shape import Ask, Engine, json_object, unknown_structure
from pixcrawler.domain.engine import Access, EngineCard, EngineStatus, Honour, Quota
from pixcrawler.domain.filters import FilterName, Filters
from pixcrawler.domain.source import Provenance
from pixcrawler.pipeline.engines.ports import Find, Page, Request
from pixcrawler.pipeline.limits import IMAGE_MAX_BYTES, IMAGE_MAX_PIXELS

NAME = "nasa"
PAGE_SIZE = 100
MAX_PAGES = 100
MAX_RESULTS = PAGE_SIZE * MAX_PAGES
_SIZE_NAME = re.compile(r"~(thumb|small|medium|large|orig)(?=\.\w{3,4}$)")
_BEST_FIRST = ("orig", "large", "medium", "small", "thumb", "")
"""By the names in their addresses; one without comes last."""
_KEPT = (".jpg", ".jpeg", ".png", ".webp")


class NasaEngine(Engine):
    """Searches the library for pictures."""

    card = EngineCard(
        name=NAME,
        title="NASA Image and Video Library",
        access=Access.OPEN,
        base_url="https://images-api.nasa.gov",
        homepage="https://images.nasa.gov",
        terms_url="https://www.nasa.gov/nasa-brand-center/images-and-media/",
        filters={FilterName.DATE: Honour.SEARCHED},
        max_results=MAX_RESULTS,
        shards=(FilterName.DATE,),
        quotas=(Quota(requests=1, seconds=1),),
    )

    @override
    def request(self, ask: Ask) -> Request:
        params = {
            "q": ask.text,
            "media_type": "image",
            "page": ask.cursor or "1",
            "page_size": str(PAGE_SIZE),
            **_years(ask.filters),
        }
        return Request(f"{self.base_url}/search", params)

    @override
    def read(self, body: bytes, ask: Ask) -> Page:
        collection = json_object(body).get("collection")
        if not isinstance(collection, dict):
            raise unknown_structure()
        results = items(collection.get("items"))
        if not results:
            return Page(EngineStatus.EMPTY)
        finds = tuple(find for result in results if (find := _find(result)))
        number = int(ask.cursor or 1)
        goes_on = number < MAX_PAGES and _has_next(collection.get("links"))
        facts = collection.get("metadata")
        hits = facts.get("total_hits") if isinstance(facts, dict) else None
        following = str(number + 1) if goes_on else None
        return Page(EngineStatus.OK, finds, following, total=total(hits, MAX_RESULTS))


def _years(filters: Filters) -> dict[str, str]:
    """It knows whole years only: the finds say their day."""
    years = {"year_start": filters.since, "year_end": filters.until}
    return {name: str(wish.year) for name, wish in years.items() if wish}


def _has_next(links: Any) -> bool:
    listed = links if isinstance(links, list) else []
    return any(isinstance(link, dict) and link.get("rel") == "next" for link in listed)


def _find(result: dict[str, Any]) -> Find | None:
    data = result.get("data")
    facts = data[0] if isinstance(data, list) and data else None
    pictures = _pictures(result.get("links"))
    if not isinstance(facts, dict) or not pictures:
        return None
    best = next((name for name in _BEST_FIRST if name in pictures), None)
    if best is None:
        return None
    url, width, height = pictures[best]
    thumbnail = pictures["thumb"][0] if "thumb" in pictures else None
    if best == "thumb":
        # The answer names the thumbnail only: the others lie beside it.
        url, width, height = _SIZE_NAME.sub("~orig", url), None, None
    number = text(facts.get("nasa_id"))
    provenance = Provenance(
        engine=NAME,
        page_url=address(f"https://images.nasa.gov/details/{quote(number, safe='')}")
        if number
        else None,
        title=text(facts.get("title")),
        creator=text(facts.get("photographer")) or text(facts.get("secondary_creator")),
        attribution=_credit(facts),
        provider_id=number,
        published=day(facts.get("date_created")),
    )
    return Find(url, provenance, width, height, thumbnail_url=thumbnail)


def _credit(facts: dict[str, Any]) -> str | None:
    center = text(facts.get("center"))
    return text(f"NASA/{center}") if center else None


def _pictures(links: Any) -> dict[str, tuple[str, int | None, int | None]]:
    """The addresses and sizes of the picture's renderings that we keep, by their size's name."""
    found: dict[str, tuple[str, int | None, int | None]] = {}
    for link in links if isinstance(links, list) else ():
        url = _written(link.get("href")) if isinstance(link, dict) else None
        if url and urlsplit(url).path.lower().endswith(_KEPT):
            named = _SIZE_NAME.search(url)
            size = pixels(link.get("width")), pixels(link.get("height"))
            is_small = (count(link.get("size")) or 0) <= IMAGE_MAX_BYTES
            if is_small and (size[0] or 0) * (size[1] or 0) <= IMAGE_MAX_PIXELS:
                name = named[1] if named else ""
                found.setdefault(name, (url, *size))
    return found


def _written(value: Any) -> str | None:
    """The address; names of old pictures have blanks."""
    return address(value.strip().replace(" ", "%20")) if isinstance(value, str) else None
