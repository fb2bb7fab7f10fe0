"""Downloads: `pixcrawler fetch` beside img2dataset on the same list, in turn.

    ./dev bench download [FILES [RUNS]]

A server in a process of its own gives pictures made from a seed (JPEG, PNG and WebP, 50 to 600 KB,
no two alike): over http with connections kept, and over https with a new connection for each
picture, as on the web where every picture has another host; with 100 ms of added latency and
without. img2dataset is installed, pinned, in an environment of its own. Both write WebDataset
shards and a table. "raw" copies the bytes and hashes them; "decode" also decodes each picture in
full and keeps the original. CPU is that of all processes of a contender; what it takes for 20
pictures is taken off and shown apart, as its start. Memory is the largest sum of the processes'
proportional set sizes. Of the server's CPU nothing is counted, but it shares the cores.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil
from rich.console import Console
from rich.table import Table

from bench.corpus.pictures import FILES_KEPT, certificate_in

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / ".pixcrawler" / "peers"
PEER_LIST = ROOT / "bench" / "peers" / "img2dataset.txt"
FILES = 1000
RUNS = 3
IN_FLIGHT = 64
SAMPLED_S = 0.1
FEW = 20
"""Pictures of the run that shows what starting costs."""

IMG2DATASET = """\
import sys
from img2dataset import download
raw = {"disable_all_reencoding": True}
decode = {"resize_mode": "keep_ratio", "resize_only_if_bigger": True, "skip_reencode": True,
          "image_size": 8192}
if __name__ == "__main__":
    download(url_list=sys.argv[1], output_folder=sys.argv[2], output_format="webdataset",
             processes_count=int(sys.argv[4]), thread_count=int(sys.argv[5]) // int(sys.argv[4]),
             number_sample_per_shard=int(sys.argv[6]), compute_hash="sha256", timeout=60,
             **(raw if sys.argv[3] == "raw" else decode))
