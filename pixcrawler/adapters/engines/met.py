"""The Metropolitan Museum of Art: photographs of works in the public domain, without a key.

Source: the museum's API documentation. A search only gives numbers: each object takes a request
of its own, so that a page is one search and some objects.
"""

from __future__ import annotations

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
from pixcrawler.pipeline.engine_ports import Answer, Find, Page, Request

NAME = "met"
PAGE_SIZE = 20
"""Objects."""
MAX_VIEWS = 3
"""Further pictures of one object."""
_OBJECT = "/public/collection/v1/objects/"
_OK = 200
_GONE = frozenset({404, 410})
_SERVER_ERRORS = range(500, 600)
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
        quotas=(Quota(requests=5, seconds=1),),
        licensed=True,
    )

    @override
    def steps(self, ask: Ask) -> Steps:
        answer = yield self.request(ask)
        numbers = _numbers(answer.body)
        start = int(ask.cursor or 0)
        end = start + PAGE_SIZE
        if start >= len(numbers):
            return Page(EngineStatus.EMPTY)
        answers = []
        for number in numbers[start:end]:
            answers.append((yield Request(f"{self.base_url}{_OBJECT}{number}")))  # noqa: PERF401 - a generator
        objects = self._objects(answers)
        if isinstance(objects, Page):
            return objects
        following = str(end) if end < len(numbers) else None
        return Page(EngineStatus.OK, _in_order(objects), following, total=len(numbers))

    @override
    def request(self, ask: Ask) -> Request:
        params = {"hasImages": "true", "isPublicDomain": "true", "q": ask.text}
        return Request(f"{self.base_url}/public/collection/v1/search", params)

    @override
    def read(self, body: bytes, ask: Ask) -> Page:
        """Return the pictures of one object: a search gives no more than numbers."""
        if "objectIDs" in json_object(body):
            total = len(_numbers(body))
            return Page(EngineStatus.OK if total else EngineStatus.EMPTY, total=total)
        return Page(EngineStatus.OK, _in_order([_object(body)]))

    def _objects(self, answers: list[Answer]) -> list[dict[str, Any]] | Page:
        """Return the objects that can be read; when none can, what is wrong.

        Raises:
            ValueError: nothing that came was an object.
        """
        objects, trouble, unread = [], None, None
        for answer in answers:
            if answer.status != _OK:
                trouble = super().block(answer) if answer.status not in _GONE else trouble
                continue
            try:
                objects.append(_object(answer.body))
            except ValueError as error:
                unread = error
        if not objects and unread:
            raise unread
        return trouble if trouble and not objects else objects

    @override
    def block(self, answer: Answer) -> Page | None:
        # One dead object is no reason to leave the others.
        is_dead = answer.status in _GONE or answer.status in _SERVER_ERRORS
        if is_dead and _OBJECT in answer.url:
            return None
        return super().block(answer)


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
