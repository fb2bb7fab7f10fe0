"""A language model's server on this machine: it answers as told, well or in every wrong way."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DRIP_S = 0.02


@dataclass
class Asked:
    """One request, as it came."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def about(self) -> dict[str, Any]:
        """The data that the model was given to work on."""
        found: dict[str, Any] = json.loads(self.body["messages"][1]["content"])
        return found


@dataclass
class Says:
    """One answer."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def completion(content: Any, finish_reason: str = "stop", refusal: str | None = None) -> Says:
    """Return a chat completion of the structure that Azure OpenAI answers with."""
    text = content if isinstance(content, str) or content is None else json.dumps(content)
    choice = {
        "index": 0,
        "finish_reason": finish_reason,
        "message": {"role": "assistant", "refusal": refusal, "content": text},
        "content_filter_results": {"hate": {"filtered": False, "severity": "safe"}},
    }
    whole = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "choices": [choice]}
    return Says(json.dumps(whole).encode())


def words(*texts: Any) -> Says:
    """Return a good answer with these phrases."""
    return completion({"variations": list(texts)})


def refusal(status: int, code: str, message: str = "No.", **headers: str) -> Says:
    """Return an error of the structure that all these servers use."""
    error = {"error": {"code": code, "message": message, "type": None, "param": None}}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Says(json.dumps(error).encode(), status, named)


class FakeChat:
    """Serves until it is closed. ``answer`` gives each answer, or the name of a misbehaviour."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answer: Callable[[Asked], Says | str] = lambda asked: words()
        self.closing = threading.Event()
        handler = type("Handler", (_Handler,), {"chat": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )
        self._thread.start()

    def say(self, *answers: Says | str) -> None:
        """Give these answers one after the other, the last for ever."""
        left = list(answers)
        self.answer = lambda asked: left.pop(0) if len(left) > 1 else left[0]

    def close(self) -> None:
        """Stop serving, also what is under way."""
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


class _Handler(BaseHTTPRequestHandler):
    chat: FakeChat
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def handle(self) -> None:
        """Bear callers who hang up."""
        try:
            super().handle()
        except OSError:
            self.close_connection = True

    def do_POST(self) -> None:
        """Answer as told."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        asked = Asked(self.path, dict(self.headers.items()), json.loads(body))
        self.chat.asked.append(asked)
        answer = self.chat.answer(asked)
        if isinstance(answer, str):
            self.close_connection = True
            getattr(self, f"be_{answer}")()
            return
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def be_silent(self) -> None:
        self.chat.closing.wait()

    def be_rude(self) -> None:
        """Hang up without a word."""

    def be_garbled(self) -> None:
        self.wfile.write(b"\x00\x01 this is no HTTP\r\n\r\n")

    def be_short(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{")

    def be_dripping_headers(self) -> None:
        self._drip(b"HTTP/1.1 200 OK\r\n", b"X-Drip: a\r\n")

    def be_dripping_body(self) -> None:
        self._drip(b"HTTP/1.1 200 OK\r\n\r\n", b" ")

    def be_endless(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not self.chat.closing.is_set():
            self.wfile.write(b" " * 65536)

    def _drip(self, first: bytes, piece: bytes) -> None:
        self.wfile.write(first)
        while not self.chat.closing.wait(DRIP_S):
            self.wfile.write(piece)
