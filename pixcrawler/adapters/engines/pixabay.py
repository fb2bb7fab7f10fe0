"""Pixabay: stock pictures under its own licence, for a key.

Source: the documentation at pixabay.com/api/docs. Originals are for keys with full access; other
keys get renditions of at most 1280 pixels.
"""

from __future__ import annotations

import re
from typing import Any

from typing_extensions import override

from pixcrawler.adapters.engines.blocks import blocked
from pixcrawler.adapters.engines.fields import address, count, items, pixels, shortened, text
from pixcrawler.adapters.engines.keyed import KeyedEngine, is_usable
from pixcrawler.adapters.engines.shape import Ask, json_object
from pixcrawler.domain.engine import Access, BlockKind, EngineCard, EngineStatus, Honour, Quota
from pixcrawler.domain.filters import FilterName
from pixcrawler.domain.source import Provenance
from pixcrawler.pipeline.engines.ports import Answer, Find, Page, Request

NAME = "pixabay"
PAGE_SIZE = 100
MAX_PAGES = 5
"""No query gives more than 500 results, and a page past them is an error."""
QUERY_MAX_CHARS = 100
_BAD_REQUEST = 400
LICENSE_URL = "https://pixabay.com/service/license-summary/"

_COLORS = {
    "gray": "grayscale", "transparent": "transparent", "red": "red", "orange": "orange",
    "yellow": "yellow", "green": "green", "teal": "turquoise", "blue": "blue", "purple": "lilac",
    "pink": "pink", "brown": "brown", "black": "black", "white": "white",
}  # fmt: skip
_KINDS = {"photo": "photo", "clipart": "vector", "drawing": "illustration"}
_ORIENTATIONS = {"wide": "horizontal", "tall": "vertical"}
_LANGUAGES = (
    "cs", "da", "de", "en", "es", "fr", "id", "it", "hu", "nl", "no", "pl", "pt", "ro", "sk",
    "fi", "sv", "tr", "vi", "th", "bg", "ru", "el", "ja", "ko", "zh",
)  # fmt: skip
_PROFILE_NAME = re.compile(r"[\w-]{1,64}", re.ASCII)
_LONGER_SIDES = {"fullHDURL": 1920, "largeImageURL": 1280}


class PixabayEngine(KeyedEngine):
    """Searches the Pixabay API."""

    card = EngineCard(
        name=NAME,
        title="Pixabay",
        access=Access.KEY,
        base_url="https://pixabay.com",
        homepage="https://pixabay.com",
        terms_url="https://pixabay.com/api/docs/",
        terms="The API is made for requests of people: systematic mass downloads are not allowed, "
        "and results must be shown with a link to Pixabay. Ask Pixabay before large jobs.",
        filters={
            FilterName.SIZE: Honour.SIFTED,
            FilterName.ASPECT: Honour.SEARCHED,
            FilterName.COLOR: Honour.SEARCHED,
            FilterName.TYPE: Honour.SEARCHED,
            FilterName.LICENSE: Honour.SIFTED,
            FilterName.SAFE_SEARCH: Honour.SEARCHED,
            FilterName.LANGUAGE: Honour.SEARCHED,
        },
        lacks={
            FilterName.ASPECT: ("square",),
            FilterName.COLOR: ("color",),
            FilterName.TYPE: ("face",),
        },
        knows={FilterName.LANGUAGE: _LANGUAGES},
        max_results=PAGE_SIZE * MAX_PAGES,
        shards=(FilterName.COLOR, FilterName.TYPE, FilterName.ASPECT),
        quotas=(Quota(requests=100, seconds=60),),
        licensed=True,
    )

    @override
    def request(self, ask: Ask) -> Request:
        filters = ask.filters
        params = {
            "key": self.key,
            "q": shortened(ask.text, QUERY_MAX_CHARS),
            "image_type": _KINDS.get(filters.type, "all"),
            "orientation": _ORIENTATIONS.get(filters.aspect, ""),
            "colors": _COLORS.get(filters.color, ""),
            "lang": filters.language if filters.language in _LANGUAGES else "",
            "safesearch": "true" if filters.safe_search else "false",
            "min_width": str(filters.min_width),
            "min_height": str(filters.min_height),
            "per_page": str(PAGE_SIZE),
            "page": ask.cursor or "1",
        }
        return self.get("/api/", params)

    @override
    def refusal(self, answer: Answer) -> Page | None:
        if answer.status != _BAD_REQUEST:
            return None
        words = self.quoted(answer.body[:1000])
        if "api key" in words.lower():
            return blocked(BlockKind.DENIED, "Pixabay refused the key (status 400)")
        if '"page" is out of' in words:
            return Page(EngineStatus.EMPTY)
        return Page(EngineStatus.CHANGED, detail=f"Pixabay did not take the request: {words}")

    @override
    def results(self, body: bytes, ask: Ask) -> Page:
        answer = json_object(body)
        listed = items(answer.get("hits"))
        if not listed:
            return Page(EngineStatus.EMPTY)
        number = int(ask.cursor or 1)
        reach = min(count(answer.get("totalHits")) or 0, PAGE_SIZE * MAX_PAGES)
        following = str(number + 1) if number * PAGE_SIZE < reach else None
        finds = tuple(find for hit in listed if (find := _find(hit)))
        return Page(EngineStatus.OK, finds, following, total=count(answer.get("total")))


def _find(hit: dict[str, Any]) -> Find | None:
    url, width, height = _picture(hit)
    if url is None:
        return None
    creator = text(hit.get("user"))
    identity = count(hit.get("id"))
    is_original = url == address(hit.get("imageURL"))
    provenance = Provenance(
        engine=NAME,
        page_url=address(hit.get("pageURL")),
        title=text(hit.get("tags")),
        creator=creator,
        creator_url=_profile(creator, count(hit.get("user_id"))),
        license=NAME,
        license_url=LICENSE_URL,
        attribution=text(f"Image by {creator} from Pixabay") if creator else None,
        provider_id=str(identity) if identity else None,
    )
    return Find(
        url,
        provenance,
        width,
        height,
        thumbnail_url=address(hit.get("previewURL")),
        bytes_hint=count(hit.get("imageSize")) or None if is_original else None,
    )


def _profile(name: str | None, number: int | None) -> str | None:
    if not (name and number and _PROFILE_NAME.fullmatch(name)):
        return None
    return f"https://pixabay.com/users/{name}-{number}/"


def _picture(hit: dict[str, Any]) -> tuple[str | None, int | None, int | None]:
    """Address and size of the largest rendition; only the original's size is stated."""
    width, height = pixels(hit.get("imageWidth")), pixels(hit.get("imageHeight"))
    original = address(hit.get("imageURL"))
    if original and is_usable(width, height):
        return original, width, height
    for name, longer_side in _LONGER_SIDES.items():
        if url := address(hit.get(name)):
            return url, *_scaled(width, height, longer_side)
    url = address(hit.get("webformatURL"))
    return url, pixels(hit.get("webformatWidth")), pixels(hit.get("webformatHeight"))


def _scaled(
    width: int | None, height: int | None, longer_side: int
) -> tuple[int | None, int | None]:
    if not (width and height):
        return None, None
    scale = min(1.0, longer_side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))
