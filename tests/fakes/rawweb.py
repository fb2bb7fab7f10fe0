"""A web server of raw bytes: what it sends, when, and how it hangs up is up to each test."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Self

PICTURE = b"\xff\xd8\xff\xe0 not a picture, but it begins like one " * 20
REQUEST_MAX_BYTES = 64 * 1024
SITE_FILES = ("/robots.txt", "/.well-known/tdmrep.json")
PATIENCE_S = 20.0


class End(Enum):
    """How a script ends; one that does not say hangs up."""

    KEEP = "the next request is read from the same connection"
    RESET = "the connection is torn down"
    SILENT = "nothing more is said, and the connection stays"
    STOP_SENDING = "no more is sent, but the connection stays"


@dataclass(frozen=True)
class Forever:
    """A piece that is sent again and again, ``every_s`` seconds, until the visitor hangs up."""

    piece: bytes
    every_s: float = 0.0


@dataclass(frozen=True)
class Beneath:
    """A piece that is sent beneath TLS, as it is."""

    piece: bytes


Step = bytes | float | Forever | Beneath | End
Script = Iterable[Step]
"""Bytes are sent, numbers are pauses in seconds."""


def answer(body: bytes = PICTURE, status: str = "200 OK", *headers: str) -> bytes:
    """An answer that is as it should be, with further headers."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body


def redirect(target: str | bytes, status: str = "302 Found") -> bytes:
    """A redirect to what may be no address at all."""
    raw = target.encode("utf-8", "surrogateescape") if isinstance(target, str) else target
    return b"HTTP/1.1 %s\r\nContent-Length: 0\r\nLocation: %s\r\n\r\n" % (status.encode(), raw)


NOT_FOUND = answer(b"not here", "404 Not Found")


class RawWeb:
    """Serves scripts by path until it is closed; site files are not there unless a script says so.

    A path may be one of a single host: ``name.example/robots.txt``. A script may be a function of
    the number of requests to its path so far.
    """

    def __init__(
        self, host: str = "127.0.0.1", *, port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        self.scripts: dict[str, Script | Callable[[int], Script]] = {}
        self.greeting: tuple[Step, ...] = ()
        """Played to each connection instead of reading requests."""
        self.connections = 0
        self.hits: Counter[str] = Counter()
        self.heads: list[bytes] = []
        self.closing = threading.Event()
        self._tls = tls
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._door = socket.create_server((host, port), backlog=256)
        self.port: int = self._door.getsockname()[1]
        self.origin = f"{'https' if tls else 'http'}://{host}:{self.port}"
        self._porter = threading.Thread(target=self._receive, daemon=True)
        self._porter.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def url(self, path: str) -> str:
        """The address of a path."""
        return f"{self.origin}{path}"

    @property
    def pictures(self) -> int:
        """Requests for anything but site files."""
        with self._lock:
            return sum(n for path, n in self.hits.items() if path not in SITE_FILES)

    @property
    def open_connections(self) -> int:
        """Visitors that have not hung up."""
        with self._lock:
            return len(self._open)

    def close(self) -> None:
        """Hang up on everybody."""
        self.closing.set()
        with contextlib.suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._porter.join(PATIENCE_S)
        self._door.close()
        with self._lock:
            still_open, threads = list(self._open), list(self._threads)
        for connection in still_open:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        for thread in threads:
            thread.join(PATIENCE_S)

    def _receive(self) -> None:
        while not self.closing.is_set():
            try:
                connection, _ = self._door.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            with self._lock:
                self.connections += 1
                self._open.add(connection)
                self._threads.append(thread)
            thread.start()

    def _serve(self, plain: socket.socket) -> None:
        connection = plain
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(plain, server_side=True)
                with self._lock:
                    self._open = (self._open - {plain}) | {connection}
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.greeting:
                self._play(connection, self.greeting)
            else:
                while self._answer(connection):
                    pass
        except (OSError, ValueError):
            pass
        finally:
            with self._lock:
                self._open -= {plain, connection}
            with contextlib.suppress(OSError):
                connection.close()
            plain.close()

    def _answer(self, connection: socket.socket) -> bool:
        """Read one request and answer it; say whether another one may follow."""
        head = b""
        while b"\r\n\r\n" not in head and len(head) < REQUEST_MAX_BYTES:
            came = connection.recv(REQUEST_MAX_BYTES)
            if not came:
                return False
            head += came
        path = head.split(b" ")[1].partition(b"?")[0].decode("latin-1")
        with self._lock:
            self.hits[path] += 1
            hits = self.hits[path]
            self.heads.append(head)
        script = self.scripts.get(f"{_host(head)}{path}") or self.scripts.get(path)
        script = (NOT_FOUND, End.KEEP) if script is None else script
        return self._play(connection, script(hits) if callable(script) else script) is End.KEEP

    def _play(self, connection: socket.socket, script: Script) -> End | None:
        """Do what a script says; return how it ended."""
        for step in script:
            if isinstance(step, bytes):
                connection.sendall(step)
            elif isinstance(step, End):
                self._end(connection, step)
                return step
            elif isinstance(step, Beneath):
                socket.socket.sendall(connection, step.piece)
            elif isinstance(step, Forever):
                while not self.closing.wait(step.every_s):
                    connection.sendall(step.piece)
            elif self.closing.wait(step):
                return None
        return None

    def _end(self, connection: socket.socket, how: End) -> None:
        if how is End.RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif how is End.STOP_SENDING:
            connection.shutdown(socket.SHUT_WR)
        if how in (End.SILENT, End.STOP_SENDING):
            # Until the visitor hangs up, or we do.
            while connection.recv(REQUEST_MAX_BYTES):
                pass


def _host(head: bytes) -> str:
    """The name that a request is for."""
    named = head.lower().partition(b"\r\nhost: ")[2]
    return named.partition(b"\r\n")[0].partition(b":")[0].decode("latin-1")
