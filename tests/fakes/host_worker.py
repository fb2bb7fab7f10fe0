"""A worker process that visits one host under the shared desk: python -m tests.fakes.host_worker.

Its argument is JSON: ``database``, ``url``, ``at_once``, ``interval_s``, ``requests``,
``patience_s``, ``lasts_s``. All requests are wanted at once; one that is told to come later is
asked again. It prints one JSON object: how many were served, and the processor's seconds.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from pixcrawler.adapters.postgres.hosts import PostgresHosts
from pixcrawler.adapters.postgres.pool import Database
from pixcrawler.adapters.web.manners import stated_wait_s
from pixcrawler.adapters.web.waiting.turns import Turn, Turns


async def visit(order: Mapping[str, Any], turns: Turns, client: aiohttp.ClientSession) -> None:
    """Ask until the answer is 200."""
    host = urlsplit(order["url"]).netloc
    status = 0
    while status != 200:
        turn = turns.turn(host, interval_s=order["interval_s"], patience_s=order["patience_s"])
        async with turn as told, client.get(order["url"]) as answer:
            body, status = await answer.read(), answer.status
            tell(told, answer, len(body))


def tell(turn: Turn, answer: aiohttp.ClientResponse, length: int) -> None:
    """Report an answer as a fetcher would."""
    if answer.status not in {429, 503}:
        turn.tell(bytes_=length, failed=answer.status >= 500)
        return
    asked_s = stated_wait_s(answer.headers.get("Retry-After")) or 0.0
    turn.tell(pause_s=asked_s, because=f"status {answer.status}, asked for {asked_s:g} s")


async def work(order: Mapping[str, Any]) -> None:
    """Visit the host so many times."""
    database = Database(order["database"], "a-test")
    desk = PostgresHosts(database, lasts_s=order["lasts_s"])
    turns = Turns(desk, lambda _: order["at_once"])
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
        await asyncio.gather(*(visit(order, turns, client) for _ in range(order["requests"])))
    await turns.close()
    await asyncio.to_thread(database.close)


if __name__ == "__main__":
    told = json.loads(sys.argv[1])
    asyncio.run(work(told))
    served = {"served": told["requests"], "cpu_s": time.process_time()}
    sys.stdout.write(json.dumps(served) + "\n")
