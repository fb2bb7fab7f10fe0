"""Baidu Images by the data of its own page: no key, for those who accept; Chinese words find most.

Source: SearXNG's and icrawler's requests (as facts), and a real answer of 2020. The answers are
JSON with faults, the addresses are disguised, and cookies of the front page are asked for.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from typing import Any

from typing_extensions import override

from pixcrawler.adapters.engines.baidu_text import loaded, undisguised
from pixcrawler.adapters.engines.blocks import blocked
from pixcrawler.adapters.engines.cursors import place_and_luggage, stamped, still_good, written
from pixcrawler.adapters.engines.fields import (
    address,
    count,
    day,
    format_name,
    items,
    pixels,
    plain,
    text,
)
from pixcrawler.adapters.engines.shape import Ask, Engine, Steps, unknown_structure
from pixcrawler.domain.engine import Access, BlockKind, EngineCard, EngineStatus, Honour, Quota
from pixcrawler.domain.filters import FilterName, Filters
from pixcrawler.domain.source import Provenance
from pixcrawler.pipeline.engines.ports import Answer, Find, Page, Request

NAME = "baidu"
PAGE_SIZE = 30
MAX_RESULTS = 1000
COOKIES_GOOD_S = 45 * 60.0
_NO_SPIDERS = re.compile(rb'"antiFlag"\s*:\s*"?1\b')
_NO_SPIDERS_BYTES = 400
_COOKIE = re.compile(r"(?:^|,\s?)([A-Za-z0-9_]{1,40}=[!#-+\--:<-\[\]-~]{1,300})(?=;|,|$)")
_MAX_COOKIES = 5
_OWN_HOSTS = re.compile(r"https?://(?:[^/?#]*\.)?(?:baidu|bdimg|bdstatic)\.com(?::\d+)?(?:[/?#]|$)")
_NO_DAY = date(1970, 1, 1)
_SHOWN = ("largeTnImageUrl", "hoverURL", "middleURL", "thumbURL")
"""Baidu's own copies, the largest first."""

# Its bands end elsewhere than ours: what the bytes show counts in the end.
_SIZES = {"small": "1", "medium": "2", "large": "3", "huge": "9"}
_COLORS = {
    "red": "1", "yellow": "2", "green": "4", "teal": "8", "blue": "16", "purple": "32",
    "pink": "64", "brown": "12", "orange": "256", "black": "512", "white": "1024", "gray": "2048",
}  # fmt: skip
_TYPES = {"face": {"face": "1"}, "clipart": {"st": "1"}, "drawing": {"st": "2"}}


