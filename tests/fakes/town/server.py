"""A town of engines on this machine: each answers at its own path as the real one would.

They page, cap, overlap, lie about sizes, block, change, and count who asks too often.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.town.listing import Index
from tests.fakes.town.pictures import Picture, drawn, picture


@dataclass(frozen=True)
class Said:
    """An answer of the town."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Visit:
    """A request to one engine."""

    path: str
    """Below the engine's own."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    house: House
    town: Town

    def found(self, text: str, *narrowing: str) -> list[Picture]:
        """What the engine lists for ``text``, up to its cap; filters in use narrow it."""
        narrowed = "&".join(
            f"{name}={self.query[name]}" for name in narrowing if self.query.get(name)
        )
        return self.house.index.listed(text, narrowed)[: self.house.cap]

    def address(self, shown: Picture) -> str:
        """Where the picture is; each engine writes it in its own way."""
        return f"{self.town.origin}/pictures/{shown.number}.jpg{self.house.suffix}"

    def page(self, shown: Picture) -> str:
        return f"{self.town.origin}/page/{shown.number}"

    def size(self, shown: Picture) -> tuple[int, int]:
        """As the engine says: one in ten is stated twice as large."""
        times = 2 if shown.number % 10 == 0 else 1
        if shown.is_small:
            return 1600, 1200
        return shown.width * times, shown.height * times


Voice = Callable[[Visit], Said]


@dataclass
class House:
    """One engine of the town, and how it behaves."""

    voice: Voice
    index: Index
    cap: int = 4000
    suffix: str = ""
    """Of its picture addresses, such as a tracking parameter."""
    block_after: int | None = None
    """Answers after which it refuses."""
    block: Said = field(default_factory=lambda: Said(b"{}", 403))
    change_after: int | None = None
    """Answers after which it shows a page that nobody knows."""
    arrivals: list[float] = field(default_factory=list)

    def most_within(self, seconds: float) -> int:
        """The most requests that came in any stretch of so many seconds."""
        times = sorted(self.arrivals)
        most = first = 0
        for last, at in enumerate(times):
            while at - times[first] >= seconds:
                first += 1
            most = max(most, last - first + 1)
        return most


class Town:
    """Serves houses by name until it is closed."""

    def __init__(self, houses: Mapping[str, House]) -> None:
        self.houses = dict(houses)
        self.fetched: dict[int, int] = defaultdict(int)
        self.lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"town": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )
        self._thread.start()

    def address(self, house: str) -> str:
        """The base address of an engine."""
        return f"{self.origin}/{house}"

    def settings(self) -> dict[str, str]:
        """The environment in which the app finds the town instead of the real engines."""
        urls = {f"ENGINE_URL_{name.upper()}": self.address(name) for name in self.houses}
        keys = {f"ENGINE_KEY_{name.upper()}": f"key-of-{name}:cx" for name in self.houses}
        return {**urls, **keys, "FETCH_ALLOW_ORIGINS": self.origin}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> Said:
        """What the town says to one request."""
        first, _, rest = path.lstrip("/").partition("/")
        if first == "pictures":
            return self._picture(rest)
        if first == "page":
            return Said(b"<html><body>A page with a picture.</body></html>", 200, "text/html")
        house = self.houses.get(first)
        if house is None:
            return Said(b"", 404)
        return self._house(house, Visit(f"/{rest}", query, headers, house, self))

    def _house(self, house: House, visit: Visit) -> Said:
        with self.lock:
            house.arrivals.append(time.monotonic())
            answered = len(house.arrivals)
        if house.block_after is not None and answered > house.block_after:
            return house.block
        if house.change_after is not None and answered > house.change_after:
            return Said(b"<html><body><h1>Our new look</h1></body></html>", 200, "text/html")
        return house.voice(visit)

    def _picture(self, name: str) -> Said:
        number = name.partition(".")[0]
        shown = picture(int(number)) if number.isdigit() else None
        if shown is None or shown.is_gone:
            return Said(b"gone", 404, "text/plain")
        with self.lock:
            self.fetched[shown.number] += 1
        return Said(drawn(shown), 200, "image/jpeg")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


class _Handler(BaseHTTPRequestHandler):
    town: Town
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        headers = {name.lower(): value for name, value in self.headers.items()}
        said = self.town.answer(parts.path, query, headers)
        try:
            self.send_response(said.status)
            self.send_header("Content-Type", said.content_type)
            self.send_header("Content-Length", str(len(said.body)))
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said.body)
        except OSError:
            self.close_connection = True
