"""Engines whose answers a test decides."""

from __future__ import annotations

from pixcrawler.domain.engine import Access, EngineCard, EngineStatus
from pixcrawler.domain.source import Provenance
from pixcrawler.pipeline.engine_ports import Find, Page


def find(engine, url, **facts):
    """A find of an engine."""
    return Find(url, Provenance(engine=engine, **facts))


class Catalogue:
    """An engine with ``sizes[text]`` pictures for each query, ``page_size`` a page.

    ``name_of(text, number)`` names a picture; two engines with the same names find the same.
    ``troubles`` are pages given instead, one for each of the first requests that are numbered.
    """

    def __init__(self, name, sizes, *, page_size=20, name_of=None, troubles=None):
        self.name = name
        self.card = EngineCard(name=name, title=name, access=Access.OPEN)
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


class Broken:
    """An engine that always gives the same page."""

    def __init__(self, name, page):
        self.name = name
        self.card = EngineCard(name=name, title=name, access=Access.OPEN)
        self.page = page
        self.asked = []

    def search(self, query, cursor, filters):
        """The page."""
        self.asked.append(query.text)
        return self.page
