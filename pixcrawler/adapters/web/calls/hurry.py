"""Hurry: connections that a server keeps busy, whatever it sends, are shut when time is over."""

from __future__ import annotations

import contextlib
import socket
import threading
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Self

from requests.adapters import HTTPAdapter
from typing_extensions import override
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class Hurry:
    """Shuts the connection that is used within it, by this thread, when its time is over.

    The timeouts of sockets count from one piece to the next: interim answers, headers and trailers
    may come for ever.

    Args:
        seconds: after which ``is_over`` is true and the connection is shut.
    """

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        self._lock = threading.Lock()
        self._used: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        """Start the clock."""
        self._before = _hurry.set(self)
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the clock."""
        self._timer.cancel()
        _hurry.reset(self._before)

    def use(self, connection: socket.socket | None) -> None:
        """Take the connection that is read from now on."""
        with self._lock:
            self._used = connection
            if self.is_over:
                self._shut()

    def _end(self) -> None:
        with self._lock:
            self.is_over = True
            self._shut()

    def _shut(self) -> None:
        if self._used is not None:
            with contextlib.suppress(OSError):
                # That of TLS connections would pull the rug from under whoever reads.
                socket.socket.shutdown(self._used, socket.SHUT_RDWR)


_hurry: ContextVar[Hurry | None] = ContextVar("hurry", default=None)


def _used(connection: HTTPConnection) -> None:
    hurry = _hurry.get()
    if hurry is not None:
        hurry.use(connection.sock)


class _Connection(HTTPConnection):
    @override
    def getresponse(self) -> Any:
        _used(self)
        return super().getresponse()


class _TlsConnection(HTTPSConnection):
    @override
    def getresponse(self) -> Any:
        _used(self)
        return super().getresponse()


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class HurriedAdapter(HTTPAdapter):
    """Lets Hurry know of its connections."""

    @override
    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make the pools for straight ways."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    @override
    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Return the pools for the way through a proxy."""
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = _POOLS
        return manager


_POOLS = {"http": _Pool, "https": _TlsPool}
