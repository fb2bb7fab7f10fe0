"""A worker process that asks one engine under the shared desk: python -m tests.fakes.desk_worker.

Its argument is JSON: ``database``, ``url``, ``quotas``, ``pages``, ``threads``, ``lost_after_s``,
``patience_s``. It prints one JSON list: of each page its status, kind and requests.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pixcrawler.adapters.engines import searcher
from pixcrawler.adapters.engines.shape import Ask, Engine
from pixcrawler.adapters.postgres.desk import PostgresDesk
from pixcrawler.adapters.postgres.pool import Database
from pixcrawler.adapters.web.calls.api import Api
from pixcrawler.domain.engine import Access, EngineCard, EngineStatus, Quota
from pixcrawler.domain.filters import Filters
from pixcrawler.domain.source import SearchQuery
from pixcrawler.pipeline.engines.ports import Page, Request

QUERY = SearchQuery(text="owl", keyword="owl", category="owl")


class Counted(Engine):
    """An engine whose every answer is well."""

    card = EngineCard(name="counted", title="Counted", access=Access.OPEN)

    def request(self, ask: Ask) -> Request:
        return Request(f"{self.base_url}/search")

    def read(self, body: bytes, ask: Ask) -> Page:
        return Page(EngineStatus.OK)


def work(order: dict[str, Any]) -> list[dict[str, Any]]:
    """Ask for so many pages in so many threads, each with a client of its own."""
    quotas = tuple(Quota(requests=n, seconds=s) for n, s in order["quotas"])
    searcher.PATIENCE_S = order["patience_s"]
    desk = PostgresDesk(Database(order["database"], "a-test"), lost_after_s=order["lost_after_s"])

    def ask(pages: int) -> list[dict[str, Any]]:
        api = Api("tests@example.org", timeout_s=30)
        client = searcher.Searcher(Counted(order["url"]), api, desk, quotas=quotas)
        found = [client.search(QUERY, None, Filters()) for _ in range(pages)]
        return [
            {"status": page.status, "kind": page.kind, "requests": page.requests} for page in found
        ]

    with ThreadPoolExecutor(order["threads"]) as threads:
        shares = threads.map(ask, [order["pages"]] * order["threads"])
        return [page for share in shares for page in share]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(work(json.loads(sys.argv[1]))) + "\n")
