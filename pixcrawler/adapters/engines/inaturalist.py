"""iNaturalist: photographs of wild animals, plants and fungi, named by many people, without a key.

Source: the API's own documentation and code (iNaturalistAPI 00b638a1): names of taxa, a licence
for each photo, ``id_above`` instead of pages, and the sizes that a photo's address may name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from typing_extensions import override

from pixcrawler.adapters.engines.fields import (
    address,
    count,
    day,
    inside,
    items,
    license_code,
    pixels,
    text,
)
from pixcrawler.adapters.engines.shape import Ask, Engine, json_object
from pixcrawler.domain.engine import Access, EngineCard, EngineStatus, Honour, Quota
from pixcrawler.domain.filters import FilterName, Filters
from pixcrawler.domain.source import Provenance
from pixcrawler.pipeline.engines.ports import Find, Page, Request

NAME = "inaturalist"
PAGE_SIZE = 100
"""Of at most 200: each comes with everything that people said of it, 20 to 40 kilobytes."""
MAX_PHOTOS = 10
"""Of one observation: more show the same animal again."""
_WORDS = re.compile(r"[^\W_]+")
_LICENSES = {
    "any": "",
    "open": "cc0,cc-by,cc-by-nc,cc-by-nc-nd,cc-by-nc-sa,cc-by-nd,cc-by-sa",
    "commercial": "cc0,cc-by,cc-by-nd,cc-by-sa",
    "modification": "cc0,cc-by,cc-by-nc,cc-by-nc-sa,cc-by-sa",
    "free": "cc0,cc-by,cc-by-sa",
    "public_domain": "cc0",
}


class INaturalistEngine(Engine):
    """Searches observations by the name of what was seen, scientific or common."""

    card = EngineCard(
        name=NAME,
        title="iNaturalist",
        access=Access.OPEN,
        base_url="https://api.inaturalist.org",
        homepage="https://www.inaturalist.org",
        terms_url="https://www.inaturalist.org/pages/terms",
        filters={
            FilterName.SIZE: Honour.SIFTED,
            FilterName.ASPECT: Honour.SIFTED,
            FilterName.LICENSE: Honour.SEARCHED,
            FilterName.DATE: Honour.SEARCHED,
        },
        quotas=(
            Quota(requests=1, seconds=1),
            Quota(requests=60, seconds=60),
            Quota(requests=10_000, seconds=86_400),
        ),
        names_only=True,
        licensed=True,
    )

    @override
    def request(self, ask: Ask) -> Request:
        params = {
            "taxon_name": ask.text,
            "quality_grade": "research",
            "photos": "true",
            "per_page": str(PAGE_SIZE),
            "order_by": "id",
            "order": "asc",
            "id_above": ask.cursor or "0",
            **_wishes(ask.filters),
        }
        return Request(f"{self.base_url}/v1/observations", params)

    @override
    def read(self, body: bytes, ask: Ask) -> Page:
        answer = json_object(body)
        seen = items(answer.get("results"))
        if not seen:
            return Page(EngineStatus.EMPTY)
        wanted = {license_code(name) for name in _LICENSES[ask.filters.license].split(",")}
        finds = tuple(
            find
            for observation in seen
            if not _is_another(inside(observation, "taxon"), ask.text)
            for find in _finds(observation)
            # An observation is found when one of its photos has the licence.
            if wanted == {None} or find.provenance.license in wanted
        )
        here = int(ask.cursor or 0)
        last = max((count(observation.get("id")) or 0 for observation in seen), default=0)
        # It counts what lies above ``id_above`` only.
        left = count(answer.get("total_results")) or 0
        following = str(last) if left > len(seen) and last > here else None
        return Page(EngineStatus.OK, finds, following, total=None if here else left)


def _wishes(filters: Filters) -> dict[str, str]:
    wishes = {
        "photo_license": _LICENSES[filters.license],
        "created_d1": filters.since.isoformat() if filters.since else "",
        "created_d2": filters.until.isoformat() if filters.until else "",
    }
    return {name: value for name, value in wishes.items() if value}


def _finds(observation: dict[str, Any]) -> Iterator[Find]:
    photos = observation.get("photos")
    for photo in islice(photos if isinstance(photos, list) else (), MAX_PHOTOS):
        find = _find(photo, observation) if isinstance(photo, dict) else None
        if find is not None:
            yield find


def _find(photo: dict[str, Any], observation: dict[str, Any]) -> Find | None:
    shown = address(photo.get("url"))
    if shown is None or photo.get("hidden") or photo.get("flags"):
        return None
    # Instead of a photo that nobody may see, there is a picture of a lock.
    if "-square." in shown or "/attachment_defaults/" in shown:
        return None
    is_square = "/square." in shown
    url = address(shown.replace("/square.", "/original."))
    if url is None:
        return None
    size = inside(photo, "original_dimensions") if is_square else {}
    user = inside(observation, "user")
    login, number = text(user.get("login")), count(photo.get("id"))
    provenance = Provenance(
        engine=NAME,
        page_url=address(observation.get("uri")),
        title=_title(inside(observation, "taxon")),
        creator=text(user.get("name")) or login,
        creator_url=address(f"https://www.inaturalist.org/people/{login}") if login else None,
        license=license_code(photo.get("license_code")),
        attribution=text(photo.get("attribution")),
        provider_id=str(number) if number else None,
        published=day(observation.get("created_at")),
    )
    return Find(
        url,
        provenance,
        pixels(size.get("width")),
        pixels(size.get("height")),
        thumbnail_url=address(shown.replace("/square.", "/medium.")) if is_square else None,
    )


def _is_another(taxon: dict[str, Any], asked: str) -> bool:
    """Whether the common name goes on after the words that were asked for.

    The service finds every name that has them: a crane fly is no crane, a grey crane is one.
    """
    name = _worded(text(taxon.get("preferred_common_name")) or "")
    words = _worded(asked)
    return words in name and not name.endswith(words)


def _worded(said: str) -> str:
    """Its words, a blank before and after each."""
    return f" {' '.join(_WORDS.findall(said.casefold()))} "


def _title(taxon: dict[str, Any]) -> str | None:
    common, scientific = text(taxon.get("preferred_common_name")), text(taxon.get("name"))
    return text(f"{common} ({scientific})") if common and scientific else common or scientific