class BaiduEngine(Engine):
    """Reads what Baidu's image page loads."""

    card = EngineCard(
        name=NAME,
        title="Baidu Images",
        access=Access.OPT_IN,
        base_url="https://image.baidu.com",
        homepage="https://image.baidu.com",
        terms_url="https://www.baidu.com/duty/",
        terms=(
            "This is no interface that Baidu offers: it has none for images, and this engine "
            "reads the data that its own page loads (/search/acjson), with the cookies that its "
            "front page sets and the Referer that the page would send. Baidu answers 'Forbid "
            "spider access' to automated access that it notices. PixCrawler says who it is, asks "
            "slowly, and stops when Baidu refuses or asks for proof that we are no robot. Baidu "
            "may block your addresses without notice; it has no filter for safe search and says "
            "nothing of licences. Whoever switches it on carries the risk, and the rights in each "
            "picture are yours to clear."
        ),
        filters={
            FilterName.SIZE: Honour.SEARCHED,
            FilterName.COLOR: Honour.SEARCHED,
            FilterName.TYPE: Honour.SEARCHED,
        },
        lacks={FilterName.COLOR: ("color", "transparent"), FilterName.TYPE: ("photo",)},
        max_results=MAX_RESULTS,
        shards=(FilterName.COLOR, FilterName.SIZE, FilterName.TYPE),
        quotas=(Quota(requests=1, seconds=3), Quota(requests=1000, seconds=86_400)),
        unsafe=True,
    )

    @override
    def steps(self, ask: Ask) -> Steps:
        start, luggage = place_and_luggage(ask.cursor, 0)
        if still_good(luggage, COOKIES_GOOD_S) is None:
            answer = yield Request(f"{self.base_url}/", follow=False)
            luggage = stamped(_cookies(answer))
        # The cookies stand in the cursor: a later page may be asked by another worker.
        answer = yield self.request(replace(ask, cursor=written(start, luggage)))
        page = self.read(answer.body, ask)
        if page.next_cursor is None:
            return page
        return replace(page, next_cursor=written(int(page.next_cursor), luggage))

    @override
    def request(self, ask: Ask) -> Request:
        start, luggage = place_and_luggage(ask.cursor, 0)
        params = {
            "tn": "resultjson_com",
            "ipn": "rj",
            "word": ask.text,
            "ie": "utf-8",
            "oe": "utf-8",
            "pn": str(start),
            "rn": str(PAGE_SIZE),
            **_wishes(ask.filters),
        }
        headers = {"Referer": f"{self.base_url}/"}
        if cookies := luggage.partition(" ")[2]:
            headers["Cookie"] = cookies
        return Request(f"{self.base_url}/search/acjson", params, headers, follow=False)

    @override
    def read(self, body: bytes, ask: Ask) -> Page:
        answer = loaded(body)
        # The last one is always empty.
        results = [item for item in items(answer.get("data")) if item]
        if not results:
            return Page(EngineStatus.EMPTY)
        finds = tuple(find for item in results if (find := _find(item)))
        if not finds and not any("thumbURL" in item for item in results):
            raise unknown_structure()
        start, _ = place_and_luggage(ask.cursor, 0)
        total = count(answer.get("listNum")) or None
        following = start + PAGE_SIZE
        is_last = following >= min(total or MAX_RESULTS, MAX_RESULTS)
        return Page(EngineStatus.OK, finds, None if is_last else str(following), total=total)

    @override
    def block(self, answer: Answer) -> Page | None:
        if _NO_SPIDERS.search(answer.body, 0, _NO_SPIDERS_BYTES):
            return blocked(BlockKind.DENIED, f"{self.card.title} forbids spiders")
        return super().block(answer)


def _wishes(filters: Filters) -> dict[str, str]:
    wishes = dict(_TYPES.get(filters.type, {}))
    if size := _SIZES.get(filters.size):
        wishes["z"] = size
    if color := _COLORS.get(filters.color):
        wishes["ic"] = color
    return wishes


def _cookies(answer: Answer) -> str:
    """What the front page asks us to send with each request; empty for nothing."""
    pairs = _COOKIE.findall(answer.headers.get("set-cookie", "")[:8000])
    return "; ".join(pairs[:_MAX_COOKIES])


def _find(item: dict[str, Any]) -> Find | None:
    if item.get("isCopyright") in (1, "1"):
        return None
    replaced = _replaced(item)
    original = undisguised(item.get("objURL")) or _elsewhere(
        address(replaced.get("ObjURL")) or address(replaced.get("ObjUrl"))
    )
    url = original or next((copy for name in _SHOWN if (copy := address(item.get(name)))), None)
    if url is None:
        return None
    page_url = undisguised(item.get("fromURL")) or address(replaced.get("FromURL"))
    found_on = day(item.get("bdImgnewsDate"))
    provenance = Provenance(
        engine=NAME,
        page_url=page_url or address(replaced.get("FromUrl")),
        title=text(item.get("fromPageTitleEnc")) or plain(item.get("fromPageTitle")),
        provider_id=text(item.get("di")),
        published=found_on if found_on != _NO_DAY else None,
    )
    return Find(
        url,
        provenance,
        # What it says is the size of the original.
        pixels(item.get("width")) if original else None,
        pixels(item.get("height")) if original else None,
        thumbnail_url=address(item.get("thumbURL")),
        format_hint=format_name(item.get("type")) if original else None,
        bytes_hint=(count(item.get("filesize")) or None) if original else None,
    )


def _replaced(item: dict[str, Any]) -> dict[str, Any]:
    others = item.get("replaceUrl")
    first = others[0] if isinstance(others, list) and others else None
    return first if isinstance(first, dict) else {}


def _elsewhere(url: str | None) -> str | None:
    """The address, unless it is Baidu's own copy."""
    return None if url is None or _OWN_HOSTS.match(url) else url
