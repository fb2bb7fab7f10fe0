"""DuckDuckGo Images by the data of its own page: no key, for those who accept; it searches Bing.

Source: SearXNG's and ddgs' requests and their issue threads (as facts), and a result that ddgs
shows. A page takes a token, which belongs to the query and our User-Agent for an hour.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from typing_extensions import override

from pixcrawler.adapters.engines.blocks import blocked, is_markup
from pixcrawler.adapters.engines.cursors import place_and_luggage, stamped, still_good, written
from pixcrawler.adapters.engines.fields import address, items, pixels, shortened, text
from pixcrawler.adapters.engines.markets import language_of
from pixcrawler.adapters.engines.shape import Ask, Engine, Steps, json_object
from pixcrawler.domain.engine import Access, BlockKind, EngineCard, EngineStatus, Honour, Quota
from pixcrawler.domain.filters import FilterName, Filters
from pixcrawler.domain.source import Provenance
from pixcrawler.pipeline.engines.ports import Answer, Find, Page, Request

NAME = "duckduckgo"
PAGE_SIZE = 100
MAX_PAGES = 5
QUERY_MAX_CHARS = 499
TOKEN_GOOD_S = 45 * 60.0
"""The service takes it for an hour: clocks of two workers may differ."""
_TOKEN = re.compile(rb"""vqd=["']?(\d{1,3}-[\d-]{6,100})""")
_NEXT = re.compile(r"[?&]s=(\d{1,6})(?:&|$)", re.ASCII)
_OK = 200
_REFUSALS = frozenset({202, 301, 302, 400, 418})
"""Beside the common ones."""

_COLORS = {
    "color": "color", "gray": "Monochrome", "red": "Red", "orange": "Orange", "yellow": "Yellow",
    "green": "Green", "teal": "Teal", "blue": "Blue", "purple": "Purple", "pink": "Pink",
    "brown": "Brown", "black": "Black", "white": "White",
}  # fmt: skip
# Its bands end elsewhere than ours: what the bytes show counts in the end.
_SIZES = {"small": "Small", "medium": "Medium", "large": "Large", "huge": "Wallpaper"}
_TYPES = {"photo": "photo", "clipart": "clipart", "drawing": "line"}
_LAYOUTS = {"square": "Square", "tall": "Tall", "wide": "Wide"}
_LICENSES = {
    "open": "any",
    "commercial": "ShareCommercially",
    "modification": "Modify",
    "free": "ModifyCommercially",
    "public_domain": "Public",
}
_MARKETS = {"gb": "uk-en", "jp": "jp-jp", "kr": "kr-kr", "tw": "tw-tzh", "hk": "hk-tzh"}
"""Those that are not written as region and language."""


