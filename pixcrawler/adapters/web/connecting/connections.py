"""Connections: to vetted addresses, hung up as soon as a server says more than it was asked."""

from __future__ import annotations

from functools import partial
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError
from typing_extensions import override

MAX_INTERIM = 16
"""Answers 1xx before the answer: nobody sends more than two or three, and each takes memory."""
MAX_PADDING_BYTES = 1024 * 1024
"""Of an answer, beyond twice its body: blank lines, sizes and names of chunks. A head that is taken
is much shorter, and chunks of one byte cost 0.4 s of CPU for a megabyte."""

TORN_DOWN = "the connection was torn down within the body"


class QuietConnector(aiohttp.TCPConnector):
    """Keeps connections for the next request only while their servers keep quiet.

    What comes on a kept connection would be taken for the answer to the next request, and an
    endless flood of it would fill the memory.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        line: type[ResponseHandler] = _Line
        self._factory = partial(line, loop=self._loop)


class NoAnswer(aiohttp.ClientConnectionError):
    """A new connection ended without an answer."""


class OnceAsked(aiohttp.ClientResponse):
    """An answer that is asked for once.

    aiohttp repeats a request at once when its connection ends without an answer. A server may close
    a kept connection just then, and is asked again; of a new one this is the answer.
    """

    @override
    async def start(self, connection: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        line = connection.protocol
        try:
            return await super().start(connection)
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
            if isinstance(line, _Line) and line.requests == 1:
                raise NoAnswer from error
            raise


class _Line(ResponseHandler):
    """One connection, on which one answer is awaited at a time."""

    requests = 0
    _is_answered = False
    """The head of the awaited answer is here."""
    _interim = 0
    _wire_bytes = 0

    @override
    def set_response_params(self, **options: Any) -> None:
        """Await the next answer."""
        self.requests += 1
        self._is_answered = False
        self._interim = self._wire_bytes = 0
        super().set_response_params(**options)

    @override
    def feed_data(self, data: Any, size: int = 0) -> None:
        """Take the head of an answer and what its body will come through."""
        code = data[0].code
        if code >= 200 or code == 101:  # noqa: PLR2004 - the first final status; 101 ends HTTP
            self._is_answered = True
        else:
            self._interim += 1
        super().feed_data(data, size)

    @override
    def data_received(self, data: bytes) -> None:
        """Take what came, unless nothing was to come."""
        if data and self._is_answered and (self._payload is None or self._payload.is_eof()):
            self._hang_up()
            return
        super().data_received(data)
        if self._interim > MAX_INTERIM and not self._is_answered:
            self._give_up(f"more than {MAX_INTERIM} interim answers")
            return
        self._wire_bytes += len(data)
        body_bytes = self._payload.total_bytes if self._payload is not None else 0
        if self._wire_bytes > MAX_PADDING_BYTES + 2 * body_bytes:
            self._give_up(f"more than {MAX_PADDING_BYTES} bytes of padding")

    @override
    def close(self) -> None:
        """Hang up without a farewell: a TLS server that never says its own would hold us 30 s."""
        self.abort()

    @override
    def connection_lost(self, exc: BaseException | None) -> None:
        """Take note of the end; a body without a length did not end well when it was torn down."""
        if exc is not None and self._payload is not None and not self._payload.is_eof():
            self._payload.set_exception(aiohttp.ClientPayloadError(TORN_DOWN), exc)
        super().connection_lost(exc)

    def _give_up(self, words: str) -> None:
        self.set_exception(HttpProcessingError(message=words))
        if self._payload is not None and not self._payload.is_eof():
            self._payload.set_exception(aiohttp.ClientPayloadError(words))
            self._payload = None
        self._hang_up()

    def _hang_up(self) -> None:
        self._should_close = True
        if self.transport is not None:
            self.transport.abort()
