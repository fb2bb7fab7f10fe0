"""Discovery alone: 10,000 candidates over five engines that answer at once, without a network.

    ./dev bench discover [CANDIDATES]

The engines' answers are made before the clock starts: what is measured is asking, keys, sifting,
ranking, merging, writing and reading the standing. Two engines share half of their pictures, and
a fifth of each one's answers come twice. Prints for one long round and for a job of many rounds:
candidates, requests, wall milliseconds, CPU microseconds a candidate, peak memory above the start,
and the size of the last standing file. Medians of three runs.
"""

from __future__ import annotations

import gc
import math
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import psutil
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pixcrawler.adapters.memory.blobs import MemoryBlobs
from pixcrawler.adapters.memory.jobs import MemoryJobs
from pixcrawler.domain.engine import Access, EngineCard, EngineStatus
from pixcrawler.domain.filters import Filters
from pixcrawler.domain.job import Job, JobStatus
from pixcrawler.domain.jobfile import parse_job
from pixcrawler.domain.source import Provenance, SearchQuery
from pixcrawler.domain.storage import discovery_ref
from pixcrawler.pipeline.discover import discover
from pixcrawler.pipeline.engines.ports import Find, Page
from pixcrawler.pipeline.expand import expand
from pixcrawler.pipeline.limits import OVERSAMPLE
from pixcrawler.pipeline.payloads import JobRef, RoundRef

JOB = "job-1"
CANDIDATES = 10_000
RUNS = 3
ROUNDS = 20
PAGE = 100
KEYWORDS = [f"keyword {number}" for number in range(20)]
NAMES = ("one", "two", "three", "four", "five")
TWICE = 5
"""Every fifth find is one that was given before."""
NOW = datetime(2026, 5, 1, tzinfo=UTC)


class Shelf:
    """An engine whose pages stand ready."""

    def __init__(self, name: str, pages_each: int) -> None:
        self.card = EngineCard(name=name, title=name, access=Access.OPEN, licensed=True)
        self.pages_each = pages_each
        self.pages = {
            (word, page): _page(name, word, page, is_last=page + 1 == pages_each)
            for word in KEYWORDS
            for page in range(pages_each)
        }

    def search(self, query: SearchQuery, cursor: str | None, filters: Filters) -> Page:  # noqa: ARG002 - asked for nothing special
        """Return a page."""
        return self.pages.get((query.text, int(cursor or 0)), Page(EngineStatus.EMPTY))


def _page(name: str, word: str, page: int, *, is_last: bool) -> Page:
    finds = tuple(_find(name, word, page * PAGE + place) for place in range(PAGE))
    return Page(EngineStatus.OK, finds, None if is_last else str(page + 1))


def _find(name: str, word: str, number: int) -> Find:
    number -= number % TWICE == TWICE - 1
    is_shared = name in NAMES[:2] and number % 2 == 0
    owner = "shared" if is_shared else name
    place = f"{owner}.pictures.example/{word.replace(' ', '-')}/{number:06d}"
    provenance = Provenance(
        engine=name,
        page_url=f"https://{place}.html",
        title=f"{word} number {number}, seen by {name}",
        creator="A. Person",
        license="by-sa",
        license_url="https://creativecommons.org/licenses/by-sa/4.0/",
    )
    address = f"https://img.{place}.jpg?utm_source={name}&w=1600"
    return Find(address, provenance, width=1600, height=1200)


@dataclass(frozen=True)
class Measured:
    """What discovery took."""

    candidates: int
    requests: int
    wall_s: float
    cpu_s: float
    peak_bytes: int
    standing_bytes: int


@contextmanager
def _peak_memory() -> Iterator[list[int]]:
    """Yield a list whose one item becomes the growth of resident memory at its largest, bytes."""
    gc.collect()
    process, over = psutil.Process(), threading.Event()
    start = process.memory_info().rss
    peak = [0]

    def sample() -> None:
        while not over.wait(0.005):
            peak[0] = max(peak[0], process.memory_info().rss - start)

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    try:
        yield peak
    finally:
        over.set()
        sampler.join()


def _measured(engines: dict[str, Shelf], candidates: int, rounds: int) -> Measured:
    jobs, blobs = MemoryJobs(), MemoryBlobs()
    spec = parse_job(
        {"name": "bench", "keywords": KEYWORDS, "engines": list(NAMES), "expand": {"mode": "off"}}
    )
    running = {"user_id": "u", "dataset_id": "d", "version": 1, "status": JobStatus.RUNNING}
    jobs.add(Job(id=JOB, spec=spec, **running))
    expand(JobRef(job_id=JOB), jobs=jobs, blobs=blobs)
    wanted = math.ceil(candidates / rounds / OVERSAMPLE)
    found = 0
    with _peak_memory() as peak:
        started, used = time.perf_counter(), time.process_time()
        for round_no in range(rounds):
            ref = RoundRef(job_id=JOB, round=round_no, wanted=wanted, at=NOW)
            found += discover(ref, jobs=jobs, blobs=blobs, engines=engines).candidates
        wall_s, cpu_s = time.perf_counter() - started, time.process_time() - used
    requests = sum(report.requests for report in jobs.engines(JOB))
    size = len(blobs.get(discovery_ref(JOB, rounds - 1)))
    return Measured(found, requests, wall_s, cpu_s, peak[0], size)


def main(arguments: list[str]) -> int:
    """Measure and print."""
    candidates = int(arguments[0]) if arguments else CANDIDATES
    pages_each = -(-2 * candidates // (len(NAMES) * len(KEYWORDS) * PAGE)) + 1
    engines = {name: Shelf(name, pages_each) for name in NAMES}
    titles = ("rounds", "candidates", "requests", "wall ms", "CPU us each", "MB", "standing KB")
    table = Table(*titles, title=f"{candidates:,} candidates, {len(NAMES)} engines")
    for column in table.columns:
        column.justify = "right"
    for rounds in (1, ROUNDS):
        runs = [_measured(engines, candidates, rounds) for _ in range(RUNS)]
        one = runs[0]
        table.add_row(
            str(rounds),
            f"{one.candidates:,}",
            f"{one.requests:,}",
            f"{median(run.wall_s for run in runs) * 1000:,.0f}",
            f"{median(run.cpu_s for run in runs) / one.candidates * 1e6:,.0f}",
            f"{median(run.peak_bytes for run in runs) / 2**20:,.0f}",
            f"{one.standing_bytes / 1024:,.0f}",
        )
    Console(width=100).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
