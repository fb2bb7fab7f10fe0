"""The user's own list of addresses, in the shape of an engine."""

from __future__ import annotations

from pixcrawler.domain.engine import Access, EngineCard, EngineStatus
from pixcrawler.domain.filters import Filters
from pixcrawler.domain.job import URL_ENGINE
from pixcrawler.domain.source import Provenance, SearchQuery
from pixcrawler.pipeline.engines.ports import Find, Page

PAGE_SIZE = 500


class UrlsEngine:
    """Gives the addresses that the query itself carries, a page at a time."""

    card = EngineCard(name=URL_ENGINE, title="Your own list of addresses", access=Access.OWN)

    def search(self, query: SearchQuery, cursor: str | None, filters: Filters) -> Page:  # noqa: ARG002 - the user chose them
        """Return one page of finds; the cursor is the place in the list."""
        start = int(cursor or 0)
        end = start + PAGE_SIZE
        finds = tuple(
            Find(url, Provenance(engine=URL_ENGINE)) for url in query.addresses[start:end]
        )
        if not finds:
            return Page(EngineStatus.EMPTY, requests=0)
        following = str(end) if end < len(query.addresses) else None
        return Page(EngineStatus.OK, finds, following, requests=0)
