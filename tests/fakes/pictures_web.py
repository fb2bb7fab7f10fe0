"""A web of pictures in memory, and one over HTTP: addresses say what comes of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pixcrawler.domain.verdict import RejectReason
from pixcrawler.pipeline.ports import Fetched, Unfetched
from pixcrawler.pipeline.visits.body import Body
from pixcrawler.solo.load import Load
from tests.factories import an_image


class MemoryWeb:
    """A Fetcher: ``/ok/N`` gives picture N, ``/REASON`` fails for that reason, until told else."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, bytes | RejectReason] = {}
        self.most_at_once = 0
        self.wait = threading.Event()
        self.wait.set()
        self._at_once = 0
        self._counted = 0
        self._lock = threading.Lock()

    checked = ()

    def take_load(self) -> dict[str, Load]:
        """The load put on the one host since this was asked last."""
        with self._lock:
            count, self._counted = len(self.asked) - self._counted, len(self.asked)
        return {"a.example": Load(count, 100 * count, 0)} if count else {}

    def close(self) -> None:
        """Nothing to close."""

    def fetch_all(self, urls: Sequence[str]) -> Iterator[tuple[int, Fetched | Unfetched]]:
        """Yield what comes of each, in order."""
        with self._lock:
            self.asked += urls
            self._at_once += len(urls)
            self.most_at_once = max(self.most_at_once, self._at_once)
        for index, url in enumerate(urls):
            self.wait.wait(30)
            path = url.split("/", 3)[3]
            answer = self.answers.get(path) or self._usual(path)
            with self._lock:
                self._at_once -= 1
            if isinstance(answer, RejectReason):
                yield index, Unfetched(answer, f"{path} failed", url, None, 5)
            else:
                yield index, Fetched(Body.of(answer), url, 200, 7)

    @staticmethod
    def _usual(path: str) -> bytes | RejectReason:
        kind, _, number = path.partition("/")
        return an_image(int(number), 32, 24) if kind == "ok" else RejectReason(kind)


class PictureServer:
    """Serves pictures on 127.0.0.1 until it is closed; ``/robots.txt`` is as it is told."""

    def __init__(self) -> None:
        self.hits: list[str] = []
        self.agents: list[str] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.lock = threading.Lock()
        self.robots: str | None = None
        self.gate = threading.Event()
        """While it is not set, pictures after the first ``free`` wait."""
        self.gate.set()
        self.free = 0
        handler = type("Handler", (_Handler,), {"web": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )
        self._thread.start()

    def pictures(self) -> list[str]:
        """The pictures that were asked for."""
        return [path for path in self.hits if path.startswith("/ok/")]

    def close(self) -> None:
        """Stop serving, also what waits."""
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


class _Handler(BaseHTTPRequestHandler):
    web: PictureServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def handle(self) -> None:
        """Bear callers who hang up."""
        try:
            super().handle()
        except OSError:
            self.close_connection = True

    def do_GET(self) -> None:
        """Answer by path."""
        with self.web.lock:
            self.web.in_flight += 1
            self.web.most_in_flight = max(self.web.most_in_flight, self.web.in_flight)
        try:
            self._answer()
        finally:
            with self.web.lock:
                self.web.in_flight -= 1

    def _answer(self) -> None:
        self.web.hits.append(self.path)
        self.web.agents.append(self.headers.get("User-Agent", ""))
        kind, _, number = self.path.strip("/").partition("/")
        if kind == "robots.txt" and self.web.robots is not None:
            self._send(200, "text/plain", self.web.robots.encode())
        elif kind in ("ok", "same", "private"):
            if len(self.web.pictures()) > self.web.free:
                self.web.gate.wait(60)
            seed = int(number) if kind == "ok" else 7_000
            self._send(200, "image/jpeg", an_image(seed, 64, 48))
        elif kind == "html":
            self._send(200, "image/jpeg", b"<!doctype html><html><p>no picture</p></html>")
        elif kind == "half":
            whole = an_image(3, 640, 480)
            self._send(200, "image/jpeg", whole[: len(whole) // 2])
        else:
            self._send(404, "text/plain", b"not here")

    def _send(self, status: int, media_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
