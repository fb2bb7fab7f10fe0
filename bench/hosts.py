"""What a host's budget costs, in a real PostgreSQL: a question to the desk, and a turn.

    ./dev bench hosts [QUESTIONS]

First a worker's questions (one transaction each): to take, renew and give back shares of 1 and of
32 hosts, with the processor time of client and server. Then turns at one host with a budget of 6:
requests that take no time, so that all that is left is the turn; and requests of 20 ms in 1 and in
8 processes, which a host of 6 serves at 300 a second. PostgreSQL syncs to disk as it does in a
local stack; the network of a deployment comes on top.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pixcrawler.adapters.postgres.hosts import PostgresHosts
from pixcrawler.adapters.postgres.pool import Database
from pixcrawler.adapters.web.waiting.turns import Turns
from pixcrawler.host.stack.bootstrap import DATABASE, WORKER_ROLE, prepare
from pixcrawler.host.stack.postgres import Postgres
from pixcrawler.pipeline.visits.ports import Wish

ROOT = Path(__file__).resolve().parents[1]
QUESTIONS = 300
BUDGET = 6
TAKES_S = 0.02
TURNS = 20_000
TURNS_OF_20_MS = 1_200
PROCESSES = 8


def wishes(hosts: int, wanted: int) -> list[Wish]:
    """Return the wishes of a worker that has all that it wants."""
    return [Wish(f"h{number}.example", wanted, wanted, BUDGET) for number in range(hosts)]


def backends_cpu_s(database: Database) -> float:
    """Return the processor time of the server's processes that serve us."""
    with database.as_service() as connection:
        rows = connection.execute(
            "select pid from pg_stat_activity where application_name = 'bench'"
        ).fetchall()
    stats = [Path(f"/proc/{row['pid']}/stat").read_text().rpartition(")")[2] for row in rows]
    return sum(sum(map(int, stat.split()[11:13])) for stat in stats) / 100


def asked(database: Database, words: str, ask: Callable[[int], object], questions: int) -> None:
    """Print the cost of a question."""
    for number in range(10):
        ask(number)
    server, client, taken = backends_cpu_s(database), time.process_time(), []
    for number in range(questions):
        began = time.perf_counter()
        ask(number)
        taken.append((time.perf_counter() - began) * 1000)
    client_ms = (time.process_time() - client) / questions * 1000
    server_ms = (backends_cpu_s(database) - server) / questions * 1000
    taken.sort()
    worst = taken[len(taken) * 99 // 100]
    print(
        f"{words:<26} {statistics.median(taken):6.2f} ms (99 %: {worst:.2f})"
        f", processor: client {client_ms:.2f} ms, server {server_ms:.2f} ms"
    )


def questions_cost(database: Database, questions: int) -> None:
    """Print what taking, renewing and giving back cost."""
    desk = PostgresHosts(database)
    for hosts in (1, 32):
        both = (wishes(hosts, 1), wishes(hosts, 0))

        def take_or_give(number: int, both: Sequence[list[Wish]] = both) -> None:
            desk.share("ann", both[number % 2])

        def renew(_: int, take: list[Wish] = both[0]) -> None:
            desk.share("ann", take)

        asked(database, f"take or give back, {hosts:>2} hosts", take_or_give, questions)
        asked(database, f"renew, {hosts:>2} hosts", renew, questions)
        desk.share("ann", both[1])


async def turned(url: str, requests: int, takes_s: float) -> dict[str, float]:
    """Return what so many turns at one host took, with 32 of them wanted at once."""
    database = Database(url, "bench", 1)
    turns = Turns(PostgresHosts(database), lambda _: BUDGET)
    left = iter(range(requests))

    async def visit() -> None:
        for _ in left:
            async with turns.turn("h.example", interval_s=0, patience_s=300) as turn:
                await asyncio.sleep(takes_s)
                turn.tell(bytes_=1)

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(visit() for _ in range(32)))
    found = {"s": time.perf_counter() - began, "cpu_s": time.process_time() - cpu}
    await turns.close()
    await asyncio.to_thread(database.close)
    return found


def turns_cost(url: str) -> None:
    """Print what turns cost in one process and in eight."""
    alone = asyncio.run(turned(url, TURNS, 0.0))
    print(
        f"a turn of nothing, 1 process: {alone['s'] / TURNS * 1e6:.0f} us"
        f" ({alone['cpu_s'] / TURNS * 1e6:.0f} us of processor)"
    )
    for processes in (1, PROCESSES):
        each = TURNS_OF_20_MS // processes
        order = json.dumps({"url": url, "requests": each, "takes_s": TAKES_S})
        command = [sys.executable, "-m", "bench.hosts", "--worker", order]
        began = time.perf_counter()
        workers = [
            subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) for _ in range(processes)
        ]
        found = [json.loads(worker.communicate()[0]) for worker in workers]
        seconds = time.perf_counter() - began
        cpu_us = sum(one["cpu_s"] for one in found) / (each * processes) * 1e6
        print(
            f"{each * processes:,} turns of 20 ms, {processes} processes:"
            f" {each * processes / max(one['s'] for one in found):.0f}/s of 300/s"
            f" ({seconds:.1f} s with their start), {cpu_us:.0f} us of processor a turn"
        )


def main() -> int:
    """Measure."""
    if sys.argv[1:2] == ["--worker"]:
        print(json.dumps(asyncio.run(turned(**json.loads(sys.argv[2])))))
        return 0
    questions = int(sys.argv[1]) if len(sys.argv) > 1 else QUESTIONS
    with (
        tempfile.TemporaryDirectory() as folder,
        Postgres(Path(folder) / "postgres") as server,
    ):
        prepare(server, ROOT / "supabase" / "migrations")
        url = server.dsn(WORKER_ROLE, DATABASE)
        database = Database(url, "bench", 1)
        try:
            questions_cost(database, questions)
        finally:
            database.close()
        turns_cost(url)
    return 0


if __name__ == "__main__":
    sys.exit(main())
