"""The wire: connections that are kept and shared, with bounds on what aiohttp would take."""

from __future__ import annotations

import ssl
from contextvars import ContextVar
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver
from typing_extensions import override

from pixcrawler.adapters.web.connecting.connections import OnceAsked, QuietConnector
from pixcrawler.adapters.web.connecting.guard import VettingResolver, vetted_socket

KEPT_CONNECTIONS = 256
"""While nobody uses them: of pictures that each have another host nearly all are never used again,
and a process may have 1,024 files open."""
KEPT_S = 15.0
"""How long an idle connection is kept: most servers close it after 5 to 60 s."""
BUFFER_BYTES = 64 * 1024
"""Twice as much of a body waits for us at most, and at most 256 KiB more that were read at once."""
FIELD_MAX_BYTES = 16 * 1024
"""One header: the longest content security policies have about 8 KB."""
FIELDS_MAX = 100
HEAD_MAX_BYTES = 128 * 1024
"""All headers of an answer together: half of what Chromium takes."""

connected_to: ContextVar[list[str]] = ContextVar("connected_to")
"""A request's own list, which the IP address that it goes to is written into."""


class _Answer(OnceAsked):
    """Tells which address it comes from; afterwards the connection may be somebody else's."""

    @override
    async def start(self, connection: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        peer = connection.transport and connection.transport.get_extra_info("peername")
        if peer:
            connected_to.get().append(str(peer[0]))
        await super().start(connection)
        if sum(len(name) + len(value) for name, value in self.raw_headers) > HEAD_MAX_BYTES:
            raise aiohttp.ClientError(f"its head is longer than {HEAD_MAX_BYTES} bytes")
        return self


class _Connector(QuietConnector):
    """Keeps few idle connections: those of hosts that were left longest ago are closed first."""

    @override
    def _release(self, key: Any, protocol: Any, *, should_close: bool = False) -> None:
        super()._release(key, protocol, should_close=should_close)
        kept = sum(map(len, self._conns.values()))
        while kept > KEPT_CONNECTIONS:
            # A dictionary keeps the order in which keys came.
            oldest = self._conns.pop(next(iter(self._conns)))
            kept -= len(oldest)
            for idle, _ in oldest:
                idle.close()


def sessions(
    headers: dict[str, str],
    resolver: AbstractResolver,
    context: ssl.SSLContext,
    names_kept_s: int,
) -> tuple[aiohttp.ClientSession, aiohttp.ClientSession]:
    """Return a session for the whole web, and one for origins that are allowed by name.

    To be called in the loop that uses them.
    """
    options: dict[str, Any] = {
        "limit": 0,
        "ssl": context,
        "ttl_dns_cache": names_kept_s,
        "keepalive_timeout": KEPT_S,
    }
    vetted = VettingResolver(resolver)
    guarded = _Connector(resolver=vetted, socket_factory=vetted_socket, **options)
    unguarded = _Connector(resolver=resolver, **options)
    return _session(guarded, headers), _session(unguarded, headers)


def _session(connector: aiohttp.TCPConnector, headers: dict[str, str]) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        headers=headers,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        auto_decompress=False,
        trust_env=False,
        response_class=_Answer,
        read_bufsize=BUFFER_BYTES,
        max_line_size=FIELD_MAX_BYTES,
        max_field_size=FIELD_MAX_BYTES,
        max_headers=FIELDS_MAX,
    )
