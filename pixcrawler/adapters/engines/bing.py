"""Bing Images by the cards of its own page: no key, for those who accept Microsoft's terms.

Source: SearXNG's, ddgs' and icrawler's requests (as facts), and a captured card. The official
interface ended on 11 August 2025.
"""

from __future__ import annotations

import html
import json
import re
from typing import Any, NamedTuple

from typing_extensions import override

from pixcrawler.adapters.engines.blocks import blocked
from pixcrawler.adapters.engines.cursors import fingerprint, place_and_luggage, written
from pixcrawler.adapters.engines.fields import MAX_ITEMS, address, format_name, pixels, text
from pixcrawler.adapters.engines.markets import language_of
from pixcrawler.adapters.engines.markup import page_text, start_tags
from pixcrawler.adapters.engines.shape import Ask, Engine
from pixcrawler.domain.engine import Access, BlockKind, EngineCard, EngineStatus, Honour, Quota
from pixcrawler.domain.filters import FilterName, Filters
from pixcrawler.domain.source import Provenance
from pixcrawler.pipeline.engines.ports import Answer, Find, Page, Request

NAME = "bing"
PAGE_SIZE = 35
MAX_RESULTS = 1000
_CARD = "iusc"
_NEXT_CARD = "<li"
_SIZE_TEXT_CHARS = 3000
_SIZE_TEXT = re.compile(r"(\d{2,6})\s*[x×]\s*(\d{2,6})(?:\s*·\s*([A-Za-z]{3,5})\b)?")  # noqa: RUF001
_FOLLOWING = re.compile(
    r"data-nexturl\s*=\s*[\"'][^\"'<>]{0,2000}?[?&;]first=(\d{1,6})", re.IGNORECASE
)
_CONTAINER = re.compile(r"dgControl|mmComponent_images|class=\"dg_b\"")
_CAPTCHA = re.compile(rb"""class\s*=\s*["'][^"'<>]*\bcaptcha(?:_header)?\b""", re.IGNORECASE)
_CONSENT = b"bnp_btn_accept"
_HIGHLIGHT = str.maketrans("", "", "\ue000\ue001")
"""Around the words of a title that were asked for."""

# Its bands end elsewhere than ours: what the bytes show counts in the end.
_SIZES = {"small": "small", "medium": "medium", "large": "large", "huge": "wallpaper"}
_COLORS = {
    "color": "color", "gray": "bw", "red": "FGcls_RED", "orange": "FGcls_ORANGE",
    "yellow": "FGcls_YELLOW", "green": "FGcls_GREEN", "teal": "FGcls_TEAL", "blue": "FGcls_BLUE",
    "purple": "FGcls_PURPLE", "pink": "FGcls_PINK", "brown": "FGcls_BROWN",
    "black": "FGcls_BLACK", "white": "FGcls_WHITE",
}  # fmt: skip
_TYPES = {"photo": "photo-photo", "clipart": "photo-clipart", "drawing": "photo-linedrawing",
          "face": "face-face"}  # fmt: skip
_LICENSES = {
    "open": "licenseType-Any",
    "commercial": "license-L2_L3_L4",
    "modification": "license-L2_L3_L5_L6",
    "free": "license-L2_L3",
    "public_domain": "license-L1",
}


