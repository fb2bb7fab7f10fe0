"""Downloads in bulk: images/s, CPU seconds for 1,000 and peak memory, beside plain requests.

    ./dev bench download [FILES]

A server in a process of its own gives files made from a seed (50 to 400 KB each), over http with
connections kept, and over https with a new connection for each file, as on the web where every
image has another host. Each answer waits 50 ms, as the web does. Every contender runs in a
process of its own, takes its turn in each run, and must end with the same SHA-256 of all bodies.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import json
import random
import resource
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from statistics import median
from typing import Any

import certifi
import requests
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pixcrawler.adapters.web.fetch import WebFetcher, ssl_context
from pixcrawler.adapters.web.guard import origin_of
from pixcrawler.adapters.web.visits import VisitLimits
from pixcrawler.pipeline.limits import CHUNK_IMAGES
from pixcrawler.pipeline.ports import Fetched

FILES = 1000
RUNS = 3
SEED = 11
IN_FLIGHT = 32
LATENCY_S = 0.05
SIZES = (50_000, 400_000)
WAYS = {"http, connections kept": "http", "https, a connection each": "https"}

Contender = Callable[[list[str], str], Iterator[bytes]]

# ------------------------------------------------------------- contenders


def chunks_of_ours(urls: list[str], certificate: str) -> Iterator[bytes]:
    """One call of WebFetcher a chunk, as the step does it."""
    fetcher = _fetcher(urls, certificate)
    for start in range(0, len(urls), CHUNK_IMAGES):
        yield from _bodies(fetcher, urls[start : start + CHUNK_IMAGES])


def one_call_of_ours(urls: list[str], certificate: str) -> Iterator[bytes]:
    """One call of WebFetcher for everything."""
    yield from _bodies(_fetcher(urls, certificate), urls)


def requests_sessions(urls: list[str], certificate: str) -> Iterator[bytes]:
    """Threads with requests, a session each, as careful people write it."""
    kept = threading.local()

    def get(url: str) -> bytes:
        if not hasattr(kept, "session"):
            kept.session = requests.Session()
        return _checked(kept.session.get(url, timeout=20, verify=certificate))

    with ThreadPoolExecutor(IN_FLIGHT) as threads:
        yield from threads.map(get, urls)


def requests_plain(urls: list[str], certificate: str) -> Iterator[bytes]:
    """Threads with requests.get, as most people write it."""
    with ThreadPoolExecutor(IN_FLIGHT) as threads:
        yield from threads.map(
            lambda url: _checked(requests.get(url, timeout=20, verify=certificate)), urls
        )


CONTENDERS: dict[str, Contender] = {
    "PixCrawler, a call a chunk": chunks_of_ours,
    "PixCrawler, one call": one_call_of_ours,
    "requests, a session a thread": requests_sessions,
    "requests.get in threads": requests_plain,
}


def _fetcher(urls: list[str], certificate: str) -> WebFetcher:
    ssl_context().load_verify_locations(certificate)
    return WebFetcher(
        "bench@localhost",
        concurrency=IN_FLIGHT,
        limits=VisitLimits(deadline_s=60),
        allowed=frozenset({origin_of(urls[0])}),
    )


def _bodies(fetcher: WebFetcher, urls: list[str]) -> Iterator[bytes]:
    for _, result in fetcher.fetch_all(urls):
        if not isinstance(result, Fetched):
            sys.exit(f"{result.final_url}: {result.detail}")
        yield result.body.read()


def _checked(response: requests.Response) -> bytes:
    response.raise_for_status()
    return response.content


def contend(name: str, urls_file: str, certificate: str) -> None:
    """Run one contender and print what it took, as JSON."""
    urls = json.loads(Path(urls_file).read_text())
    before, started = _cpu_s(), time.perf_counter()
    total = 0
    for body in CONTENDERS[name](urls, certificate):
        total ^= int.from_bytes(hashlib.sha256(body).digest())
    took_s = time.perf_counter() - started
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cpu_s = _cpu_s() - before
    print(json.dumps({"s": took_s, "cpu_s": cpu_s, "peak_mb": peak_mb, "total": f"{total:x}"}))


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


# ------------------------------------------------------------- the server


def serve(scheme: str, folder: str) -> None:
    """Serve the files until standard input ends; print the port."""
    rng = random.Random(SEED)
    bodies = [rng.randbytes(rng.randint(*SIZES)) for _ in range(50)]

    async def picture(request: web.Request) -> web.Response:
        await asyncio.sleep(LATENCY_S)
        number = int(request.match_info["number"])
        answer = web.Response(
            body=number.to_bytes(4) + bodies[number % len(bodies)], content_type="image/jpeg"
        )
        if scheme == "https":
            answer.force_close()
        return answer

    async def run() -> None:
        app = web.Application()
        app.router.add_get("/{number}.jpg", picture)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        context = None
        if scheme == "https":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(f"{folder}/both.pem")
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context, backlog=512)
        await site.start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.to_thread(sys.stdin.read)
        await runner.cleanup()

    asyncio.run(run())


def make_certificate(folder: Path) -> str:
    """Write a certificate for 127.0.0.1 with its key, and a bundle that trusts it; return that."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bench")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    # Beside all the usual ones: reading those again and again is what contexts cost.
    (folder / "public.pem").write_bytes(certifi.contents().encode() + public)
    (folder / "both.pem").write_bytes(private + public)
    return str(folder / "public.pem")


