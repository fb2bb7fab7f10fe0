"""The issuer over HTTP on 127.0.0.1."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import psycopg
from psycopg import Connection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool, PoolTimeout
from typing_extensions import override

from pixcrawler.host.settings import refuse_azure
from pixcrawler.host.stack.auth.keys import SigningKeys
from pixcrawler.host.stack.auth.refusals import KeyRefused, Refused, invalid
from pixcrawler.host.stack.auth.routes import Answer, Call, Routes, body_of
from pixcrawler.host.stack.auth.settings import AuthSettings

_PREFIX = "/auth/v1"
_API_VERSION = "2024-01-01"
_LARGEST_BODY_BYTES = 65_536
_IDLE_S = 65
_STOP_POLL_S = 0.05
_CONNECTIONS = 4
_POOL_TIMEOUT_S = 5


class AuthServer:
    """The embedded Supabase Auth: users and sessions live in the database's schema auth.

    Serves from threads of this process between `start` and `stop`; ``url`` is what Supabase
    calls SUPABASE_URL. For development and tests only: no e-mail, no OAuth, no rate limits.

    Args:
        settings: see `AuthSettings`.
        observe: told method and path of each request; for tests.

    Raises:
        HostError: this is Azure, where Supabase itself must be used.
    """

    def __init__(
        self, settings: AuthSettings, observe: Callable[[str, str], None] = lambda *_: None
    ) -> None:
        refuse_azure(os.environ)
        self.observe = observe
        self.keys = SigningKeys(settings.keys_file)
        self._pool: ConnectionPool[Connection[DictRow]] = ConnectionPool(
            settings.dsn,
            connection_class=Connection[DictRow],
            min_size=1,
            max_size=_CONNECTIONS,
            timeout=_POOL_TIMEOUT_S,
            check=ConnectionPool.check_connection,
            kwargs={"autocommit": True, "row_factory": dict_row},
            open=False,
        )
        self._http = _HttpServer(("127.0.0.1", settings.port), self)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self.issuer = self.url + _PREFIX
        self._routes = Routes(settings, self.keys, self.issuer)
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(_STOP_POLL_S,), daemon=True
        )

    def start(self) -> Self:
        """Begin to answer."""
        self._pool.open()
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop answering and give the connections back."""
        if self._thread.is_alive():
            self._http.shutdown()
            self._thread.join()
        self._http.server_close()
        self._pool.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def answer(self, call: Call) -> Answer:
        """Return the answer of a call, refusals included."""
        return self._routes.published(call) or self._answer(call)

    def _answer(self, call: Call) -> Answer:
        try:
            with self._pool.connection() as db, db.transaction():
                found = self._routes.answer(db, call)
        except KeyRefused as refused:
            return Answer(401, {"message": refused.message, "hint": refused.hint})
        except Refused as refused:
            return _refusal(refused, call.headers)
        except (psycopg.OperationalError, PoolTimeout) as error:
            sys.stderr.write(f"database: {error}\n")
            return Answer(503, {"message": "The database is not reachable"})
        if isinstance(found, Refused):
            return _refusal(found, call.headers)
        return found if isinstance(found, Answer) else Answer(body=found)


def _refusal(refused: Refused, headers: Mapping[str, str]) -> Answer:
    extra = {"x-sb-error-code": refused.code}
    if headers.get("x-supabase-api-version", "") >= _API_VERSION:
        body = {"code": refused.code, "message": refused.message, **refused.fields}
        return Answer(refused.status, body, {**extra, "X-Supabase-Api-Version": _API_VERSION})
    body = {"code": refused.status, "error_code": refused.code, "msg": refused.message}
    return Answer(refused.status, {**body, **refused.fields}, extra)


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], app: AuthServer) -> None:
        self.app = app
        super().__init__(address, _Handler)

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        # Clients that go away are no news.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _HttpServer
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_S
    # Headers and body in one packet, sent at once: else each answer waits 40 ms for an ACK.
    disable_nagle_algorithm = True
    wbufsize = -1

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: `_serve` logs, without queries and headers."""

    def _serve(self) -> None:
        began = time.perf_counter()
        address = urlsplit(self.path)
        path = address.path.removeprefix(_PREFIX) if address.path.startswith(_PREFIX) else ""
        self.server.app.observe(self.command, path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            query = {name: values[-1] for name, values in parse_qs(address.query).items()}
            call = Call(self.command, path, query, headers, body_of(self._body()))
            answer = self.server.app.answer(call)
        except Refused as refused:
            answer = _refusal(refused, headers)
        except Exception as error:  # noqa: BLE001 - the door of the process
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            message = "Unexpected failure, please check server logs for more information"
            answer = _refusal(Refused(500, "unexpected_failure", message), headers)
        self._send(answer)
        elapsed_ms = (time.perf_counter() - began) * 1000
        sys.stderr.write(f"{self.command} {path or '?'} {answer.status} {elapsed_ms:.1f} ms\n")

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - names of the standard library

    def _body(self) -> bytes:
        text = self.headers.get("Content-Length") or "0"
        if self.headers.get("Transfer-Encoding") or not text.isdecimal():
            self.close_connection = True
            raise invalid("A request needs a Content-Length", 411)
        if int(text) > _LARGEST_BODY_BYTES:
            self.close_connection = True
            raise invalid("The request body is too large", 413)
        return self.rfile.read(int(text))

    def _send(self, answer: Answer) -> None:
        data = b"" if answer.body is None else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        if answer.status != 204:  # noqa: PLR2004 - No Content
            self.send_header("Content-Length", str(len(data)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        with suppress(ConnectionError):
            self.end_headers()
            self.wfile.write(data)
            self.wfile.flush()
