"""The web for steps alone: the product's own fetcher, guarded and polite, in this process."""

from __future__ import annotations

import os

from pixcrawler.adapters.memory.hosts import MemoryHosts
from pixcrawler.adapters.memory.site_files import MemorySiteFiles
from pixcrawler.adapters.web.fetch import WebFetcher
from pixcrawler.adapters.web.guard import origins
from pixcrawler.adapters.web.visits import VisitLimits
from pixcrawler.pipeline.ports import Fetcher
from pixcrawler.solo.order import CannotFetch, FetchOrder


def web_of(order: FetchOrder) -> Fetcher:
    """Return what fetches for an order.

    Raises:
        CannotFetch: a setting of the environment makes no sense.
    """
    try:
        allowed = origins(os.environ.get("FETCH_ALLOW_ORIGINS", ""))
    except ValueError as error:
        raise CannotFetch(f"FETCH_ALLOW_ORIGINS: {error}") from None
    return WebFetcher(
        order.reached_at,
        desk=MemoryHosts(),
        site_files=MemorySiteFiles(),
        concurrency=order.concurrency,
        limits=VisitLimits(deadline_s=order.timeout_s),
        allowed=allowed,
    )
