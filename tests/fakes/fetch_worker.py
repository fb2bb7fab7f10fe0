"""A worker process that downloads under the shared desk: python -m tests.fakes.fetch_worker.

Its argument is JSON: ``database``, ``urls``, ``at_once``. It prints one JSON object: how often each
end came, a reason or ``fetched``.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from urllib.parse import urlsplit

from pixcrawler.adapters.postgres.hosts import PostgresHosts
from pixcrawler.adapters.postgres.pool import Database
from pixcrawler.adapters.postgres.site_files import PostgresSiteFiles
from pixcrawler.adapters.web.fetch import WebFetcher
from pixcrawler.adapters.web.visiting.visits import VisitLimits
from pixcrawler.pipeline.ports import Fetched

if __name__ == "__main__":
    order = json.loads(sys.argv[1])
    database = Database(order["database"], "a-test")
    limits = VisitLimits(
        in_flight_per_host=order["at_once"], in_flight_per_allowed=order["at_once"]
    )
    parts = urlsplit(order["urls"][0])
    fetcher = WebFetcher(
        "test@example.org",
        desk=PostgresHosts(database),
        site_files=PostgresSiteFiles(database),
        limits=limits,
        allowed=frozenset({f"{parts.scheme}://{parts.netloc}"}),
    )
    ended: Counter[str] = Counter()
    for _, result in fetcher.fetch_all(order["urls"]):
        if isinstance(result, Fetched):
            result.body.close()
            ended["fetched"] += 1
        else:
            ended[result.reason.value] += 1
    fetcher.close()
    database.close()
    sys.stdout.write(json.dumps(ended) + "\n")
