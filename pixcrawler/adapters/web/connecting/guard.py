"""The address guard: which addresses may be visited, checked on what is connected to.

Source: IANA special-purpose address registries; ``ipaddress`` alone lets several of them pass.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import SplitResult, urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult
from typing_extensions import override
from yarl import URL

from pixcrawler.pipeline.discovery.addresses import MAX_CHARS, canonical

PORTS = frozenset({80, 443})
LOOKUP_THREADS = 128
"""Names looked up at once in this process: getaddrinfo blocks its thread, for half a minute where a
name server does not answer. Twice as many as visits under way, so that those of one hostile domain,
given up and not yet ended, leave others their own; an idle thread takes 0.1 MB."""
MAX_ADDRESSES = 8
"""Of a name, that may be connected to: one name must not send us through a whole network."""

_NO_ADDRESS = "this is not an address of the web"
_DEFAULT_PORTS = {"http": 80, "https": 443}

# Beside what is_global refuses: what it lets pass in one Python version or another.
_CLOSED_V4 = [
    IPv4Network("168.63.129.16/32"),  # Azure's WireServer
    IPv4Network("169.254.0.0/16"),  # metadata and identity endpoints
    IPv4Network("100.64.0.0/10"),  # shared by carriers
    IPv4Network("192.0.0.0/24"),  # protocol assignments
    IPv4Network("192.31.196.0/24"),  # AS112: answers for private addresses
    IPv4Network("192.52.193.0/24"),  # relays of multicast
    IPv4Network("192.88.99.0/24"),  # 6to4 relays
    IPv4Network("192.175.48.0/24"),  # AS112
    IPv4Network("224.0.0.0/3"),  # multicast and reserved
]
# Global unicast is 2000::/3. Outside of it lie loopback, link-local, unique local, site-local and
# multicast addresses and most that carry an IPv4 address: ::a.b.c.d, ::ffff:a.b.c.d, NAT64.
_OPEN_V6 = IPv6Network("2000::/3")
_CLOSED_V6 = [
    IPv6Network("2001::/23"),  # protocol assignments, with Teredo
    IPv6Network("2001:db8::/32"),  # documentation
    IPv6Network("2002::/16"),  # 6to4
    IPv6Network("2620:4f:8000::/48"),  # AS112
    IPv6Network("3fff::/20"),  # documentation
]


class AddressBlocked(Exception):
    """The address is not ours to visit."""


def vet_ip(text: str) -> None:
    """Let a public unicast IP address pass.

    Raises:
        AddressBlocked: it is anything else, also an IPv6 address that carries an IPv4 address.
    """
    try:
        address = ip_address(text)
    except ValueError:
        raise AddressBlocked(f"{text[:60]} is not a plain IP address") from None
    if not _is_public(address):
        raise AddressBlocked(f"{text} is not a public address")


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _CLOSED_V4)
    if address.scope_id is not None:
        return False  # a zone is one of this machine's own networks
    return address in _OPEN_V6 and not any(address in network for network in _CLOSED_V6)


def vet_url(url: str, allowed: Collection[str]) -> bool:
    """Check what an address says of itself; say whether its origin is one of ``allowed``.

    The addresses behind a name are checked when it is resolved and connected to.

    Raises:
        AddressBlocked: no http or https address, another port than 80 and 443, or an IP address
            that is not public.
    """
    form = canonical(url)
    if form is None:
        raise AddressBlocked(_oddity(url))
    if origin_of(form) in allowed and _is_read_alike(url, form):
        return True
    if not url.isascii():
        _read(url)
    parts = urlsplit(form)
    host = parts.hostname or ""
    port = _port(parts)
    if port not in PORTS:
        raise AddressBlocked(f"port {port} is not one of the web's")
    if ":" in host or host.replace(".", "").isdigit():
        vet_ip(host)
    return False


def _is_read_alike(url: str, form: str) -> bool:
    """Whether the client reads the same origin: two readers of foreign letters may differ."""
    read, known = _read(url), URL(form, encoded=True)
    return (read.scheme, read.raw_host, read.port) == (known.scheme, known.raw_host, known.port)


def _read(url: str) -> URL:
    """The address as the client reads it.

    Raises:
        AddressBlocked: the client cannot.
    """
    try:
        return URL(url, encoded=url.isascii())
    except ValueError:
        raise AddressBlocked(_NO_ADDRESS) from None


def _oddity(url: str) -> str:
    """What is wrong with an address that is refused unseen, in words."""
    if len(url) > MAX_CHARS:
        return f"its address is longer than {MAX_CHARS} characters"
    scheme, is_there, rest = url.partition(":")
    if is_there and scheme.isascii() and scheme.isalpha() and scheme.lower() not in _DEFAULT_PORTS:
        return f"its address begins with {scheme[:20]}:, not with http: or https:"
    if "@" in rest.lstrip("/").partition("/")[0]:
        return "its address names a user"
    return _NO_ADDRESS


def origin_of(url: str) -> str:
    """Return ``scheme://host:port``, with the port always there.

    Raises:
        ValueError: the address has no origin.
    """
    parts = urlsplit(canonical(url) or "")
    if not parts.hostname:
        raise ValueError(f"{url[:100]} is not an address of the web")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{_port(parts)}"


def _port(parts: SplitResult) -> int:
    return _DEFAULT_PORTS[parts.scheme] if parts.port is None else parts.port


def origins(listed: str) -> frozenset[str]:
    """Return the origins of a comma-separated list.

    Raises:
        ValueError: one of them is no address.
    """
    return frozenset(origin_of(part.strip()) for part in listed.split(",") if part.strip())


class ThreadResolver(AbstractResolver):
    """Looks names up in threads that the whole process shares.

    A lookup that hangs holds one of them, but no caller that gave up on it.
    """

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        look_up = partial(
            socket.getaddrinfo,
            host,
            port,
            family=family,
            type=socket.SOCK_STREAM,
            flags=socket.AI_ADDRCONFIG,
        )
        try:
            found = await asyncio.get_running_loop().run_in_executor(_lookup_threads(), look_up)
        except UnicodeError:
            raise socket.gaierror(socket.EAI_NONAME, "no name can look like this") from None
        return [
            ResolveResult(
                hostname=host,
                host=str(sockaddr[0]),
                port=port,
                family=kind,
                proto=proto,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, proto, _, sockaddr in found
        ]

    @override
    async def close(self) -> None:
        """Nothing to close: the threads are shared."""


class VettingResolver(AbstractResolver):
    """Refuses a name as soon as one of its addresses is not public.

    Of very many public addresses the first few are given.
    """

    def __init__(self, inner: AbstractResolver) -> None:
        self._inner = inner

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        for result in found:
            try:
                vet_ip(result["host"])
            except AddressBlocked as blocked:
                raise AddressBlocked(f"{host[:100]}: {blocked}") from None
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
        return found[:MAX_ADDRESSES]

    @override
    async def close(self) -> None:
        await self._inner.close()


def vetted_socket(found: tuple[Any, ...]) -> socket.socket:
    """Make the socket for one address, checking the very address that is connected to.

    The last door: whatever way an address came, it passes here.

    Raises:
        AddressBlocked: the address is not public.
    """
    family, kind, proto, _, sockaddr = found
    vet_ip(str(sockaddr[0]))
    return socket.socket(family=family, type=kind, proto=proto)


@cache
def _lookup_threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(LOOKUP_THREADS, thread_name_prefix="name-lookup")