class BingEngine(Engine):
    """Reads the cards that Bing's image page loads while one scrolls."""

    card = EngineCard(
        name=NAME,
        title="Bing Images",
        access=Access.OPT_IN,
        base_url="https://www.bing.com",
        homepage="https://www.bing.com/images",
        terms_url="https://www.microsoft.com/servicesagreement",
        terms=(
            "This is no interface that Microsoft offers: its image search API ended on 11 August "
            "2025, and this engine reads the page that a browser loads while one scrolls "
            "(/images/async). Microsoft's crawling policy says that automated crawling of its "
            "pages by third parties is generally not allowed. PixCrawler says who it is, asks "
            "slowly, and stops when Bing asks for proof that we are no robot. Bing may block "
            "your addresses, or answer with unrelated pictures, without notice. Whoever switches "
            "it on carries the risk, and the rights in each picture are yours to clear."
        ),
        index=NAME,
        filters={
            FilterName.SIZE: Honour.SEARCHED,
            FilterName.ASPECT: Honour.SEARCHED,
            FilterName.COLOR: Honour.SEARCHED,
            FilterName.TYPE: Honour.SEARCHED,
            FilterName.LICENSE: Honour.SEARCHED,
            FilterName.SAFE_SEARCH: Honour.SEARCHED,
            FilterName.REGION: Honour.SEARCHED,
        },
        max_results=MAX_RESULTS,
        shards=(FilterName.COLOR, FilterName.SIZE, FilterName.ASPECT, FilterName.TYPE),
        quotas=(Quota(requests=1, seconds=2), Quota(requests=2000, seconds=86_400)),
        operators=True,
    )

    @override
    def request(self, ask: Ask) -> Request:
        first, _ = place_and_luggage(ask.cursor, 1)
        params = {
            "q": ask.text,
            "async": "1",
            "first": str(first),
            "count": str(PAGE_SIZE),
            "adlt": "strict" if ask.filters.safe_search else "off",
        }
        if wishes := _wishes(ask.filters):
            params["qft"] = "".join(f"+filterui:{wish}" for wish in wishes)
        headers = {}
        if region := ask.filters.region:
            language = language_of(region)
            params["mkt"] = f"{language}-{region.upper()}"
            headers["Accept-Language"] = f"{params['mkt']},{language};q=0.9"
        return Request(f"{self.base_url}/images/async", params, headers)

    @override
    def read(self, body: bytes, ask: Ask) -> Page:
        first, before = place_and_luggage(ask.cursor, 1)
        page = page_text(body)
        cards = _cards(page)
        if not cards:
            if not page.strip() or first > 1 or _CONTAINER.search(page):
                return Page(EngineStatus.EMPTY)
            raise ValueError("answered with a page without cards")
        finds = [find for card in cards if (find := _find(card))]
        if not finds and not any(card.facts for card in cards):
            raise ValueError(f"answered with {len(cards)} cards, none of which can be read")
        seen = fingerprint(str(card.facts.get("mid") or card.facts.get("murl")) for card in cards)
        if seen == before:
            return Page(EngineStatus.EMPTY)
        told = _FOLLOWING.search(page)
        following = int(told[1]) if told else 0
        if not first < following <= first + MAX_ITEMS:
            following = first + PAGE_SIZE
        cursor = written(following, seen) if following <= MAX_RESULTS else None
        return Page(EngineStatus.OK, tuple(finds), cursor)

    @override
    def block(self, answer: Answer) -> Page | None:
        page = super().block(answer)
        if page is not None or _CARD.encode() in answer.body:
            return page
        if _CAPTCHA.search(answer.body):
            return blocked(
                BlockKind.CAPTCHA, f"{self.card.title} asks for proof that we are no robot"
            )
        if _CONSENT in answer.body:
            return blocked(
                BlockKind.DENIED, f"{self.card.title} wants consent to its cookies first"
            )
        return None


class _Card(NamedTuple):
    """One result: what its attribute holds, and what stands around it."""

    facts: dict[str, Any]
    href: str
    below: str
    """The markup after it, with the size in words."""


def _wishes(filters: Filters) -> list[str]:
    wishes = []
    if filters.size != "any":
        wishes.append(f"imagesize-{_SIZES[filters.size]}")
    if filters.color == "transparent":
        wishes.append("photo-transparent")
    elif filters.color != "any":
        wishes.append(f"color2-{_COLORS[filters.color]}")
    if filters.type != "any":
        wishes.append(_TYPES[filters.type])
    if filters.aspect != "any":
        wishes.append(f"aspect-{filters.aspect}")
    if filters.license != "any":
        wishes.append(_LICENSES[filters.license])
    return wishes


def _cards(page: str) -> list[_Card]:
    tags = [
        (tag.end, attributes)
        for tag in start_tags(page, "a", _CARD)
        if _CARD in (attributes := tag.attributes()).get("class", "").split()
    ][:MAX_ITEMS]
    return [
        _Card(
            _facts(attributes.get("m", "")),
            attributes.get("href", ""),
            page[end : end + _SIZE_TEXT_CHARS].partition(_NEXT_CARD)[0],
        )
        for end, attributes in tags
    ]


def _facts(written_json: str) -> dict[str, Any]:
    """What a card's attribute holds; nothing when it is broken: the other cards still count."""
    try:
        found = json.loads(written_json, strict=False)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _find(card: _Card) -> Find | None:
    facts = card.facts
    url = address(facts.get("murl"))
    if url is None:
        return None
    title = facts.get("t")
    provenance = Provenance(
        engine=NAME,
        page_url=address(facts.get("purl")),
        title=text(title.translate(_HIGHLIGHT)) if isinstance(title, str) else None,
        provider_id=text(facts.get("mid")),
    )
    shown = _SIZE_TEXT.search(html.unescape(card.below))
    width = _expected(card.href, "expw") or pixels(facts.get("mw"))
    height = _expected(card.href, "exph") or pixels(facts.get("mh"))
    if shown and not (width and height):
        width, height = pixels(shown[1]), pixels(shown[2])
    return Find(
        url,
        provenance,
        width,
        height,
        thumbnail_url=address(facts.get("turl")),
        format_hint=format_name(shown[3]) if shown else None,
    )


def _expected(href: str, name: str) -> int | None:
    found = re.search(rf"[?&]{name}=(\d{{1,6}})(?:&|$)", href, re.ASCII)
    return pixels(found[1]) if found else None