"""


@dataclass(frozen=True)
class Way:
    """How the server is reached."""

    title: str
    scheme: str
    latency_ms: int


@dataclass(frozen=True)
class Taken:
    """What one run took."""

    s: float
    cpu_s: float
    peak_mb: float
    pictures: int


WAYS = (
    Way("http, connections kept, 100 ms", "http", 100),
    Way("http, connections kept", "http", 0),
    Way("https, a connection each, 100 ms", "https", 100),
    Way("https, a connection each", "https", 0),
)
Command = Callable[[Path, Path, int], list[str]]


def ours(level: str) -> Command:
    """`pixcrawler fetch` as a process."""

    def command(urls: Path, out: Path, _: int) -> list[str]:
        words = ["fetch", str(urls), "--out", str(out), "--level", level]
        return [sys.executable, "-m", "pixcrawler.cli", *words, "--concurrency", str(IN_FLIGHT)]

    return command


def theirs(mode: str, processes: int) -> Command:
    """img2dataset as a process, with as many processes of its own."""

    def command(urls: Path, out: Path, files: int) -> list[str]:
        python = str(peer_python())
        shard = files // processes
        return [
            python,
            str(PEERS / "img2dataset_run.py"),
            *(str(urls), str(out), mode, str(processes), str(IN_FLIGHT), str(shard)),
        ]

    return command


CONTENDERS: dict[tuple[str, str], Command] = {
    ("raw", "PixCrawler"): ours("none"),
    ("raw", "img2dataset"): theirs("raw", 1),
    ("decode", "PixCrawler"): ours("basic"),
    ("decode", "img2dataset, 1 process"): theirs("decode", 1),
    ("decode", "img2dataset, 2 processes"): theirs("decode", 2),
}


def peer_python() -> Path:
    """Install img2dataset where that has not been done; return its Python."""
    home = PEERS / "img2dataset"
    python = home / "bin" / "python"
    done = home / "installed"
    if not done.exists():
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "-r", PEER_LIST], check=True)
        (PEERS / "img2dataset_run.py").write_text(IMG2DATASET)
        done.touch()
    return python


@contextmanager
def serving(way: Way, folder: Path) -> Iterator[str]:
    """The server in its own process; gives its origin."""
    arguments = (way.scheme, str(way.latency_ms), str(folder))
    command = [sys.executable, "-m", "bench.corpus.pictures", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        port = server.stdout.readline().strip() if server.stdout else ""
        try:
            yield f"{way.scheme}://127.0.0.1:{port}"
        finally:
            server.terminate()


def run(command: list[str], environment: dict[str, str], out: Path) -> Taken:
    """Run a contender to its end; measure it and every process that it starts."""
    log = out.with_suffix(".log")
    started, before = time.perf_counter(), os.times()
    peak = 0.0
    with log.open("w") as told:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **environment}, stdout=told, stderr=told
        )
        while process.poll() is None:
            peak = max(peak, memory_mb(process.pid))
            time.sleep(SAMPLED_S)
    after = os.times()
    if process.returncode:
        sys.exit(f"{command}: {log.read_text()[-3000:]}")
    cpu_s = after.children_user + after.children_system
    cpu_s -= before.children_user + before.children_system
    return Taken(time.perf_counter() - started, cpu_s, peak, pictures_in(out))


def memory_mb(pid: int) -> float:
    """The proportional set sizes of a process and its children together."""
    total = 0
    try:
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            total += one.memory_full_info().pss
    except psutil.Error:
        pass  # it has just ended
    return total / 2**20


def pictures_in(out: Path) -> int:
    """Pictures in the shards: whoever drops some has done less work."""
    count = 0
    for path in out.glob("*.tar"):
        with tarfile.open(path) as tar:
            count += sum(name.endswith((".jpg", ".png", ".webp")) for name in tar.getnames())
    return count


Found = dict[tuple[str, str, str], list[Taken]]


def measure(files: int, runs: int, few: Found) -> Found:
    """Let all contenders take their turn, ``runs`` times after a warm-up, on every way.

    Each turn begins with few pictures; what these take is kept in ``few``.
    """
    peer_python()
    taken: Found = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        trusted = certificate_in(folder)
        for way in WAYS:
            with serving(way, folder) as origin:
                environment = {"SSL_CERT_FILE": trusted, "FETCH_ALLOW_ORIGINS": origin}
                environment |= {"NO_ALBUMENTATIONS_UPDATE": "1", "WANDB_MODE": "disabled"}
                for turn in range(runs + 1):
                    for work, name in CONTENDERS:
                        for found, count in ((few, FEW), (taken, files)) if turn else (({}, FEW),):
                            result = contend((work, name), origin, count, environment, folder)
                            found.setdefault((way.title, work, name), []).append(result)
    return taken


def contend(
    contender: tuple[str, str],
    origin: str,
    files: int,
    environment: dict[str, str],
    folder: Path,
) -> Taken:
    """Run one contender on a list of so many pictures."""
    urls, out = folder / "urls.txt", folder / "out"
    urls.write_text("".join(f"{origin}/{n}.{_suffix(n)}\n" for n in range(files)))
    result = run(CONTENDERS[contender](urls, out, files), environment, out)
    shutil.rmtree(out)
    if result.pictures != files:
        sys.exit(f"{contender} kept {result.pictures} of {files} pictures")
    return result


def _suffix(number: int) -> str:
    return FILES_KEPT[number % len(FILES_KEPT)]


def main(files: int, runs: int) -> None:
    """Measure and print the table; ratios are of CPU, img2dataset's over ours."""
    title = f"{files} pictures, {IN_FLIGHT} in flight, medians of {runs}"
    table = Table(title=title)
    for heading in ("way", "work", "contender"):
        table.add_column(heading)
    for heading in (
        "pictures/s",
        "(from, to)",
        "CPU s per 1,000",
        "CPU s to start",
        "peak MB",
        "ratio",
        "with start",
    ):
        table.add_column(heading, justify="right")
    few: Found = {}
    found = measure(files, runs, few)
    for (way, work, name), results in found.items():
        ours, our_start_s = found[way, work, "PixCrawler"], _start_s(few[way, work, "PixCrawler"])
        rates = sorted(files / one.s for one in results)
        start_s = _start_s(few[way, work, name])
        cpu_s = _cpu_s(results, start_s, files)
        ratio = cpu_s / _cpu_s(ours, our_start_s, files)
        whole = median(one.cpu_s for one in results) / median(one.cpu_s for one in ours)
        table.add_row(
            *(way, work, name, f"{median(rates):.0f}", f"({rates[0]:.0f}, {rates[-1]:.0f})"),
            *(f"{cpu_s:.2f}", f"{start_s:.1f}"),
            f"{median(one.peak_mb for one in results):.0f}",
            *(("", "") if name == "PixCrawler" else (f"{ratio:.1f}", f"{whole:.1f}")),
        )
    Console(width=150).print(table)


def _start_s(few: list[Taken]) -> float:
    """CPU seconds that starting takes."""
    return median(one.cpu_s for one in few)


def _cpu_s(results: list[Taken], start_s: float, files: int) -> float:
    """CPU seconds for 1,000 pictures, without the start."""
    return (median(one.cpu_s for one in results) - start_s) * 1000 / (files - FEW)


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    main(*[*numbers, *(FILES, RUNS)[len(numbers) :]])
