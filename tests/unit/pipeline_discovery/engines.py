"""Engines whose answers a test decides."""

from __future__ import annotations

from pixcrawler.domain.engine import Access, EngineCard, EngineStatus
from pixcrawler.domain.source import Provenance
from pixcrawler.pipeline.engines.ports import Find, Page


def find(engine, url, **facts):
    """A find of an engine."""
    return Find(url, Provenance(engine=engine, **facts))


class Catalogue:
    """An engine with ``sizes[text]`` pictures for each query, ``page_size`` a page.

    ``name_of(text, number)`` names a picture; two engines with the same names find the same.
    ``troubles`` are pages given instead, one for each of the first requests that are numbered.
    Further arguments are those of its card.
    """

    def __init__(self, name, sizes, *, page_size=20, name_of=None, troubles=None, **card):
        self.name = name
        self.card = EngineCard(name=name, title=name, access=Access.OPEN, **card)
        self.sizes = sizes
        self.page_size = page_size
        self.name_of = name_of or (lambda text, number: f"{self.name}/{text}/{number}")
        self.troubles = dict(troubles or {})
        self.asked = []

    def search(self, query, cursor, filters):
        """One page."""
        self.asked.append((query.text, cursor, filters.safe_search))
        trouble = self.troubles.get(len(self.asked))
        if trouble is not None:
            return trouble
        start = int(cursor or 0)
        end = min(start + self.page_size, self.sizes.get(query.text, 0))
        if start >= end:
            return Page(EngineStatus.EMPTY)
        finds = tuple(
            find(self.name, f"https://p.example/{self.name_of(query.text, n)}".replace(" ", "-"))
            for n in range(start, end)
        )
        is_last = end >= self.sizes[query.text]
        return Page(EngineStatus.OK, finds, None if is_last else str(end))


class Capped:
    """An engine that gives no more than ``cap`` of its pictures, but looks for what they are like.

    ``pictures`` say of each what it is: ``{"size": "large", "published": date(…)}``.
    """

    def __init__(self, name, pictures, *, cap, page_size=50, says_total=False, **card):
        self.card = EngineCard(name=name, title=name, access=Access.OPEN, max_results=cap, **card)
        self.pictures, self.cap, self.page_size = pictures, cap, page_size
        self.says_total = says_total
        self.asked = []

    def search(self, query, cursor, filters):
        """One page of those that the filters let pass."""
        self.asked.append((query.text, cursor, filters))
        fitting = [n for n, one in enumerate(self.pictures) if self._fits(one, filters)]
        shown = fitting[: self.cap]
        start = int(cursor or 0)
        end = start + self.page_size
        finds = tuple(
            find(self.card.name, f"https://p.example/{query.text}/{n}") for n in shown[start:end]
        )
        return Page(
            EngineStatus.OK if finds else EngineStatus.EMPTY,
            finds,
            str(end) if end < len(shown) else None,
            total=len(fitting) if self.says_total else None,
        )

    @staticmethod
    def _fits(one, filters):
        published = one.get("published")
        return (
            filters.size in ("any", one.get("size"))
            and filters.color in ("any", one.get("color"))
            and filters.type in ("any", one.get("type"))
            and not (filters.since and published < filters.since)
            and not (filters.until and published > filters.until)
        )


class Broken:
    """An engine that always gives the same page."""

    def __init__(self, name, page, **card):
        self.name = name
        self.card = EngineCard(name=name, title=name, access=Access.OPEN, **card)
        self.page = page
        self.asked = []

    def search(self, query, cursor, filters):
        """The page."""
        self.asked.append(query.text)
        return self.page
