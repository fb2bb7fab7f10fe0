"""Each step of a 1,000-image job alone, on the stack's real parts, in one process.

    ./dev bench steps [IMAGES]

Chunks are processed one after another, so that CPU seconds and memory belong to one step each
(`./dev bench job` runs them side by side, as a job does). Prints for each step: runs, wall
seconds, images a second, CPU seconds of this process, peak memory of this process.
"""

from __future__ import annotations

import base64
import json
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import psutil

from bench.job import CATEGORIES, IMAGES
from pixcrawler.bootstrap import World
from pixcrawler.domain.account import Principal
from pixcrawler.domain.job import Stage
from pixcrawler.domain.jobfile import parse_job
from pixcrawler.domain.storage import archive_ref
from pixcrawler.pipeline.assemble import assemble
from pixcrawler.pipeline.deduplicate import deduplicate
from pixcrawler.pipeline.discover import discover
from pixcrawler.pipeline.download import download
from pixcrawler.pipeline.expand import expand
from pixcrawler.pipeline.package import package
from pixcrawler.pipeline.payloads import ChunkRef, JobRef, RoundRef, Rounds
from pixcrawler.pipeline.validate import validate
from pixcrawler.settings import Settings
from tests.embedded import Stack, until

T = TypeVar("T")


class Steps:
    """Measures calls and prints a line for each step."""

    def __init__(self) -> None:
        print(
            f"{'step':<13}{'runs':>6}{'wall s':>9}{'images/s':>10}{'CPU s':>8}"
            f"{'CPU s/1,000':>13}{'peak MB':>9}"
        )

    def measure(self, name: str, images: int, calls: list[Callable[[], T]]) -> list[T]:
        """Make the calls one after another; print what they took for ``images`` images."""
        with _peak_memory() as peak:
            started, used = time.perf_counter(), _cpu_s()
            answers = [call() for call in calls]
            wall, cpu = time.perf_counter() - started, _cpu_s() - used
        print(
            f"{name:<13}{len(calls):>6}{wall:>9.2f}{images / wall:>10.0f}{cpu:>8.2f}"
            f"{cpu / max(1, images) * 1000:>13.2f}{peak[0] / 2**20:>9.0f}"
        )
        return answers


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@contextmanager
def _peak_memory() -> Iterator[list[int]]:
    """Yield a list whose one item is the largest resident size seen so far, in bytes."""
    process, peak, over = psutil.Process(), [0], threading.Event()

    def sample() -> None:
        while True:
            peak[0] = max(peak[0], process.memory_info().rss)
            if over.wait(0.02):
                return

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    try:
        yield peak
    finally:
        over.set()
        sampler.join()


def _created(world: World, token: str, images: int) -> tuple[str, str, int]:
    """Write a job's row without starting its story; return the job, its dataset and version."""
    part = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    who = Principal(
        user_id=claims["sub"],
        session_id=claims["session_id"],
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
    )
    spec = parse_job(
        {"name": "steps", "keywords": CATEGORIES, "engines": ["local"], "max_images": images}
    )
    job = world.catalogue.create_job(who, spec, None).job
    return job.id, job.dataset_id, job.version


def _run(world: World, token: str, images: int) -> None:
    job_id, dataset_id, version = _created(world, token, images)
    jobs, blobs, steps = world.jobs, world.blobs, Steps()
    # A running job: a pending one would be started by the timer that looks for orphans.
    jobs.set_stage(job_id, Stage.EXPANDING)
    steps.measure("expand", images, [lambda: expand(JobRef(job_id=job_id), jobs=jobs, blobs=blobs)])
    ask = RoundRef(job_id=job_id, round=0, wanted=images)
    [found] = steps.measure(
        "discover",
        images,
        [lambda: discover(ask, jobs=jobs, blobs=blobs, engines=world.engines)],
    )
    refs = [ChunkRef(job_id=job_id, round=0, chunk=chunk) for chunk in range(found.chunks)]
    steps.measure(
        "download",
        found.candidates,
        [partial(download, ref, jobs=jobs, blobs=blobs, fetcher=world.fetcher) for ref in refs],
    )
    book = world.placeholders
    steps.measure(
        "validate",
        found.candidates,
        [partial(validate, ref, jobs=jobs, blobs=blobs, placeholders=book) for ref in refs],
    )
    rounds = Rounds(job_id=job_id, chunks=(found.chunks,))
    steps.measure(
        "deduplicate",
        found.candidates,
        [lambda: deduplicate(rounds, jobs=jobs, blobs=blobs, placeholders=book)],
    )
    [made] = steps.measure(
        "assemble",
        images,
        [
            lambda: assemble(
                rounds, jobs=jobs, datasets=world.datasets, blobs=blobs, clock=world.clock
            )
        ],
    )
    _package(world, steps, dataset_id, version, made.images)


def _package(world: World, steps: Steps, dataset_id: str, version: int, images: int) -> None:
    # The manifest is an event: the host packages too, and must be done before we measure.
    until("the trigger's archive", lambda: world.datasets.archive(dataset_id, version))
    _forget(world, dataset_id, version)
    [archive] = steps.measure(
        "package", images, [lambda: package(dataset_id, version, blobs=world.blobs)]
    )
    print(f"{images} images kept, archive of {archive.bytes / 1e6:.1f} MB")


def _forget(world: World, dataset_id: str, version: int) -> None:
    """Remove the archive, so that it is made again."""
    for name in list(world.blobs.names("archives", f"{dataset_id}/{version}/")):
        world.blobs.delete(archive_ref(dataset_id, version, name.rsplit("/", 1)[1]))


def main() -> None:
    """Warm the website with one job, then run each step alone."""
    images = int(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    with tempfile.TemporaryDirectory() as folder:
        pictures = str(max(60, images // len(CATEGORIES) * 5 // 4))
        stack = Stack(Path(folder), "--pictures", pictures).start()
        try:
            client = stack.client()
            warm = client.create(
                name="warm", keywords=CATEGORIES, engines=["local"], max_images=images
            )
            client.ended(warm["id"], 1800)
            world = World(Settings.from_environment(stack.host().environ()))
            _run(world, client.token, images)
        finally:
            stack.stop()


if __name__ == "__main__":
    main()
