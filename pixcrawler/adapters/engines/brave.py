"""Brave Search: pictures of the whole web from its own index, for a key that is paid for.

Source: the reference of the Image Search API at api-dashboard.search.brave.com.
"""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from pixcrawler.adapters.engines.blocks import blocked
from pixcrawler.adapters.engines.fields import address, inside, items, pixels, text
from pixcrawler.adapters.engines.keyed import KeyedEngine, note_of
from pixcrawler.adapters.engines.shape import Ask, json_object
from pixcrawler.domain.engine import Access, BlockKind, EngineCard, EngineStatus, Honour, Quota
from pixcrawler.domain.filters import FilterName
from pixcrawler.domain.source import Provenance
from pixcrawler.pipeline.engines.ports import Answer, Find, Page, Request

NAME = "brave"
PAGE_SIZE = 200
"""There is one page and no other."""
QUERY_MAX_WORDS = 50
_COUNTRIES = (
    "ar", "au", "at", "be", "br", "ca", "cl", "dk", "fi", "fr", "de", "gr", "hk", "in", "id", "it",
    "jp", "kr", "my", "mx", "nl", "nz", "no", "cn", "pl", "pt", "ph", "ru", "sa", "za", "es", "se",
    "ch", "tw", "tr", "gb", "us",
)  # fmt: skip
_SAME_CODES = (
    "ar", "eu", "bn", "bg", "ca", "hr", "cs", "da", "nl", "en", "et", "fi", "fr", "gl", "de", "gu",
    "he", "hi", "hu", "is", "it", "kn", "ko", "lv", "lt", "ms", "ml", "mr", "nb", "pl", "pa", "ro",
    "ru", "sr", "sk", "sl", "es", "sv", "ta", "te", "th", "tr", "uk", "vi",
)  # fmt: skip
_LANGUAGES = {
    **{code: code for code in _SAME_CODES},
    "ja": "jp",
    "no": "nb",
    "pt": "pt-pt",
    "zh": "zh-hans",
}
_KEY_CODES = frozenset({"SUBSCRIPTION_TOKEN_INVALID", "SUBSCRIPTION_TOKEN_MISSING",
                        "SUBSCRIPTION_NOT_FOUND", "OPTION_NOT_IN_PLAN"})  # fmt: skip


class BraveEngine(KeyedEngine):
    """Searches the Brave Image Search API."""

    card = EngineCard(
        name=NAME,
        title="Brave Search",
        access=Access.KEY,
        base_url="https://api.search.brave.com",
        homepage="https://brave.com/search/api/",
        terms_url="https://api-dashboard.search.brave.com/terms-of-service",
        terms="Each request is paid for, and what may be stored of the results depends on the "
        "plan: read the terms before use. Results come without licences.",
        filters={
            FilterName.SIZE: Honour.SIFTED,
            FilterName.ASPECT: Honour.SIFTED,
            FilterName.SAFE_SEARCH: Honour.SEARCHED,
            FilterName.REGION: Honour.SEARCHED,
            FilterName.LANGUAGE: Honour.SEARCHED,
        },
        knows={FilterName.REGION: _COUNTRIES, FilterName.LANGUAGE: tuple(_LANGUAGES)},
        max_results=PAGE_SIZE,
        shards=(FilterName.LANGUAGE,),
        # The smallest plan's; at 200 results a request nobody needs more.
        quotas=(Quota(requests=1, seconds=1),),
    )

    @override
    def request(self, ask: Ask) -> Request:
        filters = ask.filters
        params = {
            "q": " ".join(ask.text.split()[:QUERY_MAX_WORDS]),
            "count": str(PAGE_SIZE),
            "country": filters.region.upper() if filters.region in _COUNTRIES else "ALL",
            "search_lang": _LANGUAGES.get(filters.language or "", ""),
            "safesearch": "strict" if filters.safe_search else "off",
            "spellcheck": "false",
        }
        headers = {"X-Subscription-Token": self.key, "Accept": "application/json"}
        return self.get("/res/v1/images/search", params, headers)

    @override
    def refusal(self, answer: Answer) -> Page | None:
        code = text(inside(note_of(answer), "error").get("code"))
        is_no_token = code == "VALIDATION" and b'"x-subscription-token"' in answer.body.lower()
        if is_no_token or code in _KEY_CODES:
            return blocked(BlockKind.DENIED, f"Brave Search refused the key ({code})")
        return None

    @override
    def results(self, body: bytes, ask: Ask) -> Page:
        listed = items(json_object(body).get("results"))
        if not listed:
            return Page(EngineStatus.EMPTY)
        return Page(EngineStatus.OK, tuple(find for one in listed if (find := _find(one))))


def _find(result: dict[str, Any]) -> Find | None:
    properties = inside(result, "properties")
    url = address(properties.get("url"))
    if url is None:
        return None
    provenance = Provenance(
        engine=NAME,
        page_url=address(result.get("url")),
        title=text(result.get("title")),
    )
    return Find(
        url,
        provenance,
        pixels(properties.get("width")),
        pixels(properties.get("height")),
        thumbnail_url=address(inside(result, "thumbnail").get("src")),
    )
