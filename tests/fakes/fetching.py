"""The real fetcher, with the desk and the site files of this process."""

from __future__ import annotations

from typing import Any

from pixcrawler.adapters.memory.hosts import MemoryHosts
from pixcrawler.adapters.memory.site_files import MemorySiteFiles
from pixcrawler.adapters.web.fetch import WebFetcher
from pixcrawler.adapters.web.visiting.visits import VisitLimits
from pixcrawler.pipeline.ports import Fetched, Fetcher, Unfetched

GENEROUS_S = 30.0


def a_fetcher(web: Any = None, *, concurrency: int = 64, **options: Any) -> WebFetcher:
    """A fetcher that may visit a server of this machine; what is no part of it is a limit."""
    parts = {
        name: options.pop(name)
        for name in ("allowed", "resolver", "desk", "site_files")
        if name in options
    }
    allowed = frozenset({web.origin}) if web is not None else frozenset()
    wanted = {"deadline_s": GENEROUS_S, **options}
    return WebFetcher(
        "tests@example.org",
        concurrency=concurrency,
        limits=VisitLimits(**wanted),
        **{"desk": MemoryHosts(), "site_files": MemorySiteFiles(), "allowed": allowed, **parts},
    )


def fetch(fetcher: Fetcher, url: str) -> Fetched | Unfetched:
    """The result of one address."""
    [(index, result)] = list(fetcher.fetch_all([url]))
    assert index == 0
    return result
