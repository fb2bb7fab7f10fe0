"""What the engines' desk costs: one request is one admit and one settle, in a real PostgreSQL.

    ./dev bench desk [REQUESTS]

One caller alone, for quotas of several sizes that are used up to the last but one place; then
eight callers at once on one engine (one row) and on eight. PostgreSQL syncs to disk as it does in
a local stack; the network of a deployment comes on top (ten round trips a request).
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pixcrawler.adapters.postgres.desk import PostgresDesk
from pixcrawler.adapters.postgres.pool import Database
from pixcrawler.domain.engine import Access, EngineCard, EngineStatus, Quota
from pixcrawler.host.stack.bootstrap import DATABASE, WORKER_ROLE, prepare
from pixcrawler.host.stack.postgres import Postgres
from pixcrawler.pipeline.engines.ports import Closed, Page

ROOT = Path(__file__).resolve().parents[1]
REQUESTS = 1_000
CALLERS = 8
SIZES = (0, 20, 200, 10_000)
OK = Page(EngineStatus.OK)


def engine(name: str, requests: int) -> EngineCard:
    """Return a card whose quota leaves one place free once it was filled."""
    quotas = (Quota(requests=requests, seconds=0.001),) if requests else ()
    return EngineCard(name=name, title=name, access=Access.OPEN, quotas=quotas)


def asked(desk: PostgresDesk, card: EngineCard) -> tuple[float, float]:
    """Return the milliseconds of one admit and one settle."""
    began = time.perf_counter()
    ticket = desk.admit(card, 60)
    given = time.perf_counter()
    if isinstance(ticket, Closed):
        raise SystemExit(ticket.detail)
    desk.settle(card, ticket, OK)
    return (given - began) * 1000, (time.perf_counter() - given) * 1000


def filled(database: Database, card: EngineCard) -> None:
    """Let the engine have as many requests behind it as its quota counts."""
    for quota in card.quotas:
        with database.as_service() as connection:
            values = (card.name, quota.requests)
            connection.execute(
                "insert into private.engines (name, numbered, ended) values (%s, %s, %s)",
                (*values, quota.requests),
            )
            connection.execute(
                "insert into private.engine_ends (engine, place, ended_at)"
                " select %s, n, now() from generate_series(1, %s) as n",
                values,
            )


def alone(database: Database, requests: int) -> None:
    """Print the cost of one caller, for each size of quota."""
    desk = PostgresDesk(database)
    for size in SIZES:
        card = engine(f"quota_{size}", size)
        filled(database, card)
        for _ in range(50):
            asked(desk, card)
        taken = [asked(desk, card) for _ in range(requests)]
        admit, settle = (sorted(column) for column in zip(*taken, strict=True))
        print(
            f"quota of {size:>6,}: admit {statistics.median(admit):5.2f} ms"
            f" (99 %: {admit[len(admit) * 99 // 100]:.2f}),"
            f" settle {statistics.median(settle):5.2f} ms"
            f" (99 %: {settle[len(settle) * 99 // 100]:.2f})"
        )


def together(database: Database, requests: int, engines: int) -> None:
    """Print how many requests a second all callers get through."""
    desk = PostgresDesk(database)
    cards = [engine(f"shared_{engines}_{number}", 200) for number in range(engines)]
    for card in cards:
        filled(database, card)

    def work(caller: int) -> None:
        for _ in range(requests // CALLERS):
            asked(desk, cards[caller % engines])

    began = time.perf_counter()
    with ThreadPoolExecutor(CALLERS) as threads:
        list(threads.map(work, range(CALLERS)))
    seconds = time.perf_counter() - began
    print(f"{CALLERS} callers, {engines} engines: {requests / seconds:,.0f} requests/s")


def main() -> int:
    """Measure."""
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else REQUESTS
    with (
        tempfile.TemporaryDirectory() as folder,
        Postgres(Path(folder) / "postgres") as server,
    ):
        prepare(server, ROOT / "supabase" / "migrations")
        database = Database(server.dsn(WORKER_ROLE, DATABASE), "bench", CALLERS)
        try:
            alone(database, requests)
            for engines in (1, CALLERS):
                together(database, requests, engines)
        finally:
            database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
