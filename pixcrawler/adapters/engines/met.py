"""The Metropolitan Museum of Art: photographs of works in the public domain, without a key.

Source: the museum's API documentation. A search only gives numbers: each object takes a request
of its own, so that a page is one search and some objects. It says 80 requests a second, and was
seen to refuse after 30 quick ones (metmuseum/openaccess issue 60).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from typing_extensions import override

from pixcrawler.adapters.engines.fields import address, count, text
from pixcrawler.adapters.engines.shape import (
    Ask,
    Engine,
    Steps,
    json_object,
    unknown_structure,
)
from pixcrawler.domain.engine import Access, EngineCard, EngineStatus, Honour, Quota
from pixcrawler.domain.filters import FilterName
from pixcrawler.domain.source import Provenance
from pixcrawler.pipeline.engines.ports import Answer, Find, Page, Request

NAME = "met"
PAGE_SIZE = 20
"""Objects."""
MAX_VIEWS = 3
"""Further pictures of one object."""
_OBJECT = "/public/collection/v1/objects/"
_OK = 200
_GONE = frozenset({404, 410})
_FAULT = 500
"""This, too, a single object may say; anything else is said by the service."""
_CC0 = "https://creativecommons.org/publicdomain/zero/1.0/"


class MetEngine(Engine):
    """Searches the collection of the museum."""

    card = EngineCard(
        name=NAME,
        title="The Metropolitan Museum of Art",
        access=Access.OPEN,
        base_url="https://collectionapi.metmuseum.org",
        homepage="https://www.metmuseum.org/art/collection",
        terms_url="https://www.metmuseum.org/policies/terms-and-conditions",
        filters={FilterName.LICENSE: Honour.SIFTED},
        quotas=(Quota(requests=1, seconds=1),),
        licensed=True,
    )

    @override
    def steps(self, ask: Ask) -> Steps:
        answer = yield self.request(ask)
        numbers = _numbers(answer.body)
        start = place = int(ask.cursor or 0)
        if start >= len(numbers):
            return Page(EngineStatus.EMPTY)
        tray = _Tray()
        for place, number in enumerate(numbers[start : start + PAGE_SIZE], start):
            answer = yield Request(f"{self.base_url}{_OBJECT}{number}")
            refusal = super().block(answer)
            if refusal is None or answer.status in (*_GONE, _FAULT):
                tray.add(answer, refusal)
            elif tray.objects:
                # What was shown before is kept; the next page begins with this object.
                return tray.page(str(place), len(numbers))
            else:
                return refusal
        end = place + 1
        return tray.page(str(end) if end < len(numbers) else None, len(numbers))

    @override
    def request(self, ask: Ask) -> Request:
        # The words come last: the service applies no filter that stands after them, or others.
        params = {"hasImages": "true", "isPublicDomain": "true", "q": ask.text}
        return Request(f"{self.base_url}/public/collection/v1/search", params)

    @override
    def read(self, body: bytes, ask: Ask) -> Page:
        """Return the pictures of one object: a search gives no more than numbers."""
        if "objectIDs" in json_object(body):
            total = len(_numbers(body))
            return Page(EngineStatus.OK if total else EngineStatus.EMPTY, total=total)
        return Page(EngineStatus.OK, _in_order([_object(body)]))

    @override
    def block(self, answer: Answer) -> Page | None:
        # One object is no reason to leave the others: ``steps`` looks at what became of it.
        return None if _OBJECT in answer.url else super().block(answer)


@dataclass
class _Tray:
    """The objects of one page."""

    objects: list[dict[str, Any]] = field(default_factory=list)
    fault: Page | None = None
    unread: ValueError | None = None

    def add(self, answer: Answer, refusal: Page | None) -> None:
        """Take an object; remember why it is missing, unless it is no more."""
        try:
            if answer.status == _OK:
                self.objects.append(_object(answer.body))
            elif answer.status == _FAULT:
                self.fault = refusal
        except ValueError as error:
            self.unread = error

    def page(self, following: str | None, total: int) -> Page:
        """Return what there is; when nothing is, what was wrong.

        Raises:
            ValueError: there is nothing, for what came were no objects.
        """
        if self.unread and not self.objects:
            raise self.unread
        if self.fault and not self.objects:
            return self.fault
        return Page(EngineStatus.OK, _in_order(self.objects), following, total=total)


def _numbers(body: bytes) -> list[int]:
    found = json_object(body)
    listed = found.get("objectIDs")
    if listed is None and found.get("total") == 0:
        return []
    if not isinstance(listed, list):
        raise unknown_structure()
    return [number for one in listed if (number := count(one))]


def _object(body: bytes) -> dict[str, Any]:
    found = json_object(body)
    if "objectID" not in found:
        raise unknown_structure()
    return found


def _in_order(objects: list[dict[str, Any]]) -> tuple[Find, ...]:
    """Every object's main picture first: further ones often show a back or an inscription."""
    pictured = [found for one in objects if (found := _pictures(one))]
    mains = [finds[0] for finds in pictured]
    return (*mains, *(find for finds in pictured for find in finds[1:]))


def _pictures(found: dict[str, Any]) -> list[Find]:
    main = address(found.get("primaryImage"))
    if main is None or found.get("isPublicDomain") is not True:
        return []
    number = count(found.get("objectID"))
    provenance = Provenance(
        engine=NAME,
        page_url=address(found.get("objectURL")),
        title=text(found.get("title")),
        creator=text(found.get("artistDisplayName")),
        license="cc0",
        license_url=_CC0,
        attribution=text(found.get("creditLine")),
        provider_id=str(number) if number else None,
    )
    more = found.get("additionalImages")
    views = (address(one) for one in islice(more if isinstance(more, list) else (), MAX_VIEWS))
    small = address(found.get("primaryImageSmall"))
    return [
        Find(main, provenance, thumbnail_url=small),
        *(Find(url, provenance) for url in views if url and url != main),
    ]