@contextmanager
def serving(scheme: str, folder: Path) -> Iterator[str]:
    """A server in its own process; gives its origin."""
    command = [sys.executable, __file__, "--serve", scheme, str(folder)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        port = server.stdout.readline().strip() if server.stdout else ""
        try:
            yield f"{scheme}://127.0.0.1:{port}"
        finally:
            server.terminate()


# ------------------------------------------------------------- the table


def measure(urls_file: Path, certificate: str) -> dict[str, list[dict[str, Any]]]:
    """Run all contenders in turn, RUNS times after a warm-up."""
    taken: dict[str, list[dict[str, Any]]] = {name: [] for name in CONTENDERS}
    for run in range(RUNS + 1):
        for name, runs in taken.items():
            command = [sys.executable, __file__, "--contend", name, str(urls_file), certificate]
            ended = subprocess.run(command, capture_output=True, text=True, check=False)
            if ended.returncode:
                sys.exit(f"{name}: {ended.stderr}")
            if run:
                runs.append(json.loads(ended.stdout))
    if len({run["total"] for runs in taken.values() for run in runs}) != 1:
        sys.exit("the contenders did not get the same bytes")
    return taken


def main(files: int) -> None:
    """Measure both ways and print the table."""
    title = (
        f"{files} files, {IN_FLIGHT} in flight, {LATENCY_S * 1000:g} ms latency: medians of {RUNS}"
    )
    table = Table(title=title)
    for heading in ("way", "contender", "images/s", "(from, to)", "CPU s per 1,000", "peak MB"):
        table.add_column(heading, justify="left" if heading in ("way", "contender") else "right")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        certificate = make_certificate(folder)
        for way, scheme in WAYS.items():
            with serving(scheme, folder) as origin:
                urls_file = folder / f"{scheme}.json"
                urls_file.write_text(json.dumps([f"{origin}/{n}.jpg" for n in range(files)]))
                for name, runs in measure(urls_file, certificate).items():
                    rates = sorted(files / run["s"] for run in runs)
                    cpu_s = median(run["cpu_s"] for run in runs) * 1000 / files
                    peak_mb = median(run["peak_mb"] for run in runs)
                    spread = f"({rates[0]:.0f}, {rates[-1]:.0f})"
                    table.add_row(
                        way, name, f"{median(rates):.0f}", spread, f"{cpu_s:.2f}", f"{peak_mb:.0f}"
                    )
            table.add_section()
    Console(width=120).print(table)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--serve", scheme, folder]:
            serve(scheme, folder)
        case ["--contend", name, urls_file, certificate]:
            contend(name, urls_file, certificate)
        case ["--help" | "-h"]:
            print(__doc__)
        case [count]:
            main(int(count))
        case _:
            main(FILES)
