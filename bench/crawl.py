"""Ten thousand pictures of a list through the whole stack, undisturbed and with workers killed.

    ./dev bench crawl [PICTURES [KILLS]]

A server in a process of its own gives so many small pictures, no two alike, and counts requests.
One job fetches them all; then another does while workers are killed (kill -9) at random moments.
Of each it prints how long downloading took, pictures a minute, the memory of the host and its
workers at each quarter, how many pictures were kept, and how many requests were made twice.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import requests
from aiohttp import web

from tests.embedded import Client, Stack
from tests.factories import an_image

PICTURES = 10_000
KILLS = 6
SEED = 20261120
SIDES = (280, 240)
PATIENCE_S = 1800


async def serve(folder: Path) -> None:
    """Serve the pictures in a folder until standard input ends; print the port."""
    asked: Counter[str] = Counter()

    async def picture(request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        asked[name] += 1
        return web.FileResponse(folder / name)

    async def counts(_: web.Request) -> web.Response:
        seen = dict(asked)
        asked.clear()
        return web.json_response(seen)

    app = web.Application()
    app.router.add_get(r"/{name:\d+\.jpg}", picture)
    app.router.add_get("/counts", counts)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=512).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


class Memory:
    """Samples the memory of the host and its workers while a job runs."""

    def __init__(self, stack: Stack, client: Client, job_id: str, pictures: int) -> None:
        self.at_quarter: dict[int, float] = {}
        self.downloaded_s: float | None = None
        self._stack, self._client = stack, client
        self._job_id, self._pictures = job_id, pictures
        self._began = time.perf_counter()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the sampling."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(0.5):
            # A killed part may be away for a moment.
            with suppress(requests.RequestException, psutil.Error, AssertionError, KeyError):
                progress = self._client.job(self._job_id)["progress"]
                done = progress["downloaded"] + progress["rejected"]
                quarter = min(4, 1 + done * 4 // self._pictures)
                held = max(self.at_quarter.get(quarter, 0.0), self._held_mb())
                self.at_quarter[quarter] = held
                if done >= self._pictures and self.downloaded_s is None:
                    self.downloaded_s = time.perf_counter() - self._began

    def _held_mb(self) -> float:
        host = self._stack.host()
        parts = [host, *host.children(recursive=True)]
        return max(part.memory_info().rss for part in parts) / 2**20


def crawl(stack: Stack, origin: str, pictures: int, kills: int) -> dict[str, Any]:
    """Run one job; return what came of it."""
    client = stack.client()
    requests.get(f"{origin}/counts", timeout=30)
    began = time.perf_counter()
    urls = [f"{origin}/{n}.jpg" for n in range(pictures)]
    name = f"with {kills} kills"
    job_id = client.create(name=name, urls={name: urls}, max_images=pictures)["id"]
    memory = Memory(stack, client, job_id, pictures)
    chance = random.Random(SEED)
    for _ in range(kills):
        time.sleep(chance.uniform(3, 12))
        if memory.downloaded_s is None:
            stack.kill_worker()
    job = client.ended(job_id, PATIENCE_S)
    memory.stop()
    asked = Counter(requests.get(f"{origin}/counts", timeout=30).json())
    kept = Counter(image["facts"]["sha256"] for image in client.manifest(job)["images"])
    return {
        "status": job["status"],
        "seconds": time.perf_counter() - began,
        "downloaded_s": memory.downloaded_s,
        "memory": memory.at_quarter,
        "kept": kept,
        "asked": asked,
        "reasons": job["progress"]["reasons"],
    }


def tell(found: dict[str, Any], digests: set[str], pictures: int, kills: int) -> None:
    """Print what came of one job."""
    took_s = found["downloaded_s"] or found["seconds"]
    memory = ", ".join(f"{held:.0f}" for _, held in sorted(found["memory"].items()))
    lost, twice = len(digests - set(found["kept"])), found["kept"].total() - len(found["kept"])
    again = sum(found["asked"].values()) - len(found["asked"])
    print(
        f"{kills} kills: {found['status']} in {found['seconds']:.0f} s; all downloaded after"
        f" {took_s:.0f} s, {pictures / took_s * 60:,.0f} a minute\n"
        f"  largest process by quarters: {memory} MB\n"
        f"  kept {found['kept'].total():,} of {pictures:,}; lost {lost},"
        f" twice {twice}; reasons {found['reasons']}\n"
        f"  requests beyond one for each picture: {again}",
        flush=True,
    )


def main(pictures: int, kills: int) -> None:
    """Make the pictures, start everything, and run both jobs."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "pictures"
        folder.mkdir()
        digests = set()
        for number in range(pictures):
            data = an_image(SEED + number, *SIDES)
            digests.add(hashlib.sha256(data).hexdigest())
            (folder / f"{number}.jpg").write_bytes(data)
        command = [sys.executable, "-m", "bench.crawl", "--serve", str(folder)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as server:
            port = server.stdout.readline().strip() if server.stdout else ""
            origin = f"http://127.0.0.1:{port}"
            state = Path(scratch) / "state"
            stack = Stack(state, "--pictures", "1", FETCH_ALLOW_ORIGINS=origin).start()
            try:
                for count in (0, kills):
                    tell(crawl(stack, origin, pictures, count), digests, pictures, count)
            finally:
                stack.stop()
                server.terminate()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--serve", served]:
            asyncio.run(serve(Path(served)))
        case numbers:
            given = [int(number) for number in numbers]
            main(*[*given, *(PICTURES, KILLS)[len(given) :]])
