"""Google Images by its page for old telephones: no key, and against Google's terms.

Source: SearXNG's google engine since August 2026 (as facts) and hrefs that openserp captured. No
whole page of this route is public: of the four search pages, this parser is the least certain.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from typing_extensions import override

from pixcrawler.adapters.engines.blocks import blocked
from pixcrawler.adapters.engines.cursors import fingerprint, place_and_luggage, written
from pixcrawler.adapters.engines.fields import MAX_ITEMS, address, pixels, text
from pixcrawler.adapters.engines.markup import page_text, start_tags
from pixcrawler.adapters.engines.shape import Ask, Engine
from pixcrawler.domain.engine import Access, BlockKind, EngineCard, EngineStatus, Honour, Quota
from pixcrawler.domain.filters import FilterName
from pixcrawler.domain.source import Provenance
from pixcrawler.pipeline.engines.ports import Answer, Find, Page, Request

NAME = "google_html"
PAGE_SIZE = 10
MAX_PAGES = 50
TELEPHONE = "Nokia6230i/2.0 (03.80) Profile/MIDP-2.0 Configuration/CLDC-1.1"
"""The route answers nobody else."""
_THUMBNAILS = "https://encrypted-tbn0.gstatic.com/images?q=tbn:"
_FOUND = 302
_SHORT_PAGE_BYTES = 2000
_NAME_OF_THUMBNAIL = re.compile(r"[\w:-]{4,100}", re.ASCII)
_NOTHING = re.compile(r"did not match any|no (?:image )?results|aren.{1,6}t any", re.IGNORECASE)


class GoogleHtmlEngine(Engine):
    """Reads Google's image search as a telephone of 2005 would."""

    card = EngineCard(
        name=NAME,
        title="Google Images (page)",
        access=Access.OPT_IN,
        base_url="https://www.google.com",
        homepage="https://images.google.com",
        terms_url="https://policies.google.com/terms",
        terms=(
            "This is no interface that Google offers. Google's terms (of 30 July 2026) forbid "
            "automated access against its robots.txt and getting around its protective measures; "
            "its robots.txt disallows /search, /imgres and /wml/search. This engine reads "
            "/wml/search all the same, and it says that it is an old telephone (User-Agent of a "
            "Nokia 6230i), because the page answers nobody else: the only place where PixCrawler "
            "does not say who it is. It gets around no captcha: when Google asks for one, it "
            "stops. Google may block your addresses without notice. Whoever switches it on "
            "carries the risk, and the rights in each picture are yours to clear. The permitted "
            "way is the engine google, with a key."
        ),
        index="google",
        filters={FilterName.SAFE_SEARCH: Honour.SEARCHED},
        max_results=PAGE_SIZE * MAX_PAGES,
        quotas=(Quota(requests=1, seconds=3), Quota(requests=500, seconds=86_400)),
        operators=True,
    )

    @override
    def request(self, ask: Ask) -> Request:
        number, _ = place_and_luggage(ask.cursor, 1)
        params = {
            "q": ask.text,
            "sca_esv": "1",
            "hl": "en",
            "ie": "utf8",
            "oe": "utf8",
            "tbm": "isch",
            "safe": "active" if ask.filters.safe_search else "images",
        }
        if number > 1:
            params["start"] = str((number - 1) * PAGE_SIZE)
        headers = {"User-Agent": TELEPHONE, "Accept": "*/*"}
        return Request(f"{self.base_url}/wml/search", params, headers, follow=False)

    @override
    def read(self, body: bytes, ask: Ask) -> Page:
        number, before = place_and_luggage(ask.cursor, 1)
        page = page_text(body)
        links = [_parts(tag.attributes()) for tag in start_tags(page, "a", "/imgres")][:MAX_ITEMS]
        finds = tuple(find for link in links if (find := _find(link)))
        if not finds:
            if not links and (number > 1 or _NOTHING.search(page)):
                return Page(EngineStatus.EMPTY)
            raise ValueError(f"answered with a page without pictures ({len(links)} links)")
        seen = fingerprint(find.url for find in finds)
        if seen == before:
            return Page(EngineStatus.EMPTY)
        following = written(number + 1, seen) if number < MAX_PAGES else None
        return Page(EngineStatus.OK, finds, following)

    @override
    def block(self, answer: Answer) -> Page | None:
        page = super().block(answer)
        is_silent = page is None or page.status is EngineStatus.CHANGED
        if is_silent and (kind := _refusal(answer)):
            words = {
                BlockKind.CAPTCHA: "asks for proof that we are no robot",
                BlockKind.DENIED: "wants a browser that runs scripts",
            }
            return blocked(kind, f"{self.card.title} {words[kind]}")
        return page


def _refusal(answer: Answer) -> BlockKind | None:
    """What only Google does: a bare redirect, a stub that leads to /sorry/, a page of scripts."""
    is_stub = len(answer.body) < _SHORT_PAGE_BYTES and b"/sorry/" in answer.body
    if answer.status == _FOUND or is_stub:
        return BlockKind.CAPTCHA
    if b"/httpservice/retry/enablejs" in answer.body and b"/imgres" not in answer.body:
        return BlockKind.DENIED
    return None


def _parts(attributes: dict[str, str]) -> dict[str, str]:
    """The parameters of a link, however they are separated; the first of a name counts."""
    found: dict[str, str] = {}
    _, _, query = attributes.get("href", "").partition("/imgres?")
    for part in re.split("[&;]", query):
        name, _, value = part.partition("=")
        # A plus is no space here: it stands in addresses.
        found.setdefault(name, unquote(value))
    return found


def _find(link: dict[str, str]) -> Find | None:
    url = address(link.get("imgurl"))
    if url is None:
        return None
    name = text(link.get("tbnid"))
    is_named = name is not None and _NAME_OF_THUMBNAIL.fullmatch(name)
    provenance = Provenance(
        engine=NAME, page_url=address(link.get("imgrefurl")), provider_id=name if is_named else None
    )
    return Find(
        url,
        provenance,
        pixels(link.get("w")),
        pixels(link.get("h")),
        thumbnail_url=f"{_THUMBNAILS}{name}" if is_named else None,
    )
