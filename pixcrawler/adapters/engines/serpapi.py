"""SerpApi, or a reseller with the same interface: Google's picture search, for a key.

Source: SerpApi's documentation of its engine google_images. Known faults: the original may be a
web page, and the thumbnail may hold its bytes itself.
"""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from pixcrawler.adapters.engines.blocks import blocked
from pixcrawler.adapters.engines.fields import address, inside, items, pixels, text
from pixcrawler.adapters.engines.keyed import KeyedEngine, note_of
from pixcrawler.adapters.engines.shape import Ask, json_object, unknown_structure
from pixcrawler.domain.engine import Access, BlockKind, EngineCard, EngineStatus, Honour, Quota
from pixcrawler.domain.filters import FilterName, Filters
from pixcrawler.domain.source import Provenance
from pixcrawler.pipeline.engines.ports import Answer, Find, Page, Request

NAME = "serpapi"
MAX_PAGES = 10
"""Google shows about 1,000 pictures for a query."""

_SIZES = {"small": "i", "medium": "m", "large": "xga", "huge": "8mp"}
_ASPECTS = {"square": "s", "wide": "w", "tall": "t"}
_COLORS = {
    "gray": "bw", "transparent": "trans", "red": "red", "orange": "orange", "yellow": "yellow",
    "green": "green", "teal": "teal", "blue": "blue", "purple": "purple", "pink": "pink",
    "brown": "brown", "black": "black", "white": "white",
}  # fmt: skip
_KINDS = {"photo": "photo", "clipart": "clipart", "drawing": "lineart", "face": "face"}
_UNFINISHED = ("Queued", "Processing", "Error")
_COUNTRIES = {"gb": "uk"}
_LANGUAGES = {"zh": "zh-cn", "he": "iw"}


class SerpApiEngine(KeyedEngine):
    """Searches Google's pictures through SerpApi."""

    card = EngineCard(
        name=NAME,
        title="SerpApi (Google Images)",
        access=Access.KEY,
        base_url="https://serpapi.com",
        homepage="https://serpapi.com/google-images-api",
        terms_url="https://serpapi.com/legal",
        terms="Each page of 100 results is paid for as one search. The results are Google's, "
        "gathered by the reseller on its own account; they come without licences.",
        index="google",
        filters={
            FilterName.SIZE: Honour.SEARCHED,
            FilterName.ASPECT: Honour.SEARCHED,
            FilterName.COLOR: Honour.SEARCHED,
            FilterName.TYPE: Honour.SEARCHED,
            FilterName.LICENSE: Honour.SEARCHED,
            FilterName.SAFE_SEARCH: Honour.SEARCHED,
            FilterName.DATE: Honour.SEARCHED,
            FilterName.REGION: Honour.SEARCHED,
            FilterName.LANGUAGE: Honour.SEARCHED,
        },
        lacks={
            FilterName.COLOR: ("color",),
            FilterName.LICENSE: ("commercial", "modification", "free", "public_domain"),
        },
        max_results=100 * MAX_PAGES,
        shards=(FilterName.SIZE, FilterName.COLOR, FilterName.DATE, FilterName.TYPE),
        quotas=(Quota(requests=1, seconds=1),),
        operators=True,
    )

    @override
    def request(self, ask: Ask) -> Request:
        params = {
            "engine": "google_images",
            "q": ask.text,
            "api_key": self.key,
            "ijn": ask.cursor or "0",
            "safe": "active" if ask.filters.safe_search else "off",
            **_wishes(ask.filters),
        }
        return self.get("/search.json", params)

    @override
    def refusal(self, answer: Answer) -> Page | None:
        note = note_of(answer)
        return self._told(note) if _is_error(note) else None

    @override
    def results(self, body: bytes, ask: Ask) -> Page:
        answer = json_object(body)
        if _is_error(answer):
            return self._told(answer)
        status = inside(answer, "search_metadata").get("status")
        if status in _UNFINISHED:
            detail = f"{self.card.title} has not finished the search"
            return Page(EngineStatus.FAILED, detail=detail)
        if status != "Success" and "images_results" not in answer:
            raise unknown_structure()
        listed = items(answer.get("images_results", []))
        if not listed:
            return Page(EngineStatus.EMPTY)
        finds = tuple(find for one in listed if (find := _find(one)))
        number = int(ask.cursor or 0) + 1
        # Resellers that do not tell of a next page are asked until there is nothing.
        has_more = "serpapi_pagination" not in answer or bool(
            inside(answer, "serpapi_pagination").get("next")
        )
        following = str(number) if has_more and number < MAX_PAGES else None
        return Page(EngineStatus.OK, finds, following)

    def _told(self, note: dict[str, Any]) -> Page:
        """What an error means: nothing found is one of them."""
        said = self.quoted(note.get("error")) or "an error without words"
        words = said.lower()
        title = self.card.title
        if "returned any results" in words or "no results" in words:
            return Page(EngineStatus.EMPTY)
        if "run out of searches" in words:
            return blocked(BlockKind.QUOTA, f"{title}: the searches of the plan are used up")
        if "throughput" in words or "rate limit" in words or "too many" in words:
            return blocked(BlockKind.THROTTLED, f"{title} asks us to slow down")
        if "api key" in words or "api_key" in words:
            return blocked(BlockKind.DENIED, f"{title} refused the key")
        return Page(EngineStatus.FAILED, detail=f"{title} could not search: {said}")


def _is_error(answer: dict[str, Any]) -> bool:
    return "error" in answer and not answer.get("images_results")


def _wishes(filters: Filters) -> dict[str, str]:
    region, language = filters.region or "", filters.language or ""
    return {
        "imgsz": _SIZES.get(filters.size, ""),
        "imgar": _ASPECTS.get(filters.aspect, ""),
        "image_color": _COLORS.get(filters.color, ""),
        "image_type": _KINDS.get(filters.type, ""),
        "licenses": "cl" if filters.license == "open" else "",
        "start_date": f"{filters.since:%Y%m%d}" if filters.since else "",
        "end_date": f"{filters.until:%Y%m%d}" if filters.until else "",
        "gl": _COUNTRIES.get(region, region),
        "hl": _LANGUAGES.get(language, language),
    }


def _find(result: dict[str, Any]) -> Find | None:
    url = address(result.get("original"))
    if url is None:
        return None
    provenance = Provenance(
        engine=NAME,
        page_url=address(result.get("link")),
        title=text(result.get("title")),
    )
    return Find(
        url,
        provenance,
        pixels(result.get("original_width")),
        pixels(result.get("original_height")),
        thumbnail_url=address(result.get("thumbnail")),
    )
