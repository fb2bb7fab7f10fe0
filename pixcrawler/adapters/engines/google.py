"""Google's Programmable Search JSON API: ten pictures a request, for a key and an engine of yours.

Source: the discovery document customsearch.v1 and the reference of its cse.list method.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typing_extensions import override

from pixcrawler.adapters.engines.blocks import blocked
from pixcrawler.adapters.engines.fields import (
    address,
    count,
    format_name,
    inside,
    items,
    pixels,
    text,
)
from pixcrawler.adapters.engines.keyed import KeyedEngine, note_of
from pixcrawler.adapters.engines.shape import Ask, Steps, json_object, unknown_structure
from pixcrawler.domain.engine import Access, BlockKind, EngineCard, EngineStatus, Honour, Quota
from pixcrawler.domain.filters import FilterName, Filters
from pixcrawler.domain.source import Provenance
from pixcrawler.pipeline.engines.ports import Answer, Find, Page, Request

NAME = "google"
TITLE = "Google Programmable Search"
PAGE_SIZE = 10
MAX_RESULTS = 100

_SIZES = {"small": "SMALL", "medium": "MEDIUM", "large": "LARGE", "huge": "HUGE"}
_COLOR_TYPES = {"color": "color", "gray": "gray", "transparent": "trans"}
_COLORS = frozenset(
    {"red", "orange", "yellow", "green", "teal", "blue", "purple", "pink", "brown", "black",
     "white"}
)  # fmt: skip
_KINDS = {"photo": "photo", "clipart": "clipart", "drawing": "lineart", "face": "face"}
_LICENSES = {
    "open": "cc_publicdomain|cc_attribute|cc_sharealike|cc_noncommercial|cc_nonderived",
    "commercial": "(cc_publicdomain|cc_attribute|cc_sharealike|cc_nonderived).-(cc_noncommercial)",
    "modification": "(cc_publicdomain|cc_attribute|cc_sharealike|cc_noncommercial)"
    ".-(cc_nonderived)",
    "free": "(cc_publicdomain|cc_attribute|cc_sharealike).-(cc_noncommercial|cc_nonderived)",
    "public_domain": "cc_publicdomain",
}
_SAME_LANGUAGES = (
    "ar", "bg", "ca", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "hr", "hu", "id", "is",
    "it", "ja", "ko", "lt", "lv", "nl", "no", "pl", "pt", "ro", "ru", "sk", "sl", "sr", "sv", "tr",
)  # fmt: skip
_LANGUAGES = {**{code: code for code in _SAME_LANGUAGES}, "he": "iw", "nb": "no", "zh": "zh-CN"}
_BAD_KEY = frozenset(
    {"keyinvalid", "api_key_invalid", "keyexpired", "accessnotconfigured", "service_disabled",
     "iprefererblocked", "api_key_service_blocked", "api_key_ip_address_blocked"}
)  # fmt: skip
_USED_UP = frozenset({"dailylimitexceeded", "dailylimitexceededunreg", "quotaexceeded"})
_TOO_FAST = frozenset({"ratelimitexceeded", "userratelimitexceeded", "rate_limit_exceeded"})


class GoogleEngine(KeyedEngine):
    """Searches the Custom Search JSON API."""

    card = EngineCard(
        name=NAME,
        title=TITLE,
        access=Access.KEY,
        base_url="https://customsearch.googleapis.com",
        homepage="https://programmablesearchengine.google.com",
        terms_url="https://developers.google.com/terms",
        terms="The API takes no new customers, and its search of the whole web ends on 1 January "
        "2027. Google's API terms forbid building databases or permanent copies from its results. "
        "Google charges for more than 100 requests a day.",
        key_form="KEY:CX",
        filters={
            FilterName.SIZE: Honour.SEARCHED,
            FilterName.ASPECT: Honour.SIFTED,
            FilterName.COLOR: Honour.SEARCHED,
            FilterName.TYPE: Honour.SEARCHED,
            FilterName.LICENSE: Honour.SEARCHED,
            FilterName.SAFE_SEARCH: Honour.SEARCHED,
            FilterName.REGION: Honour.SEARCHED,
            FilterName.LANGUAGE: Honour.SEARCHED,
        },
        knows={FilterName.LANGUAGE: tuple(_LANGUAGES)},
        max_results=MAX_RESULTS,
        shards=(FilterName.COLOR, FilterName.SIZE, FilterName.TYPE),
        quotas=(Quota(requests=100, seconds=60), Quota(requests=10_000, seconds=86_400)),
        operators=True,
    )

    @override
    def request(self, ask: Ask) -> Request:
        key, _, engine = self.key.partition(":")
        params = {
            "key": key,
            "cx": engine,
            "q": ask.text,
            "searchType": "image",
            "num": str(PAGE_SIZE),
            "start": ask.cursor or "1",
            "safe": "active" if ask.filters.safe_search else "off",
            **_wishes(ask.filters),
        }
        return self.get("/customsearch/v1", params)

    @override
    def steps(self, ask: Ask) -> Steps:
        if not all(self.key.partition(":")):
            return blocked(BlockKind.DENIED, f"{TITLE}: the key must be written KEY:CX")
        return (yield from super().steps(ask))

    @override
    def refusal(self, answer: Answer) -> Page | None:
        error = inside(note_of(answer), "error")
        if not error:
            return None
        said = {word.lower() for word in _reasons(error)}
        words = (text(error.get("message")) or "").lower()
        if said & _BAD_KEY or "api key" in words:
            return blocked(BlockKind.DENIED, f"{TITLE} refused the key")
        if said & _USED_UP or "per day" in words:
            return blocked(BlockKind.QUOTA, f"{TITLE}: the requests of the day are used up")
        if said & _TOO_FAST:
            return blocked(BlockKind.THROTTLED, f"{TITLE} asks us to slow down")
        return None

    @override
    def results(self, body: bytes, ask: Ask) -> Page:
        answer = json_object(body)
        if not inside(answer, "searchInformation") and not inside(answer, "queries"):
            raise unknown_structure()
        listed = items(answer.get("items", []))
        if not listed:
            return Page(EngineStatus.EMPTY)
        finds = tuple(find for item in listed if (find := _find(item)))
        following = _following(inside(answer, "queries").get("nextPage"), int(ask.cursor or 1))
        total = count(inside(answer, "searchInformation").get("totalResults"))
        return Page(EngineStatus.OK, finds, following, total=total)


def _wishes(filters: Filters) -> dict[str, str]:
    language = _LANGUAGES.get(filters.language or "")
    return {
        "imgSize": _SIZES.get(filters.size, ""),
        "imgColorType": _COLOR_TYPES.get(filters.color, ""),
        "imgDominantColor": filters.color if filters.color in _COLORS else "",
        "imgType": _KINDS.get(filters.type, ""),
        "rights": _LICENSES.get(filters.license, ""),
        "gl": filters.region or "",
        "lr": f"lang_{language}" if language else "",
    }


def _following(pages: Any, current: int) -> str | None:
    """Where the next page starts: always further on, and within what may be asked for."""
    first = pages[0] if isinstance(pages, list) and pages else None
    start = count(inside(first).get("startIndex"))
    is_next = start is not None and current < start <= MAX_RESULTS - PAGE_SIZE + 1
    return str(start) if is_next else None


def _reasons(error: dict[str, Any]) -> Iterator[str]:
    """Every code of an error, in whatever form this or that part of Google writes it."""
    for name in ("errors", "details"):
        listed = error.get(name)
        for one in listed[:10] if isinstance(listed, list) else []:
            reason = one.get("reason") if isinstance(one, dict) else None
            if isinstance(reason, str):
                yield reason


def _find(item: dict[str, Any]) -> Find | None:
    url = address(item.get("link"))
    if url is None:
        return None
    image = inside(item, "image")
    provenance = Provenance(
        engine=NAME,
        page_url=address(image.get("contextLink")),
        title=text(item.get("title")),
    )
    return Find(
        url,
        provenance,
        pixels(image.get("width")),
        pixels(image.get("height")),
        thumbnail_url=address(image.get("thumbnailLink")),
        format_hint=format_name(item.get("mime")),
        bytes_hint=count(image.get("byteSize")) or None,
    )
