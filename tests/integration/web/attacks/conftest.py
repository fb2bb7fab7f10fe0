"""A public place and a private one on this machine, and a fetcher led from one to the other.

127.0.0.2 stands for the public Internet: the guard is told so. Everything else is judged as it is.
"""

from __future__ import annotations

import asyncio
import resource
import socket
import threading
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver

from pixcrawler.adapters.memory.hosts import MemoryHosts
from pixcrawler.adapters.memory.site_files import MemorySiteFiles
from pixcrawler.adapters.web.connecting import guard
from pixcrawler.adapters.web.fetch import WebFetcher, ssl_context
from pixcrawler.adapters.web.visiting.visits import VisitLimits
from pixcrawler.domain.visit import Visit
from pixcrawler.pipeline.ports import Fetched
from tests.fakes.rawweb import RawWeb

PUBLIC = "127.0.0.2"
NAMES_KEPT = "pixcrawler.adapters.web.fetch.NAMES_KEPT_S"
SITE_DEADLINE = "pixcrawler.adapters.web.visiting.visits.SITE_FILE_DEADLINE_S"
CAP_BYTES = 1024 * 1024
DETAIL_MAX_CHARS = 300
DEADLINE_S = 10.0
"""Longer than any answer here takes that comes to an end by itself."""


class Names(AbstractResolver):
    """Looks names up as this machine would, were all names under .example at ``PUBLIC``.

    A test may give rows of addresses for a name (``a_b`` is a.b), one row a look-up.
    """

    def __init__(self, *, hang_s=0, **rows):
        self.hang_s = hang_s
        self.rows = {"localhost": [["127.0.0.1"]]}
        self.rows |= {name.replace("_", "."): list(row) for name, row in rows.items()}
        self.asked = Counter()

    async def resolve(self, host, port=0, family=socket.AF_UNSPEC):
        self.asked[host] += 1
        await asyncio.sleep(self.hang_s)
        rows = self.rows.get(host.lower().removesuffix(".")) or [self._usual(host)]
        found = rows.pop(0) if len(rows) > 1 else rows[0]
        if isinstance(found, Exception):
            raise found
        return [_row(host, port, ip) for ip in found]

    def _usual(self, host):
        if host.endswith(".example"):
            return [PUBLIC]
        try:
            return [socket.inet_ntoa(socket.inet_aton(host))]
        except OSError:
            raise socket.gaierror(socket.EAI_NONAME, "no such name") from None

    async def close(self):
        pass


def _row(host, port, ip):
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    return {"hostname": host, "host": ip, "port": port, "family": family, "proto": 0, "flags": 0}


def a_fetcher(*, names=None, allowed=(), concurrency=64, **limits):
    """The fetcher that is attacked: one try at each address, short of time and room."""
    wanted = {"deadline_s": DEADLINE_S, "max_bytes": CAP_BYTES, "tries": 1, **limits}
    return WebFetcher(
        "tests@example.org",
        desk=MemoryHosts(),
        site_files=MemorySiteFiles(),
        concurrency=concurrency,
        limits=VisitLimits(**wanted),
        allowed=frozenset(allowed),
        resolver=lambda: names or Names(),
    )


@dataclass
class Seen:
    """What came of one address."""

    reason: str | None
    detail: str
    data: bytes | None
    status: int | None
    final_url: str | None
    elapsed_ms: int
    visit: Any


def fetch_all(urls, **options):
    """What came of addresses, in their order; each is answered once."""
    seen = {}
    fetcher = a_fetcher(**options)
    try:
        for index, result in fetcher.fetch_all(urls):
            assert index not in seen
            seen[index] = _seen(result)
    finally:
        fetcher.close()
    assert sorted(seen) == list(range(len(urls)))
    return [seen[index] for index in range(len(urls))]


def _seen(result):
    """What came; what is told of it can be stored and printed."""
    data = None
    if isinstance(result, Fetched):
        data = result.body.read()
        result.body.close()
    reason = getattr(result, "reason", None)
    seen = Seen(
        reason and reason.value,
        getattr(result, "detail", ""),
        data,
        result.status,
        result.final_url,
        result.elapsed_ms,
        result.visit,
    )
    assert f"{seen.detail}{seen.final_url}".isprintable()
    assert len(seen.detail) <= DETAIL_MAX_CHARS
    assert (data is None) == bool(reason)
    assert data is not None or seen.detail
    # As it is kept: in a blob, in the database, in the dataset's receipts.
    assert Visit.model_validate_json(result.visit.model_dump_json())
    return seen


def fetch(url, **options):
    """The result of one address."""
    [result] = fetch_all([url], **options)
    return result


@dataclass
class Town:
    """A public server and a private one, with everything that was connected to."""

    public: RawWeb
    private: RawWeb
    connected: list[str] = field(default_factory=list)
    believed: set[str] = field(default_factory=lambda: {PUBLIC})
    """Addresses that the guard holds for public."""

    def url(self, path, name="name.example"):
        """The address of a path of the public server."""
        return f"http://{name}:{self.public.port}{path}"

    def strangers(self):
        """The addresses that were connected to though nobody may."""
        return [address for address in self.connected if address not in self.believed]

    def open_to(self, *addresses, port=None):
        """Let the guard hold further addresses, and a port, for public."""
        self.believed.update(addresses)
        guard.PORTS.add(port)


@pytest.fixture
def town(monkeypatch):
    """The town, with every connection noted."""
    with RawWeb(PUBLIC) as public, RawWeb() as private:
        here = Town(public, private)
        open_town(monkeypatch, here)
        yield here


def open_town(patch, here):
    """Make the guard believe in the public place, and note every connection."""
    is_public, connect = guard._is_public, socket.socket.connect

    def noted(self, address):
        here.connected.append(str(address[0]))
        return connect(self, address)

    patch.setattr(guard, "_is_public", lambda ip: str(ip) in here.believed or is_public(ip))
    patch.setattr(guard, "PORTS", {80, 443, here.public.port})
    patch.setattr(socket.socket, "connect", noted)


def trusting(patch, *files):
    """Let the fetcher's TLS context be made anew, with further authorities to trust."""

    @cache
    def context():
        made = ssl_context.__wrapped__()
        for file in files:
            made.load_verify_locations(file)
        return made

    patch.setattr("pixcrawler.adapters.web.fetch.ssl_context", context)


def settled(what, wanted):
    """Whether something comes to a value soon: in a third of the time that TLS would wait."""
    quiet = threading.Event()
    for _ in range(100):
        if what() == wanted:
            return True
        quiet.wait(0.1)
    return False


class Memory:
    """How many megabytes more this process has taken at once, within it; 0 where nobody knows."""

    def __enter__(self):
        self.grown_mb = 0.0
        self._before = _resident_mb()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._over.set()
        self._thread.join()

    def _watch(self):
        while not self._over.wait(0.02):
            self.grown_mb = max(self.grown_mb, _resident_mb() - self._before)


def _resident_mb():
    try:
        pages = Path("/proc/self/statm").read_text().split()[1]
    except OSError:
        return 0.0
    return int(pages) * resource.getpagesize() / 1024 / 1024
