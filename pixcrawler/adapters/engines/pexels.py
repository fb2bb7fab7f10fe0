"""Pexels: stock photographs under its own licence, for a key.

Source: the documentation at pexels.com/api and the types of its JavaScript client.
"""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from pixcrawler.adapters.engines.fields import address, count, inside, items, pixels, text, total
from pixcrawler.adapters.engines.keyed import KeyedEngine, is_usable
from pixcrawler.adapters.engines.shape import Ask, json_object
from pixcrawler.domain.engine import Access, EngineCard, EngineStatus, Honour, Quota
from pixcrawler.domain.filters import FilterName
from pixcrawler.domain.source import Provenance
from pixcrawler.pipeline.engines.ports import Find, Page, Request

NAME = "pexels"
PAGE_SIZE = 80
MAX_PAGES = 100
MAX_RESULTS = PAGE_SIZE * MAX_PAGES
"""8,000 results are the most that the API counts for any word."""
LICENSE_URL = "https://www.pexels.com/license/"

_COLORS = {
    "gray": "gray", "red": "red", "orange": "orange", "yellow": "yellow", "green": "green",
    "teal": "turquoise", "blue": "blue", "purple": "violet", "pink": "pink", "brown": "brown",
    "black": "black", "white": "white",
}  # fmt: skip
_ORIENTATIONS = {"square": "square", "wide": "landscape", "tall": "portrait"}
_LOCALES = {
    "en": "en-US", "pt": "pt-BR", "es": "es-ES", "ca": "ca-ES", "de": "de-DE", "it": "it-IT",
    "fr": "fr-FR", "sv": "sv-SE", "id": "id-ID", "pl": "pl-PL", "ja": "ja-JP", "zh": "zh-CN",
    "ko": "ko-KR", "th": "th-TH", "nl": "nl-NL", "hu": "hu-HU", "vi": "vi-VN", "cs": "cs-CZ",
    "da": "da-DK", "fi": "fi-FI", "uk": "uk-UA", "el": "el-GR", "ro": "ro-RO", "nb": "nb-NO",
    "no": "nb-NO", "sk": "sk-SK", "tr": "tr-TR", "ru": "ru-RU",
}  # fmt: skip


class PexelsEngine(KeyedEngine):
    """Searches the Pexels API."""

    card = EngineCard(
        name=NAME,
        title="Pexels",
        access=Access.KEY,
        base_url="https://api.pexels.com",
        homepage="https://www.pexels.com",
        terms_url="https://www.pexels.com/api/documentation/#guidelines",
        terms="Results must be shown with a link to Pexels and, where possible, the photographer's "
        "name. Its own licence allows use and changes but not selling unaltered copies; it "
        "is no open licence.",
        filters={
            FilterName.SIZE: Honour.SIFTED,
            FilterName.ASPECT: Honour.SEARCHED,
            FilterName.COLOR: Honour.SEARCHED,
            FilterName.LICENSE: Honour.SIFTED,
            FilterName.LANGUAGE: Honour.SEARCHED,
        },
        lacks={FilterName.COLOR: ("color", "transparent")},
        knows={FilterName.LANGUAGE: tuple(_LOCALES)},
        max_results=MAX_RESULTS,
        shards=(FilterName.COLOR, FilterName.ASPECT),
        quotas=(Quota(requests=200, seconds=3600), Quota(requests=20_000, seconds=30 * 86_400)),
        licensed=True,
    )

    @override
    def request(self, ask: Ask) -> Request:
        params = {
            "query": ask.text,
            "page": ask.cursor or "1",
            "per_page": str(PAGE_SIZE),
            "orientation": _ORIENTATIONS.get(ask.filters.aspect, ""),
            "color": _COLORS.get(ask.filters.color, ""),
            "locale": _LOCALES.get(ask.filters.language or "", ""),
        }
        return self.get("/v1/search", params, {"Authorization": self.key})

    @override
    def results(self, body: bytes, ask: Ask) -> Page:
        answer = json_object(body)
        listed = items(answer.get("photos"))
        if not listed:
            return Page(EngineStatus.EMPTY)
        number = int(ask.cursor or 1)
        # The address of the next page is there to be counted on, not to be followed.
        has_more = bool(answer.get("next_page")) and number < MAX_PAGES
        finds = tuple(find for photo in listed if (find := _find(photo)))
        following = str(number + 1) if has_more else None
        there_are = total(answer.get("total_results"), MAX_RESULTS)
        return Page(EngineStatus.OK, finds, following, total=there_are)


def _find(photo: dict[str, Any]) -> Find | None:
    url, width, height = _picture(photo)
    if url is None:
        return None
    creator = text(photo.get("photographer"))
    identity = count(photo.get("id"))
    provenance = Provenance(
        engine=NAME,
        page_url=address(photo.get("url")),
        title=text(photo.get("alt")),
        creator=creator,
        creator_url=address(photo.get("photographer_url")),
        license=NAME,
        license_url=LICENSE_URL,
        attribution=text(f"Photo by {creator} on Pexels") if creator else None,
        provider_id=str(identity) if identity else None,
    )
    return Find(
        url,
        provenance,
        width,
        height,
        thumbnail_url=address(inside(photo, "src").get("medium")),
    )


def _picture(photo: dict[str, Any]) -> tuple[str | None, int | None, int | None]:
    """Address and size of the original, or of its largest rendition when it is too large."""
    sources = inside(photo, "src")
    width, height = pixels(photo.get("width")), pixels(photo.get("height"))
    if is_usable(width, height):
        return address(sources.get("original")), width, height
    return address(sources.get("large2x")), None, None
