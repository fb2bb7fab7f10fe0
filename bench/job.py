"""A 1,000-image job on the local website, end to end and by step.

    ./dev bench job [IMAGES]

Runs the job twice on a fresh stack and measures the second run: in the first the website draws
its pictures, which is the test's own work. Prints wall seconds and images/s of the whole job;
for each step how often it ran, its seconds in all and images a second of its own; CPU seconds
and peak memory of each part of the stack.
"""

from __future__ import annotations

import re
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.embedded import Stack

IMAGES = 1000
CATEGORIES = ["apple", "house", "fish", "star", "tree", "car", "flower", "moon"]
STEP = re.compile(r"step\.ended step=(\w+) .*?ok=True ms=(\d+)")
PARTS = {
    "postgres": "PostgreSQL",
    "azurite": "Azurite",
    "stack.website": "website (the test's own web)",
    "stack.auth": "auth issuer",
    "pixcrawler.host": "functions host and workers",
}


class Meter:
    """Samples CPU seconds and memory of every process below one, by part."""

    def __init__(self, pid: int) -> None:
        self.root = psutil.Process(pid)
        self.cpu: dict[int, tuple[str, float]] = {}
        self.peak: dict[str, int] = defaultdict(int)
        self.over = threading.Event()
        self.sampler = threading.Thread(target=self._run, daemon=True)

    def stop(self) -> None:
        """End the sampling, with a last sample."""
        self.over.set()
        self.sampler.join()
        self.sample()

    def _run(self) -> None:
        while not self.over.wait(0.2):
            self.sample()

    def sample(self) -> None:
        """Read every process once."""
        memory: dict[str, int] = defaultdict(int)
        for process in [self.root, *self.root.children(recursive=True)]:
            try:
                part = _part(" ".join(process.cmdline()))
                times = process.cpu_times()
                memory[part] += process.memory_info().rss
            except psutil.Error:
                continue
            self.cpu[process.pid] = (part, times.user + times.system)
        for part, rss in memory.items():
            self.peak[part] = max(self.peak[part], rss)

    def seconds(self) -> dict[str, float]:
        """CPU seconds so far, by part."""
        total: dict[str, float] = defaultdict(float)
        for part, seconds in self.cpu.values():
            total[part] += seconds
        return dict(total)


def _part(command: str) -> str:
    for sign, part in PARTS.items():
        if sign in command and "pixcrawler.host.stack --app" not in command:
            return part
    return "stack supervisor"


def _job(stack: Stack, images: int) -> tuple[dict[str, Any], float, Meter, dict[str, float]]:
    client = stack.client()
    meter = Meter(stack.process.pid if stack.process else 0)
    meter.sample()
    before = meter.seconds()
    meter.sampler.start()
    started = time.perf_counter()
    created = client.create(name="bench", keywords=CATEGORIES, engines=["local"], max_images=images)
    job = client.ended(created["id"], 1800)
    seconds = time.perf_counter() - started
    meter.stop()
    used = {part: cpu - before.get(part, 0.0) for part, cpu in meter.seconds().items()}
    return job, seconds, meter, used


def _steps(log: str) -> dict[str, list[float]]:
    steps: dict[str, list[float]] = defaultdict(list)
    for name, ms in STEP.findall(log):
        steps[name].append(int(ms) / 1000)
    return steps


def main() -> None:
    """Run the job on a fresh stack and print the tables."""
    images = int(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    with tempfile.TemporaryDirectory() as folder:
        pictures = str(max(60, images // len(CATEGORIES) * 5 // 4))
        stack = Stack(Path(folder), "--pictures", pictures).start()
        log = Path(folder) / "logs" / "host.log"
        try:
            _job(stack, images)
            drawn = log.stat().st_size
            job, seconds, meter, used = _job(stack, images)
            told = log.read_bytes()[drawn:].decode(errors="replace")
        finally:
            stack.stop()
    _print(job, seconds, _steps(told), used, meter)


def _print(
    job: dict[str, Any],
    seconds: float,
    steps: dict[str, list[float]],
    used: dict[str, float],
    meter: Meter,
) -> None:
    progress = job["progress"]
    print(
        f"job {job['status']}: {progress['kept']} kept of {progress['candidates']} candidates"
        f" in {seconds:.1f} s = {progress['kept'] / seconds:.1f} kept images/s,"
        f" {progress['candidates'] / seconds:.1f} candidates/s"
    )
    print(f"\n{'step':<14}{'runs':>6}{'seconds':>10}{'median ms':>11}{'images/s':>10}")
    for name, times in steps.items():
        middle = sorted(times)[len(times) // 2] * 1000
        pace = progress["candidates"] / sum(times) if sum(times) else 0
        print(f"{name:<14}{len(times):>6}{sum(times):>10.2f}{middle:>11.0f}{pace:>10.0f}")
    print(f"\n{'part':<32}{'CPU s':>8}{'CPU s/1,000':>13}{'peak MB':>9}")
    for part in sorted(used, key=lambda part: -used[part]):
        per = used[part] / max(1, progress["candidates"]) * 1000
        print(f"{part:<32}{used[part]:>8.1f}{per:>13.1f}{meter.peak[part] / 2**20:>9.0f}")


if __name__ == "__main__":
    main()