class DuckDuckGoEngine(Engine):
    """Reads what DuckDuckGo's image page loads."""

    card = EngineCard(
        name=NAME,
        title="DuckDuckGo Images",
        access=Access.OPT_IN,
        base_url="https://duckduckgo.com",
        homepage="https://duckduckgo.com",
        terms_url="https://duckduckgo.com/terms",
        terms=(
            "This is no interface that DuckDuckGo offers: it has none for images, and this engine "
            "reads the data that its own page loads (/i.js), with a token from that page and two "
            "headers that the page would send (Referer, Sec-Fetch-Mode). Its service is meant for "
            "people; automated access is refused when it is noticed, cloud addresses often at "
            "once. The pictures are Bing's. PixCrawler says who it is, asks slowly, and stops at "
            "the first refusal. "
            "DuckDuckGo may block your addresses without notice. Whoever switches it on carries "
            "the risk, and the rights in each picture are yours to clear."
        ),
        index="bing",
        filters={
            FilterName.SIZE: Honour.SEARCHED,
            FilterName.ASPECT: Honour.SEARCHED,
            FilterName.COLOR: Honour.SEARCHED,
            FilterName.TYPE: Honour.SEARCHED,
            FilterName.LICENSE: Honour.SEARCHED,
            FilterName.SAFE_SEARCH: Honour.SEARCHED,
            FilterName.REGION: Honour.SEARCHED,
        },
        lacks={FilterName.TYPE: ("face",)},
        max_results=PAGE_SIZE * MAX_PAGES,
        shards=(FilterName.COLOR, FilterName.SIZE, FilterName.ASPECT, FilterName.TYPE),
        quotas=(Quota(requests=1, seconds=3), Quota(requests=500, seconds=86_400)),
        operators=True,
    )

    @override
    def steps(self, ask: Ask) -> Steps:
        start, luggage = place_and_luggage(ask.cursor, 0)
        token = still_good(luggage, TOKEN_GOOD_S)
        if token is None:
            answer = yield self._for_token(ask)
            token = _token(answer.body)
            luggage = stamped(token)
        # The token stands in the cursor: a later page may be asked by another worker.
        request = self.request(replace(ask, cursor=written(start, luggage)))
        answer = yield request
        page = self.read(answer.body, ask)
        if page.next_cursor is None:
            return page
        return replace(page, next_cursor=written(int(page.next_cursor), luggage))

    @override
    def request(self, ask: Ask) -> Request:
        start, luggage = place_and_luggage(ask.cursor, 0)
        wishes = ask.filters
        params = {
            "o": "json",
            "q": shortened(ask.text, QUERY_MAX_CHARS),
            "u": "bing",
            "l": _market(wishes.region),
            "bpia": "1",
            "vqd": luggage.partition(" ")[2],
            "a": "h_",
            "p": "1" if wishes.safe_search else "-1",
        }
        if start:
            params["s"] = str(start)
        if form := _form(wishes):
            params["f"] = form
        headers = {"Accept": "*/*", "Referer": f"{self.base_url}/", "Sec-Fetch-Mode": "cors"}
        return Request(f"{self.base_url}/i.js", params, headers, follow=False)

    @override
    def read(self, body: bytes, ask: Ask) -> Page:
        answer = json_object(body)
        results = items(answer.get("results"))
        start, _ = place_and_luggage(ask.cursor, 0)
        if not results:
            return Page(EngineStatus.EMPTY)
        finds = tuple(find for result in results if (find := _find(result)))
        following = _following(answer.get("next"), start)
        return Page(EngineStatus.OK, finds, str(following) if following else None)

    @override
    def block(self, answer: Answer) -> Page | None:
        page = super().block(answer)
        is_told = page is not None and page.status is not EngineStatus.CHANGED
        if is_told:
            return page
        if answer.status in _REFUSALS:
            words = f"{self.card.title} refused the request (status {answer.status})"
            return blocked(BlockKind.DENIED, words)
        is_page = answer.status == _OK and is_markup(answer.body)
        if is_page and b"vqd" not in answer.body:
            words = f"{self.card.title} gave a page without its token"
            return blocked(BlockKind.DENIED, words)
        return page

    def _for_token(self, ask: Ask) -> Request:
        params = {"q": shortened(ask.text, QUERY_MAX_CHARS), "iar": "images", "t": "h_"}
        return Request(f"{self.base_url}/", params, follow=False)


def _token(body: bytes) -> str:
    found = _TOKEN.search(body)
    if found is None:
        raise ValueError("gave a page without a token that we know")
    return found[1].decode()


def _market(region: str | None) -> str:
    if region is None:
        return "wt-wt"
    return _MARKETS.get(region) or f"{region}-{language_of(region)}"


def _form(filters: Filters) -> str:
    """The filters in the service's one parameter; empty for none."""
    kind = "transparent" if filters.color == "transparent" else _TYPES.get(filters.type)
    # Each has its place: one that is not wished leaves it empty.
    wishes = {
        "time": None,
        "size": _SIZES.get(filters.size),
        "color": _COLORS.get(filters.color),
        "type": kind,
        "layout": _LAYOUTS.get(filters.aspect),
        "license": _LICENSES.get(filters.license),
    }
    if not any(wishes.values()):
        return ""
    return ",".join(f"{name}:{value}" if value else "" for name, value in wishes.items())


def _following(told: Any, start: int) -> int | None:
    """Where the next page begins: the address it gives lacks the token, so that is all we take."""
    found = _NEXT.search(told[:4000]) if isinstance(told, str) else None
    following = int(found[1]) if found else 0
    return following if start < following < PAGE_SIZE * MAX_PAGES else None


def _find(result: dict[str, Any]) -> Find | None:
    url = address(result.get("image"))
    if url is None:
        return None
    provenance = Provenance(
        engine=NAME, page_url=address(result.get("url")), title=text(result.get("title"))
    )
    return Find(
        url,
        provenance,
        pixels(result.get("width")),
        pixels(result.get("height")),
        thumbnail_url=address(result.get("thumbnail")),
    )
