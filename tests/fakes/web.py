"""A web server on this machine that misbehaves in every way that the real web does."""

from __future__ import annotations

import gzip
import json
import ssl
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PICTURE = b"\xff\xd8\xff\xe0 not a picture, but it begins like one " * 20
DRIP_S = 0.02
CAP_BYTES = 10 * 1024 * 1024
SITE_FILES = frozenset({"/robots.txt", "/.well-known/tdmrep.json"})

_ZEROS = memoryview(bytes(256 * 1024))


class FakeWeb:
    """Serves misbehaviour by path until it is closed; counts requests by path.

    Requests for the files that robots read are counted apart.

    ``answers`` maps a path to (status, headers, body) or a function that gives it, for tests
    that need answers of their own, ``raw_answers`` to one that writes with the handler.
    """

    def __init__(self, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.hits: Counter[str] = Counter()
        self.site_hits: Counter[str] = Counter()
        self.connections = 0
        self.seen_headers: list[dict[str, str]] = []
        self.answers: dict[str, Any] = {}
        self.raw_answers: dict[str, Callable[[Any, dict[str, str]], object]] = {}
        self.at_end: Callable[[], object] = int
        self.closing = threading.Event()
        self.in_flight = 0
        self.most_in_flight = 0
        self.lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"web": self})
        self._server = _Server((host, 0), handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        scheme = "http" if tls is None else "https"
        self.port = self._server.server_address[1]
        self.origin = f"{scheme}://{host}:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )
        self._thread.start()

    def url(self, path: str) -> str:
        """The address of a path."""
        return f"{self.origin}{path}"

    def close(self) -> None:
        """Stop serving, also what is under way."""
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # The default of 5 makes bursts of connections wait a second for their SYN to be repeated.
    request_queue_size = 256


class _Handler(BaseHTTPRequestHandler):
    web: FakeWeb
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def setup(self) -> None:
        """Count the connection."""
        super().setup()
        with self.web.lock:
            self.web.connections += 1

    def handle(self) -> None:
        """Bear callers who hang up."""
        try:
            super().handle()
        except (OSError, ssl.SSLError):
            self.close_connection = True

    def do_GET(self) -> None:
        """Answer by path."""
        parts = urlsplit(self.path)
        with self.web.lock:
            hits = self.web.site_hits if parts.path in SITE_FILES else self.web.hits
            hits[parts.path] += 1
            self.web.seen_headers.append(dict(self.headers.items()))
            self.web.in_flight += 1
            self.web.most_in_flight = max(self.web.most_in_flight, self.web.in_flight)
        try:
            self._answer(parts.path, {k: v[0] for k, v in parse_qs(parts.query).items()})
        finally:
            with self.web.lock:
                self.web.in_flight -= 1

    def _answer(self, path: str, given: dict[str, str]) -> None:
        own = self.web.answers.get(path)
        if own is not None:
            self.send(*(own(given) if callable(own) else own))
            return
        raw = self.web.raw_answers.get(path)
        if raw is not None:
            self.close_connection = True
            raw(self, given)
            return
        name, _, argument = path.strip("/").partition("/")
        act: Callable[..., None] = getattr(self, f"on_{name.replace('-', '_')}", self.on_missing)
        act(argument, given)

    def send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        """Send an answer that is as it should be."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def raw(self, *pieces: bytes) -> None:
        """Send these bytes and hang up."""
        for piece in pieces:
            self.wfile.write(piece)
        self.close_connection = True

    def drip(self, piece: bytes) -> None:
        """Send a piece again and again, slowly, for ever."""
        while not self.web.closing.wait(DRIP_S):
            self.raw(piece)

    # ------------------------------------------------------------- good answers

    def on_ok(self, argument: str, given: dict[str, str]) -> None:
        self.send(200, {"Content-Type": "image/jpeg"}, PICTURE + argument.encode())

    def on_saw(self, argument: str, given: dict[str, str]) -> None:
        self.send(200, {"Set-Cookie": "a=b"}, json.dumps(dict(self.headers.items())).encode())

    def on_slow(self, argument: str, given: dict[str, str]) -> None:
        self.web.closing.wait(float(argument))
        self.send(200, {}, PICTURE)

    # ------------------------------------------------------------- statuses

    def on_missing(self, argument: str, given: dict[str, str]) -> None:
        self.send(404, {}, b"not here")

    def on_status(self, argument: str, given: dict[str, str]) -> None:
        headers = {"Retry-After": given["after"]} if "after" in given else {}
        self.send(int(argument), headers, b"trouble")

    def on_flaky(self, argument: str, given: dict[str, str]) -> None:
        if self.web.hits[urlsplit(self.path).path] <= int(argument):
            self.send(int(given.get("status", 503)), {"Retry-After": "0"}, b"later")
        else:
            self.send(200, {}, PICTURE)

    def on_empty(self, argument: str, given: dict[str, str]) -> None:
        self.send(200, {}, b"")

    # ------------------------------------------------------------- redirects

    def on_to(self, argument: str, given: dict[str, str]) -> None:
        self.send(302, {"Location": given["url"]}, b"")

    def on_hops(self, argument: str, given: dict[str, str]) -> None:
        left = int(argument)
        self.send(301, {"Location": f"/hops/{left - 1}" if left > 1 else "/ok"}, b"")

    def on_nowhere(self, argument: str, given: dict[str, str]) -> None:
        self.send(302, {}, b"")

    # ------------------------------------------------------------- broken transport

    def on_reset(self, argument: str, given: dict[str, str]) -> None:
        self.close_connection = True

    def on_silent(self, argument: str, given: dict[str, str]) -> None:
        self.web.closing.wait()
        self.close_connection = True

    def on_garbage(self, argument: str, given: dict[str, str]) -> None:
        self.raw(b"\x00\x01\x02 this is no HTTP at all\r\n\r\n")

    def on_drip_headers(self, argument: str, given: dict[str, str]) -> None:
        self.raw(b"HTTP/1.1 200 OK\r\n")
        self.drip(b"X-Drip: a\r\n")

    def on_drip_interim(self, argument: str, given: dict[str, str]) -> None:
        self.drip(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_drip_trailers(self, argument: str, given: dict[str, str]) -> None:
        self.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
        self.drip(b"X-Drip: a\r\n")

    def on_drip_line(self, argument: str, given: dict[str, str]) -> None:
        self.raw(b"HTTP/1.1 200 OK\r\nX-Drip: ")
        self.drip(b"a")

    def on_drip_body(self, argument: str, given: dict[str, str]) -> None:
        self.raw(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n")
        self.drip(b"\xff")

    def on_short(self, argument: str, given: dict[str, str]) -> None:
        self.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", PICTURE[:100])

    def on_lying_small(self, argument: str, given: dict[str, str]) -> None:
        self.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + PICTURE)

    def on_raw_location(self, argument: str, given: dict[str, str]) -> None:
        self.raw(b"HTTP/1.1 302 Found\r\nLocation: /\xff\xfe\r\nContent-Length: 0\r\n\r\n")

    def on_raw_host(self, argument: str, given: dict[str, str]) -> None:
        self.raw(b"HTTP/1.1 302 Found\r\nLocation: http://\xff.org/\r\nContent-Length: 0\r\n\r\n")

    def on_raw_packing(self, argument: str, given: dict[str, str]) -> None:
        self.raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: \xff\r\nContent-Length: 1\r\n\r\na")

    def on_raw_wait(self, argument: str, given: dict[str, str]) -> None:
        date = b"Fri, 20 Nov 99999999999 12:00:00 GMT"
        self.raw(b"HTTP/1.1 429 Busy\r\nRetry-After: " + date + b"\r\nContent-Length: 0\r\n\r\n")

    # ------------------------------------------------------------- too much

    def on_announced_big(self, argument: str, given: dict[str, str]) -> None:
        self.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", PICTURE)

    def on_endless(self, argument: str, given: dict[str, str]) -> None:
        self.raw(b"HTTP/1.1 200 OK\r\n\r\n", PICTURE)
        while not self.web.closing.is_set():
            self.raw(bytes(64 * 1024))

    def on_exactly(self, argument: str, given: dict[str, str]) -> None:
        self.send(200, {}, PICTURE + bytes(int(argument) - len(PICTURE)))

    # ------------------------------------------------------------- packed

    def on_large(self, argument: str, given: dict[str, str]) -> None:
        """Megabytes, announced or not, whose last byte waits for ``at_end``."""
        size = int(argument) * 1024 * 1024
        self.raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\n")
        self.raw(b"\r\n" if "unannounced" in given else b"Content-Length: %d\r\n\r\n" % size)
        self.raw(PICTURE)
        left = size - 1 - len(PICTURE)
        while left:
            # Of one buffer that all share: memory that is measured is the visitor's.
            self.wfile.write(_ZEROS[:left])
            left -= min(left, len(_ZEROS))
        self.web.at_end()
        self.raw(b"\0")

    def on_gzip(self, argument: str, given: dict[str, str]) -> None:
        self.send(200, {"Content-Encoding": "gzip"}, gzip.compress(PICTURE))

    def on_gzip_bomb(self, argument: str, given: dict[str, str]) -> None:
        self.send(
            200, {"Content-Encoding": "gzip"}, gzip.compress(PICTURE + bytes(5 * CAP_BYTES), 1)
        )

    def on_gzip_tail(self, argument: str, given: dict[str, str]) -> None:
        self.raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", gzip.compress(PICTURE))
        while not self.web.closing.is_set():
            self.raw(bytes(64 * 1024))

    def on_gzip_cut(self, argument: str, given: dict[str, str]) -> None:
        self.send(200, {"Content-Encoding": "gzip"}, gzip.compress(PICTURE)[:-9])

    def on_gzip_broken(self, argument: str, given: dict[str, str]) -> None:
        self.send(200, {"Content-Encoding": "gzip"}, b"this is not gzip")

    def on_brotli(self, argument: str, given: dict[str, str]) -> None:
        self.send(200, {"Content-Encoding": "br"}, b"whatever")
