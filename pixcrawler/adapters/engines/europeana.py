"""Europeana: pictures of Europe's museums, archives and libraries, for a key.

Source: the documentation of the Search API. Its answers hold the key: in ``apikey``, in each
item's ``link``, and in the ``guid`` address of its page.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

from typing_extensions import override

from pixcrawler.adapters.engines.blocks import blocked
from pixcrawler.adapters.engines.fields import address, count, items, license_code, text
from pixcrawler.adapters.engines.keyed import KeyedEngine, note_of
from pixcrawler.adapters.engines.lucene import lucene_query
from pixcrawler.adapters.engines.shape import Ask, json_object, unknown_structure
from pixcrawler.domain.engine import Access, BlockKind, EngineCard, EngineStatus, Honour, Quota
from pixcrawler.domain.filters import FilterName, Filters
from pixcrawler.domain.source import Provenance
from pixcrawler.pipeline.engines.ports import Answer, Find, Page, Request

NAME = "europeana"
PAGE_SIZE = 100
FIRST = "*"
CURSOR_MAX_CHARS = 2000
# Its bands end at 0.5, 1 and 4 million pixels: those that overlap ours are asked for.
_SIZES = {
    "small": ("small",),
    "medium": ("small", "medium"),
    "large": ("large", "extra_large"),
    "huge": ("extra_large",),
}
_ASPECTS = {"wide": "landscape", "tall": "portrait"}
_COLORS = {"color": "IMAGE_COLOUR:true", "gray": "IMAGE_GREYSCALE:true"}
_NO_COLORS = (
    "transparent", "red", "orange", "yellow", "green", "teal", "blue", "purple", "pink", "brown",
    "black", "white",
)  # fmt: skip
_OF_A_KEY = re.compile(r"\b(?:api ?|ws)key\b")
"""Not the word alone: a query that is repeated may be about keys."""
_IDENTITY = re.compile(r"(?:/[\w.-]{1,200}){2}", re.ASCII)


class EuropeanaEngine(KeyedEngine):
    """Searches the Europeana Search API."""

    card = EngineCard(
        name=NAME,
        title="Europeana",
        access=Access.KEY,
        base_url="https://api.europeana.eu",
        homepage="https://www.europeana.eu",
        terms_url="https://www.europeana.eu/en/rights/terms-of-use",
        terms="Each picture has its own rights statement, and without a wish for a licence "
        "protected pictures are among the results. The files are with the museums themselves: "
        "some answer slowly or with a page instead of the picture.",
        filters={
            FilterName.SIZE: Honour.SEARCHED,
            FilterName.ASPECT: Honour.SEARCHED,
            FilterName.COLOR: Honour.SEARCHED,
            FilterName.LICENSE: Honour.SEARCHED,
            FilterName.LANGUAGE: Honour.SEARCHED,
        },
        lacks={FilterName.ASPECT: ("square",), FilterName.COLOR: _NO_COLORS},
        quotas=(Quota(requests=2, seconds=1),),
        operators=True,
        licensed=True,
    )

    @override
    def request(self, ask: Ask) -> Request:
        params = {
            "wskey": self.key,
            "query": lucene_query(ask.text),
            "media": "true",
            "thumbnail": "true",
            "reusability": "" if ask.filters.license == "any" else "open",
            "profile": "rich",
            "rows": str(PAGE_SIZE),
            "cursor": ask.cursor or FIRST,
        }
        refinements = urlencode([("qf", one) for one in _refinements(ask.filters)])
        return self.get(f"/record/v2/search.json?{refinements}", params)

    @override
    def refusal(self, answer: Answer) -> Page | None:
        note = note_of(answer)
        if note.get("success") is not False:
            return None
        words = self.quoted(note.get("error")) or "an error without words"
        lowered = words.lower()
        if _OF_A_KEY.search(lowered):
            return blocked(BlockKind.DENIED, "Europeana refused the key")
        if "limit" in lowered or "quota" in lowered or "too many" in lowered:
            return blocked(BlockKind.THROTTLED, "Europeana asks us to slow down")
        return Page(EngineStatus.FAILED, detail=f"Europeana could not search: {words}")

    @override
    def results(self, body: bytes, ask: Ask) -> Page:
        answer = json_object(body)
        if answer.get("success") is not True:
            raise unknown_structure()
        listed = items(answer.get("items"))
        if not listed:
            return Page(EngineStatus.EMPTY)
        following = _cursor(answer.get("nextCursor"), ask.cursor or FIRST)
        finds = tuple(find for item in listed if (find := _find(item)))
        total = count(answer.get("totalResults"))
        return Page(EngineStatus.OK, finds, following, total=total)


def _refinements(filters: Filters) -> list[str]:
    wishes = ["TYPE:IMAGE"]
    wishes += [f"IMAGE_SIZE:{size}" for size in _SIZES.get(filters.size, ())]
    if filters.aspect in _ASPECTS:
        wishes.append(f"IMAGE_ASPECTRATIO:{_ASPECTS[filters.aspect]}")
    if filters.color in _COLORS:
        wishes.append(_COLORS[filters.color])
    if filters.license == "public_domain":
        wishes.append("RIGHTS:*publicdomain*")
    if filters.language:
        wishes.append(f"LANGUAGE:{filters.language}")
    return wishes


def _cursor(value: Any, current: str) -> str | None:
    """The next cursor: opaque words; the end repeats the last one."""
    is_sound = isinstance(value, str) and value.isprintable() and len(value) <= CURSOR_MAX_CHARS
    return value if is_sound and value not in ("", current) else None


def _find(item: dict[str, Any]) -> Find | None:
    url = next((found for one in _listed(item, "edmIsShownBy") if (found := address(one))), None)
    if url is None:
        return None
    identity = item.get("id")
    is_known = isinstance(identity, str) and _IDENTITY.fullmatch(identity)
    rights = next(iter(_listed(item, "rights")), None)
    provider = next((found for one in _listed(item, "dataProvider") if (found := text(one))), None)
    provenance = Provenance(
        engine=NAME,
        page_url=address(f"https://www.europeana.eu/item{identity}") if is_known else None,
        title=next((found for one in _listed(item, "title") if (found := text(one))), None),
        creator=_creator(_listed(item, "dcCreator")),
        license=license_code(rights),
        license_url=address(rights),
        attribution=text(f"{provider}, via Europeana") if provider else None,
        provider_id=identity if is_known else None,
    )
    previews = (address(one) for one in _listed(item, "edmPreview"))
    return Find(url, provenance, thumbnail_url=next((one for one in previews if one), None))


def _listed(item: dict[str, Any], name: str) -> list[Any]:
    """Most values are lists, also of one."""
    value = item.get(name)
    return value[:20] if isinstance(value, list) else [value]


def _creator(values: list[Any]) -> str | None:
    """The first name: some are addresses of an authority file."""
    names = (text(value) for value in values)
    return next((name for name in names if name and "://" not in name), None)
